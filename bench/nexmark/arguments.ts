/** What every query is told. */
import { here, spread, thread, type Where } from 'troupe';
import * as z from 'zod';

export const args = z.object({
  /** How many events there are: persons, auctions and bids together. */
  events: z.int().min(1),
  /** Events of a batch of the source, behind each of which event time goes on. */
  batch: z.int().min(1),
  ratePerSecond: z.number().positive(),
  seed: z.int().min(0),
  group: z.int().min(1),
  bidderIdTwice: z.boolean(),
  /** Instances of what stands behind a keyBy, each on a thread of its own; 1 is on the thread of the source. */
  parallelism: z.int().min(1),
  /** Instances of the source, each with a part of the events and on a thread; 1 is on the thread of the system. */
  sources: z.int().min(1),
  /** A file for the rows themselves, beside their checksum; null for none. */
  rows: z.string().nullable(),
});

export type Arguments = z.output<typeof args>;

export const defaults: Arguments = {
  events: 1_000_000,
  batch: 1_024,
  ratePerSecond: 10_000,
  seed: 1,
  group: 1,
  bidderIdTwice: false,
  parallelism: 1,
  sources: 1,
  rows: null,
};

/** How often and where a query's keyed parts run. */
export function instances({ parallelism }: Arguments) {
  return { parallelism, on: places(parallelism) };
}

/** The same for its source. */
export function sources({ sources: parallelism }: Arguments) {
  return { parallelism, on: places(parallelism) };
}

export function threadsFor({ parallelism, sources }: Arguments): number {
  return parallelism === 1 && sources === 1 ? 0 : Math.max(parallelism, sources);
}

/** `WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND` */
export const outOfOrderMs = 4_000;

/** Whether some events may come below the watermark. */
export function someAreLate({ group, ratePerSecond }: Arguments): boolean {
  return (1_000 * group) / ratePerSecond > outOfOrderMs;
}

/** A group of events that takes 8 s: twice as long as the watermark allows for. */
export function lateGroup(ratePerSecond: number): number {
  const group = 8 * ratePerSecond;
  return group % 953 === 0 ? group + 1 : group;
}

function places(count: number): Where {
  return count === 1 ? here() : spread(Array.from({ length: count }, () => thread()));
}

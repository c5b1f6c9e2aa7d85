/** What every query is told. */
import { here, spread, thread } from 'troupe';
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
  rows: null,
};

/** How often and where a query's keyed parts run. */
export function instances({ parallelism }: Arguments) {
  return { parallelism, on: parallelism === 1 ? here() : spread(Array.from({ length: parallelism }, () => thread())) };
}

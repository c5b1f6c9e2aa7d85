/**
 * What goes when nobody has written it for a while: which slots are to be looked at, and when.
 *
 * A slot stands in one bucket, of a sixteenth of the time to live. Writing it again does not move it, which would cost
 * something with every element: when its bucket comes up, its owner says when it is really due, and it goes into that
 * bucket. So a slot that is written a million times is looked at once in its time to live. Memory is freed up to a
 * bucket later than due; whoever reads looks at the time itself, so nothing is seen after its time.
 */
import { UsageError } from '../../base/errors.ts';
import { resultsAtATime } from '../processor.ts';
import { Floats } from './floats.ts';

/** Buckets in a time to live: what is kept too long is a sixteenth. */
const bucketsPerLife = 16;

/** @throws UsageError unless it is a whole number from 1 on; Infinity stands for none. */
export function checkTtl(what: string, ttlMs: number): void {
  if (ttlMs === Infinity || (Number.isSafeInteger(ttlMs) && ttlMs >= 1)) return;
  throw new UsageError(
    `${what} takes ttlMs in whole milliseconds from 1 on, or none at all; it was given ${String(ttlMs)}`,
  );
}

export class Expiry {
  readonly #widthMs: number;
  readonly #expire: (slot: number, nowMs: number) => number;
  readonly #buckets = new Map<number, number[]>();
  /** The numbers of the buckets, from the earliest on. */
  readonly #order: number[] = [];
  /** The earliest bucket that each slot stands in. */
  readonly #bucketOf = new Floats(Infinity);
  /** A slot that was due earlier than its bucket stands in a second one, and the first counts no more. */
  #entries = 0;

  /** @param expire lets go of what is due in a slot; when the rest of it is due, which is later, NaN for never. */
  constructor(ttlMs: number, expire: (slot: number, nowMs: number) => number) {
    this.#widthMs = Math.max(1, Math.floor(ttlMs / bucketsPerLife));
    this.#expire = expire;
  }

  get bytes(): number {
    return this.#bucketOf.bytes + this.#entries * 8;
  }

  /** When there is something to look at; Infinity where there is nothing. */
  get nextMs(): number {
    const bucket = this.#order[0];
    return bucket === undefined ? Infinity : bucket * this.#widthMs;
  }

  /** What is in a slot is due at `dueMs`, or later. */
  schedule(slot: number, dueMs: number): void {
    const bucket = Math.floor(dueMs / this.#widthMs) + 1;
    if (this.#bucketOf.get(slot) <= bucket) return;
    this.#bucketOf.set(slot, bucket);
    this.#entries += 1;
    const slots = this.#buckets.get(bucket);
    if (slots !== undefined) {
      slots.push(slot);
      return;
    }
    this.#buckets.set(bucket, [slot]);
    const order = this.#order;
    let at = order.length;
    while (at > 0 && order[at - 1]! > bucket) at -= 1;
    order.splice(at, 0, bucket);
  }

  /** Looks at some of the slots that are due by `nowMs`; false where there are none. */
  sweep(nowMs: number): boolean {
    const bucket = this.#order[0];
    if (bucket === undefined || bucket * this.#widthMs > nowMs) return false;
    const slots = this.#buckets.get(bucket)!;
    for (let count = 0; count < resultsAtATime && slots.length > 0; count += 1) {
      const slot = slots.pop()!;
      this.#entries -= 1;
      if (this.#bucketOf.get(slot) !== bucket) continue;
      this.#bucketOf.clear(slot);
      const dueMs = this.#expire(slot, nowMs);
      if (!Number.isNaN(dueMs)) this.schedule(slot, dueMs);
    }
    if (slots.length > 0) return true;
    this.#buckets.delete(bucket);
    this.#order.shift();
    return true;
  }
}

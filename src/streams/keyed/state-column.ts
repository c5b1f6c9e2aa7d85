/** A state of all keys of an instance: a column by slot, which handlers see through the key of their call. */
import type { Expiry } from './expiry.ts';

export interface StateColumn {
  /** Values, items and entries that are kept. */
  readonly kept: number;
  /** Items that gave way to others. */
  readonly dropped: number;
  /** An estimate of what it takes, in bytes, without what values hold beyond an object each. */
  readonly bytes: number;
  /** Where it has a time to live. */
  readonly expiry: Expiry | undefined;
  /** Lets go of what is due in a slot by `nowMs`. When the next of it is due; NaN where nothing is left. */
  expire(slot: number, nowMs: number): number;
}

/** What something takes that is kept by reference: the reference, and an object. */
export const referenceBytes = 64;

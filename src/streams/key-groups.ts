/**
 * Which partition a key belongs to.
 *
 * A key is hashed into one of 128 groups, and a partition owns a contiguous range of groups. State moves by group when
 * a flow is rescaled, so a key never has to be hashed anew (Flink's key groups). The hash is `base/hash-key.ts`.
 */
import { hashKey, type Key } from '../base/hash-key.ts';
import { streamLimits } from './limits.ts';

/** The group of a key, in [0, 128). */
export function keyGroupOf(key: Key): number {
  return hashKey(key) % streamLimits.keyGroups;
}

/** The partition that owns a group when there are `parallelism` of them, at most 128. */
export function partitionOfGroup(group: number, parallelism: number): number {
  return Math.floor((group * parallelism) / streamLimits.keyGroups);
}

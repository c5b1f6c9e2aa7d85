/**
 * Operators that keep their state where it outlives them: the entry point `troupe/streams/durable`.
 *
 * They have the names and signatures of RxJS's and take the name of their state besides. A stage that fails and is
 * built anew (`onFailure: { restart }`) goes on with what they kept; outside of a flow they are the originals.
 */
export { bufferCount, type DurableBuffers } from './buffer-count.ts';
export { type DurableDistinct, distinct } from './distinct.ts';
export { groupBy } from './group-by.ts';
export type { DurableState, DurableStateOfKey } from './kept-state.ts';
export { type DurableScan, scan } from './scan.ts';

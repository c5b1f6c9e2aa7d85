/**
 * What a thread is at, in memory that the others can read: also while it is blocked and answers nothing.
 *
 * Each thread writes its own and nobody else's. The numbers may be a moment old, and are for eyes and watchdogs only.
 */

/** Where what stands. */
export const ActivitySlot = {
  /** Grows with each heartbeat of the thread's event loop. */
  beats: 0,
  /** The number of the cell whose turn it is; 0 between turns. */
  cell: 1,
  /** The number of the operation whose handler is called, as the thread has named it; 0 for none. */
  operation: 2,
  /** Top-level actors that live there. */
  actors: 3,
} as const;

const slotCount = 4;

/** The memory of one thread, and a view of it. */
export class ThreadActivity {
  /** What is handed to another thread. */
  readonly memory: SharedArrayBuffer;
  readonly slots: Int32Array;

  /** @param memory of another thread; new memory unless given. */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(slotCount * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.slots = new Int32Array(memory);
  }
}

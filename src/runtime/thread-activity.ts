/**
 * What a thread is at, in memory that the others can read: also while it is blocked and answers nothing.
 *
 * Each thread writes its own and nobody else's. The numbers may be a moment old, and are for eyes and watchdogs only.
 */
import { activityLength } from '../base/activity.ts';

/** The memory of one thread, and a view of it. */
export class ThreadActivity {
  /** What is handed to another thread. */
  readonly memory: SharedArrayBuffer;
  readonly slots: Int32Array;

  /** @param memory of another thread; new memory unless given. */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(activityLength * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.slots = new Int32Array(memory);
  }
}

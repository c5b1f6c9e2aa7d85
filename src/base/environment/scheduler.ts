/**
 * The one run queue of a place.
 *
 * Whatever has work (a cell with messages, an outbox with a batch) says `ready` once and is run once, in FIFO order in
 * production and in a seeded order in simulation.
 */

/** How much of the running slice is left. One object, reused for every slice. */
export interface Slice {
  /** Messages that may be handled before `spent` is to be asked; at least 1. */
  readonly stride: number;
  /**
   * Counts `messages` against the slice. True when the slice's time is used up and the runnable must return; a
   * runnable that still has work calls `ready` again.
   */
  spent(messages: number): boolean;
}

export interface Runnable {
  run(slice: Slice): void;
}

export interface Scheduler {
  /** Queues `runnable` to be run once. The caller sees to it that it is queued at most once at a time. */
  ready(runnable: Runnable): void;
}

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
  /** True while the clock is read after each message, so that a long one is known by name. */
  readonly isClose: boolean;
  /**
   * Counts `messages` against the slice. True when the slice's time is used up and the runnable must return; a
   * runnable that still has work calls `ready` again.
   */
  spent(messages: number): boolean;
}

export interface Runnable {
  run(slice: Slice): void;
}

/** A long time between two looks at the clock. */
export interface LongStretch {
  readonly ms: number;
  /** Messages that were handled in it. */
  readonly messages: number;
  /** Whose turn it was when it was noticed; undefined where that was after the turns. */
  readonly runnable: Runnable | undefined;
  /** True where it was one message of that runnable and nothing else. */
  readonly isExact: boolean;
}

/** Told what holds the thread. */
export interface TurnWatch {
  /** What counts as long, in ms; above the length of a slice. */
  readonly stretchMs: number;
  onLong(stretch: LongStretch): void;
  /** The event loop is about to run turns: whatever ran before is over. */
  onPass(nowMs: number): void;
  /** A slice came to its end in the turn of `runnable`, `ms` after its pass had begun. */
  onSliceSpent(runnable: Runnable, ms: number): void;
}

export interface Scheduler {
  /** Queues `runnable` to be run once. The caller sees to it that it is queued at most once at a time. */
  ready(runnable: Runnable): void;
  /** Tells `watch` what holds the thread, in place of the one before. Absent where no real time passes in turns. */
  watch?(watch: TurnWatch | undefined): void;
  /** Tells the watch at once what it would be told at the end of this pass. */
  lookBack?(): void;
}

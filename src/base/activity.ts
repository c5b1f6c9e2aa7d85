/**
 * Where a thread writes what it is at: in memory that other threads can read, also while it is held and answers nothing.
 *
 * The run queue and the actors' turns write it, and nothing else is done for eyes on the hot path: one store for a turn.
 * The layout of the whole is `runtime/thread-activity.ts`.
 */
export const ActivityAt = {
  /** Grows with each heartbeat of the thread. */
  beats: 0,
  /** The number of the cell whose turn it is, or that starts; 0 where no actor is known to run. */
  cell: 1,
  /** The number of what it does, as `actors/operation-numbers.ts` gives it; 0 where that is not known. */
  operation: 2,
  /** Top-level actors that live there. */
  actors: 3,
} as const;

/** How many numbers there are, for a thread whose activity nobody else reads. */
export const activityLength = 4;

/** Time as the runtime sees it. */

/** Ends a timer; calling it again, or after the timer fired, does nothing. */
export type Cancel = () => void;

export interface Clock {
  /** Wall-clock time in ms since the epoch. It may jump; never measure with it. */
  now(): number;
  /** Milliseconds from an arbitrary start, never going back; fractions are allowed. */
  monotonicMs(): number;
  /** How long this thread was ready to run and had no processor, in ms since it began. Absent where nobody can tell. */
  waitedMs?(): number | undefined;
  /** Calls `fire` once after `delayMs`. A pending timer does not keep the process alive: for upkeep. */
  timer(delayMs: number, fire: () => void): Cancel;
  /** The same, but somebody waits for it: it keeps the process alive until it fired or was cancelled. */
  wake(delayMs: number, fire: () => void): Cancel;
}

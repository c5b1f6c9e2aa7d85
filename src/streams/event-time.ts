/**
 * Time in a flow: when an element happened, as it says itself, or when it was taken in.
 *
 * A watermark of `w` says that no element below `w` is expected any more. It travels with the elements and never goes
 * back. On an edge and in a batch, one of {@link idle} says that its input is silent, so that nobody waits for it.
 */

/** How a source's elements carry event time. */
export interface TimeOptions<T> {
  /** When the element happened, in ms since the epoch. */
  time: (item: T) => number;
  /** How far below the latest time of its split an element may come and still be in time, in ms; 0 unless given. */
  outOfOrderMs?: number;
  /**
   * The split that an element belongs to, such as its device, user or connection, so that each has a watermark of its own:
   * one whose clock is behind makes the flow wait and loses nothing, and one that is silent for `idleMs` is not waited for.
   * Unless given the splits are those of the source: its files, its partitions. With it `caughtUp` of the source says
   * nothing, since the source does not know these splits.
   *
   * At most 10,000 are told apart at once, and names of 256 characters; what is beyond shares one.
   */
  split?: (item: T) => string;
  /**
   * After this long without an element a source, or a split of it, is idle: nobody waits for it, and where everything
   * is idle event time goes on with the clock, so that windows close. 5,000 ms unless given; false for never. A source
   * that is `bounded` is never idle; one that says `caughtUp` is idle at once.
   */
  idleMs?: number | false;
}

/** Elements have the time at which they were taken in. Made by {@link processingTime}. */
export interface ProcessingTime {
  /** What it is told by. */
  readonly time: 'processing';
}

/**
 * The time of an element is when it was taken in, by the clock of the place that reads the source, which never goes
 * back. Windows close as the clock goes on, within 100 ms. Two runs of the same input give different windows.
 */
export function processingTime(): ProcessingTime {
  return Object.freeze({ time: 'processing' });
}

/** In place of a watermark: nothing is known to come, so this input is not counted until it says something again. */
export const idle: number = -Infinity;

/** The most that a Date can hold, either way from the epoch. */
export const timeMsMax = 8.64e15;

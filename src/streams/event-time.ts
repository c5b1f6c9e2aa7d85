/**
 * Event time: when things happened, as the elements themselves say, and how far it is known to have gone.
 *
 * A watermark of `w` says that no element below `w` is expected any more. It is the latest time seen less
 * `outOfOrderMs`, never goes back, and is given after each batch of the source (Flink's bounded out-of-orderness).
 */
import { StageFailed } from './errors.ts';

/** How a source's elements carry event time. */
export interface TimeOptions<T> {
  /** When the element happened, in ms since the epoch. */
  time: (item: T) => number;
  /** How far below the latest time an element may come and still be in time, in ms; 0 unless given. */
  outOfOrderMs?: number;
  /**
   * After this long without an element event time goes on by itself, as fast as the clock, so that windows close while
   * the source is silent. Unless given, silence holds event time still.
   */
  idleMs?: number;
}

/** The most that a Date can hold, either way from the epoch. */
const timeMsMax = 8.64e15;

/** Reads the times of a source's elements and says the watermark after them. */
export class WatermarkGauge<T> {
  readonly #time: (item: T) => number;
  readonly #outOfOrderMs: number;
  readonly #stage: string;
  #latestMs = -Infinity;
  #watermarkMs = -Infinity;

  constructor(stage: string, options: TimeOptions<T>) {
    this.#stage = stage;
    this.#time = options.time;
    this.#outOfOrderMs = options.outOfOrderMs ?? 0;
  }

  /** The event time of each item. @throws StageFailed where the user's function throws or gives no time. */
  read(items: readonly T[]): number[] {
    const times: number[] = new Array(items.length);
    let latestMs = this.#latestMs;
    for (let index = 0; index < items.length; index += 1) {
      const timeMs = this.#timeOf(items[index]!);
      if (timeMs > latestMs) latestMs = timeMs;
      times[index] = timeMs;
    }
    this.#latestMs = latestMs;
    return times;
  }

  /** The watermark, if it rose since the last call. */
  advance(): number | undefined {
    const watermarkMs = this.#latestMs - this.#outOfOrderMs;
    if (!(watermarkMs > this.#watermarkMs)) return undefined;
    this.#watermarkMs = watermarkMs;
    return watermarkMs;
  }

  /** Event time went on by `elapsedMs` without an element. Nothing happens before the first one. */
  pass(elapsedMs: number): void {
    this.#latestMs += elapsedMs;
  }

  #timeOf(item: T): number {
    let timeMs: number;
    try {
      timeMs = this.#time(item);
    } catch (thrown) {
      throw new StageFailed(this.#stage, thrown);
    }
    if (timeMs >= -timeMsMax && timeMs <= timeMsMax) return timeMs;
    throw new StageFailed(
      this.#stage,
      new RangeError(`time(…) gave ${String(timeMs)}, which is no time in ms since the epoch (item.date.getTime()?)`),
    );
  }
}

/** The watermark of several inputs together: the lowest of theirs. One that has ended holds back nobody. */
export class WatermarkMerge {
  readonly #watermarksMs: number[];
  #mergedMs = -Infinity;

  constructor(inputs: number) {
    this.#watermarksMs = new Array<number>(inputs).fill(-Infinity);
  }

  /** Input `index` got to `watermarkMs`. Answers the merged watermark, if it rose by that. */
  advance(index: number, watermarkMs: number): number | undefined {
    if (!(watermarkMs > this.#watermarksMs[index]!)) return undefined;
    this.#watermarksMs[index] = watermarkMs;
    const mergedMs = Math.min(...this.#watermarksMs);
    if (!(mergedMs > this.#mergedMs)) return undefined;
    this.#mergedMs = mergedMs;
    return mergedMs;
  }
}

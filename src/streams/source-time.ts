/**
 * The times of a source's elements, and how far event time has gone on it.
 *
 * A split (a file, a partition, or what the user says: a device) has a watermark of its own: its latest time less
 * `outOfOrderMs` (Flink's bounded out-of-orderness). The source is as far as the slowest split. One that ended, or is idle,
 * is not counted; where none is left event time is as far as the latest of all, and once the source is idle it goes on from
 * there with the clock.
 */
import type { Clock } from '../base/environment/clock.ts';
import { StageFailed } from './errors.ts';
import { idle, type ProcessingTime, type TimeOptions, timeMsMax } from './event-time.ts';
import { streamLimits } from './limits.ts';
import { onlySplit, type SourceBatch } from './source.ts';
import { SplitTimes } from './split-times.ts';

/** What a batch, or the clock, says about time. */
export interface TimeRead {
  /** The event time of each item. */
  readonly times: readonly number[];
  /** What holds behind the items: a watermark, that the source is {@link idle}, both in this order, or nothing. */
  readonly marks: readonly number[];
}

export interface SourceTime {
  /** @throws StageFailed where the user's function throws or gives no time. */
  read(batch: SourceBatch<unknown>): TimeRead;
  /** The source is asked for more, and may be silent from now on. */
  listen(): void;
  /** When to call `tick` if the source stays silent, in ms from now; undefined for never. */
  readonly tickAfterMs: number | undefined;
  tick(): readonly number[];
}

export function sourceTime(
  stage: string,
  time: TimeOptions<unknown> | ProcessingTime,
  bounded: boolean,
  clock: Clock,
): SourceTime {
  return time.time === 'processing' ? new TimeOfArrival(clock) : new TimeOfEvents(stage, time, bounded, clock);
}

/** Elements are stamped by the clock, and event time goes on with it. */
class TimeOfArrival implements SourceTime {
  readonly #clock: Clock;
  #latestMs = -Infinity;
  readonly tickAfterMs: number = streamLimits.clockTickMs;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  read({ items }: SourceBatch<unknown>): TimeRead {
    const marks = this.tick();
    return { times: new Array<number>(items.length).fill(this.#latestMs), marks };
  }

  listen(): void {
    // Time goes on whether somebody listens or not.
  }

  tick(): readonly number[] {
    const nowMs = this.#clock.now();
    // A clock that is set back stands still until it is where it was.
    if (nowMs <= this.#latestMs) return [];
    this.#latestMs = nowMs;
    return [nowMs];
  }
}

class TimeOfEvents implements SourceTime {
  readonly #stage: string;
  readonly #time: (item: unknown) => number;
  readonly #split: ((item: unknown) => string) | undefined;
  readonly #outOfOrderMs: number;
  /** Infinity where silence is not idleness. */
  readonly #idleMs: number;
  readonly #bounded: boolean;
  readonly #clock: Clock;
  /** Those that are waited for. */
  readonly #splits = new SplitTimes();
  /** Of all splits. */
  #latestMs = -Infinity;
  #watermarkMs = -Infinity;
  #idle = false;
  #heardMs: number;
  /** How long the flow did not listen: no silence of the source. */
  #deafMs = 0;
  #toldMs: number;

  constructor(stage: string, options: TimeOptions<unknown>, bounded: boolean, clock: Clock) {
    this.#stage = stage;
    this.#time = options.time;
    this.#split = options.split;
    this.#outOfOrderMs = options.outOfOrderMs ?? 0;
    const { idleMs = streamLimits.idleMs } = options;
    this.#idleMs = bounded || idleMs === false ? Infinity : idleMs;
    this.#bounded = bounded;
    this.#clock = clock;
    this.#toldMs = clock.monotonicMs();
    this.#heardMs = this.#toldMs;
  }

  read(batch: SourceBatch<unknown>): TimeRead {
    const { items, split = onlySplit, caughtUp, splitEnded } = batch;
    this.#toldMs = this.#clock.monotonicMs();
    const nowMs = this.#nowMs();
    const wasIdle = this.#idle;
    const times: number[] = new Array(items.length);
    if (items.length > 0) {
      if (this.#split === undefined) this.#hearSplit(items, times, split, nowMs);
      else this.#hearEach(items, times, split, nowMs);
      this.#heardMs = nowMs;
      this.#idle = false;
    }
    if (splitEnded === true) this.#splits.forget(split);
    // Where the user says what the splits are, the source cannot know which of them has nothing more for now.
    if (caughtUp === true && !this.#bounded && this.#split === undefined) this.#caughtUp(batch.split);
    this.#forgetSilent(nowMs);
    return { times, marks: this.#marks(wasIdle, nowMs) };
  }

  listen(): void {
    const goneMs = this.#clock.monotonicMs() - this.#toldMs;
    this.#deafMs += Math.max(0, goneMs - streamLimits.clockTickMs);
  }

  get tickAfterMs(): number | undefined {
    if (this.#idle) return streamLimits.clockTickMs;
    if (this.#idleMs === Infinity) return undefined;
    return Math.max(1, (this.#splits.silentSinceMs ?? this.#heardMs) + this.#idleMs - this.#nowMs());
  }

  tick(): readonly number[] {
    const wasIdle = this.#idle;
    const nowMs = this.#nowMs();
    this.#forgetSilent(nowMs);
    return this.#marks(wasIdle, nowMs);
  }

  /** Monotonic, less the time in which the flow did not listen. */
  #nowMs(): number {
    return this.#clock.monotonicMs() - this.#deafMs;
  }

  /** All are of the split that the source named. */
  #hearSplit(items: readonly unknown[], times: number[], split: string, nowMs: number): void {
    let latestMs = -Infinity;
    for (let index = 0; index < items.length; index += 1) {
      const timeMs = this.#timeOf(items[index]);
      if (timeMs > latestMs) latestMs = timeMs;
      times[index] = timeMs;
    }
    this.#splits.hear(split, split, latestMs, nowMs);
    this.#latestMs = Math.max(this.#latestMs, latestMs);
  }

  /** Each is of the split that the user's function names, within the one that the source named. */
  #hearEach(items: readonly unknown[], times: number[], part: string, nowMs: number): void {
    for (let index = 0; index < items.length; index += 1) {
      const timeMs = this.#timeOf(items[index]);
      times[index] = timeMs;
      this.#splits.hear(this.#splitOf(items[index], part), part, timeMs, nowMs);
      if (timeMs > this.#latestMs) this.#latestMs = timeMs;
    }
  }

  /** A split, or all of the source where none is named, has nothing more for now. */
  #caughtUp(split: string | undefined): void {
    this.#splits.forget(split);
    if (this.#splits.size === 0) this.#idle = true;
  }

  /** A split that is silent for too long is not waited for; it is new when it gives something again. */
  #forgetSilent(nowMs: number): void {
    if (this.#idleMs === Infinity) return;
    this.#splits.forgetSilent(nowMs - this.#idleMs);
    if (this.#splits.size === 0 && nowMs - this.#heardMs >= this.#idleMs) this.#idle = true;
  }

  #marks(wasIdle: boolean, nowMs: number): readonly number[] {
    const beforeMs = this.#watermarkMs;
    const seenMs = this.#splits.size === 0 ? this.#latestMs : this.#splits.slowestMs;
    const passedMs = this.#idle ? nowMs - this.#heardMs : 0;
    const watermarkMs = Math.max(beforeMs, seenMs - this.#outOfOrderMs + passedMs);
    this.#watermarkMs = watermarkMs;
    const marks: number[] = [];
    // Saying a watermark again is how a source says that it is not idle any more.
    if (watermarkMs > beforeMs || (wasIdle && !this.#idle && beforeMs !== -Infinity)) marks.push(watermarkMs);
    if (this.#idle && (marks.length > 0 || !wasIdle)) marks.push(idle);
    return marks;
  }

  #timeOf(item: unknown): number {
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

  /** Whoever sends elements may make names up, so those that are too many or too long share one split. */
  #splitOf(item: unknown, part: string): string {
    let name: string;
    try {
      name = this.#split!(item);
    } catch (thrown) {
      throw new StageFailed(this.#stage, thrown);
    }
    if (typeof name !== 'string')
      throw new StageFailed(this.#stage, new TypeError(`split(…) gave ${typeof name}, where a name is a text`));
    const split = part === onlySplit ? name : `${part}\0${name}`;
    if (this.#splits.has(split)) return split;
    const isBounded = name.length <= streamLimits.splitCharactersMax && this.#splits.size < streamLimits.splitsMax;
    return isBounded ? split : part;
  }
}

/**
 * Windows at work: elements with their times go in, results come out when they are due.
 *
 * `add` takes an element. Where it says `due` after that, its results are to be taken by `next` before another is
 * added. `advance` says how far event time has gone; then `next` gives the results that this made due, one at a time,
 * so that whoever takes them can stop when there is no room for more. Equal input gives equal output, in equal order.
 */
import type { Key } from '../../base/hash-key.ts';
import { isA } from '../../base/thrown.ts';
import { asStageFailure, CollectOverflow, type FlowError, StageFailed } from '../errors.ts';
import type { GroupHeld } from '../processor.ts';
import type { Aggregate } from './aggregate.ts';
import type { Pane } from './trigger.ts';
import type { TimeWindow } from './window.ts';

/** What a window of a key came to. */
export interface WindowResult {
  readonly key: Key;
  readonly window: TimeWindow;
  readonly value: Readonly<Record<string, unknown>>;
  /** Where a window may give several results. */
  readonly pane?: Pane;
  /** Where it may give several: what was given of this window before. */
  readonly previous?: Readonly<Record<string, unknown>> | undefined;
}

export interface WindowingOptions {
  /** What errors call it. */
  readonly stage: string;
  readonly allowedLatenessMs: number;
  readonly keyOf: (item: unknown) => Key;
  readonly aggregates: Readonly<Record<string, Aggregate<unknown, unknown>>>;
}

/** What an instance of a stage holds. */
export interface WindowsHeld {
  /** Windows that are open: of event time, or sessions or counts of each key. */
  readonly windows: number;
  /** Keys that have state. */
  readonly keys: number;
  /** An estimate of what it takes, in bytes, without what values of aggregates hold beyond an object each. */
  readonly stateBytes: number;
}

/** Operators such as `startWith` give elements before any came whose event time they could have. */
const untimed =
  'an operator before the window made an element before the first one came, so it has no event time; make it later';

/** Work that gives no result is cut into pieces of this many rows, between which the thread may be given back. */
export const rowsAtATime = 256;

export abstract class Windowing {
  protected readonly keyOf: (item: unknown) => Key;
  protected readonly latenessMs: number;
  readonly #stage: string;
  #watermarkMs = -Infinity;
  /** Elements that were taken into a window. */
  windowed = 0;
  /** Elements whose windows had all closed. */
  late = 0;
  /** Results given. */
  results = 0;

  constructor(options: WindowingOptions) {
    this.#stage = options.stage;
    this.keyOf = options.keyOf;
    this.latenessMs = options.allowedLatenessMs;
  }

  abstract readonly held: WindowsHeld;
  /** What each group of keys holds of it, of those that hold something. */
  abstract readonly groups: readonly GroupHeld[];
  /** Elements made results due: call `next` until it gives none. */
  abstract readonly due: boolean;
  /** The event time of the result that `next` gave last: the last ms of its window, where that has an end. */
  abstract readonly resultTimeMs: number;
  protected abstract take(item: unknown, timeMs: number): boolean;
  protected abstract give(): WindowResult | 'working' | undefined;
  protected onAdvance(_beforeMs: number, _watermarkMs: number): void {
    // Where timers know all that is due.
  }

  get watermarkMs(): number {
    return this.#watermarkMs;
  }

  /** Takes an element into its windows; false where it is late. @throws FlowError where the user's code throws. */
  add(item: unknown, timeMs: number): boolean {
    let taken: boolean;
    try {
      if (Number.isNaN(timeMs)) throw new RangeError(untimed);
      taken = this.take(item, timeMs);
    } catch (thrown) {
      throw this.#failure(thrown);
    }
    if (taken) this.windowed += 1;
    else this.late += 1;
    return taken;
  }

  /** Event time got to `watermarkMs`. Call `next` until it gives none. */
  advance(watermarkMs: number): void {
    const beforeMs = this.#watermarkMs;
    if (!(watermarkMs > beforeMs)) return;
    this.#watermarkMs = watermarkMs;
    this.onAdvance(beforeMs, watermarkMs);
  }

  /** The next result that is due; `working` where there may be one, after some more work; undefined where none is. */
  next(): WindowResult | 'working' | undefined {
    let result: WindowResult | 'working' | undefined;
    try {
      result = this.give();
    } catch (thrown) {
      throw this.#failure(thrown);
    }
    if (result !== undefined && result !== 'working') this.results += 1;
    return result;
  }

  #failure(thrown: unknown): FlowError {
    if (isA(thrown, CollectOverflow)) return new CollectOverflow(thrown.max, this.#stage, thrown.by);
    return isA(thrown, StageFailed) ? thrown : asStageFailure(this.#stage, thrown);
  }
}

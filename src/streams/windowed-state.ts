/**
 * The state of keyed tumbling windows: one entry per window, and in it one list of aggregate states per key.
 *
 * A window is kept until the watermark reaches its end plus the allowed lateness, and is then emitted once and dropped.
 * An element whose window would be past that already is late. Windows come out by their end, and within one the keys
 * in the order of their first element, so equal input gives equal output.
 */

import type { Key } from '../base/hash-key.ts';
import type { Aggregate } from './aggregate.ts';
import { StageFailed } from './errors.ts';
import type { TimeWindow } from './window.ts';

/** What a window of a key came to. */
export interface WindowResult {
  readonly key: Key;
  readonly window: TimeWindow;
  readonly value: Readonly<Record<string, unknown>>;
}

export interface WindowedStateOptions {
  readonly stage: string;
  readonly sizeMs: number;
  readonly allowedLatenessMs: number;
  readonly keyOf: (item: unknown) => Key;
  readonly aggregates: Readonly<Record<string, Aggregate<unknown, unknown>>>;
}

/** Operators such as `startWith` give elements before any came whose event time they could have. */
const untimed =
  'an operator before the window made an element before the first one came, so it has no event time; make it later';

interface OpenWindow {
  readonly window: TimeWindow;
  readonly states: Map<Key, unknown[]>;
}

export class WindowedState {
  readonly #options: WindowedStateOptions;
  readonly #names: readonly string[];
  readonly #aggregates: readonly Aggregate<unknown, unknown>[];
  readonly #byStart = new Map<number, OpenWindow>();
  /** Starts of the open windows, ascending. Elements mostly arrive near its end. */
  readonly #starts: number[] = [];
  /** The window of the last element: mostly the next one's too. */
  #recent: OpenWindow | undefined;
  #emitting: { readonly open: OpenWindow; readonly states: MapIterator<[Key, unknown[]]> } | undefined;
  #watermarkMs = -Infinity;
  /** Elements that were taken into a window. */
  windowed = 0;
  /** Elements whose window had closed. */
  late = 0;
  /** Results given, one per key and window. */
  windows = 0;

  constructor(options: WindowedStateOptions) {
    this.#options = options;
    this.#names = Object.keys(options.aggregates);
    this.#aggregates = Object.values(options.aggregates);
  }

  get watermarkMs(): number {
    return this.#watermarkMs;
  }

  /** Takes an element into its window; false where it is late. @throws StageFailed where the user's code throws. */
  add(item: unknown, timeMs: number): boolean {
    const { sizeMs } = this.#options;
    const startMs = Math.floor(timeMs / sizeMs) * sizeMs;
    let open = this.#recent;
    if (open === undefined || open.window.startMs !== startMs) {
      open = this.#windowAt(startMs);
      if (open === undefined) {
        this.late += 1;
        return false;
      }
      this.#recent = open;
    }
    try {
      this.#aggregate(open.states, item);
    } catch (thrown) {
      throw new StageFailed(this.#options.stage, thrown);
    }
    this.windowed += 1;
    return true;
  }

  /** Event time got to `watermarkMs`. The windows that end by it are due: call `next` until it gives none. */
  advance(watermarkMs: number): void {
    if (watermarkMs > this.#watermarkMs) this.#watermarkMs = watermarkMs;
  }

  /** The next result that is due, which leaves the state; undefined where none is. */
  next(): WindowResult | undefined {
    for (;;) {
      this.#emitting ??= this.#takeDue();
      if (this.#emitting === undefined) return undefined;
      const entry = this.#emitting.states.next();
      if (!entry.done) {
        this.windows += 1;
        return { key: entry.value[0], window: this.#emitting.open.window, value: this.#resultOf(entry.value[1]) };
      }
      this.#emitting = undefined;
    }
  }

  #windowAt(startMs: number): OpenWindow | undefined {
    const known = this.#byStart.get(startMs);
    if (known !== undefined) return known;
    if (Number.isNaN(startMs)) throw new StageFailed(this.#options.stage, new RangeError(untimed));
    if (this.#dueAtMs(startMs) <= this.#watermarkMs) return undefined;
    const open: OpenWindow = {
      window: Object.freeze({ startMs, endMs: startMs + this.#options.sizeMs }),
      states: new Map(),
    };
    this.#byStart.set(startMs, open);
    let at = this.#starts.length;
    while (at > 0 && this.#starts[at - 1]! > startMs) at -= 1;
    this.#starts.splice(at, 0, startMs);
    return open;
  }

  #dueAtMs(startMs: number): number {
    return startMs + this.#options.sizeMs + this.#options.allowedLatenessMs;
  }

  #takeDue(): { open: OpenWindow; states: MapIterator<[Key, unknown[]]> } | undefined {
    const startMs = this.#starts[0];
    if (startMs === undefined || this.#dueAtMs(startMs) > this.#watermarkMs) return undefined;
    const open = this.#byStart.get(startMs)!;
    this.#starts.shift();
    this.#byStart.delete(startMs);
    if (this.#recent === open) this.#recent = undefined;
    return { open, states: open.states.entries() };
  }

  #aggregate(states: Map<Key, unknown[]>, item: unknown): void {
    const aggregates = this.#aggregates;
    const key = this.#options.keyOf(item);
    let kept = states.get(key);
    if (kept === undefined) {
      kept = aggregates.map((aggregate) => aggregate.create());
      states.set(key, kept);
    }
    for (let index = 0; index < aggregates.length; index += 1) aggregates[index]!.add(kept[index], item);
  }

  #resultOf(states: readonly unknown[]): Record<string, unknown> {
    const value: Record<string, unknown> = {};
    for (let index = 0; index < states.length; index += 1) {
      value[this.#names[index]!] = this.#aggregates[index]!.result(states[index]);
    }
    return value;
  }
}

/**
 * Aggregates of a key over all of its elements, or of a group over the values that are in it now: each element gives
 * what the key comes to from then on, where that is something else than before.
 */
import type { Key } from '../../base/hash-key.ts';
import {
  type GroupHeld,
  type Processor,
  type ProcessorContext,
  type ProcessorSpec,
  resultsAtATime,
  type StateHeld,
} from '../processor.ts';
import type { Aggregate } from '../windows/aggregate.ts';
import { KeyTable, none } from '../windows/key-table.ts';
import { Rows } from '../windows/rows.ts';
import type { Change, Revision } from './change.ts';
import { IdleKeys } from './idle-keys.ts';
import { ttlText } from './running-value.ts';

type Aggregates = Readonly<Record<string, Aggregate<unknown, unknown>>>;

export interface RunningAggregatesOptions {
  /** Whether elements are revisions of values, and not values that are there for good. */
  readonly revised: boolean;
  /** How long a key stays without an element; Infinity for ever. */
  readonly ttlMs: number;
  /** Whether a key gives a change with each element that makes one, or one whenever event time has gone on. */
  readonly emit: 'each' | 'watermark';
}

export function runningAggregates(aggregates: Aggregates, options: RunningAggregatesOptions): ProcessorSpec {
  return {
    kind: 'aggregate',
    text: ttlText(`${Object.keys(aggregates).join(', ')}; ${options.emit}`, options.ttlMs),
    make: (context) => new RunningAggregates(aggregates, options, context),
  };
}

/**
 * The fields of a row: how many values are in it, whether it may have changed since it was last given, and the latest
 * time of the elements that it has taken since then.
 */
const [valuesField, changedField, timeField] = [0, 1, 2] as const;
const fields = 3;

class RunningAggregates implements Processor {
  readonly #keyOf: (item: unknown) => Key;
  readonly #context: ProcessorContext;
  readonly #revised: boolean;
  readonly #names: readonly string[];
  readonly #keys = new KeyTable();
  readonly #rows: Rows;
  /** What was last given of each row: it is what the next change replaces. */
  readonly #given: (Record<string, unknown> | undefined)[] = [];
  readonly #idle: IdleKeys;
  /** Whether what keys came to is given at once. */
  readonly #atOnce: boolean;
  /** Slots whose rows may have changed, in their order; how many of them are due, and how many were given. */
  #changed: number[] = [];
  #changesDue = 0;
  #changesGiven = 0;
  #watermarkMs = -Infinity;

  constructor(aggregates: Aggregates, { revised, ttlMs, emit }: RunningAggregatesOptions, context: ProcessorContext) {
    this.#keyOf = context.keyOf[0]!;
    this.#context = context;
    this.#revised = revised;
    this.#names = Object.keys(aggregates);
    this.#atOnce = emit === 'each';
    this.#rows = new Rows(fields, aggregates);
    this.#idle = new IdleKeys(ttlMs, context, (slot) => this.#forget(slot));
  }

  get held(): StateHeld {
    const { size } = this.#keys;
    const bytes = this.#keys.bytes + this.#rows.bytes + this.#idle.bytes;
    return { keys: size, stateBytes: bytes + size * (48 + 8 * this.#names.length) };
  }

  get groups(): readonly GroupHeld[] {
    return this.#keys.groups(this.held.stateBytes - this.#keys.bytes);
  }

  get due(): boolean {
    return this.#idle.due;
  }

  add(item: unknown, timeMs: number): boolean {
    const key = this.#keyOf(item);
    const keys = this.#keys;
    let slot = keys.slotOf(key);
    if (keys.headAt(slot) !== none && this.#idle.over(slot)) slot = keys.slotOf(key);
    this.#idle.touch(slot, timeMs);
    let row = keys.headAt(slot);
    if (row === none) {
      row = this.#rows.allocate();
      keys.setHead(slot, row);
    }
    this.#fold(row, item, timeMs);
    if (this.#atOnce) this.#give(slot, timeMs);
    else this.#noteChange(slot, row, timeMs);
    return true;
  }

  advance(watermarkMs: number): void {
    this.#watermarkMs = watermarkMs;
    this.#changesDue = this.#changed.length;
    this.#idle.advance(watermarkMs);
  }

  work(): boolean {
    if (this.#changesDue === 0) return this.#sweep();
    const changed = this.#changed;
    const until = Math.min(this.#changesGiven + resultsAtATime, this.#changesDue);
    for (; this.#changesGiven < until; this.#changesGiven += 1) {
      const slot = changed[this.#changesGiven]!;
      // Other cells than before, where a row went and much was free.
      const { cells, width } = this.#rows;
      const at = this.#keys.headAt(slot) * width;
      cells[at + changedField] = 0;
      this.#give(slot, cells[at + timeField]!);
    }
    if (until === this.#changesDue) {
      this.#changed = [];
      this.#changesDue = 0;
      this.#changesGiven = 0;
    }
    return true;
  }

  stop(): void {
    this.#idle.stop();
  }

  #sweep(): boolean {
    if (this.#idle.work()) return true;
    this.#keys.trim();
    this.#rows.trim();
    return false;
  }

  #noteChange(slot: number, row: number, timeMs: number): void {
    const { cells, width } = this.#rows;
    const at = row * width;
    if (cells[at + changedField] === 0) {
      cells[at + changedField] = 1;
      cells[at + timeField] = timeMs;
      this.#changed.push(slot);
    } else if (timeMs > cells[at + timeField]!) cells[at + timeField] = timeMs;
  }

  /** Gives what a key has come to, if that is something else than what was given of it before. */
  #give(slot: number, timeMs: number): void {
    const row = this.#keys.headAt(slot);
    const key = this.#keys.keyAt(slot);
    const previous = this.#given[row];
    const empty = this.#revised && this.#rows.cells[row * this.#rows.width + valuesField] === 0;
    const value = empty ? undefined : this.#rows.result(row);
    if (empty) {
      this.#idle.clear(slot);
      this.#forget(slot);
    } else if (previous === undefined || this.#differs(value!, previous)) this.#given[row] = value;
    else return;
    if (value === previous) return;
    const change = { key, value, previous } satisfies Change<Key, unknown>;
    this.#context.emit(change, Math.max(timeMs, this.#watermarkMs));
  }

  #forget(slot: number): void {
    const row = this.#keys.headAt(slot);
    this.#rows.free(row);
    this.#keys.delete(slot);
    if (this.#keys.size > 0) this.#given[row] = undefined;
    else this.#given.length = 0;
  }

  /** Adds an element to a row, or what a revision says. */
  #fold(row: number, item: unknown, timeMs: number): void {
    const rows = this.#rows;
    if (!this.#revised) {
      rows.add(row, item, timeMs);
      return;
    }
    const { added, removed } = item as Revision;
    const at = row * rows.width + valuesField;
    if (removed !== undefined) {
      rows.retract(row, removed, timeMs);
      rows.cells[at]! -= 1;
    }
    if (added !== undefined) {
      rows.add(row, added, timeMs);
      rows.cells[at]! += 1;
    }
  }

  #differs(value: Record<string, unknown>, previous: Record<string, unknown>): boolean {
    for (const name of this.#names) if (!Object.is(value[name], previous[name])) return true;
    return false;
  }
}

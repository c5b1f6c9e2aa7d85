/**
 * Aggregates of a key over all of its elements, or of a group over the values that are in it now: each element gives
 * what the key comes to from then on, where that is something else than before.
 */
import type { Key } from '../../base/hash-key.ts';
import type { Processor, ProcessorContext, ProcessorSpec, StateHeld } from '../processor.ts';
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
}

export function runningAggregates(aggregates: Aggregates, options: RunningAggregatesOptions): ProcessorSpec {
  return {
    kind: 'aggregate',
    text: ttlText(Object.keys(aggregates).join(', '), options.ttlMs),
    make: (context) => new RunningAggregates(aggregates, options, context),
  };
}

/** Where each row counts the values that are in it. */
const valuesField = 0;

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
  #watermarkMs = -Infinity;

  constructor(aggregates: Aggregates, { revised, ttlMs }: RunningAggregatesOptions, context: ProcessorContext) {
    this.#keyOf = context.keyOf[0]!;
    this.#context = context;
    this.#revised = revised;
    this.#names = Object.keys(aggregates);
    this.#rows = new Rows(1, aggregates);
    this.#idle = new IdleKeys(ttlMs, context, (slot) => this.#forget(slot));
  }

  get held(): StateHeld {
    const { size } = this.#keys;
    const bytes = this.#keys.bytes + this.#rows.bytes + this.#idle.bytes;
    return { keys: size, stateBytes: bytes + size * (48 + 8 * this.#names.length) };
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
    const empty = this.#fold(row, item, timeMs);
    const previous = this.#given[row];
    const value = empty ? undefined : this.#rows.result(row);
    if (empty) {
      this.#idle.clear(slot);
      this.#forget(slot);
    } else if (previous === undefined || this.#differs(value!, previous)) this.#given[row] = value;
    else return true;
    if (value === previous) return true;
    const change = { key, value, previous } satisfies Change<Key, unknown>;
    this.#context.emit(change, Math.max(timeMs, this.#watermarkMs));
    return true;
  }

  advance(watermarkMs: number): void {
    this.#watermarkMs = watermarkMs;
    this.#idle.advance(watermarkMs);
  }

  work(): boolean {
    return this.#idle.work();
  }

  stop(): void {
    this.#idle.stop();
  }

  #forget(slot: number): void {
    const row = this.#keys.headAt(slot);
    this.#rows.free(row);
    this.#keys.delete(slot);
    if (this.#keys.size > 0) this.#given[row] = undefined;
    else this.#given.length = 0;
    this.#rows.trim();
  }

  /** Adds an element to a row, or what a revision says. True where no value is left in it. */
  #fold(row: number, item: unknown, timeMs: number): boolean {
    const rows = this.#rows;
    if (!this.#revised) {
      rows.add(row, item, timeMs);
      return false;
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
    return rows.cells[at] === 0;
  }

  #differs(value: Record<string, unknown>, previous: Record<string, unknown>): boolean {
    for (const name of this.#names) if (!Object.is(value[name], previous[name])) return true;
    return false;
  }
}

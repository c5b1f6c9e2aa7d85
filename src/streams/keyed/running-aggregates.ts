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

type Aggregates = Readonly<Record<string, Aggregate<unknown, unknown>>>;

/** @param revised whether elements are revisions of values, and not values that are there for good. */
export function runningAggregates(aggregates: Aggregates, { revised }: { readonly revised: boolean }): ProcessorSpec {
  return {
    kind: 'aggregate',
    text: Object.keys(aggregates).join(', '),
    make: (context) => new RunningAggregates(aggregates, revised, context),
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
  readonly due = false;

  constructor(aggregates: Aggregates, revised: boolean, context: ProcessorContext) {
    this.#keyOf = context.keyOf[0]!;
    this.#context = context;
    this.#revised = revised;
    this.#names = Object.keys(aggregates);
    this.#rows = new Rows(1, aggregates);
  }

  get held(): StateHeld {
    const { size } = this.#keys;
    return { keys: size, stateBytes: this.#keys.bytes + this.#rows.bytes + size * (48 + 8 * this.#names.length) };
  }

  add(item: unknown, timeMs: number): boolean {
    const key = this.#keyOf(item);
    const slot = this.#keys.slotOf(key);
    let row = this.#keys.headAt(slot);
    if (row === none) {
      row = this.#rows.allocate();
      this.#keys.setHead(slot, row);
    }
    const empty = this.#fold(row, item, timeMs);
    const previous = this.#given[row];
    const value = empty ? undefined : this.#rows.result(row);
    if (empty) {
      this.#given[row] = undefined;
      this.#rows.free(row);
      this.#keys.delete(slot);
    } else if (previous === undefined || this.#differs(value!, previous)) this.#given[row] = value;
    else return true;
    if (value !== previous) this.#context.emit({ key, value, previous } satisfies Change<Key, unknown>, timeMs);
    return true;
  }

  advance(): void {
    // Nothing waits for event time.
  }

  work(): boolean {
    return false;
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

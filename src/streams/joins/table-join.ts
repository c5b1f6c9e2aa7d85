/**
 * A stream against a broadcast table: every instance keeps all rows of the table, and looks up each of its elements.
 *
 * Elements stay with their writers until the table is loaded: its input has ended, or was idle once, since it had
 * nothing more for then. From then on rows take effect as they come. Event time is that of the elements alone, so a
 * table that is slow or silent holds nothing back. State: the rows of the table, in every instance.
 */
import type { Key } from '../../base/hash-key.ts';
import { idle } from '../event-time.ts';
import type { Change } from '../keyed/change.ts';
import type { GroupHeld, Processor, ProcessorContext, ProcessorSpec, StateHeld } from '../processor.ts';
import { KeyTable } from '../windows/key-table.ts';

/**
 * What becomes of an element: `inner` gives it with its row, and drops it where there is none; `left` gives it with
 * undefined then; `anti` gives it only then, by itself.
 */
export type HowWithTable = 'inner' | 'left' | 'anti';

export interface TableJoinOptions {
  /** The key of the row of an element; undefined or null for an element that has none. */
  readonly by: (item: unknown) => unknown;
  readonly how: HowWithTable;
  /** Whether the table is given as changes, which have their keys with them, and not as rows. */
  readonly changes: boolean;
}

/** The ports of its stage. */
const elementsPort = 0;
export const tablePort = 1;

export function tableJoin(options: TableJoinOptions): ProcessorSpec {
  return {
    kind: 'with-table',
    text: `${options.how}${options.changes ? ', changes' : ''}`,
    make: (context) => new TableJoin(options, context),
  };
}

class TableJoin implements Processor {
  readonly #options: TableJoinOptions;
  readonly #context: ProcessorContext;
  readonly #keys = new KeyTable();
  #rows: unknown[] = [];
  /** When each row was so, where the table has event time. */
  #times: number[] = [];
  #loaded = false;
  readonly due = false;
  // Every instance has all of it.
  readonly groups: readonly GroupHeld[] = [];

  constructor(options: TableJoinOptions, context: ProcessorContext) {
    this.#options = options;
    this.#context = context;
    context.hold(elementsPort, true);
  }

  get held(): StateHeld {
    const { size, bytes } = this.#keys;
    return { keys: size, rows: size, stateBytes: bytes + size * 16 };
  }

  add(item: unknown, timeMs: number, port: number): boolean {
    if (port === elementsPort) {
      this.#join(item, timeMs);
      return true;
    }
    if (!this.#options.changes) return this.#put(this.#context.keyOf[tablePort]!(item), item, timeMs);
    // Changes of a key come in their order, whatever the times of the elements that they were made of.
    const { key, value } = item as Change<Key, unknown>;
    if (value !== undefined) return this.#put(key, value, Number.NaN);
    this.#delete(key);
    return true;
  }

  portAt(port: number, mark: number): void {
    if (this.#loaded || port !== tablePort || (mark !== idle && mark !== Infinity)) return;
    this.#loaded = true;
    this.#context.hold(elementsPort, false);
  }

  advance(): void {
    // Nothing waits for event time.
  }

  work(): boolean {
    return false;
  }

  #join(item: unknown, timeMs: number): void {
    const { by, how } = this.#options;
    const key = by(item);
    let slot: number | undefined;
    if (typeof key === 'string' || typeof key === 'number') slot = this.#keys.find(key);
    else if (key !== undefined && key !== null) {
      throw new TypeError(`by(…) gave ${String(key)}; a key is a string or a number, or undefined where there is none`);
    }
    if (how === 'anti') {
      if (slot === undefined) this.#context.emit(item, timeMs);
    } else if (slot !== undefined) this.#context.emit([item, this.#rows[slot]], timeMs);
    else if (how === 'left') this.#context.emit([item, undefined], timeMs);
  }

  /** False where a later row of the key is there already. */
  #put(key: Key, row: unknown, timeMs: number): boolean {
    if (typeof key !== 'string' && typeof key !== 'number') {
      throw new TypeError(`the key of a row is ${String(key)}; a key is a string or a number`);
    }
    const known = this.#keys.find(key);
    if (known !== undefined && timeMs < this.#times[known]!) return false;
    const slot = known ?? this.#keys.slotOf(key);
    this.#rows[slot] = row;
    this.#times[slot] = timeMs;
    return true;
  }

  #delete(key: Key): void {
    const slot = this.#keys.find(key);
    if (slot === undefined) return;
    this.#keys.delete(slot);
    this.#rows[slot] = undefined;
    if (this.#keys.size > 0) return;
    this.#rows = [];
    this.#times = [];
  }
}

/**
 * The state of keys and windows in columns: a row of numbers for each, without an object.
 *
 * A row begins with the fields of whoever keeps the table (its key, its time, the next row of its key), and goes on
 * with the cells of the aggregates; aggregates that keep a value have a second array. Everything of a row lies side by
 * side, so that an element touches one or two lines of the cache.
 */
import type { Aggregate, CellAggregate, ValueAggregate } from './aggregate.ts';
import { capacityAtLeast, capacityFor, Slots } from './slots.ts';

/** A value with its place: an object of a few fields. */
const valueBytes = 64;

/** An aggregate in its column. */
interface Column<A> {
  readonly aggregate: A;
  readonly offset: number;
}

/** With what is called for each element at hand. */
interface CellColumn extends Column<CellAggregate> {
  readonly add: CellAggregate['add'];
  readonly merge: CellAggregate['merge'];
}

export class Rows {
  /** Numbers between the beginnings of two rows. */
  readonly width: number;
  /** Whether all aggregates can take elements back, as those that `retractingForms` gives can. */
  readonly retractable: boolean;
  readonly #cellColumns: CellColumn[] = [];
  readonly #valueColumns: Column<ValueAggregate>[] = [];
  readonly #names: readonly string[];
  readonly #columns: readonly (Column<CellAggregate> | Column<ValueAggregate>)[];
  readonly #slots = new Slots();
  #capacity = capacityAtLeast;
  #values: unknown[] = [];
  /** Row `r` begins at `r × width`. It is another array after `allocate`. */
  cells: Float64Array;

  /** @param fields how many numbers of each row are the caller's own. */
  constructor(fields: number, aggregates: Readonly<Record<string, Aggregate<unknown, unknown>>>) {
    let width = fields;
    const columns: (Column<CellAggregate> | Column<ValueAggregate>)[] = [];
    for (const aggregate of Object.values(aggregates)) {
      if (aggregate.kind === 'cells') {
        const cells = aggregate as CellAggregate;
        const column = { aggregate: cells, offset: width, add: cells.add, merge: cells.merge };
        this.#cellColumns.push(column);
        columns.push(column);
        width += column.aggregate.width;
      } else {
        const column = { aggregate: aggregate as ValueAggregate, offset: this.#valueColumns.length };
        this.#valueColumns.push(column);
        columns.push(column);
      }
    }
    this.#columns = columns;
    this.retractable = columns.every(({ aggregate }) => aggregate.retract !== undefined);
    this.#names = Object.keys(aggregates);
    this.width = width;
    this.cells = new Float64Array(this.#capacity * width);
  }

  /** Rows in use. */
  get size(): number {
    return this.#slots.used;
  }

  /** All rows in use are below this. */
  get end(): number {
    return this.#slots.end;
  }

  /** An estimate of what they take, in bytes, without what values of aggregates hold beyond an object each. */
  get bytes(): number {
    return this.cells.byteLength + this.size * this.#valueColumns.length * valueBytes;
  }

  /** The same of one row. */
  get rowBytes(): number {
    return this.width * 8 + this.#valueColumns.length * valueBytes;
  }

  /** A row whose fields are 0 and whose aggregates are empty. */
  allocate(): number {
    const row = this.#slots.take();
    if (row >= this.#capacity) this.#resize(this.#capacity * 2);
    this.clear(row);
    return row;
  }

  /** Empties a row: its fields too. */
  clear(row: number): void {
    const { cells, width } = this;
    // Faster than fill, for so few.
    for (let at = row * width; at < (row + 1) * width; at += 1) cells[at] = 0;
    const valueColumns = this.#valueColumns;
    for (let index = 0; index < valueColumns.length; index += 1) {
      this.#values[row * valueColumns.length + index] = valueColumns[index]!.aggregate.create();
    }
  }

  free(row: number): void {
    const values = this.#valueColumns.length;
    for (let index = 0; index < values; index += 1) this.#values[row * values + index] = undefined;
    this.#slots.give(row);
  }

  /** Lets go what a flood took and is not needed any more. Until then a free row keeps its fields. */
  trim(): void {
    this.#slots.settle();
    const capacity = capacityFor(this.#slots.end, this.#capacity);
    if (capacity === this.#capacity) return;
    this.#values = this.#values.slice(0, capacity * this.#valueColumns.length);
    this.#resize(capacity);
  }

  add(row: number, item: unknown, timeMs: number): void {
    const { cells } = this;
    const at = row * this.width;
    const cellColumns = this.#cellColumns;
    for (let index = 0; index < cellColumns.length; index += 1) {
      const column = cellColumns[index]!;
      column.add(cells, at + column.offset, item);
    }
    const valueColumns = this.#valueColumns;
    if (valueColumns.length === 0) return;
    for (let index = 0; index < valueColumns.length; index += 1) {
      const place = row * valueColumns.length + index;
      this.#values[place] = valueColumns[index]!.aggregate.add(this.#values[place], item, timeMs);
    }
  }

  /** Takes back an element that was added to the row. Only where `retractable`. */
  retract(row: number, item: unknown, timeMs: number): void {
    const { cells, width } = this;
    for (const { aggregate, offset } of this.#cellColumns) aggregate.retract!(cells, row * width + offset, item);
    const values = this.#valueColumns.length;
    for (const { aggregate, offset } of this.#valueColumns) {
      const place = row * values + offset;
      this.#values[place] = aggregate.retract!(this.#values[place], item, timeMs);
    }
  }

  /** Adds what the row `from` holds to `into`. */
  merge(into: number, from: number): void {
    const { cells, width } = this;
    const cellColumns = this.#cellColumns;
    for (let index = 0; index < cellColumns.length; index += 1) {
      const column = cellColumns[index]!;
      column.merge(cells, into * width + column.offset, from * width + column.offset);
    }
    const valueColumns = this.#valueColumns;
    for (let index = 0; index < valueColumns.length; index += 1) {
      const place = into * valueColumns.length + index;
      const other = this.#values[from * valueColumns.length + index];
      this.#values[place] = valueColumns[index]!.aggregate.merge(this.#values[place], other);
    }
  }

  /** What the aggregates of a row come to, by name. */
  result(row: number): Record<string, unknown> {
    const names = this.#names;
    const count = names.length;
    // An object that is written as one is made in a third of the time of one that grows by its names.
    if (count === 0) return {};
    if (count === 1) return { [names[0]!]: this.#resultOf(row, 0) };
    if (count === 2) return { [names[0]!]: this.#resultOf(row, 0), [names[1]!]: this.#resultOf(row, 1) };
    const value: Record<string, unknown> = {
      [names[0]!]: this.#resultOf(row, 0),
      [names[1]!]: this.#resultOf(row, 1),
      [names[2]!]: this.#resultOf(row, 2),
    };
    for (let index = 3; index < count; index += 1) value[names[index]!] = this.#resultOf(row, index);
    return value;
  }

  #resultOf(row: number, index: number): unknown {
    const { aggregate, offset } = this.#columns[index]!;
    return aggregate.kind === 'cells'
      ? aggregate.result(this.cells, row * this.width + offset)
      : aggregate.result(this.#values[row * this.#valueColumns.length + offset]);
  }

  #resize(capacity: number): void {
    const cells = new Float64Array(capacity * this.width);
    cells.set(this.cells.subarray(0, Math.min(this.cells.length, cells.length)));
    this.cells = cells;
    this.#capacity = capacity;
  }
}

/**
 * Aggregates: what is kept of the elements of one key and window, instead of the elements.
 *
 * Each is a state with functions over it, and a `merge` that joins two states: of the slices of a sliding window, of
 * two sessions that an element joins. There are two kinds. One that keeps a few numbers has cells of its own in a
 * table of numbers, so that a key and window costs no object at all; any other keeps one value.
 */

/**
 * What is made of the elements of a key and window. Made by {@link count}, {@link sum}, {@link custom} and the others.
 *
 * @typeParam T what it takes
 * @typeParam R what it comes to
 */
export interface Aggregate<in T, out R> {
  /** What it takes and gives, for the compiler. */
  readonly fold?: (item: T) => R;
  /** Whether it keeps numbers or one value. */
  readonly kind: 'cells' | 'value';
}

/** Keeps numbers, in `width` cells from `at` on, all 0 at first. */
export interface CellAggregate extends Aggregate<unknown, unknown> {
  readonly kind: 'cells';
  readonly width: number;
  add(cells: Float64Array, at: number, item: unknown): void;
  /** Adds what the cells at `from` hold to those at `at`. */
  merge(cells: Float64Array, at: number, from: number): void;
  result(cells: Float64Array, at: number): unknown;
}

/** Keeps one value of any kind: each function answers the new one, which may be the same object. */
export interface ValueAggregate extends Aggregate<unknown, unknown> {
  readonly kind: 'value';
  create(): unknown;
  add(state: unknown, item: unknown, timeMs: number): unknown;
  /** Joins two states; `from` is left as it is. */
  merge(into: unknown, from: unknown): unknown;
  /** May be called several times; what it answers must not change when more is added. */
  result(state: unknown): unknown;
}

/** How an aggregate of one's own works. Each function answers the state, which may be the same object, changed. */
export interface AggregateFunctions<T, S, R> {
  /** The state of a key and window before its first element. */
  readonly create: () => S;
  /** The state with one more element, whose event time is `timeMs`. */
  readonly add: (state: S, item: T, timeMs: number) => S;
  /** The state of both together. It may change `into`, and must leave `from` as it is. */
  readonly merge: (into: S, from: S) => S;
  /**
   * What a state comes to. Called for every result that is given of the key and window, so it answers something that
   * does not change when more is added.
   */
  readonly result: (state: S) => R;
}

/** An aggregate of one's own. */
export function custom<T, S, R>(functions: AggregateFunctions<T, S, R>): Aggregate<T, R> {
  const { create, add, merge, result } = functions;
  return { kind: 'value', create, add, merge, result } as ValueAggregate as Aggregate<T, R>;
}

/** An aggregate that keeps numbers. */
export function ofCells<T, R>(functions: {
  readonly width: number;
  add(cells: Float64Array, at: number, item: T): void;
  merge(cells: Float64Array, at: number, from: number): void;
  result(cells: Float64Array, at: number): R;
}): Aggregate<T, R> {
  return { kind: 'cells', ...functions } as CellAggregate as Aggregate<T, R>;
}

/**
 * Aggregates: what is kept of the elements of one key and window, instead of the elements.
 *
 * Each is a state with functions over it, and a `merge` that joins two states: of the slices of a sliding window, of
 * two sessions that an element joins. There are two kinds. One that keeps a few numbers has cells of its own in a
 * table of numbers, so that a key and window costs no object at all; any other keeps one value.
 *
 * Where an update replaces an earlier element, that one is taken back. Some aggregates can do so with what they keep
 * anyway, as `count`; others have a second form that keeps more for it, as `max`, which must know the greatest of what
 * is left. Windows, which take nothing back, do not pay for that.
 */
import { UsageError } from '../../base/errors.ts';

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

/**
 * An aggregate that takes elements back as well: what it comes to then is as if they had never been added. `custom` is
 * one where it has a `retract`.
 */
export interface Retractable<in T, out R> extends Aggregate<T, R> {
  /** For the compiler: others are refused where elements are taken back. */
  readonly retractable: true;
}

/** Keeps numbers, in `width` cells from `at` on, all 0 at first. */
export interface CellAggregate extends Aggregate<unknown, unknown> {
  readonly kind: 'cells';
  readonly width: number;
  add(cells: Float64Array, at: number, item: unknown): void;
  /** Adds what the cells at `from` hold to those at `at`. */
  merge(cells: Float64Array, at: number, from: number): void;
  /** Takes back an element that was added. */
  retract?(cells: Float64Array, at: number, item: unknown): void;
  /** The form that is used where elements are taken back, if it is another. */
  readonly retracting?: CellAggregate | ValueAggregate;
  result(cells: Float64Array, at: number): unknown;
}

/** Keeps one value of any kind: each function answers the new one, which may be the same object. */
export interface ValueAggregate extends Aggregate<unknown, unknown> {
  readonly kind: 'value';
  create(): unknown;
  add(state: unknown, item: unknown, timeMs: number): unknown;
  /** Joins two states; `from` is left as it is. */
  merge(into: unknown, from: unknown): unknown;
  /** Takes back an element that was added. */
  retract?(state: unknown, item: unknown, timeMs: number): unknown;
  /** The form that is used where elements are taken back, if it is another. */
  readonly retracting?: CellAggregate | ValueAggregate;
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

/** How an aggregate of one's own works that takes elements back. */
export interface RetractableFunctions<T, S, R> extends AggregateFunctions<T, S, R> {
  /**
   * The state without an element that was added before, whose event time was `timeMs`. The element is equal to that
   * one, and need not be the same object.
   */
  readonly retract: (state: S, item: T, timeMs: number) => S;
}

/** An aggregate of one's own; with `retract` it can be used where updates take back what they replace. */
export function custom<T, S, R>(functions: RetractableFunctions<T, S, R>): Retractable<T, R>;
export function custom<T, S, R>(functions: AggregateFunctions<T, S, R>): Aggregate<T, R>;
export function custom<T, S, R>(
  functions: AggregateFunctions<T, S, R> | RetractableFunctions<T, S, R>,
): Aggregate<T, R> {
  const { create, add, merge, result } = functions;
  const retract = 'retract' in functions ? { retract: functions.retract, retractable: true } : {};
  return { kind: 'value', create, add, merge, result, ...retract } as ValueAggregate as Aggregate<T, R>;
}

interface CellFunctions<T, R> {
  readonly width: number;
  add(cells: Float64Array, at: number, item: T): void;
  merge(cells: Float64Array, at: number, from: number): void;
  result(cells: Float64Array, at: number): R;
}

/** An aggregate that keeps numbers. */
export function ofCells<T, R>(
  functions: CellFunctions<T, R> & { retract(cells: Float64Array, at: number, item: T): void },
): Retractable<T, R>;
export function ofCells<T, R>(functions: CellFunctions<T, R>): Aggregate<T, R>;
export function ofCells<T, R>(functions: CellFunctions<T, R>): Aggregate<T, R> {
  const retractable = 'retract' in functions ? { retractable: true } : {};
  return { kind: 'cells', ...functions, ...retractable } as CellAggregate as Aggregate<T, R>;
}

/** An aggregate with another form of it for where elements are taken back. */
export function withRetracting<T, R>(plain: Aggregate<T, R>, retracting: Retractable<T, R>): Retractable<T, R> {
  const both = { ...plain, retracting, retractable: true as const };
  return both satisfies Retractable<T, R>;
}

/**
 * The forms of aggregates that take elements back.
 *
 * @param where what errors call the place that needs them.
 * @throws UsageError for one that has none.
 */
export function retractingForms(
  where: string,
  aggregates: Readonly<Record<string, Aggregate<unknown, unknown>>>,
): Record<string, Aggregate<unknown, unknown>> {
  return Object.fromEntries(
    Object.entries(aggregates).map(([name, aggregate]) => {
      const { retract, retracting } = aggregate as CellAggregate | ValueAggregate;
      const form = retract === undefined ? retracting : aggregate;
      if (form !== undefined) return [name, form];
      throw new UsageError(
        `${where}: '${name}' cannot take back what an update replaces; use an aggregate that can, or custom({ …, retract })`,
      );
    }),
  );
}

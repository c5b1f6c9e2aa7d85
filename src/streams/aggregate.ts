/**
 * Aggregates: what is kept of the elements of one key and window, instead of the elements.
 *
 * Each is a state with three functions over it, and a `merge` that joins two states, so that partial results can be
 * joined later. A state is created once per key and window and changed in place: an element allocates nothing.
 */

/**
 * @typeParam T what it takes
 * @typeParam R what it comes to
 */
export interface Aggregate<in T, out R> {
  /** What it takes and gives, for the compiler. */
  readonly fold?: (item: T) => R;
  /** Makes the state of one key and window. */
  create(): unknown;
  /** Adds an element to a state, in place. */
  add(state: unknown, item: T): void;
  /** Adds to `into` all that went into `from`, which is not used again. */
  merge(into: unknown, from: unknown): void;
  /** What a state comes to; called once, when its window closes. */
  result(state: unknown): R;
}

/** Null where the values may be null, and so a window may hold none. */
type NullOf<V> = Extract<V, null>;

interface Total {
  sum: number;
  values: number;
}

interface Extreme {
  value: number | null;
}

/** An aggregate over a state of type `S`, with the state's type hidden. */
function aggregateOf<S, T, R>(functions: {
  create: () => S;
  add: (state: S, item: T) => void;
  merge: (into: S, from: S) => void;
  result: (state: S) => R;
}): Aggregate<T, R> {
  return functions as unknown as Aggregate<T, R>;
}

/** How many elements there were, or how many of them `predicate` holds for. */
export function count<T = unknown>(predicate?: (item: T) => boolean): Aggregate<T, number> {
  return aggregateOf<Total, T, number>({
    create: newTotal,
    add:
      predicate === undefined
        ? (state) => {
            state.values += 1;
          }
        : (state, item) => {
            if (predicate(item)) state.values += 1;
          },
    merge: mergeTotals,
    result: (state) => state.values,
  });
}

/** The sum of the values that are not null; 0 where there is none. */
export function sum<T>(value: (item: T) => number | null): Aggregate<T, number> {
  return aggregateOf<Total, T, number>({
    create: newTotal,
    add: (state, item) => addToTotal(state, value(item)),
    merge: mergeTotals,
    result: (state) => state.sum,
  });
}

/** The arithmetic mean of the values that are not null; null where there is none. */
export function mean<T, V extends number | null>(value: (item: T) => V): Aggregate<T, number | NullOf<V>> {
  return aggregateOf<Total, T, number | NullOf<V>>({
    create: newTotal,
    add: (state, item) => addToTotal(state, value(item)),
    merge: mergeTotals,
    result: (state) => (state.values === 0 ? null : state.sum / state.values) as number | NullOf<V>,
  });
}

/** The least of the values that are not null; null where there is none. */
export function min<T, V extends number | null>(value: (item: T) => V): Aggregate<T, number | NullOf<V>> {
  return extreme(value, (candidate, least) => candidate < least);
}

/** The greatest of the values that are not null; null where there is none. */
export function max<T, V extends number | null>(value: (item: T) => V): Aggregate<T, number | NullOf<V>> {
  return extreme(value, (candidate, greatest) => candidate > greatest);
}

function extreme<T, V extends number | null>(
  value: (item: T) => V,
  beats: (candidate: number, best: number) => boolean,
): Aggregate<T, number | NullOf<V>> {
  const offer = (state: Extreme, candidate: number | null): void => {
    if (candidate === null) return;
    if (state.value === null || beats(candidate, state.value)) state.value = candidate;
  };
  return aggregateOf<Extreme, T, number | NullOf<V>>({
    create: () => ({ value: null }),
    add: (state, item) => offer(state, value(item)),
    merge: (into, from) => offer(into, from.value),
    result: (state) => state.value as number | NullOf<V>,
  });
}

function newTotal(): Total {
  return { sum: 0, values: 0 };
}

function addToTotal(total: Total, value: number | null): void {
  if (value === null) return;
  total.sum += value;
  total.values += 1;
}

function mergeTotals(into: Total, from: Total): void {
  into.sum += from.sum;
  into.values += from.values;
}

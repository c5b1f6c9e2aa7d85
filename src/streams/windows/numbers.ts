/** Aggregates that come to a number: how many, their sum, their mean, the least and the greatest. */
import { ofCells, type Retractable, withRetracting } from './aggregate.ts';
import { isAbove } from './number-order.ts';
import { retractingExtreme, retractingMean, retractingSum } from './retracting-numbers.ts';

/** Null where the values may be null, and so a window may hold none. */
export type NullOf<V> = Extract<V, null>;

/** How many elements there were, or how many of them `predicate` holds for. */
export function count<T = unknown>(predicate?: (item: T) => boolean): Retractable<T, number> {
  return ofCells<T, number>({
    width: 1,
    add:
      predicate === undefined
        ? (cells, at) => {
            cells[at]! += 1;
          }
        : (cells, at, item) => {
            if (predicate(item)) cells[at]! += 1;
          },
    merge: (cells, at, from) => {
      cells[at]! += cells[from]!;
    },
    retract: (cells, at, item) => {
      if (predicate === undefined || predicate(item)) cells[at]! -= 1;
    },
    result: (cells, at) => cells[at]!,
  });
}

/**
 * The sum of the values that are not null; 0 where there is none.
 *
 * Where elements are taken back it keeps what rounding loses beside the sum, so that it does not drift.
 */
export function sum<T>(value: (item: T) => number | null): Retractable<T, number> {
  const plain = ofCells<T, number>({
    width: 1,
    add: (cells, at, item) => {
      const number = value(item);
      if (number !== null) cells[at]! += number;
    },
    merge: (cells, at, from) => {
      cells[at]! += cells[from]!;
    },
    result: (cells, at) => cells[at]!,
  });
  return withRetracting(plain, retractingSum(value));
}

/** The arithmetic mean of the values that are not null; null where there is none. */
export function mean<T, V extends number | null>(value: (item: T) => V): Retractable<T, number | NullOf<V>> {
  const plain = ofCells<T, number | NullOf<V>>({
    width: 2,
    add: (cells, at, item) => {
      const number = value(item);
      if (number === null) return;
      cells[at]! += number;
      cells[at + 1]! += 1;
    },
    merge: (cells, at, from) => {
      cells[at]! += cells[from]!;
      cells[at + 1]! += cells[from + 1]!;
    },
    result: (cells, at) => (cells[at + 1] === 0 ? null : cells[at]! / cells[at + 1]!) as number | NullOf<V>,
  });
  return withRetracting(plain, retractingMean(value) as Retractable<T, number | NullOf<V>>);
}

/**
 * The least of the values that are not null; null where there is none. NaN is above all numbers, as in SQL.
 *
 * Where elements are taken back it keeps all different values, so its state grows with them.
 */
export function min<T, V extends number | null>(value: (item: T) => V): Retractable<T, number | NullOf<V>> {
  return extreme(value, (candidate, least) => isAbove(least, candidate));
}

/**
 * The greatest of the values that are not null; null where there is none. NaN is above all numbers, as in SQL.
 *
 * Where elements are taken back it keeps all different values, so its state grows with them.
 */
export function max<T, V extends number | null>(value: (item: T) => V): Retractable<T, number | NullOf<V>> {
  return extreme(value, isAbove);
}

/** The second cell says whether there is one. */
function extreme<T, V extends number | null>(
  value: (item: T) => V,
  beats: (candidate: number, best: number) => boolean,
): Retractable<T, number | NullOf<V>> {
  const offer = (cells: Float64Array, at: number, candidate: number): void => {
    if (cells[at + 1] !== 0 && !beats(candidate, cells[at]!)) return;
    cells[at] = candidate;
    cells[at + 1] = 1;
  };
  const plain = ofCells<T, number | NullOf<V>>({
    width: 2,
    add: (cells, at, item) => {
      const number = value(item);
      if (number !== null) offer(cells, at, number);
    },
    merge: (cells, at, from) => {
      if (cells[from + 1] !== 0) offer(cells, at, cells[from]!);
    },
    result: (cells, at) => (cells[at + 1] === 0 ? null : cells[at]!) as number | NullOf<V>,
  });
  return withRetracting(plain, retractingExtreme(value, beats) as Retractable<T, number | NullOf<V>>);
}

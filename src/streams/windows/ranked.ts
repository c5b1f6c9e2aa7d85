/** Aggregates that come to the elements with the highest or the lowest values. */
import { UsageError } from '../../base/errors.ts';
import { CollectOverflow } from '../errors.ts';
import { streamLimits } from '../limits.ts';
import { type Aggregate, custom } from './aggregate.ts';
import { isAbove } from './number-order.ts';
import type { NullOf } from './numbers.ts';

/**
 * The element with the greatest value. Of several, the one with the greatest of the first of `then` that tells them
 * apart, and the one that came first where none does; where parts are joined (slices of a sliding window, sessions),
 * the earlier part came first. NaN is above all numbers.
 *
 * `maxBy((bid) => bid.price, (bid) => -bid.atMs)` is the highest bid, and of equal ones the earliest.
 *
 * @param value elements for which it is null are left out; the result is null where all are.
 */
export function maxBy<T, V extends number | null>(
  value: (item: T) => V,
  ...then: readonly ((item: T) => number)[]
): Aggregate<T, T | NullOf<V>> {
  return by(value, then, isAbove);
}

/** The element with the least value, and of several the one with the least of `then`: as {@link maxBy}. */
export function minBy<T, V extends number | null>(
  value: (item: T) => V,
  ...then: readonly ((item: T) => number)[]
): Aggregate<T, T | NullOf<V>> {
  return by(value, then, (candidate, best) => isAbove(best, candidate));
}

interface Best<T> {
  /** Undefined where there is none. */
  value: number | undefined;
  item: T | undefined;
}

function by<T, V extends number | null>(
  value: (item: T) => V,
  then: readonly ((item: T) => number)[],
  beats: (candidate: number, best: number) => boolean,
): Aggregate<T, T | NullOf<V>> {
  const winsTie = (candidate: T, best: T): boolean => {
    for (const next of then) {
      const [one, other] = [next(candidate), next(best)];
      if (beats(one, other)) return true;
      if (beats(other, one)) return false;
    }
    return false;
  };
  const offer = (best: Best<T>, candidate: number, item: T): Best<T> => {
    const known = best.value;
    const wins =
      known === undefined || beats(candidate, known) || (!beats(known, candidate) && winsTie(item, best.item as T));
    if (wins) {
      best.value = candidate;
      best.item = item;
    }
    return best;
  };
  return custom<T, Best<T>, T | NullOf<V>>({
    create: () => ({ value: undefined, item: undefined }),
    add: (best, item) => {
      const candidate = value(item);
      return candidate === null ? best : offer(best, candidate, item);
    },
    merge: (into, from) => (from.value === undefined ? into : offer(into, from.value, from.item as T)),
    result: (best) => (best.value === undefined ? null : best.item) as T | NullOf<V>,
  });
}

/** How `topN` treats equal scores. */
export interface TopOptions {
  /**
   * True to give all that are equal to the last place, so that there may be more than `n` (SQL's `rank() <= n`); false,
   * the default, to give the first that came (`row_number() <= n`).
   */
  readonly ties?: boolean;
}

interface Top<T> {
  /** The highest first, and of equal ones the first that came. */
  readonly scores: number[];
  readonly items: T[];
}

/**
 * The `n` elements with the highest scores, the highest first, and of equal ones the first that came; where parts are
 * joined (slices of a sliding window, sessions), the earlier part came first. NaN is above all numbers.
 *
 * It keeps the elements that it gives. With `ties` these may be many more than `n`; more than 1,000,000 fail the run
 * with `CollectOverflow`.
 *
 * @param n from 1 to 10,000.
 * @param score elements for which it is null are left out.
 * @throws UsageError for another `n`.
 */
export function topN<T>(n: number, score: (item: T) => number | null, options: TopOptions = {}): Aggregate<T, T[]> {
  if (!Number.isSafeInteger(n) || n < 1 || n > streamLimits.topMax) {
    throw new UsageError(`topN(n, …) takes 1 to ${streamLimits.topMax} places; it was ${String(n)}`);
  }
  const { ties = false } = options;
  const offer = ({ scores, items }: Top<T>, candidate: number, item: T): void => {
    const last = scores.length < n ? undefined : scores[n - 1]!;
    if (last !== undefined && !isAbove(candidate, last)) {
      if (!ties || isAbove(last, candidate)) return;
      if (items.length === streamLimits.collectLimit) throw new CollectOverflow(items.length, undefined, 'topN');
    }
    let [low, high] = [0, scores.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isAbove(candidate, scores[middle]!)) high = middle;
      else low = middle + 1;
    }
    scores.splice(low, 0, candidate);
    items.splice(low, 0, item);
    if (scores.length <= n || (ties && !isAbove(scores[n - 1]!, scores.at(-1)!))) return;
    scores.length = n;
    items.length = n;
  };
  return custom<T, Top<T>, T[]>({
    create: () => ({ scores: [], items: [] }),
    add: (top, item) => {
      const candidate = score(item);
      if (candidate !== null) offer(top, candidate, item);
      return top;
    },
    merge: (into, from) => {
      for (let index = 0; index < from.items.length; index += 1) offer(into, from.scores[index]!, from.items[index]!);
      return into;
    },
    result: (top) => [...top.items],
  });
}

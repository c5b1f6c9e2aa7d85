/** Aggregates that come to elements: the first, the last, and all of them up to a bound. */
import { UsageError } from '../../base/errors.ts';
import { CollectOverflow } from '../errors.ts';
import { streamLimits } from '../limits.ts';
import { type Aggregate, custom } from './aggregate.ts';

interface Picked<V> {
  timeMs: number;
  value: V | undefined;
}

/**
 * The element, or what `value` makes of it, with the lowest event time; of several, the one that came first.
 */
export function first<T>(): Aggregate<T, T>;
export function first<T, V>(value: (item: T) => V): Aggregate<T, V>;
export function first(value?: (item: unknown) => unknown): Aggregate<unknown, unknown> {
  return pick(value, (timeMs, than) => timeMs < than);
}

/** The element, or what `value` makes of it, with the highest event time; of several, the one that came last. */
export function last<T>(): Aggregate<T, T>;
export function last<T, V>(value: (item: T) => V): Aggregate<T, V>;
export function last(value?: (item: unknown) => unknown): Aggregate<unknown, unknown> {
  return pick(value, (timeMs, than) => timeMs >= than);
}

function pick<T, V>(
  value: ((item: T) => V) | undefined,
  beats: (timeMs: number, than: number) => boolean,
): Aggregate<T, V> {
  const offer = (state: Picked<V>, timeMs: number, candidate: V): Picked<V> => {
    if (Number.isNaN(state.timeMs) || beats(timeMs, state.timeMs)) {
      state.timeMs = timeMs;
      state.value = candidate;
    }
    return state;
  };
  return custom<T, Picked<V>, V>({
    create: () => ({ timeMs: Number.NaN, value: undefined }),
    add: (state, item, timeMs) => {
      const taken = Number.isNaN(state.timeMs) || beats(timeMs, state.timeMs);
      return taken ? offer(state, timeMs, value === undefined ? (item as unknown as V) : value(item)) : state;
    },
    merge: (into, from) => (Number.isNaN(from.timeMs) ? into : offer(into, from.timeMs, from.value!)),
    result: (state) => state.value!,
  });
}

/** What `collect` came to where it may drop. */
export interface Collected<V> {
  /** Those that were kept, as they came. */
  readonly items: readonly V[];
  /** Elements that came when `max` were kept. */
  readonly dropped: number;
}

/** How `collect` is bounded. */
export interface CollectOptions {
  /** How many elements of a key and window are kept, from 1 to 1,000,000; 1,024 unless given. */
  readonly max?: number;
  /** What to do with more: fail the run with {@link CollectOverflow}, the default, or drop and count them. */
  readonly overflow?: 'fail' | 'drop';
}

interface Kept<V> {
  readonly items: V[];
  dropped: number;
}

/**
 * All elements, or what `value` makes of them, as they came. Where parts are joined (slices of a sliding window,
 * sessions), the earlier part comes first.
 *
 * One element more than `max` fails the run with {@link CollectOverflow}; with `overflow: 'drop'` it is dropped, and
 * each result says how many were: `{ items, dropped }`.
 *
 * @throws UsageError for a `max` or an `overflow` that is none.
 */
export function collect<T>(value?: undefined, options?: CollectOptions & { overflow?: 'fail' }): Aggregate<T, T[]>;
export function collect<T, V>(
  value: (item: T) => V,
  options?: CollectOptions & { overflow?: 'fail' },
): Aggregate<T, V[]>;
export function collect<T>(
  value: undefined,
  options: CollectOptions & { overflow: 'drop' },
): Aggregate<T, Collected<T>>;
export function collect<T, V>(
  value: (item: T) => V,
  options: CollectOptions & { overflow: 'drop' },
): Aggregate<T, Collected<V>>;
export function collect(value?: (item: unknown) => unknown, options: CollectOptions = {}): Aggregate<unknown, unknown> {
  const { max = streamLimits.collectMax, overflow = 'fail' } = options;
  if (!Number.isSafeInteger(max) || max < 1 || max > streamLimits.collectLimit) {
    throw new UsageError(`collect(…, { max }) takes 1 to ${streamLimits.collectLimit} elements; it was ${String(max)}`);
  }
  if (overflow !== 'fail' && overflow !== 'drop') {
    throw new UsageError(`collect(…, { overflow }) takes 'fail' or 'drop'; it was ${String(overflow)}`);
  }
  const keep = (kept: Kept<unknown>, item: unknown): void => {
    if (kept.items.length < max) kept.items.push(item);
    else if (overflow === 'drop') kept.dropped += 1;
    else throw new CollectOverflow(max);
  };
  return custom<unknown, Kept<unknown>, unknown>({
    create: () => ({ items: [], dropped: 0 }),
    add: (kept, item) => {
      keep(kept, value === undefined ? item : value(item));
      return kept;
    },
    merge: (into, from) => {
      for (const item of from.items) keep(into, item);
      into.dropped += from.dropped;
      return into;
    },
    result: (kept) => (overflow === 'drop' ? { items: [...kept.items], dropped: kept.dropped } : [...kept.items]),
  });
}

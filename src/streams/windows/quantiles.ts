/** Aggregates that come to quantiles, exactly and about. */
import { UsageError } from '../../base/errors.ts';
import { CollectOverflow } from '../errors.ts';
import { streamLimits } from '../limits.ts';
import { custom, type Retractable } from './aggregate.ts';
import { binningOf, DDSketch } from './dd-sketch.ts';
import type { NullOf } from './numbers.ts';

/**
 * The quantiles of the values that are not null, in the order of `probabilities`: SQL's `percentile_cont`, which
 * interpolates between the two values that are nearest. Null where there is no value. NaN is above all numbers.
 *
 * It keeps all values, in 8 bytes each, so it has a bound, and one more than `max` fails the run with
 * `CollectOverflow`. For more there is {@link approxQuantiles}.
 *
 * @param probabilities each from 0 to 1: `[0.5]` is the median.
 * @param options.max how many values of a key and window are kept, from 1 to 1,000,000; 1,024 unless given.
 * @throws UsageError for probabilities or a `max` that are none.
 */
export function quantiles<T, V extends number | null>(
  value: (item: T) => V,
  probabilities: readonly number[],
  options: { readonly max?: number } = {},
): Retractable<T, number[] | NullOf<V>> {
  const asked = checked('quantiles', probabilities);
  const { max = streamLimits.collectMax } = options;
  if (!Number.isSafeInteger(max) || max < 1 || max > streamLimits.collectLimit) {
    throw new UsageError(`quantiles(…, { max }) takes 1 to ${streamLimits.collectLimit} values; it was ${String(max)}`);
  }
  const keep = (values: number[], number: number): void => {
    if (values.length >= max) throw new CollectOverflow(max, undefined, 'quantiles');
    values.push(number);
  };
  return custom<T, number[], number[] | NullOf<V>>({
    create: () => [],
    add: (values, item) => {
      const number = value(item);
      if (number !== null) keep(values, number);
      return values;
    },
    merge: (into, from) => {
      for (const number of from) keep(into, number);
      return into;
    },
    retract: (values, item) => {
      const number = value(item);
      if (number !== null) takeOne(values, number);
      return values;
    },
    result: (values) => {
      if (values.length === 0) return null as NullOf<V>;
      const sorted = Float64Array.from(values).sort();
      return asked.map((probability) => interpolated(sorted, probability));
    },
  });
}

/** Their order does not matter, so the last takes its place. */
function takeOne(values: number[], number: number): void {
  const at = Number.isNaN(number) ? values.findIndex(Number.isNaN) : values.indexOf(number);
  if (at < 0) {
    throw new RangeError(`${number} is taken back and was not added: an equal element must give an equal value`);
  }
  const last = values.pop()!;
  if (at < values.length) values[at] = last;
}

/** @param sorted as a typed array sorts: ascending, NaN last. */
function interpolated(sorted: Float64Array, probability: number): number {
  const rank = probability * (sorted.length - 1);
  const below = sorted[Math.floor(rank)]!;
  const above = sorted[Math.ceil(rank)]!;
  const fraction = rank - Math.floor(rank);
  // Infinity is not to be multiplied by 0.
  return fraction === 0 || below === above ? below : below * (1 - fraction) + above * fraction;
}

/**
 * About the quantiles of the values that are not null, in the order of `probabilities`, by DDSketch (Masson, Rim and
 * Lee, PVLDB 12, 2019). Null where there is no value.
 *
 * Each is within `relativeError` of a value of the input: of the one at rank ⌊p · (n - 1)⌋ of n in order, from 0 on;
 * there is no interpolation. Parts that are joined, and values that are taken back, lose nothing of that. Its state
 * grows with the logarithm of how far apart values are: at an error of 0.01, by 115 bins of 40 bytes for each factor
 * of ten.
 *
 * @param probabilities each from 0 to 1: `[0.5]` is the median.
 * @param options.relativeError above 0 and below 1, at least 0.00001; 0.01 unless given.
 * @throws UsageError for probabilities or an error that are none.
 */
export function approxQuantiles<T, V extends number | null>(
  value: (item: T) => V,
  probabilities: readonly number[],
  options: { readonly relativeError?: number } = {},
): Retractable<T, number[] | NullOf<V>> {
  const asked = checked('approxQuantiles', probabilities);
  const { relativeError = streamLimits.quantileError } = options;
  if (!(relativeError >= 1e-5 && relativeError < 1)) {
    throw new UsageError(
      `approxQuantiles(…, { relativeError }) takes 0.00001 or more, below 1; it was ${String(relativeError)}`,
    );
  }
  const binning = binningOf(relativeError);
  return custom<T, DDSketch, number[] | NullOf<V>>({
    create: () => new DDSketch(binning),
    add: (sketch, item) => {
      const number = value(item);
      if (number !== null) sketch.add(number);
      return sketch;
    },
    merge: (into, from) => {
      into.merge(from);
      return into;
    },
    retract: (sketch, item) => {
      const number = value(item);
      if (number !== null) sketch.remove(number);
      return sketch;
    },
    result: (sketch) => (sketch.count === 0 ? (null as NullOf<V>) : sketch.quantiles(asked)),
  });
}

function checked(what: string, probabilities: readonly number[]): readonly number[] {
  const none = probabilities.find((probability) => !(probability >= 0 && probability <= 1));
  if (none === undefined && probabilities.length > 0) return [...probabilities];
  throw new UsageError(`${what}(…, probabilities) takes numbers from 0 to 1; it was [${probabilities.join(', ')}]`);
}

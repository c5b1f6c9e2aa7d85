/**
 * DDSketch: quantiles with a bound of their relative error (Masson, Rim and Lee, "DDSketch: a fast and fully-mergeable
 * quantile sketch with relative-error guarantees", PVLDB 12, 2019).
 *
 * A value falls into a bin whose ends are a factor γ apart, and is given out as the bin's middle, which is off by α at
 * most where γ = (1 + α) / (1 - α). Bins are counted, so sketches are joined, and values taken back, without loss.
 */
import { ascending } from './number-order.ts';

/** Above the number of any bin, whose exponents go from -1,075 to 1,024 in base 2; bins of negative values are negative. */
const binOffset = 2 ** 29;

/** How values are put into bins; one for all sketches of an aggregate. */
export interface Binning {
  readonly logGamma: number;
  /** What makes the upper end of a bin its middle. */
  readonly middle: number;
}

/** @param relativeError α */
export function binningOf(relativeError: number): Binning {
  const gamma = (1 + relativeError) / (1 - relativeError);
  return { logGamma: Math.log(gamma), middle: 2 / (1 + gamma) };
}

export class DDSketch {
  readonly #binning: Binning;
  /** How many values are in each bin that has some: few, since a bin is a factor wide. */
  readonly #bins = new Map<number, number>();
  #count = 0;

  constructor(binning: Binning) {
    this.#binning = binning;
  }

  get count(): number {
    return this.#count;
  }

  add(value: number): void {
    this.#change(this.#binOf(value), 1);
  }

  /** @throws RangeError where no such value is there. */
  remove(value: number): void {
    const bin = this.#binOf(value);
    if (!this.#bins.has(bin)) {
      throw new RangeError(`${value} is taken back and was not added: an equal element must give an equal value`);
    }
    this.#change(bin, -1);
  }

  merge(other: DDSketch): void {
    for (const [bin, count] of other.#bins) this.#change(bin, count);
  }

  /**
   * About the values at the ranks ⌊p · (count - 1)⌋ of all in order, from 0 on. Only where there are some.
   *
   * @param probabilities each from 0 to 1.
   */
  quantiles(probabilities: readonly number[]): number[] {
    const bins = [...this.#bins].sort(([one], [other]) => ascending(one, other));
    const ranks = probabilities.map((probability) => Math.floor(probability * (this.#count - 1)));
    return ranks.map((rank) => {
      let [index, upTo] = [0, bins[0]![1]];
      while (upTo <= rank) upTo += bins[++index]![1];
      return this.#valueOf(bins[index]![0]);
    });
  }

  #change(bin: number, by: number): void {
    const count = (this.#bins.get(bin) ?? 0) + by;
    if (count === 0) this.#bins.delete(bin);
    else this.#bins.set(bin, count);
    this.#count += by;
  }

  /** Bins are in the order of their values. 0, the infinities and NaN are bins of their own. */
  #binOf(value: number): number {
    if (value === 0 || !Number.isFinite(value)) return value + 0;
    const bin = binOffset + Math.ceil(Math.log(Math.abs(value)) / this.#binning.logGamma);
    return value > 0 ? bin : -bin;
  }

  #valueOf(bin: number): number {
    if (bin === 0 || !Number.isFinite(bin)) return bin;
    const { logGamma, middle } = this.#binning;
    const value = Math.exp((Math.abs(bin) - binOffset) * logGamma) * middle;
    return bin > 0 ? value : -value;
  }
}

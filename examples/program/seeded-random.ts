/** Chance that a seed repeats: the same logs and devices in every run. */

export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** From 0 up to 1 (Mulberry32, by Tommy Ettinger). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 up to `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  /** Exponential: how long it takes until something happens that happens every `mean` on average. */
  wait(mean: number): number {
    return -mean * Math.log(1 - this.next());
  }

  one<T>(of: readonly T[]): T {
    return of[this.below(of.length)]!;
  }
}

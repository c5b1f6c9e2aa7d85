/** Chance of one event: a row of draws that depends on the seed and the event's id alone, in 32-bit integers. */

const golden = 0x9e3779b9 | 0;
const span = 0x1_0000_0000;

/** Ids are mixed into the state, a step of the golden ratio is added for each draw, and each is mixed again (splitmix). */
export class Draws {
  readonly #seed: number;
  #state = 0;

  constructor(seed: number) {
    this.#seed = mixed(seed | 0);
  }

  /** The draws from here on are those of the event `id`. */
  of(id: number): void {
    this.#state = mixed((id | 0) ^ mixed(this.#seed + Math.floor(id / span)));
  }

  /** From 0 to 1, without 1. */
  fraction(): number {
    this.#state = (this.#state + golden) | 0;
    return (mixed(this.#state) >>> 0) / span;
  }

  /** A whole number from 0 to `bound`, without `bound`, which is below 2^31. */
  below(bound: number): number {
    return (this.fraction() * bound) | 0;
  }
}

/** A bijection of 32 bits that spreads every bit over all (Wellons' search for low bias). */
function mixed(value: number): number {
  let bits = value ^ (value >>> 16);
  bits = Math.imul(bits, 0x21f0aaad);
  bits ^= bits >>> 15;
  bits = Math.imul(bits, 0x735a2d97);
  return bits ^ (bits >>> 15);
}

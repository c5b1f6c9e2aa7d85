// npm run example:monte-carlo
/** Chance that a seed repeats, also on another machine: each batch has a generator of its own. */

/**
 * sfc32, the small fast counter of Chris Doty-Humphrey's PractRand: 128 bits of state, and no cycle below 2^32 numbers,
 * of which a batch takes far fewer.
 */
export class SeededRandom {
  // Numbers of a typed array stay 32-bit integers; as fields of an object they would become objects of their own.
  readonly #state: Int32Array;

  /** Different seeds, or different streams of one seed, give unrelated numbers. */
  constructor(seed: number, stream: number) {
    this.#state = Int32Array.of(mixed(seed), mixed(seed / 2 ** 32), mixed(stream), 1);
    // The state is well mixed after 12 rounds, says its author; two seeds that differ in one bit then look unrelated.
    for (let round = 0; round < 16; round += 1) this.uniform();
  }

  /** A uniform number in (0, 1), one of 2^32: never 0, so that its logarithm can be taken. */
  uniform(): number {
    const state = this.#state;
    const a = state[0]!;
    const b = state[1]!;
    const c = state[2]!;
    const counter = state[3]!;
    const out = (a + b + counter) | 0;
    state[0] = b ^ (b >>> 9);
    state[1] = (c + (c << 3)) | 0;
    state[2] = (((c << 21) | (c >>> 11)) + out) | 0;
    state[3] = (counter + 1) | 0;
    return ((out >>> 0) + 0.5) / 2 ** 32;
  }

  /** A number of the standard normal distribution, by Marsaglia's polar method. Its second one is not used. */
  normal(): number {
    for (;;) {
      const x = 2 * this.uniform() - 1;
      const y = 2 * this.uniform() - 1;
      const square = x * x + y * y;
      if (square < 1 && square > 0) return x * Math.sqrt((-2 * Math.log(square)) / square);
    }
  }
}

/** The finalizer of MurmurHash3: each bit of the low 32 of `value` changes about half of those that come out. */
function mixed(value: number): number {
  let bits = ((Math.floor(value) % 2 ** 32) + 0x9e3779b9) | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

/**
 * Chance that repeats: the same seed gives the same numbers on every machine and in every version of Node.
 *
 * The generator is sfc32 (Chris Doty-Humphrey, PractRand 0.95, public domain): four words of state, one of them a
 * counter, so no cycle is shorter than 2^32 numbers. Its state is the hash cyrb128 (bryc, `code/jshash/PRNGs.md`,
 * public domain) of the seed and the labels of the forks that led here. A fork thus depends on where it hangs and not
 * on how many numbers its parent gave before: a subsystem that draws more, or is left out, shifts no other.
 */
import type { Random } from '../environment/random.ts';
import { UsageError } from '../errors.ts';
import { fractionFrom, idFrom } from './random-parts.ts';

/** As many as PractRand runs after seeding: what a poor state shows of itself is gone then. */
const warmUpRounds = 12;

/**
 * A repeatable generator for simulation and tests; never for secrets.
 * @param seed any safe integer; negative ones are seeds of their own.
 * @throws UsageError when `seed` is not a safe integer.
 */
export function seededRandom(seed: number): Random {
  if (!Number.isSafeInteger(seed)) {
    throw new UsageError(`The seed ${seed} is not a safe integer: give a whole number between -2^53 and 2^53.`);
  }
  return new SeededRandom(String(seed));
}

class SeededRandom implements Random {
  readonly #lineage: string;
  readonly #state: Int32Array;
  readonly #next = (): number => this.u32();

  constructor(lineage: string) {
    this.#lineage = lineage;
    this.#state = cyrb128(lineage);
    for (let round = 0; round < warmUpRounds; round++) this.u32();
  }

  u32(): number {
    const state = this.#state;
    const b = state[1]!;
    const c = state[2]!;
    const counter = state[3]!;
    const result = (state[0]! + b + counter) | 0;
    state[3] = counter + 1;
    state[0] = b ^ (b >>> 9);
    state[1] = c + (c << 3);
    state[2] = ((c << 21) | (c >>> 11)) + result;
    return result >>> 0;
  }

  fraction(): number {
    return fractionFrom(this.#next);
  }

  id(): string {
    return idFrom(this.#next);
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let index = 0, word = 0; index < length; index++) {
      word = index % 4 === 0 ? this.u32() : word >>> 8;
      bytes[index] = word;
    }
    return bytes;
  }

  /** Two forks with the same label, taken from the same generator, give the same numbers. */
  fork(label: string): Random {
    // The length keeps fork('a').fork('b') apart from a fork whose label looks like both.
    return new SeededRandom(`${this.#lineage}/${label.length}:${label}`);
  }
}

function cyrb128(text: string): Int32Array {
  let h1 = 1779033703;
  let h2 = 3144134277;
  let h3 = 1013904242;
  let h4 = 2773480762;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    h1 = h2 ^ Math.imul(h1 ^ unit, 597399067);
    h2 = h3 ^ Math.imul(h2 ^ unit, 2869860233);
    h3 = h4 ^ Math.imul(h3 ^ unit, 951274213);
    h4 = h1 ^ Math.imul(h4 ^ unit, 2716044179);
  }
  h1 = Math.imul(h3 ^ (h1 >>> 18), 597399067);
  h2 = Math.imul(h4 ^ (h2 >>> 22), 2869860233);
  h3 = Math.imul(h1 ^ (h3 >>> 17), 951274213);
  h4 = Math.imul(h2 ^ (h4 >>> 19), 2716044179);
  h1 ^= h2 ^ h3 ^ h4;
  return Int32Array.of(h1, h2 ^ h1, h3 ^ h1, h4 ^ h1);
}

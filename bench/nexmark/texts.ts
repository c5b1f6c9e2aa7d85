/** Texts as slices of two pools that are made once: to build them letter by letter would take longer than all the rest. */
import { Draws } from './draws.ts';

const poolLength = 1 << 20;
/** The longest text that is cut out of a pool. */
const lengthMax = 1 << 10;
const a = 'a'.charCodeAt(0);

export class Texts {
  readonly #draws: Draws;
  /** Letters, and a blank for every 13th. */
  readonly #words: string;
  readonly #letters: string;

  /** @param draws are at the event whose texts are asked for */
  constructor(seed: number, draws: Draws) {
    this.#draws = draws;
    this.#words = poolOf(seed, (chance) => (chance.below(13) === 0 ? ' '.charCodeAt(0) : a + chance.below(26)));
    this.#letters = poolOf(seed + 1, (chance) => a + chance.below(26));
  }

  /** 3 to `lengthMax - 1` letters and blanks, less blanks at either end. */
  words(lengthMax: number): string {
    const length = 3 + this.#draws.below(lengthMax - 3);
    return this.#cut(this.#words, length).trim();
  }

  /** Letters that bring `size` bytes to about `wanted`, ±20 % of what is missing. */
  padding(size: number, wanted: number): string {
    if (size > wanted) return '';
    const missing = wanted - size;
    const spread = Math.round(missing * 0.2);
    return this.#cut(this.#letters, missing - spread + (spread === 0 ? 0 : this.#draws.below(2 * spread)));
  }

  #cut(pool: string, length: number): string {
    const from = this.#draws.below(poolLength - lengthMax);
    return pool.substring(from, from + length);
  }
}

function poolOf(seed: number, charCode: (chance: Draws) => number): string {
  const chance = new Draws(seed);
  chance.of(0);
  const bytes = Buffer.alloc(poolLength);
  for (let at = 0; at < poolLength; at += 1) bytes[at] = charCode(chance);
  return bytes.toString('latin1');
}

/** The machine's own chance, from the cryptographic generator of the operating system. */
import { randomFillSync } from 'node:crypto';
import type { Random } from '../environment/random.ts';
import { fractionFrom, idFrom } from './random-parts.ts';

/** Integers drawn at a time: a block of 4 KiB costs 2.5 µs, a call for one integer 2. */
const blockLength = 1_024;

/** The chance of production. A fork is one more independent generator; its label has no meaning here. */
export function realRandom(): Random {
  return new RealRandom();
}

class RealRandom implements Random {
  readonly #block = new Uint32Array(blockLength);
  #used = blockLength;
  readonly #next = (): number => this.u32();

  u32(): number {
    if (this.#used === blockLength) {
      randomFillSync(this.#block);
      this.#used = 0;
    }
    return this.#block[this.#used++]!;
  }

  fraction(): number {
    return fractionFrom(this.#next);
  }

  id(): string {
    return idFrom(this.#next);
  }

  /** Not drawn from the block: what becomes a secret should be in no memory but the caller's. */
  bytes(length: number): Uint8Array {
    return randomFillSync(new Uint8Array(length));
  }

  fork(_label: string): Random {
    return new RealRandom();
  }
}

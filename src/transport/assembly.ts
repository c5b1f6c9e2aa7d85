/**
 * Large messages of another node as they come in: binaries in chunks, one message at a time in each session.
 *
 * What is put together is bounded for each node, over all its threads. A message that finds no room there is heard to its
 * end, and none of its bytes are kept: so its sender can be told which one was refused, and why.
 */
import { transportLimits } from './limits.ts';

/** What a binary takes beside its bytes, about: a hundred thousand of one byte are no 100 KB. */
const binaryBytes = 512;

/** Bytes of one node that are not whole messages yet. */
export class AssemblyBudget {
  readonly #max: number;
  #bytes = 0;

  constructor(max: number = transportLimits.assembledBytesMax) {
    this.#max = max;
  }

  get bytes(): number {
    return this.#bytes;
  }

  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#max) return false;
    this.#bytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}

export class Assembly {
  readonly #budget: AssemblyBudget;
  #binaries: Uint8Array[] = [];
  #count = 0;
  /** What the binary that is coming lacks, and where its next bytes go; undefined where they are not kept. */
  #missing = 0;
  #into: Uint8Array | undefined = undefined;
  #bytes = 0;
  #isRefused = false;

  constructor(budget: AssemblyBudget) {
    this.#budget = budget;
  }

  /** @throws where it makes no sense after what has come */
  chunk(size: number, bytes: unknown): void {
    if (!(bytes instanceof Uint8Array)) throw new Error('a chunk without bytes');
    if (size > 0) this.#begin(size);
    else if (bytes.byteLength === 0) {
      // What has come of it is not to be gone on with.
      if (this.#count === 0) throw new Error('an end of a large message that has not begun');
      this.drop();
      return;
    }
    if (bytes.byteLength === 0 || bytes.byteLength > this.#missing) throw new Error('a chunk beyond its binary');
    this.#into?.set(bytes, this.#into.byteLength - this.#missing);
    this.#missing -= bytes.byteLength;
  }

  /**
   * All of it has come. Gives its binaries, or undefined where there was no room for them.
   * @param count How many it has.
   * @throws where they are not whole, or others
   */
  whole(count: number): readonly Uint8Array[] | undefined {
    if (this.#missing > 0 || count !== this.#count) throw new Error('a large message without its binaries');
    const binaries = this.#isRefused ? undefined : this.#binaries;
    this.drop();
    return binaries;
  }

  /** Forgets what has come. */
  drop(): void {
    this.#release();
    this.#count = this.#missing = this.#bytes = 0;
    this.#isRefused = false;
  }

  #release(): void {
    this.#budget.give(this.#binaries.reduce((sum, { byteLength }) => sum + byteLength + binaryBytes, 0));
    this.#binaries = [];
    this.#into = undefined;
  }

  #begin(size: number): void {
    if (this.#missing > 0) throw new Error('a binary within another');
    this.#count += 1;
    this.#bytes += size;
    if (this.#bytes > transportLimits.largeBytesMax || this.#count > transportLimits.itemsMax) {
      throw new Error(`a large message of more than ${transportLimits.largeBytesMax} bytes`);
    }
    this.#missing = size;
    this.#into = this.#isRefused ? undefined : this.#room(size);
    if (this.#into !== undefined) this.#binaries.push(this.#into);
    else {
      this.#isRefused = true;
      this.#release();
    }
  }

  #room(size: number): Uint8Array | undefined {
    if (!this.#budget.take(size + binaryBytes)) return undefined;
    try {
      return new Uint8Array(size);
    } catch {
      // No memory for it.
      this.#budget.give(size + binaryBytes);
      return undefined;
    }
  }
}

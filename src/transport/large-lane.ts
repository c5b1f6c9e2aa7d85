/**
 * The lane of large messages of a session, and of what must stay behind them.
 *
 * A large message would hold up everything behind it for as long as it takes to send. So it leaves the order of the session:
 * its binaries go in chunks, between the frames of others, and its other fields last. What is said meanwhile overtakes it,
 * but for what has its key, such as another message to the same actor: that waits here until it has left. There is one such
 * lane in a session, first come, first served, so the other side puts together one message at a time.
 */
import { limits } from '../base/limits.ts';
import { Ring } from '../base/ring.ts';
import { FrameRefused } from './errors.ts';
import type { LargeCodec } from './frame-codec.ts';

/** In which of the items that a session carries the pieces of a large one go. */
export interface PieceItems {
  /** @param size Of the binary that begins with these bytes; 0 where they go on with one, and where nothing follows. */
  chunk(size: number, bytes: Uint8Array): readonly unknown[];
  whole(binaries: number, fields: Uint8Array): readonly unknown[];
}

/** What waits behind everything in the lane, whatever its key. */
export const behindAll = -1;

class Waiting {
  readonly fields: unknown[] = [];
  readonly key: number;
  readonly bytes: number;
  readonly isLarge: boolean;
  isWithdrawn = false;
  /** Called when all of it has left. */
  onLeft: (() => void) | undefined = undefined;

  constructor(key: number, bytes: number, isLarge: boolean) {
    this.key = key;
    this.bytes = bytes;
    this.isLarge = isLarge;
  }
}

/** A large message of which the first pieces may have left. */
interface UnderWay {
  readonly packed: Uint8Array;
  readonly binaries: readonly Uint8Array[];
  /** Of the binary that is being sent, and of its bytes, how many have left. */
  index: number;
  at: number;
}

/** What the session is to send next. */
export type LargePiece =
  | { readonly kind: 'chunk'; readonly fields: readonly unknown[] }
  /** The last piece: with it `message` has left. */
  | { readonly kind: 'whole'; readonly fields: readonly unknown[]; readonly message: readonly unknown[] }
  /** It was behind a large one, and is behind it no more. */
  | { readonly kind: 'freed'; readonly fields: readonly unknown[]; readonly bytes: number }
  /** Nobody wants it any more; where pieces of it have left, the other side is told to forget them. */
  | { readonly kind: 'dropped'; readonly fields: readonly unknown[] | undefined }
  | { readonly kind: 'refused'; readonly fields: readonly unknown[]; readonly error: FrameRefused };

export class LargeLane {
  readonly #codec: LargeCodec;
  readonly #items: PieceItems;
  readonly #waiting = new Ring<Waiting>();
  /** How many wait by key. */
  readonly #keys = new Map<number, number>();
  readonly #byFields = new Map<unknown, Waiting>();
  #underWay: UnderWay | undefined = undefined;
  /** Large bytes of all that waits. */
  bytes = 0;

  constructor(codec: LargeCodec, items: PieceItems) {
    this.#codec = codec;
    this.#items = items;
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** True where an item of that key must not overtake what waits. */
  holds(key: number | undefined): boolean {
    if (key === undefined || this.isEmpty) return false;
    return key === behindAll || this.#keys.has(key);
  }

  /** Gives the array to push the item's fields to, at once and completely. */
  add(key: number, bytes: number, isLarge: boolean): unknown[] {
    const waiting = new Waiting(key, bytes, isLarge);
    this.#waiting.push(waiting);
    this.#keys.set(key, (this.#keys.get(key) ?? 0) + 1);
    this.#byFields.set(waiting.fields, waiting);
    this.bytes += bytes;
    return waiting.fields;
  }

  /** Has `left` called when the item of these fields has left. False where it is not here. */
  follow(fields: readonly unknown[], left: () => void): boolean {
    const waiting = this.#byFields.get(fields);
    if (waiting === undefined) return false;
    waiting.onLeft = left;
    return true;
  }

  /** Nobody wants it any more: it is not sent, or not to its end. False where it is not here. */
  withdraw(fields: readonly unknown[]): boolean {
    const waiting = this.#byFields.get(fields);
    if (waiting === undefined || waiting.isWithdrawn) return false;
    waiting.isWithdrawn = true;
    waiting.onLeft = undefined;
    return true;
  }

  /** What is to be sent next; undefined where the lane is empty. */
  next(): LargePiece | undefined {
    const first = this.#waiting.peek();
    if (first === undefined) return undefined;
    if (first.isWithdrawn) {
      const fields = this.#hasBegun ? this.#items.chunk(0, new Uint8Array(0)) : undefined;
      this.#shift();
      return { kind: 'dropped', fields };
    }
    if (first.isLarge) return this.#piece(first);
    this.#shift();
    return { kind: 'freed', fields: first.fields, bytes: first.bytes };
  }

  /** The session has ended: gives everything that has not left, each as its fields. */
  end(): readonly (readonly unknown[])[] {
    const left = [...this.#waiting.values()].filter(({ isWithdrawn }) => !isWithdrawn).map(({ fields }) => fields);
    this.#waiting.clear();
    this.#keys.clear();
    this.#byFields.clear();
    this.#underWay = undefined;
    this.bytes = 0;
    return left;
  }

  #piece({ fields }: Waiting): LargePiece {
    if (this.#underWay === undefined) {
      const binaries: Uint8Array[] = [];
      try {
        this.#underWay = { packed: this.#codec.pack(fields, binaries), binaries, index: 0, at: 0 };
      } catch (error) {
        if (!(error instanceof FrameRefused)) throw error;
        this.#shift();
        return { kind: 'refused', fields, error };
      }
    }
    const under = this.#underWay;
    const binary = under.binaries[under.index];
    if (binary === undefined) {
      this.#shift();
      return { kind: 'whole', fields: this.#items.whole(under.binaries.length, under.packed), message: fields };
    }
    // Views: nobody else has these bytes, and they stay as they are until the other side has them.
    const end = Math.min(under.at + limits.chunkBytes, binary.byteLength);
    const bytes = new Uint8Array(binary.buffer, binary.byteOffset + under.at, end - under.at);
    const size = under.at === 0 ? binary.byteLength : 0;
    under.at = end;
    if (end === binary.byteLength) {
      under.index += 1;
      under.at = 0;
    }
    return { kind: 'chunk', fields: this.#items.chunk(size, bytes) };
  }

  /** True where pieces of the first have left. */
  get #hasBegun(): boolean {
    return this.#underWay !== undefined && (this.#underWay.index > 0 || this.#underWay.at > 0);
  }

  /** Takes out the first. */
  #shift(): void {
    const { key, bytes, fields, onLeft } = this.#waiting.shift()!;
    const others = this.#keys.get(key)! - 1;
    if (others === 0) this.#keys.delete(key);
    else this.#keys.set(key, others);
    this.#byFields.delete(fields);
    this.bytes -= bytes;
    this.#underWay = undefined;
    onLeft?.();
  }
}

/**
 * Frames that are almost right: a seeded mutator over bytes and over msgpack fields. The same seed, number and corpus make
 * the same frame.
 */
import type { Random } from '../../src/base/environment/random.ts';
import { fieldsOfKind } from '../../src/runtime/items.ts';
import { encodeFrame } from '../../src/transport/node-envelope.ts';
import { generous } from './hostile-link.ts';

/** Values that decoders and checks like to get wrong. */
const curious: readonly unknown[] = [
  ...[null, undefined, true, false, 0, 1, 2, 3, 7, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32, 2 ** 53 - 1],
  ...[-1, -0, 0.5, -(2 ** 31), 1e308, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  ...['', 'a', '__proto__', 'constructor', 'toString', 'length', '\0', '\ud800', '../..', 'x'.repeat(300)],
  ...[[], [[]], [null], {}, { toString: 1 }, { valueOf: 1, toString: 1 }, { length: 3 }, { constructor: 1 }],
  ...[
    Object.fromEntries([['then', 1]]),
    { toJSON: 1 },
    new Uint8Array(0),
    new Uint8Array(20_000),
    new Array(100).fill(0),
  ],
];
/** First bytes of msgpack values whose length follows, and lengths that are not there. */
const lying = ['c6ffffffff', 'dbffffffff', 'ddffffffff', 'dfffffffff', 'dd7fffffff', 'dcffff', 'deffff', 'c4ff'].map(
  (hex) => Buffer.from(hex, 'hex'),
);

export class Mutator {
  readonly #random: Random;
  /** Other frames, to splice with. */
  readonly #corpus: readonly (readonly unknown[])[];

  constructor(random: Random, corpus: readonly (readonly unknown[])[]) {
    this.#random = random;
    this.#corpus = corpus;
  }

  below(end: number): number {
    return end <= 1 ? 0 : this.#random.u32() % end;
  }

  oneOf<T>(all: readonly T[]): T {
    return all[this.below(all.length)]!;
  }

  /** An envelope made of these fields, changed in one way or in a few. */
  envelope(source: string, fields: readonly unknown[]): Uint8Array {
    let own = [...fields];
    if (this.below(100) < 75) {
      for (let times = this.oneOf([1, 1, 2, 3]); times > 0; times -= 1) own = this.#changeFields(own);
      // What cannot be packed at all goes as it was, and is changed in its bytes.
      const packed = packOf(own);
      if (packed !== undefined) {
        const whole = encodeFrame(source, 'main', packed);
        return this.below(20) === 0 ? this.bytes(whole) : whole;
      }
    }
    let bytes: Uint8Array = encodeFrame(source, 'main', packOf([...fields])!);
    for (let times = 1 + this.below(2); times > 0; times -= 1) bytes = this.bytes(bytes);
    return bytes;
  }

  /** One change of bytes, whatever they mean. */
  bytes(bytes: Uint8Array): Uint8Array {
    // Behind the names of the threads and the counts, mostly: before these there is little to get wrong.
    const start = this.below(4) === 0 ? 0 : Math.min(bytes.length - 1, 24);
    const at = start + this.below(bytes.length - start);
    const from = this.below(bytes.length);
    const length = 1 + this.below(Math.min(16, bytes.length));
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
    switch (this.below(16)) {
      case 0: {
        const flipped = bytes.slice();
        for (let times = 1 + this.below(8); times > 0; times -= 1) {
          const index = at + this.below(bytes.length - at);
          flipped[index] = (flipped[index] ?? 0) ^ (1 << this.below(8));
        }
        return flipped;
      }
      case 1:
        return before;
      case 2:
        return Buffer.concat([before, bytes.subarray(from, from + length), after]);
      case 3:
        return Buffer.concat([before, after.subarray(length)]);
      case 4:
        return Buffer.concat([before, this.#random.bytes(length), after]);
      case 5:
        return Buffer.concat([before, this.oneOf(lying), after]);
      case 6:
        return Buffer.concat([before, this.oneOf(lying), after.subarray(1)]);
      case 7: {
        const other = packOf([...this.oneOf(this.#corpus)]) ?? bytes;
        return Buffer.concat([before, other.subarray(this.below(other.length))]);
      }
      default: {
        const changed = bytes.slice();
        changed[at] = this.below(256);
        return changed;
      }
    }
  }

  #changeFields(fields: readonly unknown[]): unknown[] {
    const own = [...fields];
    const at = this.#fieldOf(own);
    const other = this.oneOf(this.#corpus);
    // Most changes leave the fields where they are: what lies at the wrong place is refused before anything looks at it.
    switch (this.below(32)) {
      case 0: {
        const with_ = this.#fieldOf(own);
        [own[at], own[with_]] = [own[with_], own[at]];
        return own;
      }
      case 1:
        own.splice(at, 1 + this.below(3));
        return own;
      case 2:
        own.splice(at, 0, this.oneOf(curious));
        return own;
      case 3:
        own.push(...own.slice(5));
        return own;
      case 4:
      case 5:
      case 6:
        own.push(...other);
        return own;
      case 7:
        return [...own.slice(0, Math.max(5, at)), ...other.slice(this.below(other.length))];
      default:
        if (typeof own[at] === 'number' && this.below(2) === 0) {
          own[at] = (own[at] as number) + this.oneOf([1, -1, 2, 3, -2, 2 ** 16, 2 ** 32, 0.5]);
        } else own[at] = this.#changeWithin(own[at], 0);
        return own;
    }
  }

  /** A field of an item, rarely its kind, and rarely one of the counts before all items. */
  #fieldOf(fields: readonly unknown[]): number {
    if (this.below(15) === 0) return this.below(5);
    const starts: number[] = [];
    for (let at = 5; at < fields.length; at += fieldsFrom(fields, at)) starts.push(at);
    if (starts.length === 0 || this.below(15) === 0) return this.below(fields.length);
    const start = this.oneOf(starts);
    return Math.min(fields.length - 1, start + 1 + this.below(fieldsFrom(fields, start) - 1));
  }

  /** Something inside of a value is another, one is missing, or it lies deeper than it did. */
  #changeWithin(value: unknown, depth: number): unknown {
    if (depth > 8 || this.below(4) === 0) return this.below(3) === 0 ? this.#nested(value) : this.oneOf(curious);
    if (Array.isArray(value) && value.length > 0) {
      const own = [...value];
      const at = this.below(own.length);
      if (this.below(5) === 0) own.splice(at, 1);
      else own[at] = this.#changeWithin(own[at], depth + 1);
      return own;
    }
    if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) {
      const entries = Object.entries(value);
      if (entries.length === 0) return this.oneOf(curious);
      const at = this.below(entries.length);
      const [key, held] = entries[at]!;
      if (this.below(5) === 0) entries.splice(at, 1);
      else entries[at] = this.below(4) === 0 ? [`${key}x`, held] : [key, this.#changeWithin(held, depth + 1)];
      return Object.fromEntries(entries);
    }
    return this.oneOf(curious);
  }

  #nested(value: unknown): unknown {
    let nested = value;
    for (let levels = this.oneOf([1, 5, 31, 32, 33, 34, 200]); levels > 0; levels -= 1) {
      nested = levels % 2 === 0 ? [nested] : { nested };
    }
    return nested;
  }
}

function packOf(fields: unknown[]): Uint8Array | undefined {
  try {
    return generous.pack(fields);
  } catch {
    return undefined;
  }
}

/** Fields of the item at `at`, or all that are left where there is no such kind. */
function fieldsFrom(fields: readonly unknown[], at: number): number {
  const kind = fields[at];
  return (typeof kind === 'number' ? fieldsOfKind[kind] : undefined) ?? fields.length - at;
}

/**
 * Bytes that all threads of a process read: one copy in shared memory, which nobody can write any more.
 *
 * Made by `share(bytes)`. The memory itself is reached through the functions of this file alone, so that what one thread
 * reads no other can change. It is freed by the engine when no thread holds it any more.
 */
import type * as z from 'zod';
import { BesideBytes, isDetached, isSharedMemory } from '../../base/beside-bytes.ts';
import { UsageError } from '../../base/errors.ts';
import type { Codec } from './codec.ts';
import { InvalidValue } from './errors.ts';
import { leafSchema } from './leaf-schema.ts';
import { isBytes } from './plain-object.ts';

/** By which another copy of the package knows that it is looking at its like, to say so. */
const brand: unique symbol = Symbol.for('troupe.sharedBytes') as never;
const key: unique symbol = Symbol('troupe.sharedBytes.own');
/** Not imported from `node:util`: protocols are loaded by browsers too. */
const inspect: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

let memoryOf: (shared: SharedBytes) => Uint8Array<SharedArrayBuffer>;
const { set, subarray } = Uint8Array.prototype;

/**
 * Bytes in shared memory, read by all threads without a copy. Made by `share(bytes)`; in messages it is `sharedBytes()`.
 */
export class SharedBytes {
  readonly #view: Uint8Array<SharedArrayBuffer>;

  static {
    memoryOf = (shared) => shared.#view;
  }

  /** @internal Use `share`. */
  constructor(own: typeof key, memory: SharedArrayBuffer) {
    if (own !== key) throw new UsageError('SharedBytes are made with share(bytes)');
    this.#view = new Uint8Array(memory);
    Object.freeze(this);
  }

  /** True for what this copy of the package made. */
  static isOne(value: object): value is SharedBytes {
    return #view in value;
  }

  /** How many bytes they are. */
  get byteLength(): number {
    return this.#view.length;
  }

  /** The byte at `index`, counted from the end where it is negative; undefined where there is none. */
  at(index: number): number | undefined {
    return this.#view.at(index);
  }

  /**
   * A copy of the bytes from `start` to before `end`, which belongs to the caller.
   *
   * @param start 0 unless given; counted from the end where it is negative, as `end` is.
   * @param end The end unless given.
   */
  slice(start = 0, end: number = this.byteLength): Uint8Array<ArrayBuffer> {
    const part = subarray.call(this.#view, start, end);
    const copy = new Uint8Array(part.length);
    set.call(copy, part);
    return copy;
  }

  /**
   * Copies bytes into `target`, as many as it has room for.
   *
   * @param target The caller's own.
   * @param start The first byte to copy, 0 unless given; counted from the end where it is negative.
   * @returns how many were copied.
   * @throws UsageError where `target` is no Uint8Array
   */
  copyTo(target: Uint8Array, start = 0): number {
    if (!isBytes(target)) throw new UsageError('copyTo(target) copies into a Uint8Array');
    const rest = subarray.call(this.#view, start);
    const part = subarray.call(rest, 0, target.byteLength);
    set.call(target, part);
    return part.length;
  }

  toString(): string {
    return `SharedBytes(${this.byteLength})`;
  }
}

Object.defineProperties(SharedBytes.prototype, {
  [brand]: { value: true },
  [inspect]: { value: SharedBytes.prototype.toString },
});

/**
 * Copies bytes once into memory that all threads of the process share. A message takes no further copy of them along to
 * another actor or another thread; to another node they travel as bytes, and are shared there again.
 *
 * @param bytes Up to what one buffer of the engine holds. They stay the caller's.
 * @throws UsageError for anything but a Uint8Array or an ArrayBuffer, and for bytes that were given away
 */
export function share(bytes: Uint8Array | ArrayBuffer): SharedBytes {
  if (!isBytes(bytes) && !(bytes instanceof ArrayBuffer)) {
    throw new UsageError(`share(bytes) takes a Uint8Array or an ArrayBuffer; it was given ${typeof bytes}`);
  }
  if (isDetached(isBytes(bytes) ? bytes.buffer : bytes)) {
    throw new UsageError('share(bytes): these bytes were given away before, so there is nothing left of them');
  }
  const source = isBytes(bytes) ? bytes : new Uint8Array(bytes);
  const memory = new SharedArrayBuffer(source.byteLength);
  set.call(new Uint8Array(memory), source);
  return new SharedBytes(key, memory);
}

/** True for bytes that `share` of this copy of the package made, on whatever thread. */
export function isShared(value: unknown): value is SharedBytes {
  return typeof value === 'object' && value !== null && SharedBytes.isOne(value);
}

/** Its memory, to be posted beside a frame, or copied into one. */
export function sharedToWire(shared: SharedBytes): BesideBytes {
  return new BesideBytes(memoryOf(shared).buffer);
}

/** What came from another place: the memory itself from a thread of this process, bytes from elsewhere. */
export function sharedFromWire(wire: Uint8Array): SharedBytes {
  const { buffer } = wire;
  // Only the runtime puts shared memory into a wire form: bytes of users are copied on their way there.
  if (isSharedMemory(buffer) && wire.byteLength === buffer.byteLength) return new SharedBytes(key, buffer);
  return share(wire);
}

/** True for what another copy of the package made: its memory is out of reach here. */
export function isForeignShare(value: object): boolean {
  return !isShared(value) && brand in value;
}

export function foreignShare(): InvalidValue {
  return new InvalidValue(
    'these SharedBytes were made by another copy of the package, whose memory this one cannot reach; have one copy only',
  );
}

const sharedCodec: Codec = {
  plain: false,
  // Nobody can change them, so everybody may have them.
  copy: undefined,
  toWire: (value) => sharedToWire(value as SharedBytes),
  fromWire: (wire) => (isBytes(wire) ? sharedFromWire(wire) : wire),
};

/**
 * A schema for bytes that all threads of a process read, made with `share(bytes)`. Between its threads the memory
 * itself is posted; another node gets the bytes, and shares them again.
 *
 * @param options.bytesMax The most bytes it takes; not bounded unless given, but by what a link carries.
 * @throws UsageError when `bytesMax` is not a whole number from 0 on.
 */
export function sharedBytes(options: { readonly bytesMax?: number } = {}): z.ZodType<SharedBytes, SharedBytes> {
  const { bytesMax = Number.POSITIVE_INFINITY } = options;
  if (bytesMax !== Number.POSITIVE_INFINITY && (!Number.isSafeInteger(bytesMax) || bytesMax < 0)) {
    throw new UsageError(`sharedBytes({ bytesMax }) takes a whole number from 0 on; it was given ${String(bytesMax)}`);
  }
  const bounded = bytesMax !== Number.POSITIVE_INFINITY;
  return leafSchema<SharedBytes>(
    (value) => isShared(value) && value.byteLength <= bytesMax,
    bounded ? `share(bytes) of at most ${bytesMax} bytes` : 'share(bytes), made by this copy of the package',
    { codec: sharedCodec, description: bounded ? `sharedBytes(${bytesMax})` : 'sharedBytes' },
  );
}

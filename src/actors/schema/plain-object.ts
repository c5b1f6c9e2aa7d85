/** What counts as a container of data, and what an own copy of bytes is. */
import { BesideBytes, isSharedMemory } from '../../base/beside-bytes.ts';

/**
 * True for `{ … }` and objects without a prototype, of any realm; false for arrays, Maps and class instances.
 *
 * Looks at the constructor first, since `Object.getPrototypeOf` leaves compiled code: a tenth of a tell, measured.
 */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  if ((value as { readonly constructor?: unknown }).constructor === Object) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  // The Object.prototype of another realm (node:vm, jsdom) ends its chain and has methods of its own.
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf');
}

/** Looks at the internal slot too, which `Object.create(Uint8Array.prototype)` lacks. */
export function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && value instanceof Uint8Array;
}

/** Bytes off the wire may be a view of a whole frame; this one keeps nothing else alive, and is no Buffer. */
export function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  if (bytes.byteLength !== bytes.buffer.byteLength || isSharedMemory(bytes.buffer)) return new Uint8Array(bytes);
  if (bytes.constructor === Uint8Array) return bytes as Uint8Array<ArrayBuffer>;
  return bytes instanceof BesideBytes ? new Uint8Array(bytes.buffer as ArrayBuffer) : new Uint8Array(bytes);
}

/** Freezes containers only: a ref binds its operations when they are first used, and bytes cannot be frozen. */
export function freezeContainer(value: unknown): unknown {
  return Array.isArray(value) || isPlainObject(value) || value instanceof Map || value instanceof Set
    ? Object.freeze(value)
    : value;
}

const getTime: () => number = Date.prototype.getTime;

/** The time of a real Date, whatever methods were put on it. Throws a TypeError for what only looks like one. */
export function timeOf(date: object): number {
  return getTime.call(date);
}

/**
 * The one hash of keys: MurmurHash3 x86 32 (Austin Appleby, public domain), over the UTF-16 code units of a string,
 * little-endian, or over the eight bytes of a number as a little-endian double. Its seed is 0 unless given.
 *
 * It is part of the format of saved state, and places must agree on where a key goes: it never changes.
 */
export type Key = string | number;

const float = new DataView(new ArrayBuffer(8));

/**
 * The hash of a key, in [0, 2^32). `0` and `-0` are one key, as they are in a Map.
 *
 * @param seed of a hash that is independent of that with another seed; 0 is the one that says where keys go.
 */
export function hashKey(key: Key, seed = 0): number {
  return typeof key === 'string' ? hashText(key, seed) : hashNumber(key, seed);
}

function hashText(text: string, seed: number): number {
  const length = text.length;
  const paired = length & ~1;
  let hash = seed;
  for (let index = 0; index < paired; index += 2) {
    hash = mixBlock(hash, text.charCodeAt(index) | (text.charCodeAt(index + 1) << 16));
  }
  if (paired < length) hash ^= scramble(text.charCodeAt(paired));
  return finish(hash, length * 2);
}

function hashNumber(value: number, seed: number): number {
  // NaN has many bit patterns and is one key.
  if (Number.isNaN(value)) return finish(mixBlock(mixBlock(seed, 0), 0x7ff80000), 8);
  float.setFloat64(0, value === 0 ? 0 : value, true);
  return finish(mixBlock(mixBlock(seed, float.getInt32(0, true)), float.getInt32(4, true)), 8);
}

function scramble(block: number): number {
  const multiplied = Math.imul(block, 0xcc9e2d51);
  return Math.imul((multiplied << 15) | (multiplied >>> 17), 0x1b873593);
}

function mixBlock(hash: number, block: number): number {
  const mixed = hash ^ scramble(block);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(hash: number, byteLength: number): number {
  let mixed = hash ^ byteLength;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

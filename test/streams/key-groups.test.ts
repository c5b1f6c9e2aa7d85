import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashKey } from '../../src/base/hash-key.ts';
import { keyGroupOf, partitionOfGroup } from '../../src/streams/key-groups.ts';

/** MurmurHash3 x86 32 over bytes, as published, to compare with. */
function murmur3(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by));
  const scramble = (block: number): number => Math.imul(rotate(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593);
  let hash = 0;
  const blocks = bytes.length >> 2;
  for (let index = 0; index < blocks; index += 1) {
    hash = (Math.imul(rotate(hash ^ scramble(view.getUint32(index * 4, true)), 13), 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let index = bytes.length - 1; index >= blocks * 4; index -= 1) tail = (tail << 8) | bytes[index]!;
  if (bytes.length % 4 > 0) hash ^= scramble(tail);
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

describe('key groups', () => {
  it('hash a string as MurmurHash3 does its UTF-16 bytes', () => {
    expect(murmur3(new TextEncoder().encode('hello'))).toBe(0x248bfa47);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(hashKey(text)).toBe(murmur3(new Uint8Array(Buffer.from(text, 'utf16le'))));
      }),
    );
  });

  it('hash a number as MurmurHash3 does the 8 bytes of a double', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (value) => {
        const bytes = new Uint8Array(8);
        new DataView(bytes.buffer).setFloat64(0, value === 0 ? 0 : value, true);
        expect(hashKey(value)).toBe(murmur3(bytes));
      }),
    );
  });

  it('never change: saved state is laid out by them', () => {
    expect(['ATL', 'ORD', '', 'a', 'ü'].map(keyGroupOf)).toEqual([118, 42, 0, 26, 69]);
    expect([0, -0, 1, -1, 0.5, 2 ** 53, Number.NaN].map(keyGroupOf)).toEqual([124, 124, 15, 113, 32, 8, 13]);
  });

  it('give each of 1 to 128 partitions a contiguous, even share of the 128 groups', () => {
    for (let parallelism = 1; parallelism <= 128; parallelism += 1) {
      const owners = Array.from({ length: 128 }, (_, group) => partitionOfGroup(group, parallelism));
      expect(owners).toEqual([...owners].sort((a, b) => a - b));
      const shares = Array.from({ length: parallelism }, (_, p) => owners.filter((owner) => owner === p).length);
      expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
    }
  });
});

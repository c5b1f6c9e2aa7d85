/** The ring of the consistent hash: shares are even, and few keys move. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HashRing } from '../../../src/actors/spreading/hash-ring.ts';
import { limits } from '../../../src/base/limits.ts';

const keys = Array.from({ length: 10_000 }, (_, n) => `user-${n}`);
const named = (count: number): string[] => Array.from({ length: count }, (_, n) => `a~1/main#${n + 1}`);
const ownersOf = (names: readonly string[]): string[] => {
  const ring = new HashRing(names, limits.ringPointsPerRoutee);
  return keys.map((key) => names[ring.ownerOf(key)]!);
};

describe('a hash ring', () => {
  it('gives each of 10 routees between 70 % and 130 % of an even share of 10,000 keys', () => {
    const counts = new Map<string, number>();
    for (const owner of ownersOf(named(10))) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    expect(counts.size).toBe(10);
    for (const count of counts.values()) {
      expect(count).toBeGreaterThan(700);
      expect(count).toBeLessThan(1_300);
    }
  });

  it('moves about a tenth of the keys when a tenth routee comes, all of them to it', () => {
    const before = ownersOf(named(9));
    const after = ownersOf(named(10));
    const moved = after.filter((owner, index) => owner !== before[index]);
    expect(moved.every((owner) => owner === named(10)[9])).toBe(true);
    expect(moved.length).toBeGreaterThan(700);
    expect(moved.length).toBeLessThan(1_300);
  });

  it('leaves every key where it is but those of a routee that goes, in 100 random rings', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 2, maxLength: 12 }),
        fc.nat(),
        fc.array(fc.oneof(fc.string(), fc.double()), { minLength: 1, maxLength: 50 }),
        (names, at, some) => {
          const gone = names[at % names.length]!;
          const left = names.filter((name) => name !== gone);
          const all = new HashRing(names, 16);
          const fewer = new HashRing(left, 16);
          for (const key of some) {
            const owner = names[all.ownerOf(key)]!;
            if (owner !== gone) expect(left[fewer.ownerOf(key)]).toBe(owner);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it('is the same for the same names in another order, on whatever place', () => {
    const names = named(7);
    const shuffled = [...names].reverse();
    expect(ownersOf(names)).toEqual(ownersOf(shuffled));
    expect(ownersOf(names).slice(0, 5)).toMatchInlineSnapshot(`
      [
        "a~1/main#7",
        "a~1/main#4",
        "a~1/main#2",
        "a~1/main#1",
        "a~1/main#5",
      ]
    `);
  });

  it('takes a number as a key, and 0 and -0 for one', () => {
    const ring = new HashRing(named(5), 8);
    expect(ring.ownerOf(0)).toBe(ring.ownerOf(-0));
    expect(new Set(Array.from({ length: 500 }, (_, n) => ring.ownerOf(n))).size).toBe(5);
  });
});

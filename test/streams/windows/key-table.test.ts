import fc from 'fast-check';
import { expect, it } from 'vitest';
import { hashKey, type Key } from '../../../src/base/hash-key.ts';
import { keyGroupOf } from '../../../src/streams/key-groups.ts';
import { KeyTable, none } from '../../../src/streams/windows/key-table.ts';
import { Slots } from '../../../src/streams/windows/slots.ts';
import { proofRuns } from '../../support/proof-runs.ts';

const key: fc.Arbitrary<Key> = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.integer({ min: 0, max: 20 }).map((n) => n * 2 ** 32),
  fc.integer({ min: 0, max: 20 }).map((n) => n / 8),
  fc.constantFrom(Number.NaN, Infinity, -Infinity, -0, 1e300, Number.MAX_SAFE_INTEGER, -(2 ** 31), 2 ** 31),
  fc.constantFrom('', '1', '0', 'NaN', 'a', 'b'),
);
const same = (one: Key, other: Key): boolean => one === other || (Number.isNaN(one) && Number.isNaN(other));

it('holds the keys that a Map holds, each in a slot of its own, in their groups', () => {
  const step = fc.record({ key, does: fc.constantFrom('add', 'add', 'delete', 'trim') });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const table = new KeyTable();
      const expected = new Map<Key, number>();
      steps.forEach(({ key, does }, at) => {
        if (does === 'trim') table.trim();
        else if (does === 'add') {
          const known = table.find(key);
          expect(known !== undefined).toBe(expected.has(key));
          const slot = table.slotOf(key);
          if (known === undefined) expect(table.headAt(slot)).toBe(none);
          table.setHead(slot, at);
          expected.set(key, at);
        } else if (expected.delete(key)) table.delete(table.find(key)!);
        else expect(table.find(key)).toBeUndefined();
      });
      expect(table.size).toBe(expected.size);
      const slots = table.slots();
      expect(new Set(slots).size).toBe(expected.size);
      const groups = new Map<number, number>();
      for (const [key, head] of expected) {
        const slot = table.find(key)!;
        expect([slots.includes(slot), same(table.keyAt(slot), key), table.headAt(slot)]).toEqual([true, true, head]);
        expect(table.groupAt(slot)).toBe(keyGroupOf(key));
        groups.set(keyGroupOf(key), (groups.get(keyGroupOf(key)) ?? 0) + 1);
      }
      for (let group = 0; group < 128; group += 1) {
        expect(table.keysOfGroup(group)).toBe(groups.get(group) ?? 0);
        expect(table.bytesOfGroup(group) > 0).toBe(groups.has(group));
      }
    }),
    { numRuns: proofRuns(300) },
  );
});

// Keys that all fell into a few places would take minutes.
it('finds numbers that lie apart by powers of two, among 100,000, while others come and go', () => {
  for (const apart of [1, 64, 2 ** 16, 2 ** 31, 2 ** 32, 2 ** 33]) {
    const table = new KeyTable();
    for (let n = 0; n < 100_000; n += 1) {
      table.slotOf(n * apart);
      if (n >= 50_000) table.delete(table.find((n - 50_000) * apart)!);
    }
    for (let n = 50_000; n < 100_000; n += 1)
      if (table.keyAt(table.find(n * apart)!) !== n * apart) throw new Error(`${n * apart} is lost`);
    expect(table.size).toBe(50_000);
  }
});

it('hashes with two seeds have nothing to do with each other', () => {
  const both = Array.from({ length: 4_096 }, (_, n) => (hashKey(n) & 63) * 64 + (hashKey(n, 7) & 63));
  // Of 4,096 pairs drawn from 4,096, about 1 - 1/e are different.
  expect(new Set(both).size / 4_096).toBeCloseTo(1 - 1 / Math.E, 1);
});

it('slots that are given out are all different, and below the end, whatever came back', () => {
  const step = fc.record({ takes: fc.nat(3_000), gives: fc.nat(3_000), from: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const slots = new Slots();
      const out = new Set<number>();
      for (const { takes, gives, from } of steps) {
        for (let n = 0; n < takes; n += 1) {
          const slot = slots.take();
          if (out.has(slot)) throw new Error(`${slot} was given out twice`);
          out.add(slot);
        }
        const going = from ? [...out].slice(0, gives) : [...out].reverse().slice(0, gives);
        for (const slot of going) {
          out.delete(slot);
          slots.give(slot);
          if (slot % 7 === 0) slots.settle();
        }
        expect(slots.used).toBe(out.size);
        expect(Math.max(-1, ...out)).toBeLessThan(slots.end);
      }
    }),
    { numRuns: proofRuns(40) },
  );
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/base/errors.ts';
import { type Aggregate, custom, retractingForms } from '../../../src/streams/windows/aggregate.ts';
import { countDistinct } from '../../../src/streams/windows/distinct.ts';
import { first } from '../../../src/streams/windows/elements.ts';
import { count, max, mean, min, sum } from '../../../src/streams/windows/numbers.ts';
import { approxQuantiles, quantiles } from '../../../src/streams/windows/quantiles.ts';
import { Rows } from '../../../src/streams/windows/rows.ts';
import { proofRuns } from '../../support/proof-runs.ts';

interface Item {
  readonly value: number | null;
}

const value = (item: Item) => item.value;
const aggregates: Record<string, Aggregate<Item, unknown>> = {
  n: count(),
  big: count((item) => (item.value ?? 0) > 5),
  sum: sum(value),
  mean: mean(value),
  least: min(value),
  most: max(value),
  different: countDistinct(value),
  bigDifferent: countDistinct(value, (item) => (item.value ?? 0) > 5),
  quantiles: quantiles(value, [0, 0.3, 1]),
  aboutQuantiles: approxQuantiles(value, [0, 0.3, 1]),
  square: custom<Item, number, number>({
    create: () => 0,
    add: (total, item) => total + (item.value ?? 0) ** 2,
    merge: (into, from) => into + from,
    retract: (total, item) => total - (item.value ?? 0) ** 2,
    result: (total) => total,
  }),
};

const makeRows = () => new Rows(0, retractingForms('regroup', aggregates as never));

/** Positive zero for both, since a sum of nothing is 0 whatever was taken back. */
const plain = (result: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(result).map(([name, it]) => [name, it === 0 ? 0 : it]));

const item = (number: fc.Arbitrary<number>): fc.Arbitrary<Item> => fc.record({ value: fc.option(number, { freq: 6 }) });

/** Elements; how many of them, from the first on, are taken back; and when, among those added later. */
const history = (number: fc.Arbitrary<number>) =>
  fc.array(fc.record({ item: item(number), goes: fc.boolean(), after: fc.nat(20) }), { maxLength: 60 });

type History = readonly { item: Item; goes: boolean; after: number }[];

/** Adds all, takes back those that go, each some time after it was added. Answers the row and those that stay. */
function live(rows: Rows, changes: History): { row: number; stay: Item[] } {
  const row = rows.allocate();
  const going: { at: number; item: Item }[] = [];
  changes.forEach((change, at) => {
    rows.add(row, change.item, at);
    if (change.goes) going.push({ at: at + change.after, item: { ...change.item } });
    for (const one of going.filter((other) => other.at === at)) rows.retract(row, one.item, at);
  });
  for (const one of going.filter((other) => other.at >= changes.length)) rows.retract(row, one.item, one.at);
  return { row, stay: changes.filter(({ goes }) => !goes).map((change) => change.item) };
}

describe('what was taken back is as if it had never been added', () => {
  const settings = { numRuns: proofRuns(300) };

  it('of whole numbers, NaN and the infinities, exactly', () => {
    const number = fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: -9, max: 9 }) },
      { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Infinity, -Infinity) },
    );
    const { square: _, ...exact } = aggregates;
    fc.assert(
      fc.property(history(number), (changes) => {
        const rows = new Rows(0, retractingForms('regroup', exact as never));
        const { row, stay } = live(rows, changes);
        const other = rows.allocate();
        for (const one of stay) rows.add(other, one, 0);
        expect(plain(rows.result(row))).toEqual(plain(rows.result(other)));
      }),
      settings,
    );
  });

  it('of merged rows too', () => {
    fc.assert(
      fc.property(history(fc.integer({ min: -9, max: 9 })), history(fc.integer({ min: -9, max: 9 })), (one, other) => {
        const rows = makeRows();
        const [a, b] = [live(rows, one), live(rows, other)];
        rows.merge(a.row, b.row);
        for (const item of b.stay) rows.retract(a.row, item, 0);
        const alone = rows.allocate();
        for (const item of a.stay) rows.add(alone, item, 0);
        expect(plain(rows.result(a.row))).toEqual(plain(rows.result(alone)));
      }),
      settings,
    );
  });

  it('of a sum whose greatest part was 10^16 times the rest', () => {
    const rows = makeRows();
    const row = rows.allocate();
    for (const value of [0.1, 1e15, 0.2, -3e14]) rows.add(row, { value }, 0);
    for (const value of [1e15, -3e14]) rows.retract(row, { value }, 0);
    expect(rows.result(row)).toMatchObject({ sum: 0.1 + 0.2, mean: (0.1 + 0.2) / 2, least: 0.1, most: 0.2 });
  });
});

it('the least of many values that come and go is found, whichever goes first', () => {
  const rows = new Rows(0, retractingForms('regroup', { least: min(value), most: max(value) } as never));
  const row = rows.allocate();
  const values = Array.from({ length: 5_000 }, (_, n) => (n * 7_919) % 5_003);
  for (const one of values) rows.add(row, { value: one }, 0);
  const left = [...values];
  while (left.length > 0) {
    rows.retract(row, { value: left.pop()! }, 0);
    if (left.length % 500 > 0) continue;
    const { least, most } = rows.result(row);
    expect([least, most]).toEqual(left.length === 0 ? [null, null] : [Math.min(...left), Math.max(...left)]);
  }
});

it('a value that was never added is not taken back', () => {
  const rows = makeRows();
  const row = rows.allocate();
  rows.add(row, { value: 1 }, 0);
  expect(() => rows.retract(row, { value: 2 }, 0)).toThrow(/2 is taken back and was not added/);
  for (const aggregate of [countDistinct(value), quantiles(value, [1]), approxQuantiles(value, [1])]) {
    const one = new Rows(0, { aggregate } as never);
    const other = one.allocate();
    one.add(other, { value: 1 }, 0);
    expect(() => one.retract(other, { value: 2 }, 0)).toThrow(/2 is taken back and was not added/);
  }
});

it('an aggregate that cannot take back is refused by its name', () => {
  expect(() => retractingForms('regroup', { n: count(), who: first() })).toThrow(UsageError);
  expect(() => retractingForms('regroup', { n: count(), who: first() })).toThrow(/regroup: 'who' cannot take back/);
});

it('windows keep no more for it: a row of sum and max is three numbers', () => {
  const rows = new Rows(0, { sum: sum(value), most: max(value) } as never);
  expect(rows.width).toBe(3);
  expect(rows.retractable).toBe(false);
  expect(makeRows().retractable).toBe(true);
});

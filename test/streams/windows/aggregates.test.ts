import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/base/errors.ts';
import { CollectOverflow } from '../../../src/streams/errors.ts';
import type { Aggregate } from '../../../src/streams/windows/aggregate.ts';
import { approxCountDistinct, countDistinct } from '../../../src/streams/windows/distinct.ts';
import { first, last } from '../../../src/streams/windows/elements.ts';
import { count, max, mean, min, sum } from '../../../src/streams/windows/numbers.ts';
import { approxQuantiles, quantiles } from '../../../src/streams/windows/quantiles.ts';
import { maxBy, minBy, topN } from '../../../src/streams/windows/ranked.ts';
import { Rows } from '../../../src/streams/windows/rows.ts';
import { proofRuns } from '../../support/proof-runs.ts';

interface Item {
  /** The place in the input. */
  readonly at: number;
  readonly value: number | null;
  readonly other: number;
  readonly text: string | null;
}

const value = (item: Item) => item.value;
const other = (item: Item) => item.other;
const probabilities = [0, 0.1, 0.5, 0.95, 1];

/** Those whose result does not depend on the order in which elements come. */
const unordered = {
  n: count<Item>(),
  some: count<Item>(({ other }) => other > 3),
  sum: sum(value),
  mean: mean(value),
  least: min(value),
  most: max(value),
  different: countDistinct(value),
  texts: countDistinct<Item>(
    ({ text }) => text,
    ({ other }) => other > 3,
  ),
  quantiles: quantiles(value, probabilities),
  aboutDifferent: approxCountDistinct(value),
  aboutQuantiles: approxQuantiles(value, probabilities, { relativeError: 0.02 }),
} satisfies Record<string, Aggregate<Item, unknown>>;

/** Those that give elements, as their places. */
const ordered = {
  first: first<Item>(),
  last: last<Item>(),
  highest: maxBy(value),
  lowest: minBy(value),
  highestThen: maxBy(value, other, ({ at }) => at),
  lowestThen: minBy(value, other, ({ at }) => -at),
  top: topN(3, value),
  topWithTies: topN(3, value, { ties: true }),
} satisfies Record<string, Aggregate<Item, unknown>>;

const all: Record<string, Aggregate<Item, unknown>> = { ...unordered, ...ordered };
type Values = { [K in keyof typeof unordered | keyof typeof ordered]: unknown } & {
  readonly aboutDifferent: number;
  readonly aboutQuantiles: number[] | null;
};

const items = (number: fc.Arbitrary<number>): fc.Arbitrary<Item[]> =>
  fc
    .array(
      fc.record({
        value: fc.option(number, { freq: 8 }),
        other: fc.integer({ min: 0, max: 6 }),
        text: fc.option(fc.constantFrom('a', 'b', 'c', '1', ''), { freq: 8 }),
      }),
      { minLength: 1, maxLength: 60 },
    )
    .map((list) => list.map((one, at) => ({ ...one, at })));

/** Sums of quarters are exact, in whatever order. */
const quarters = fc.integer({ min: -200, max: 200 }).map((n) => n / 4);
const few = fc.integer({ min: -4, max: 4 });
const special = fc.constantFrom(Number.NaN, Infinity, -Infinity);

/** Adds each of the parts to a row of its own, and joins rows that stand side by side, which ones first `picks` say. */
function joined(rows: Rows, parts: readonly (readonly Item[])[], picks: readonly number[]): number {
  const open = parts.map((part) => {
    const row = rows.allocate();
    for (const item of part) rows.add(row, item, item.at);
    return row;
  });
  for (let n = 0; open.length > 1; n += 1) {
    const at = picks[n]! % (open.length - 1);
    rows.merge(open[at]!, open[at + 1]!);
    rows.free(open.splice(at + 1, 1)[0]!);
  }
  return open[0]!;
}

/** Cuts a list into four parts, some of them empty. */
const cut = <E>(list: readonly E[], cuts: readonly number[]): E[][] => {
  const ends = [...cuts.map((n) => n % (list.length + 1)).sort((a, b) => a - b), list.length];
  return ends.map((end, n) => list.slice(n === 0 ? 0 : ends[n - 1], end));
};

const threeNumbers = fc.tuple(fc.nat(100), fc.nat(100), fc.nat(100));

let database: DuckDBConnection;
beforeAll(async () => {
  database = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
});

async function inDuckDb(list: readonly Item[]): Promise<Record<string, unknown>> {
  const double = (one: number | null) => (one === null ? 'null::double' : `'${one}'::double`);
  const text = (one: string | null) => (one === null ? 'null::text' : `'${one}'`);
  const lines = list.map((one) => `(${one.at}, ${double(one.value)}, ${one.other}, ${text(one.text)})`);
  const reader = await database.runAndReadAll(`
    with items(id, value, other, text) as (values ${lines.join(', ')}),
    places as (select id, value, row_number() over (order by value desc, id) as place, rank() over (order by value desc) as rank
      from items where value is not null)
    select count(*)::integer as n, (count(*) filter (other > 3))::integer as some,
      coalesce(sum(value), 0) as sum, avg(value) as mean, min(value) as least, max(value) as most,
      count(distinct value)::integer as different, (count(distinct text) filter (other > 3))::integer as texts,
      quantile_cont(value, [${probabilities.join(', ')}]) as quantiles,
      [${probabilities.map((p) => `list_sort(list(value) filter (value is not null))[1 + floor(${p} * (count(value) - 1))::integer]`)}] as aboutQuantiles,
      arg_min(id, id) as first, arg_max(id, id) as last,
      (list(id order by value desc, id) filter (value is not null))[1] as highest,
      (list(id order by value, id) filter (value is not null))[1] as lowest,
      (list(id order by value desc, other desc, id desc) filter (value is not null))[1] as highestThen,
      (list(id order by value, other, id desc) filter (value is not null))[1] as lowestThen,
      (select coalesce(list(id order by place), []) from places where place <= 3) as top,
      (select coalesce(list(id order by place), []) from places where rank <= 3) as topWithTies
    from items`);
  return reader.getRowObjectsJS()[0] as Record<string, unknown>;
}

/** As DuckDB says it: elements as their places, no -0, and without what rounding does. */
const said = (one: unknown): unknown => {
  if (Array.isArray(one)) return one.map(said);
  if (typeof one === 'object' && one !== null) return (one as Item).at;
  if (typeof one !== 'number' || !Number.isFinite(one)) return one;
  // DuckDB's median of -3 and -3 is -3.0000000000000004.
  return Math.round(one * 1e9) / 1e9 || 0;
};

function expectEqual(got: Values, expected: Record<string, unknown>): void {
  const { aboutDifferent, aboutQuantiles, ...exact } = got;
  const { aboutQuantiles: nearQuantiles, ...expectedExact } = expected;
  expect(Object.fromEntries(Object.entries(exact).map(([name, one]) => [name, said(one)]))).toEqual(
    Object.fromEntries(Object.entries(expectedExact).map(([name, one]) => [name, said(one)])),
  );
  const different = expected.different as number;
  // Two values in one register count as one, which some of so many random inputs have.
  expect(Math.abs(aboutDifferent - different)).toBeLessThanOrEqual(3);
  (aboutQuantiles ?? []).forEach((about, n) => {
    const exactly = (nearQuantiles as number[])[n]!;
    if (Number.isFinite(exactly)) {
      expect(Math.abs(about - exactly)).toBeLessThanOrEqual(Math.abs(exactly) * 0.02 * (1 + 1e-9));
    } else expect(about).toBe(exactly);
  });
}

describe('aggregates agree with DuckDB', () => {
  const runs = proofRuns(40);
  const timeout = 60_000 + runs * 500;

  it.each([
    ['many different values', quarters],
    ['few different values', few],
  ])('of %s, in parts that are joined', { timeout }, async (_, number) => {
    await fc.assert(
      fc.asyncProperty(items(number), threeNumbers, threeNumbers, async (list, cuts, picks) => {
        const rows = new Rows(1, all as never);
        const row = joined(rows, cut(list, cuts), picks);
        expectEqual(rows.result(row) as Values, await inDuckDb(list));
      }),
      { numRuns: runs, endOnFailure: true },
    );
  });

  it('of values that may be NaN or infinite', { timeout }, async () => {
    const number = fc.oneof({ weight: 3, arbitrary: few }, { weight: 1, arbitrary: special });
    await fc.assert(
      fc.asyncProperty(items(number), threeNumbers, threeNumbers, async (list, cuts, picks) => {
        const rows = new Rows(1, all as never);
        const { quantiles: _, ...got } = rows.result(joined(rows, cut(list, cuts), picks)) as Values;
        // Between -Infinity and a number SQL engines do not agree.
        const { quantiles: __, ...expected } = await inDuckDb(list);
        expectEqual(got as Values, expected);
      }),
      { numRuns: runs, endOnFailure: true },
    );
  });
});

it('parts may be joined in any order, where elements have none', () => {
  const number = fc.oneof({ weight: 5, arbitrary: quarters }, { weight: 1, arbitrary: special });
  fc.assert(
    fc.property(items(number), threeNumbers, threeNumbers, fc.boolean(), (list, cuts, picks, turned) => {
      const rows = new Rows(1, unordered as never);
      const parts = cut(list, cuts);
      const row = joined(rows, turned ? parts.reverse() : [parts[2]!, parts[0]!, parts[3]!, parts[1]!], picks);
      const whole = joined(rows, [list], []);
      expect(rows.result(row)).toEqual(rows.result(whole));
    }),
    { numRuns: proofRuns(300) },
  );
});

it('a part that was joined to another is as it was, and what a result gave does not change', () => {
  const rows = new Rows(1, all as never);
  const list = Array.from(
    { length: 40 },
    (_, at): Item => ({ at, value: (at * 7) % 11, other: at % 5, text: `${at}` }),
  );
  const into = joined(rows, [list.slice(0, 20)], []);
  const from = joined(rows, [list.slice(20)], []);
  const [intoBefore, fromBefore] = [rows.result(into), rows.result(from)];
  const [intoCopy, fromCopy] = [structuredClone(intoBefore), structuredClone(fromBefore)];
  rows.merge(into, from);
  for (const item of list) rows.add(into, { ...item, value: 100 }, item.at);
  expect(rows.result(from)).toEqual(fromCopy);
  expect([intoBefore, fromBefore]).toEqual([intoCopy, fromCopy]);
});

describe('approxCountDistinct', () => {
  it.each([10, 100, 1_000, 10_000, 100_000, 300_000])(
    'of %i numbers or texts is within three standard errors, in one part or in four',
    (size) => {
      for (const make of [(n: number) => n, (n: number) => n * 1.000_1, (n: number) => `key ${n}`]) {
        const rows = new Rows(1, { n: approxCountDistinct<string | number>((one) => one, { precision: 12 }) } as never);
        const parts = Array.from({ length: 4 }, () => rows.allocate());
        for (let n = 0; n < size; n += 1) {
          rows.add(parts[n % 4]!, make(n), 0);
          rows.add(parts[0]!, make(n - (n % 3)), 0);
        }
        for (const part of parts.slice(1)) rows.merge(parts[0]!, part);
        const { n } = rows.result(parts[0]!) as { n: number };
        expect(Math.abs(n - size) / size).toBeLessThan((3 * 1.04) / 64);
      }
    },
    60_000,
  );

  it('refuses a precision that is none', () => {
    expect(() => approxCountDistinct(() => 1, { precision: 3 })).toThrow(UsageError);
    expect(() => approxCountDistinct(() => 1, { precision: 12.5 })).toThrow(/takes 4 to 16; it was 12.5/);
  });
});

describe('approxQuantiles', () => {
  it('is within its relative error over 600 powers of ten, also below 0', () => {
    const sizes = fc.double({ min: -300, max: 300, noNaN: true }).map((exponent) => 10 ** exponent);
    const number = fc.tuple(sizes, fc.boolean()).map(([size, negative]) => (negative ? -size : size));
    fc.assert(
      fc.property(
        fc.array(number, { minLength: 1, maxLength: 50 }),
        fc.constantFrom(0.3, 0.01, 0.00001),
        (list, error) => {
          const aggregate = approxQuantiles<number, number>((one) => one, probabilities, { relativeError: error });
          const rows = new Rows(1, { about: aggregate } as never);
          const row = rows.allocate();
          for (const one of list) rows.add(row, one, 0);
          const sorted = [...list].sort((a, b) => a - b);
          (rows.result(row).about as number[]).forEach((about, n) => {
            const exact = sorted[Math.floor(probabilities[n]! * (list.length - 1))]!;
            expect(Math.abs(about - exact)).toBeLessThanOrEqual(Math.abs(exact) * error * (1 + 1e-6));
          });
        },
      ),
      { numRuns: proofRuns(300) },
    );
  });

  it('refuses probabilities and errors that are none', () => {
    expect(() => approxQuantiles(() => 1, [])).toThrow(UsageError);
    expect(() => approxQuantiles(() => 1, [50])).toThrow(/takes numbers from 0 to 1; it was \[50\]/);
    expect(() => approxQuantiles(() => 1, [0.5], { relativeError: 0 })).toThrow(UsageError);
    expect(() => quantiles(() => 1, [Number.NaN])).toThrow(UsageError);
    expect(() => quantiles(() => 1, [0.5], { max: 0 })).toThrow(UsageError);
  });
});

describe('bounds', () => {
  it('one value more than quantiles keep fails, and says what keeps none', () => {
    const rows = new Rows(1, { p: quantiles<number, number>((one) => one, [0.5], { max: 2 }) } as never);
    const row = rows.allocate();
    for (const one of [1, 2]) rows.add(row, one, 0);
    expect(() => rows.add(row, 3, 0)).toThrow(CollectOverflow);
    expect(() => rows.add(row, 3, 0)).toThrow(/quantiles was to keep more than 2 .* use approxQuantiles/);
  });

  it('topN takes 1 to 10,000 places', () => {
    for (const n of [0, 10_001, 1.5]) expect(() => topN(n, () => 1)).toThrow(UsageError);
  });
});

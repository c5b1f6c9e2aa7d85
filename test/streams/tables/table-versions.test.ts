/** Values as of a point of event time, against everything that was ever written. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { streamLimits } from '../../../src/streams/limits.ts';
import { compareKeys, SortedKeys } from '../../../src/streams/tables/sorted-keys.ts';
import { TableVersions, type TableVersionsOptions } from '../../../src/streams/tables/table-versions.ts';
import { proofRuns } from '../../support/proof-runs.ts';

const key = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom('', 'a', 'b', '1', 'é'), fc.constant(Number.NaN));
const base: TableVersionsOptions = {
  stage: 'table',
  timed: true,
  inOrder: false,
  entriesMax: 1_000,
  ttlMs: undefined,
  monotonicMs: () => 0,
};

test('keys are given in their order, numbers before texts, upward and downward, between any two', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.boolean(), fc.oneof(key, fc.integer({ min: 0, max: 3_000 })))),
      fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 1_500 }),
      fc.option(key, { nil: undefined }),
      fc.option(key, { nil: undefined }),
      (changes, many, from, to) => {
        const [keys, expected] = [new SortedKeys(), new Set<string | number>()];
        for (const [added, one] of [...many.map((one): [boolean, number] => [true, one]), ...changes]) {
          if (added && !expected.has(one)) keys.add(one);
          if (!added) keys.delete(one);
          if (added) expected.add(one);
          else expected.delete(one);
        }
        const within = [...expected]
          .filter((one) => from === undefined || compareKeys(one, from) >= 0)
          .filter((one) => to === undefined || compareKeys(one, to) < 0)
          .sort(compareKeys);
        expect([...keys.upward(from, to)]).toEqual(within);
        expect([...keys.downward(from, to)]).toEqual(within.reverse());
      },
    ),
    { numRuns: proofRuns(60) },
  );
});

type Step =
  | { readonly kind: 'put'; readonly key: string | number; readonly timeMs: number; readonly removed: boolean }
  | { readonly kind: 'advance'; readonly byMs: number }
  | { readonly kind: 'pin' }
  | { readonly kind: 'unpin'; readonly at: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      key: fc.constantFrom<string | number>(0, 1, 2, 'a'),
      timeMs: fc.integer({ min: -5, max: 15 }),
      removed: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('advance' as const), byMs: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'pin' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('unpin' as const), at: fc.nat(3) }) },
);

describe('what holds as of a watermark', () => {
  test.each([false, true])(
    'is what was written before it, and stays so for whoever pinned it (changes: %s)',
    (inOrder) => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
          const table = new TableVersions({ ...base, inOrder });
          const written: { key: string | number; timeMs: number; fromMs: number; value: unknown }[] = [];
          const pins: { pin: number; asOfMs: number }[] = [];
          let watermarkMs = 0;
          table.advance(0);
          const valueAt = (asked: string | number, asOfMs: number): unknown => {
            let latest: (typeof written)[number] | undefined;
            for (const one of written) {
              if (one.key !== asked || one.fromMs >= asOfMs) continue;
              if (inOrder || latest === undefined || one.timeMs >= latest.timeMs) latest = one;
            }
            return latest?.value;
          };
          const check = (asOfMs: number): void => {
            const entries = [0, 1, 2, 'a'].flatMap((one) => {
              const value = valueAt(one, asOfMs);
              expect(table.at(one, asOfMs)).toBe(value);
              return value === undefined ? [] : [{ key: one, value }];
            });
            expect([...table.range(undefined, undefined, false, asOfMs)]).toEqual(entries);
            expect([...table.range(undefined, undefined, true, asOfMs)]).toEqual(entries.reverse());
          };
          for (const [at, one] of steps.entries()) {
            if (one.kind === 'put') {
              const timeMs = watermarkMs + one.timeMs;
              // Only changes remove.
              const value = one.removed && inOrder ? undefined : `v${at}`;
              let fromMs = Math.max(timeMs, watermarkMs);
              if (inOrder)
                for (const before of written) if (before.key === one.key) fromMs = Math.max(fromMs, before.fromMs);
              table.put(one.key, value, timeMs);
              written.push({ key: one.key, timeMs, fromMs, value });
            } else if (one.kind === 'advance') {
              watermarkMs += one.byMs;
              table.advance(watermarkMs);
              while (table.tidy());
            } else if (one.kind === 'pin') pins.push({ pin: table.pin()!, asOfMs: watermarkMs });
            else if (pins.length > 0) table.unpin(pins.splice(one.at % pins.length, 1)[0]!.pin);
            check(watermarkMs);
            for (const { asOfMs } of pins) check(asOfMs);
          }
          for (const { pin } of pins) table.unpin(pin);
          table.advance(Infinity);
          while (table.tidy());
          check(Infinity);
          const left = [0, 1, 2, 'a'].filter((one) => valueAt(one, Infinity) !== undefined).length;
          expect(table.held).toMatchObject({ keys: left, versions: left });
        }),
        { numRuns: proofRuns(150) },
      );
    },
  );

  test('is one value a key without event time, and nothing is left of what was removed', () => {
    const table = new TableVersions({ ...base, timed: false });
    for (let n = 0; n < 1_000; n += 1) table.put(n % 10, n, Number.NaN);
    expect(table.held).toMatchObject({ keys: 10, versions: 10 });
    expect(table.at(3, Infinity)).toBe(993);
    for (let n = 0; n < 10; n += 1) table.put(n, undefined, Number.NaN);
    expect(table.held).toMatchObject({ keys: 0, versions: 0, stateBytes: 0 });
  });
});

describe('a bound', () => {
  test('of keys is kept', () => {
    const table = new TableVersions({ ...base, entriesMax: 2 });
    table.put(1, 'a', 0);
    table.put(2, 'a', 0);
    table.put(2, 'b', 0);
    expect(() => table.put(3, 'a', 0)).toThrow(/more than 2 keys.*entriesMax/);
  });

  test('of time drops keys that were not written for so long, in event time', () => {
    const table = new TableVersions({ ...base, ttlMs: 100 });
    table.put('old', 1, 0);
    table.put('new', 2, 60);
    table.advance(99);
    expect([table.at('old', 99), table.at('new', 99)]).toEqual([1, 2]);
    table.advance(100);
    expect([table.at('old', 100), table.at('new', 100)]).toEqual([undefined, 2]);
    while (table.tidy());
    expect(table.held.keys).toBe(1);
    table.advance(Infinity);
    expect(table.at('new', Infinity)).toBe(2);
  });

  test('of time drops them by the clock where there is no event time', () => {
    let nowMs = 0;
    const table = new TableVersions({ ...base, timed: false, ttlMs: 100, monotonicMs: () => nowMs });
    table.put('old', 1, Number.NaN);
    nowMs = 100;
    expect(table.at('old', Infinity)).toBe(undefined);
    table.put('new', 2, Number.NaN);
    expect(table.held.keys).toBe(1);
  });

  test('of readers: what is pinned is let go of after a time, and when too much has changed', () => {
    let nowMs = 0;
    const table = new TableVersions({ ...base, monotonicMs: () => nowMs });
    table.advance(0);
    const first = table.pin()!;
    nowMs = streamLimits.tablePinMs;
    table.advance(1);
    expect(table.isPinned(first)).toBe(false);
    const slow = table.pin()!;
    for (let n = 0; n <= streamLimits.tablePinnedMax + 1; n += 1) table.put(n % 500, n, n + 1);
    expect(table.isPinned(slow)).toBe(false);
    for (let n = 0; n < streamLimits.tableReadersMax; n += 1) expect(table.pin()).toBeDefined();
    expect(table.pin()).toBe(undefined);
  });
});

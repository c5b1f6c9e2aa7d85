/** `lookup`: order, one load for each key, bounds, times, failures; and random programs against a plain reference. */
import fc from 'fast-check';
import { type OperatorFunction, take } from 'rxjs';
import { describe, expect, it } from 'vitest';
import * as twins from '../../../src/streams/rx/index.ts';
import { proofRuns } from '../../support/proof-runs.ts';
import { type Operator, Rig, unaccounted } from './rig.ts';

const op = (operator: unknown): Operator => operator as Operator;
const lastDigit = (n: number): number => n % 10;

/** A table whose row of a key is its text, after as many ms as the key says; even keys only. */
function slowTable() {
  const loads: { key: number; atMs: number }[] = [];
  const rig: { current?: Rig } = {};
  const load = (key: number): Promise<string | undefined> => {
    const { clock } = rig.current!;
    loads.push({ key, atMs: clock.monotonicMs() });
    return new Promise((resolve) => clock.wake(key, () => resolve(key % 2 === 0 ? `row ${key}` : undefined)));
  };
  return { rig, loads, load };
}

const looking = (options: object): { rig: Rig; loads: { key: number; atMs: number }[] } => {
  const { rig, loads, load } = slowTable();
  rig.current = new Rig({
    look: op(twins.lookup({ by: lastDigit, load, cache: { entries: 100 }, concurrency: 10, ...options } as never)),
  });
  return { rig: rig.current, loads };
};

describe('lookup', () => {
  it.each([
    [
      'inner',
      [
        [18, 'row 8'],
        [2, 'row 2'],
        [28, 'row 8'],
      ],
    ],
    [
      'left',
      [
        [18, 'row 8'],
        [3, undefined],
        [2, 'row 2'],
        [28, 'row 8'],
      ],
    ],
    ['anti', [3]],
  ])('%s gives items with their rows in the order of the items, and loads a key once', async (how, expected) => {
    const { rig, loads } = looking({ how });
    rig.push(18, 3, 2, 28);
    rig.island.watermark(30);
    expect(rig.island.held.now).toBe(4);
    await rig.pass(7);
    expect(rig.values).toEqual([]);
    expect(rig.watermarks).toEqual([]);
    await rig.pass(1);
    expect(rig.values).toEqual(expected);
    expect(rig.watermarks).toEqual([30]);
    expect(loads.map(({ key }) => key)).toEqual([8, 3, 2]);
    rig.push(12);
    if (how !== 'anti') expect(rig.out.at(-1)).toMatchObject({ value: [12, 'row 2'], timeMs: 12 });
    rig.island.complete();
    expect(rig.completed).toBe(1);
    expect(rig.stage('look').held).toBe(0);
    expect(unaccounted(rig.island.stages)).toEqual({});
  });

  it('gives them as they are found where the order is not asked for', async () => {
    const { rig } = looking({ ordered: false });
    rig.push(8, 2, 4);
    rig.island.complete();
    await rig.passAll();
    expect(rig.values.map((pair) => (pair as [number])[0])).toEqual([2, 4, 8]);
    expect(rig.completed).toBe(1);
  });

  it('loads 2 keys at once and no more', async () => {
    const { rig, loads } = looking({ concurrency: 2 });
    rig.push(4, 6, 2, 8);
    await rig.passAll();
    expect(loads).toEqual([
      { key: 4, atMs: 0 },
      { key: 6, atMs: 0 },
      { key: 2, atMs: 4 },
      { key: 8, atMs: 6 },
    ]);
  });

  it('keeps 2 rows, those that were asked for last, and each for 50 ms, or 10 ms where there is none', async () => {
    const { rig, loads } = looking({ cache: { entries: 2, ttlMs: 50, negativeTtlMs: 10 } });
    const ask = async (n: number): Promise<number> => {
      const before = loads.length;
      rig.push(n);
      await rig.pass(lastDigit(n));
      return loads.length - before;
    };
    expect([await ask(2), await ask(4), await ask(2)]).toEqual([1, 1, 0]);
    expect([await ask(6), await ask(2), await ask(4)]).toEqual([1, 0, 1]);
    await rig.pass(50);
    expect([await ask(4), await ask(4)]).toEqual([1, 0]);
    expect([await ask(3), await ask(3)]).toEqual([1, 0]);
    await rig.pass(10);
    expect([await ask(3), await ask(4)]).toEqual([1, 0]);
  });

  it('holds 16 items where the island may hold 16', () => {
    const { load, rig } = slowTable();
    rig.current = new Rig({ look: op(twins.lookup({ by: lastDigit, load, cache: { entries: 0 } })) }, 16);
    for (let n = 0; !rig.current.full; n += 1) rig.current.push(n);
    expect(rig.current.island.held.now).toBe(16);
  });

  it('tries a load 3 times, 10 and 20 ms apart, gives each attempt 5 ms, and caches no failure', async () => {
    const attempts: [number, number][] = [];
    const aborted: number[] = [];
    let healthy = false;
    const rig = new Rig({
      look: op(
        twins.lookup({
          by: lastDigit,
          load: (key, { attempt, signal }) => {
            attempts.push([attempt, rig.clock.monotonicMs()]);
            signal.addEventListener('abort', () => aborted.push(attempt));
            if (healthy) return `row ${key}`;
            if (attempt === 1) return Promise.reject(new Error('down'));
            return new Promise<string>(() => undefined);
          },
          cache: { entries: 10 },
          retry: { max: 2, backoffMs: 10, jitter: 0 },
          timeoutMs: 5,
          onError: 'dead-letter',
        }),
      ),
    });
    rig.push(1, 11);
    await rig.pass(40);
    expect(attempts).toEqual([
      [1, 0],
      [2, 10],
      [3, 35],
    ]);
    expect(aborted).toEqual([2, 3]);
    expect(rig.deadLetters).toMatchObject([
      { stage: 'look', element: 1, error: { code: 'ElementGivenUp' } },
      { stage: 'look', element: 11, error: { code: 'ElementGivenUp' } },
    ]);
    healthy = true;
    rig.push(1, 21);
    rig.island.complete();
    expect(rig.values).toEqual([
      [1, 'row 1'],
      [21, 'row 1'],
    ]);
    expect(rig.completed).toBe(1);
    expect(rig.stage('look')).toMatchObject({ in: 4, emitted: 2, deadLettered: 2, held: 0 });
  });

  it('fails its stage at the first failing load unless told otherwise, in the order of the items', async () => {
    const { load, rig } = slowTable();
    const failing = (key: number) => (key === 1 ? Promise.reject(new Error('down')) : load(key));
    rig.current = new Rig({
      look: op(twins.lookup({ by: lastDigit, load: failing, cache: { entries: 9 }, concurrency: 9 })),
    });
    rig.current.push(4, 1, 2);
    await rig.current.passAll();
    expect(rig.current.values).toEqual([[4, 'row 4']]);
    expect(rig.current.failures).toMatchObject([{ code: 'StageFailed', stage: 'look', cause: { message: 'down' } }]);
    expect(rig.current.stage('look')).toMatchObject({ emitted: 1, lost: 2, held: 0 });
  });

  it('aborts what it loads when nobody listens any more', async () => {
    const signals: AbortSignal[] = [];
    const load = (key: number, { signal }: twins.Attempt): Promise<string> | string => {
      signals.push(signal);
      return key === 0 ? 'row 0' : new Promise<string>(() => undefined);
    };
    const look = twins.lookup({ by: lastDigit, load, cache: { entries: 9 }, concurrency: 9, ordered: false });
    const rig = new Rig({ look: op((input: never) => look(input).pipe(take(1))) });
    rig.push(1, 2, 10);
    expect(rig.closedEarly).toBe(1);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, false]);
    expect(rig.island.held.now).toBe(0);
  });

  it('loads keys by the many, 3 at most, those of one turn together', async () => {
    const loads: (readonly number[])[] = [];
    const rig = new Rig({
      look: op(
        twins.lookup({
          by: lastDigit,
          loadMany: async (keys: readonly number[]) => {
            loads.push(keys);
            return new Map(keys.map((key) => [key, `row ${key}`]));
          },
          keysMax: 3,
          cache: { entries: 10 },
        }),
      ),
    });
    rig.push(1, 2, 11, 3, 4);
    await rig.pass(0);
    expect(loads).toEqual([[1, 2, 3], [4]]);
    expect(rig.values).toHaveLength(5);
    rig.push(5, 1, 6);
    await rig.pass(0);
    expect(loads.slice(2)).toEqual([[5, 6]]);
    expect(rig.values.slice(5)).toEqual([
      [5, 'row 5'],
      [1, 'row 1'],
      [6, 'row 6'],
    ]);
  });

  it('fails its stage where loadMany answers no Map', async () => {
    const loadMany = async (): Promise<never> => undefined as never;
    const rig = new Rig({ look: op(twins.lookup({ by: lastDigit, loadMany, cache: { entries: 9 } })) });
    rig.push(1);
    await rig.pass(0);
    expect(rig.failures).toMatchObject([{ code: 'StageFailed', cause: { code: 'UsageError' } }]);
  });

  it('answers 2,000 keys that waited for one, and whose rows come at once, without a deep stack', async () => {
    const load = (n: number): number | Promise<number> => (n === 0 ? Promise.resolve(0) : n);
    const rig = new Rig({ look: op(twins.lookup({ by: (n: number) => n, load, cache: { entries: 9 } })) });
    for (let n = 0; n < 2_000; n += 1) rig.push(n);
    expect(rig.island.held.now).toBe(2_000);
    await rig.pass(0);
    expect(rig.failures).toEqual([]);
    expect(rig.out).toHaveLength(2_000);
    expect(rig.island.held.now).toBe(0);
  });

  it('is typed by how', () => {
    const given = { by: (n: number) => `${n}`, load: async (key: string) => ({ key }), cache: { entries: 1 } };
    type Row = { key: string };
    const inner: OperatorFunction<number, readonly [number, Row]> = twins.lookup(given);
    const left: OperatorFunction<number, readonly [number, Row | undefined]> = twins.lookup({ ...given, how: 'left' });
    const anti: OperatorFunction<number, number> = twins.lookup({ ...given, how: 'anti' });
    // @ts-expect-error an item without a row is given too
    const wrong: OperatorFunction<number, readonly [number, Row]> = twins.lookup({ ...given, how: 'left' });
    expect([inner, left, anti, wrong].every((one) => typeof one === 'function')).toBe(true);
  });

  it('refuses options out of range, and a cache without a bound', () => {
    const good = { by: lastDigit, load: async () => 1, cache: { entries: 1 } };
    expect(() => twins.lookup({ ...good, concurrency: 0 })).toThrow('concurrency: 0');
    expect(() => twins.lookup({ ...good, retry: { max: -1 } })).toThrow('lookup(…, { retry: { max: -1 } })');
    expect(() => twins.lookup({ ...good, cache: { entries: Number.NaN } })).toThrow('cache.entries: NaN');
    expect(() => twins.lookup({ ...good, cache: { entries: Number.POSITIVE_INFINITY } })).toThrow('without a bound');
    expect(() => twins.lookup({ ...good, cache: undefined as never })).toThrow('at least');
  });

  it('gives what a plain map over the table gives, whatever loads take and fail', async () => {
    const step = fc.record({ n: fc.nat({ max: 40 }), pauseMs: fc.nat({ max: 6 }) });
    const given = {
      steps: fc.array(step, { maxLength: 40 }),
      how: fc.constantFrom('inner' as const, 'left' as const, 'anti' as const),
      ordered: fc.boolean(),
      many: fc.boolean(),
      concurrency: fc.integer({ min: 1, max: 4 }),
      entries: fc.nat({ max: 5 }),
      ttlMs: fc.integer({ min: 1, max: 20 }),
      failing: fc.uniqueArray(fc.nat({ max: 9 }), { maxLength: 3 }),
    };
    await fc.assert(
      fc.asyncProperty(
        fc.record(given),
        async ({ steps, how, ordered, many, concurrency, entries, ttlMs, ...rest }) => {
          // Which keys go together depends on time, and so which fail together.
          const failing = many ? [] : rest.failing;
          let flights = 0;
          const underWay = new Set<number>();
          const rowOf = (key: number) => (key % 3 === 0 ? undefined : `row ${key}`);
          const load = (keys: readonly number[]) =>
            new Promise<Map<number, string | undefined>>((resolve, reject) => {
              for (const key of keys) {
                expect(underWay.has(key)).toBe(false);
                underWay.add(key);
              }
              flights += 1;
              expect(flights).toBeLessThanOrEqual(concurrency);
              rig.clock.wake((keys[0]! * 7) % 11, () => {
                flights -= 1;
                for (const key of keys) underWay.delete(key);
                if (keys.some((key) => failing.includes(key))) reject(new Error('down'));
                else resolve(new Map(keys.map((key) => [key, rowOf(key)])));
              });
            });
          const loading = many
            ? { loadMany: load, keysMax: 3 }
            : { load: async (key: number) => (await load([key])).get(key) };
          const cache = { entries, ttlMs };
          const look = twins.lookup({
            by: lastDigit,
            ...loading,
            cache,
            concurrency,
            ordered,
            how,
            onError: 'skip',
          } as never);
          const rig = new Rig({ look: op(look) });
          let pushed = 0;
          for (const { n, pauseMs } of steps) {
            rig.island.push(n, pushed);
            rig.island.watermark(pushed);
            pushed += 1;
            await rig.pass(pauseMs);
          }
          rig.island.complete();
          await rig.passAll();
          const expected = steps.flatMap(({ n }, timeMs) => {
            const row = rowOf(lastDigit(n));
            if (failing.includes(lastDigit(n)) || (how !== 'left' && (row === undefined) !== (how === 'anti')))
              return [];
            return [{ value: how === 'anti' ? n : [n, row], timeMs }];
          });
          const out = rig.out.map(({ value, timeMs }) => ({ value, timeMs }));
          if (!ordered) out.sort((one, other) => one.timeMs - other.timeMs);
          expect(out).toEqual(expected);
          expect(rig.completed).toBe(1);
          expect(rig.watermarks.at(-1)).toBe(steps.length === 0 ? undefined : steps.length - 1);
          expect(rig.island.held.now).toBe(0);
          expect(unaccounted(rig.island.stages)).toEqual({});
        },
      ),
      { numRuns: proofRuns(100) },
    );
  });
});

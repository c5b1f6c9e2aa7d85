import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { Cancel } from '../../src/base/environment/clock.ts';
import { count, flow, forEach, max, mean, min, type Source, sum, tumbling } from '../../src/streams/index.ts';
import { realClock, runLocally } from './local-run.ts';

const none = z.object({});

interface Reading {
  readonly key: string;
  readonly atMs: number;
  readonly value: number | null;
}
interface Spec {
  readonly sizeMs: number;
  readonly outOfOrderMs: number;
  readonly allowedLatenessMs: number;
}

function batchesOf(batches: readonly Reading[][]): Source<Reading> {
  return {
    name: 'readings',
    async *open() {
      yield* batches;
    },
  };
}

/** The same, element by element and without any of our code. */
function oracle(batches: readonly Reading[][], spec: Spec) {
  const windows = new Map<string, { key: string; startMs: number; values: (number | null)[] }>();
  const late: Reading[] = [];
  let latest = -Infinity;
  let watermark = -Infinity;
  for (const batch of batches) {
    for (const reading of batch) {
      const startMs = Math.floor(reading.atMs / spec.sizeMs) * spec.sizeMs;
      latest = Math.max(latest, reading.atMs);
      if (startMs + spec.sizeMs + spec.allowedLatenessMs <= watermark) {
        late.push(reading);
        continue;
      }
      const id = `${startMs} ${reading.key}`;
      if (!windows.has(id)) windows.set(id, { key: reading.key, startMs, values: [] });
      windows.get(id)!.values.push(reading.value);
    }
    watermark = Math.max(watermark, latest - spec.outOfOrderMs);
  }
  return {
    late,
    results: [...windows.values()].map(({ key, startMs, values }) => {
      const known = values.filter((value) => value !== null);
      const total = known.reduce((a, b) => a + b, 0);
      return {
        key,
        window: { startMs, endMs: startMs + spec.sizeMs },
        value: {
          all: values.length,
          big: known.filter((value) => value > 5).length,
          total,
          mean: known.length === 0 ? null : total / known.length,
          least: known.length === 0 ? null : Math.min(...known),
          most: known.length === 0 ? null : Math.max(...known),
        },
      };
    }),
  };
}

const windowed = (
  source: Source<Reading>,
  spec: Spec,
  parallelism: number,
  take: (result: { key: string; window: { startMs: number; endMs: number } }) => void,
) =>
  flow('windowed', { args: none }, (f) =>
    f
      .from(source, { time: (reading) => reading.atMs, outOfOrderMs: spec.outOfOrderMs })
      .keyBy((reading) => reading.key, { parallelism })
      .window(tumbling({ sizeMs: spec.sizeMs }), { allowedLatenessMs: spec.allowedLatenessMs, late: 'late' })
      .aggregate({
        all: count(),
        big: count((reading) => (reading.value ?? 0) > 5),
        total: sum((reading) => reading.value),
        mean: mean((reading) => reading.value),
        least: min((reading) => reading.value),
        most: max((reading) => reading.value),
      })
      .to(forEach(take)),
  );

const identity = (result: { key: string; window: { startMs: number } }): string =>
  `${result.window.startMs} ${result.key}`;
const sorted = <T extends { key: string; window: { startMs: number } }>(results: T[]): T[] =>
  [...results].sort((a, b) => (identity(a) < identity(b) ? -1 : 1));

describe('tumbling windows', () => {
  it('agree with an oracle over random, shuffled, late input, on 1 to 4 partitions', async () => {
    const reading = fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      atMs: fc.integer({ min: -50, max: 200 }),
      value: fc.option(fc.integer({ min: -10, max: 10 })),
    });
    const spec = fc.record({
      sizeMs: fc.integer({ min: 1, max: 40 }),
      outOfOrderMs: fc.integer({ min: 0, max: 60 }),
      allowedLatenessMs: fc.integer({ min: 0, max: 30 }),
    });
    const batches = fc.array(fc.array(reading, { maxLength: 30 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(batches, spec, fc.integer({ min: 1, max: 4 }), async (given, settings, parallelism) => {
        const expected = oracle(given, settings);
        const results: { key: string; window: { startMs: number; endMs: number } }[] = [];
        const take = (result: (typeof results)[number]): void => void results.push(result);
        const run = await runLocally(windowed(batchesOf(given), settings, parallelism, take), {}, { window: 16 });
        await run.done;
        expect(sorted(results)).toEqual(sorted(expected.results));
        const byTime = (a: Reading, b: Reading): number => a.atMs - b.atMs || a.key.localeCompare(b.key);
        expect((run.late as Reading[]).sort(byTime).map(({ atMs, key }) => [atMs, key])).toEqual(
          expected.late.sort(byTime).map(({ atMs, key }) => [atMs, key]),
        );
        const rows = given.flat().length;
        expect(run.stage('window')).toEqual({
          in: rows,
          out: expected.results.length,
          dropped: 0,
          late: expected.late.length,
        });
      }),
      { numRuns: 150 },
    );
  });

  it('lose nothing when rows are displaced by at most outOfOrderMs, and count what is late when it is less', async () => {
    const rows = Array.from({ length: 20_000 }, (_, n): Reading => ({ key: `k${n % 7}`, atMs: n, value: n % 10 }));
    // Every row is given its time plus up to 500 ms, and sorted by that: no row is displaced further.
    const shuffled = rows
      .map((row, n) => ({ row, at: row.atMs + ((n * 7_919) % 501) }))
      .sort((a, b) => a.at - b.at)
      .map(({ row }) => row);
    const batches = Array.from({ length: 20 }, (_, n) => shuffled.slice(n * 1_000, (n + 1) * 1_000));
    const ledgerOf = async (outOfOrderMs: number) => {
      const spec = { sizeMs: 100, outOfOrderMs, allowedLatenessMs: 0 };
      const run = await runLocally(
        windowed(batchesOf(batches), spec, 3, () => undefined),
        {},
      );
      await run.done;
      return run.stage('window');
    };
    expect(await ledgerOf(500)).toEqual({ in: 20_000, out: 1_400, dropped: 0, late: 0 });
    const tight = await ledgerOf(50);
    expect(tight.late).toBeGreaterThan(0);
    expect(tight.in).toBe(20_000);
  });

  it('come out by their end, and within one the keys by their first element', async () => {
    const results: string[] = [];
    const given: Reading[][] = [
      [
        { key: 'z', atMs: 12, value: 1 },
        { key: 'b', atMs: 3, value: 1 },
        { key: 'a', atMs: 4, value: 1 },
        { key: 'b', atMs: 5, value: 1 },
        { key: 'a', atMs: 13, value: 1 },
      ],
    ];
    const spec = { sizeMs: 10, outOfOrderMs: 10, allowedLatenessMs: 0 };
    const run = await runLocally(
      windowed(batchesOf(given), spec, 1, (result) => void results.push(identity(result))),
      {},
    );
    await run.done;
    expect(results).toEqual(['0 b', '0 a', '10 z', '10 a']);
  });

  it('keep the event time of an element through operators that drop it, and of a result through a second window', async () => {
    const results: unknown[] = [];
    const given = [Array.from({ length: 100 }, (_, n): Reading => ({ key: 'k', atMs: n, value: 1 }))];
    const twice = flow('twice', { args: none }, (f) =>
      f
        .from(batchesOf(given), { time: (reading) => reading.atMs })
        .keyBy((reading) => reading.key)
        .window(tumbling({ sizeMs: 10 }))
        .aggregate({ n: count() })
        .keyBy(() => 0)
        .window(tumbling({ sizeMs: 50 }))
        .aggregate({ windows: count(), n: sum((result) => result.value.n) })
        .to(forEach((result) => void results.push(result))),
    );
    const run = await runLocally(twice, {});
    await run.done;
    expect(results).toEqual([
      { key: 0, window: { startMs: 0, endMs: 50 }, value: { windows: 5, n: 50 } },
      { key: 0, window: { startMs: 50, endMs: 100 }, value: { windows: 5, n: 50 } },
    ]);
    expect(run.stage('window-2')).toMatchObject({ in: 10, out: 2 });
  });

  it('close while the source is silent, once idleMs have passed on the clock', async () => {
    let nowMs = 0;
    const timers: (() => void)[] = [];
    const timer = (_delayMs: number, fire: () => void): Cancel => {
      timers.push(fire);
      return () => void timers.splice(timers.indexOf(fire) >>> 0, 1);
    };
    const clock = { ...realClock, monotonicMs: () => nowMs, timer, wake: timer };
    const results: unknown[] = [];
    const silent: Source<Reading> = {
      name: 'silent',
      async *open({ signal }) {
        yield [{ key: 'k', atMs: 5, value: 1 }];
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    };
    const idle = flow('idle', { args: none }, (f) =>
      f
        .from(silent, { time: (reading) => reading.atMs, outOfOrderMs: 20, idleMs: 100 })
        .keyBy((reading) => reading.key)
        .window(tumbling({ sizeMs: 10 }))
        .aggregate({ n: count() })
        .to(forEach((result) => void results.push(result))),
    );
    const run = await runLocally(idle, {}, { clock });
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(results).toEqual([]);
    nowMs = 100;
    timers.shift()?.();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(results).toEqual([{ key: 'k', window: { startMs: 0, endMs: 10 }, value: { n: 1 } }]);
    run.cancel();
  });
});

/** Operators that let go later, in whole flows: bounds, dead letters, restarts, stalls, windows behind them. */
import fc from 'fast-check';
import { bufferCount, first, map, type Observable, of, pipe, mergeMap as plainMergeMap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { createSystem, registry } from '../../../src/index.ts';
import { count, flow, forEach, fromIterable, type Sink, tumbling } from '../../../src/streams/index.ts';
import { streamLimits } from '../../../src/streams/limits.ts';
import { unaccounted } from '../../../src/streams/run-statistics.ts';
import * as twins from '../../../src/streams/rx/index.ts';
import { testSystem } from '../../../src/testing/index.ts';
import { proofRuns, proofTimeoutMs } from '../../support/proof-runs.ts';
import { type LocalRun, runLocally } from '../local-run.ts';

const none = z.object({});

function numbers(n: number) {
  return fromIterable(Array.from({ length: n }, (_, index) => index));
}

function into<T>(list: T[]): Sink<T> {
  return forEach((item: T) => void list.push(item));
}

/** Turns of the event loop until `holds`; the test's own time limit ends it. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

function fatesOf(run: LocalRun, name: string) {
  return run.counts().flatMap(({ stages }) => stages.filter((stage) => stage.name === name))[0]!;
}

describe('mergeMap with promises', () => {
  it.each([
    ['whose promises never settle', () => new Promise<number>(() => undefined), 1_024, 1_024],
    // What has been worked is with the sink and in the queue before it.
    ['before a sink that is stuck', async (n: number) => n, 1_024, 20_000],
  ])('%s holds 1,024 elements at most and stops the source', async (_what, work, heldMax, readMax) => {
    let writes = 0;
    const stuck: Sink<number> = {
      name: 'stuck',
      open: () => ({
        write: () => {
          writes += 1;
          return new Promise(() => undefined);
        },
      }),
    };
    const bounded = flow('bounded', { args: none }, (f) =>
      f.from(numbers(100_000)).via('work', twins.mergeMap(work)).to(stuck),
    );
    const run = await runLocally(bounded, {});
    let before = -1;
    await until(() => {
      const taken = run.stage('work').in;
      const still = taken >= heldMax && taken === before;
      before = taken;
      return still;
    });
    const stage = fatesOf(run, 'work');
    expect(stage.fates!.held).toBeLessThanOrEqual(heldMax);
    expect(stage.in).toBeLessThanOrEqual(readMax);
    expect(writes).toBeLessThanOrEqual(1);
    expect(unaccounted(stage)).toBe(0);
    run.cancel();
  });

  it('give each of 20,000 elements once behind a slow sink, with windows of 16 elements on the edges', async () => {
    const seen: number[] = [];
    let highest = 0;
    let run: LocalRun | undefined;
    const slow: Sink<number> = {
      name: 'slow',
      open: () => ({
        write: async (items) => {
          await new Promise((resolve) => setImmediate(resolve));
          highest = Math.max(highest, run === undefined ? 0 : fatesOf(run, 'work').fates!.held);
          seen.push(...items);
        },
      }),
    };
    const all = flow('all', { args: none }, (f) =>
      f
        .from(numbers(20_000))
        .via(
          'work',
          twins.mergeMap(async (n) => n),
          { parallelism: 1 },
        )
        .to(slow),
    );
    run = await runLocally(all, {}, { window: 16 });
    await run.done;
    expect(seen.sort((one, other) => one - other)).toEqual(Array.from({ length: 20_000 }, (_, index) => index));
    expect(highest).toBeLessThanOrEqual(streamLimits.heldMax);
    expect(fatesOf(run, 'work').fates).toMatchObject({ emitted: 20_000, held: 0, heldAtEnd: 0 });
  });
});

describe('each', () => {
  it('hands what failed three times or took too long to run.deadLetters()', async () => {
    const seen: number[] = [];
    const attempts = new Map<number, number>();
    const work = async (n: number, { signal }: twins.Attempt): Promise<number> => {
      attempts.set(n, (attempts.get(n) ?? 0) + 1);
      if (n === 13) throw new Error('unlucky');
      if (n === 17) await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return n;
    };
    const worked = flow('worked', { args: none }, (f) =>
      f
        .from(numbers(100))
        .via(
          'work',
          twins.each(work, {
            concurrency: 4,
            retry: { max: 2, backoffMs: 1 },
            timeoutMs: 20,
            onError: 'dead-letter',
          }),
        )
        .to(into(seen)),
    );
    await using system = await createSystem({ registry: registry(worked), logLevel: 'silent' });
    const run = await system.run(worked, { args: {} });
    const letters: unknown[] = [];
    for await (const letter of run.deadLetters()) letters.push(letter);
    await run.done;
    expect(letters).toHaveLength(2);
    expect(letters).toMatchObject([
      { stage: 'work', element: 13, error: expect.stringContaining('unlucky') },
      { stage: 'work', element: 17, error: expect.stringContaining('20 ms') },
    ]);
    expect(attempts.get(13)).toBe(3);
    expect(seen).toEqual(Array.from({ length: 100 }, (_, index) => index).filter((n) => n !== 13 && n !== 17));
    expect(run.statistics().ledger).toMatchObject({ read: 100, deadLettered: 2, lost: 0, held: 0, unaccounted: 0 });
    expect(run.statistics().stages.work!.fates).toMatchObject({ emitted: 98, deadLettered: 2 });
  });
});

describe('a via stage with onFailure: restart', () => {
  const fragile = (...bad: readonly number[]) =>
    flow('fragile', { args: none }, (f) =>
      f
        .from(numbers(100))
        .via(
          'pairs',
          pipe(
            bufferCount(2),
            map(([one, other]) => {
              if (bad.includes(one!)) throw new Error(`bad ${one}`);
              return one! + other!;
            }),
          ),
          { onFailure: { restart: { max: 2, withinMs: 60_000 } } },
        )
        .to(into(sums)),
    );
  const sums: number[] = [];

  it('is begun anew, counts and logs what was lost, and the run goes on', async () => {
    sums.length = 0;
    const job = fragile(10, 50);
    await using system = await testSystem({ registry: registry(job) });
    const run = await system.run(job, { args: {} });
    await system.time.advance(1_000);
    await run.done;
    expect(sums).toHaveLength(48);
    expect(sums).not.toContain(10 + 11);
    const { ledger, stages } = run.statistics();
    expect(stages.pairs!.fates).toMatchObject({ restarts: 2, emitted: 48 });
    expect(ledger).toMatchObject({ read: 100, held: 0, unaccounted: 0 });
    expect(ledger.lost).toBeGreaterThanOrEqual(2);
    const said = system.log.lines.filter(({ fields }) => fields.event === 'flow-stage-restarted');
    expect(said.map(({ fields }) => fields)).toMatchObject([
      { flow: 'fragile', stage: 'pairs', error: expect.stringContaining('bad 10') },
      { flow: 'fragile', stage: 'pairs', error: expect.stringContaining('bad 50') },
    ]);
    expect(said.reduce((sum, { fields }) => sum + Number(fields.lost), 0)).toBe(ledger.lost);
  });

  it('ends the run when it fails once more than it may', async () => {
    sums.length = 0;
    const job = fragile(10, 50, 60);
    await using system = await testSystem({ registry: registry(job) });
    const run = await system.run(job, { args: {} });
    const ended = expect(run.done).rejects.toMatchObject({ code: 'StageFailed', stage: 'pairs' });
    await system.time.advance(10_000);
    await ended;
    expect(run.statistics().ledger.unaccounted).toBe(0);
  });
});

describe('an inner that waits for a later element of its own stage', () => {
  it('stands still at 1,024 elements, is explained by stage and operator, and said after 10 s', async () => {
    const waits = flow('waits', { args: none }, (f) =>
      f
        .from(numbers(10_000))
        .via('ahead', (numbers$: Observable<number>) =>
          numbers$.pipe(twins.mergeMap((n) => numbers$.pipe(first((later) => later === n + 5_000)))),
        )
        .to(into<number>([])),
    );
    await using system = await testSystem({ registry: registry(waits) });
    const run = await system.run(waits, { args: {} });
    const said = () => system.log.lines.filter(({ fields }) => fields.event === 'flow-stalled');
    await system.time.advance(5_000);
    expect(said()).toEqual([]);
    const [explanation, ...more] = run.explain();
    expect(more).toEqual([]);
    expect(explanation!.kind).toBe('held');
    expect(explanation!.text).toContain("stage 'ahead': mergeMap holds 1024 elements, and may hold 1024");
    expect(run.statistics().ledger).toMatchObject({ held: 1_024, unaccounted: 0 });
    await system.time.advance(10_000);
    expect(said()).toHaveLength(1);
    expect(said()[0]!.fields).toMatchObject({ flow: 'waits', kind: 'held' });
    expect(said()[0]!.text).toContain("stage 'ahead': mergeMap holds 1024 elements");
    const cancelled = run.cancel();
    await system.time.advance(10_000);
    await cancelled;
  });
});

describe('a plain asynchronous operator', () => {
  it('fails its run at the first element that it gives late, and the message names the import', async () => {
    const seen: number[] = [];
    const plain = flow('plain', { args: none }, (f) =>
      f
        .from(numbers(100_000))
        .via(
          'fetch',
          plainMergeMap(async (n) => n),
        )
        .to(into(seen)),
    );
    const run = await runLocally(plain, {});
    await expect(run.done).rejects.toMatchObject({ code: 'AsyncOperator', stage: 'fetch' });
    await expect(run.done).rejects.toThrow("import { mergeMap } from 'troupe/streams/rx'");
    expect(seen).toEqual([]);
  });

  it('fails also where it has nothing to give and does not end', async () => {
    const plain = flow('plain', { args: none }, (f) =>
      f
        .from(numbers(10))
        .via(
          'never',
          plainMergeMap(() => new Promise<number>(() => undefined)),
        )
        .to(into<number>([])),
    );
    const run = await runLocally(plain, {});
    await expect(run.done).rejects.toMatchObject({ code: 'AsyncOperator', stage: 'never' });
  });
});

describe('windows behind operators of random latency', () => {
  interface Row {
    readonly key: string;
    readonly atMs: number;
    readonly latencyMs: number;
  }
  const windows = async (batches: readonly Row[][], outOfOrderMs: number, between: 'nothing' | 'latency') => {
    const results: { key: string; window: { startMs: number }; value: { n: number } }[] = [];
    const late = twins.mergeMap((row: Row) => twins.timer(row.latencyMs).pipe(map(() => row)));
    const job = flow('windows', { args: none }, (f) =>
      f
        .from(
          {
            name: 'rows',
            async *open() {
              yield* batches;
            },
          },
          { time: (row: Row) => row.atMs, outOfOrderMs },
        )
        .via('work', between === 'latency' ? late : plainMergeMap((row: Row) => of(row)))
        .keyBy((row) => row.key, { parallelism: 2 })
        .window(tumbling({ sizeMs: 10 }), { late: 'late' })
        .aggregate({ n: count() })
        .to(into(results)),
    );
    const run = await runLocally(job, {}, { window: 16 });
    await run.done;
    expect(unaccounted(fatesOf(run, 'work'))).toBe(0);
    const lines = results.map(({ key, window, value }) => `${window.startMs} ${key} ${value.n}`).sort();
    return { lines, late: run.late.length };
  };

  it('equal those without latency: none is late, for no watermark overtakes an element', {
    timeout: proofTimeoutMs(20) * 5,
  }, async () => {
    const row = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      jitterMs: fc.integer({ min: 0, max: 15 }),
      latencyMs: fc.integer({ min: 0, max: 4 }),
    });
    const batch = fc.array(row, { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.array(batch, { maxLength: 12 }), async (given) => {
        let atMs = 0;
        const batches = given.map((rows) =>
          rows.map(({ key, jitterMs, latencyMs }): Row => {
            atMs += 3;
            return { key, atMs: atMs + jitterMs, latencyMs };
          }),
        );
        const expected = await windows(batches, 15, 'nothing');
        expect(expected.late).toBe(0);
        expect(await windows(batches, 15, 'latency')).toEqual(expected);
      }),
      { numRuns: proofRuns(20) },
    );
  });
});

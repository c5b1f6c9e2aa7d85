import { setImmediate as pass, setTimeout as sleep } from 'node:timers/promises';
import { concatMap, delay, filter, map, of, scan, startWith, take } from 'rxjs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { count, flow, forEach, fromIterable, type Source, sum, tumbling } from '../../src/streams/index.ts';
import { runLocally } from './local-run.ts';

const none = z.object({});

/** Numbers from 0 on, in batches of 100, and how many were asked for. */
function numbers(total: number): Source<number> & { asked: number; closed: number } {
  const source = {
    name: 'numbers',
    asked: 0,
    closed: 0,
    async *open() {
      try {
        for (let at = 0; at < total; at += 100) {
          const batch = Array.from({ length: Math.min(100, total - at) }, (_, n) => at + n);
          source.asked += batch.length;
          yield batch;
        }
      } finally {
        source.closed += 1;
      }
    },
  };
  return source;
}

describe('a flow', () => {
  it('carries 100,000 elements through three operators to its sink, each once and in order', async () => {
    const out: number[] = [];
    const totals = flow('totals', { args: none }, (f) =>
      f
        .from(numbers(100_000))
        .via(
          'even',
          filter((n) => n % 2 === 0),
        )
        .via('add', ($) =>
          $.pipe(
            map((n) => n + 1),
            scan((total, n) => total + n, 0),
          ),
        )
        .to(forEach((total) => void out.push(total))),
    );
    const run = await runLocally(totals, {});
    await run.done;
    expect(out).toHaveLength(50_000);
    expect(out.at(-1)).toBe(50_000 * 49_999 + 50_000);
    expect(run.counts()[0]!.stages).toMatchObject([
      { name: 'source', in: 100_000, out: 100_000 },
      { name: 'even', in: 100_000, out: 50_000 },
      { name: 'add', in: 50_000, out: 50_000 },
      { name: 'sink', in: 50_000, out: 50_000 },
    ]);
  });

  it('stops reading after some 2,000 elements while its sink is stuck, and goes on when it is not', async () => {
    let release!: () => void;
    const stuck = new Promise<void>((resolve) => {
      release = resolve;
    });
    const source = numbers(50_000);
    let taken = 0;
    const slow = flow('slow', { args: none }, (f) =>
      f.from(source).to(
        forEach(async () => {
          taken += 1;
          await stuck;
        }),
      ),
    );
    const run = await runLocally(slow, {});
    await sleep(30);
    expect(taken).toBe(1);
    expect(source.asked).toBeLessThanOrEqual(2_300);
    expect(run.counts()[0]).toMatchObject({ creditWaits: 1 });
    release();
    await run.done;
    expect(taken).toBe(50_000);
    expect(run.counts()[0]!.creditWaitMs).toBeGreaterThan(10);
  });

  it('holds at most what was granted on every edge while the sink behind three partitions is stuck', async () => {
    let release!: () => void;
    const stuck = new Promise<void>((resolve) => {
      release = resolve;
    });
    const source = numbers(200_000);
    let results = 0;
    const slow = flow('slow-windows', { args: none }, (f) =>
      f
        .from(source, { time: (n) => n })
        .keyBy((n) => n % 50, { parallelism: 3 })
        .window(tumbling({ sizeMs: 50 }))
        .aggregate({ n: count() })
        .to(
          forEach(async () => {
            results += 1;
            await stuck;
          }),
        ),
    );
    const run = await runLocally(slow, {}, { window: 1_000 });
    await sleep(50);
    expect(results).toBe(1);
    // Sink 2 × 1,024; three edges of 1,000 to it and three outlets of 1,024; the same before the windows; one batch.
    expect(source.asked).toBeLessThanOrEqual(2_048 + 2 * 3 * (1_000 + 1_024) + 1_100);
    release();
    await run.done;
    expect(results).toBe(200_000);
    expect(run.stage('window')).toEqual({ in: 200_000, out: 200_000, dropped: 0, late: 0 });
  });

  it('asks for no more and closes the source when take(150) has enough', async () => {
    const source = numbers(1_000_000);
    const out: number[] = [];
    const some = flow('some', { args: none }, (f) =>
      f
        .from(source)
        .via('some', take(150))
        .to(forEach((n) => void out.push(n))),
    );
    await (await runLocally(some, {})).done;
    await pass();
    expect(out).toHaveLength(150);
    expect([source.asked, source.closed]).toEqual([200, 1]);
  });

  it('ends when every partition has taken enough', async () => {
    const source = numbers(10_000_000);
    const out: unknown[] = [];
    const some = flow('some-of-each', { args: none }, (f) =>
      f
        .from(source, { time: (n) => n })
        .keyBy((n) => n % 10, { parallelism: 3 })
        .window(tumbling({ sizeMs: 1_000 }))
        .aggregate({ total: sum((n) => n) })
        .via('some', take(4))
        .to(forEach((result) => void out.push(result))),
    );
    const run = await runLocally(some, {});
    await run.done;
    await pass();
    expect(out).toHaveLength(12);
    expect(source.closed).toBe(1);
    const { in: into, out: onward, dropped } = run.stage('key-by');
    expect(into).toBeLessThanOrEqual(source.asked);
    expect(onward + dropped).toBe(into);
  });

  it('gives a sink no more than 1,024 elements and the 5,000 of one push beyond them at a time', async () => {
    const writes: number[] = [];
    const many = flow('many', { args: none }, (f) =>
      f
        .from(fromIterable([1, 2, 3]))
        .via(
          'many',
          concatMap(() => Array.from({ length: 5_000 }, (_, n) => n)),
        )
        .to({
          name: 'sizes',
          open: () => ({
            write(batch) {
              writes.push(batch.length);
              return sleep(1);
            },
          }),
        }),
    );
    await (await runLocally(many, {})).done;
    expect(writes.reduce((sum, size) => sum + size)).toBe(15_000);
    expect(Math.max(...writes)).toBeLessThanOrEqual(1_024 + 5_000);
  });
});

describe('a flow that fails', () => {
  const failing = (
    place: 'source' | 'time' | 'via' | 'key' | 'aggregate' | 'sink' | 'nothing',
    sink: (item: unknown) => void = () => undefined,
  ) => {
    const at = <T>(here: typeof place, value: T): T => {
      if (place === here) throw new Error(`the ${here} is broken`);
      return value;
    };
    const source: Source<number> = {
      name: 'numbers',
      async *open() {
        yield [1, 2, 3];
        at('source', undefined);
      },
    };
    return flow('failing', { args: none }, (f) =>
      f
        .from(source, { time: (n) => at('time', n) })
        .via('step', ($) => $.pipe(map((n) => at('via', n))))
        .keyBy((n) => at('key', n), { parallelism: 2 })
        .window(tumbling({ sizeMs: 10 }))
        .aggregate({ total: sum((n) => at('aggregate', n)) })
        .to(forEach((item) => sink(at('sink', item)))),
    );
  };

  it.each([
    ['time', 'source'],
    ['via', 'step'],
    ['key', 'key-by'],
    ['aggregate', 'window'],
    ['sink', 'sink'],
  ] as const)('in its %s is StageFailed, names the stage %s, and has the cause', async (place, stage) => {
    const run = await runLocally(failing(place), {});
    await expect(run.done).rejects.toMatchObject({
      code: 'StageFailed',
      stage,
      cause: new Error(`the ${place} is broken`),
    });
  });

  it('in its source is SourceFailed and names the source', async () => {
    const run = await runLocally(failing('source'), {});
    await expect(run.done).rejects.toMatchObject({ code: 'SourceFailed', reason: 'failed' });
    await expect(run.done).rejects.toThrow("source 'numbers' failed: Error: the source is broken");
  });

  it('says what to do about an operator that waits', async () => {
    const late = flow('late', { args: none }, (f) =>
      f
        .from(numbers(10))
        .via('later', delay(1))
        .to(forEach(() => undefined)),
    );
    const run = await runLocally(late, {});
    await expect(run.done).rejects.toMatchObject({ code: 'AsyncOperator', stage: 'later' });
  });

  it('refuses an element without a time, and a key that is none', async () => {
    const timeless = flow('timeless', { args: none }, (f) =>
      f
        .from(numbers(10), { time: () => Number.NaN })
        .keyBy((n) => n)
        .window(tumbling({ sizeMs: 1 }))
        .aggregate({})
        .to(forEach(() => undefined)),
    );
    await expect((await runLocally(timeless, {})).done).rejects.toThrow('time(…) gave NaN');
    const keyless = flow('keyless', { args: none }, (f) =>
      f
        .from(numbers(10), { time: (n) => n })
        .keyBy(() => undefined as unknown as string)
        .window(tumbling({ sizeMs: 1 }))
        .aggregate({})
        .to(forEach(() => undefined)),
    );
    await expect((await runLocally(keyless, {})).done).rejects.toThrow('keyBy(…) gave undefined');
  });

  it('refuses an element that startWith makes before a window, and a source that gives no arrays', async () => {
    const early = flow('early', { args: none }, (f) =>
      f
        .from(numbers(10), { time: (n) => n })
        .via('start', startWith(0))
        .keyBy((n) => n)
        .window(tumbling({ sizeMs: 1 }))
        .aggregate({})
        .to(forEach(() => undefined)),
    );
    await expect((await runLocally(early, {})).done).rejects.toThrow('it has no event time');
    const single = flow('single', { args: none }, (f) =>
      f.from({ name: 'single', open: () => of(1, 2) } as unknown as Source<number>).to(forEach(() => undefined)),
    );
    await expect((await runLocally(single, {})).done).rejects.toMatchObject({ code: 'SourceFailed' });
    const flat = flow('flat', { args: none }, (f) =>
      f
        .from({
          name: 'flat',
          async *open() {
            yield 7 as unknown as number[];
          },
        })
        .to(forEach(() => undefined)),
    );
    await expect((await runLocally(flat, {})).done).rejects.toThrow('a batch has an array of elements');
  });

  it('closes its source and aborts its sink when it is cancelled', async () => {
    const source = numbers(1_000_000);
    const ends: string[] = [];
    const cancelled = flow('cancelled', { args: none }, (f) =>
      f.from(source).to({
        name: 'sink',
        open: () => ({
          write: () => sleep(1),
          finish: () => void ends.push('finish'),
          abort: () => void ends.push('abort'),
        }),
      }),
    );
    const run = await runLocally(cancelled, {});
    await sleep(5);
    run.cancel();
    await expect(run.done).rejects.toThrow('cancelled');
    await sleep(5);
    expect([source.closed, ends]).toEqual([1, ['abort']]);
  });
});

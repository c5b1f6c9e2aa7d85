import { filter, map, take } from 'rxjs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { createSystem, registry } from '../../src/index.ts';
import type { FlowBuilder, FlowEnd, Stage } from '../../src/streams/flow-types.ts';
import { count, flow, forEach, fromIterable, type Sink, tumbling } from '../../src/streams/index.ts';
import { runLocally } from './local-run.ts';

const none = z.object({});

function numbers(n: number, from = 0) {
  return fromIterable(Array.from({ length: n }, (_, index) => from + index));
}

function into<T>(list: T[]): Sink<T> {
  return forEach((item) => void list.push(item));
}

async function finished(build: (f: FlowBuilder) => FlowEnd<{}>, options: { window?: number } = {}) {
  const run = await runLocally(flow('graph', { args: none }, build), {}, options);
  await run.done;
  return run;
}

/** A sink that takes a batch when it is let, and shows what it was given. */
function stuck<T>(): { sink: Sink<T>; given: T[]; release: () => void } {
  const given: T[] = [];
  let release!: () => void;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  return {
    given,
    release: () => release(),
    sink: {
      name: 'stuck',
      open: () => ({
        async write(batch) {
          given.push(...batch);
          await released;
        },
      }),
    },
  };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe('a join', () => {
  it('merges all elements of several sources, each in its order', async () => {
    const out: number[] = [];
    const run = await finished((f) => f.merge(f.from(numbers(5_000)), f.from(numbers(3_000, 10_000))).to(into(out)));
    expect(out.filter((n) => n < 10_000)).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
    expect(out.filter((n) => n >= 10_000)).toEqual(Array.from({ length: 3_000 }, (_, n) => 10_000 + n));
    expect(run.stage('merge')).toMatchObject({ in: 8_000, out: 8_000, dropped: 0 });
  });

  it('zips until one has ended, and lets the other read no more than its window', async () => {
    const out: (readonly [number, string])[] = [];
    const run = await finished(
      (f) => f.zip(f.from(numbers(1_000_000)), f.from(fromIterable(['a', 'b', 'c']))).to(into(out)),
      { window: 256 },
    );
    expect(out).toEqual([
      [0, 'a'],
      [1, 'b'],
      [2, 'c'],
    ]);
    expect(run.stage('source').out).toBeLessThan(10_000);
  });

  it('concatenates: the second is held back until the first has ended', async () => {
    const out: number[] = [];
    await finished((f) => f.concat(f.from(numbers(20_000)), f.from(numbers(20_000, 20_000))).to(into(out)));
    expect(out).toEqual(Array.from({ length: 40_000 }, (_, n) => n));
  });

  it('gives the latest of each as RxJS does', async () => {
    const pairs: (readonly [number, number])[] = [];
    await finished((f) => f.combineLatest(f.from(numbers(3)), f.from(numbers(2, 10))).to(into(pairs)));
    // Each source is one batch, so one is taken whole before the other.
    expect(pairs).toEqual([
      [2, 10],
      [2, 11],
    ]);
    const joined: (readonly [number, string])[] = [];
    const run = await finished((f) =>
      f
        .from(numbers(3))
        .withLatestFrom(f.from(fromIterable(['x', 'y'])))
        .to(into(joined)),
    );
    const { dropped } = run.stage('withLatestFrom');
    expect(joined.length + dropped).toBe(3);
    for (const [, text] of joined) expect(text).toBe('y');
  });

  it('has event time as far as on the slowest: no element of a merge is late by the other', async () => {
    const time = (n: number): number => n;
    const late: number[] = [];
    const results: { window: { startMs: number }; value: { n: number } }[] = [];
    const run = await finished((f) =>
      f
        .merge(f.from(numbers(10_000), { time }), f.from(numbers(10_000), { time }))
        .keyBy(() => 'all', { parallelism: 2 })
        .window(tumbling({ sizeMs: 1_000 }), { late: 'late' })
        .aggregate({ n: count() })
        .to(into(results)),
    );
    expect(late).toEqual([]);
    expect(run.stage('window')).toMatchObject({ in: 20_000, late: 0 });
    expect(results.map(({ window, value }) => [window.startMs, value.n])).toEqual(
      Array.from({ length: 10 }, (_, index) => [index * 1_000, 2_000]),
    );
  });
});

describe('a fan-out', () => {
  it('broadcasts every element to every branch, within one segment where nothing needs a boundary', async () => {
    const [all, even]: [number[], string[]] = [[], []];
    const run = await finished((f) => {
      const { left, right } = f.from(numbers(5_000)).broadcast('left', 'right');
      return f.ends(
        left.to(into(all)),
        right
          .via(
            'even',
            filter((n) => n % 2 === 0),
          )
          .via('text', map(String))
          .to(into(even)),
      );
    });
    expect(all).toHaveLength(5_000);
    expect(even).toEqual(all.filter((n) => n % 2 === 0).map(String));
    expect(run.counts()).toHaveLength(1);
    expect(run.stage('sink-2')).toMatchObject({ in: 2_500, out: 2_500 });
  });

  it('is as slow as its slowest branch, but for one that may overflow, which counts what it loses', async () => {
    const slow = stuck<number>();
    const fast: number[] = [];
    const run = await runLocally(
      flow('graph', { args: none }, (f) => {
        const { main, sampled } = f.from(numbers(100_000)).broadcast('main', 'sampled');
        return f.ends(main.to(into(fast)), sampled.overflow({ strategy: 'drop-oldest', capacity: 10 }).to(slow.sink));
      }),
      {},
      { window: 64 },
    );
    await settled();
    while (fast.length < 100_000) await settled();
    slow.release();
    await run.done;
    const { in: written, out, dropped } = run.stage('overflow');
    expect(written).toBe(100_000);
    expect(out + dropped).toBe(100_000);
    expect(slow.given).toHaveLength(out);
    expect(dropped).toBeGreaterThan(90_000);
    // The newest are kept, in their order.
    expect(slow.given.slice(-10)).toEqual(Array.from({ length: 10 }, (_, index) => 99_990 + index));
    expect([...slow.given].sort((a, b) => a - b)).toEqual(slow.given);
  });

  it('conflates what finds no room, and drops the newest where that is asked for', async () => {
    for (const strategy of ['conflate', 'drop-newest'] as const) {
      const slow = stuck<{ from: number; n: number }>();
      const run = await runLocally(
        flow('graph', { args: none }, (f) =>
          f
            .from(numbers(50_000))
            .via(
              'one',
              map((from) => ({ from, n: 1 })),
            )
            .overflow(
              strategy === 'conflate'
                ? { strategy, merge: (waiting, newer) => ({ from: waiting.from, n: waiting.n + newer.n }) }
                : { strategy, capacity: 1 },
            )
            .to(slow.sink),
        ),
        {},
        { window: 16 },
      );
      while (run.stage('source').out < 50_000) await settled();
      slow.release();
      await run.done;
      const { out, dropped } = run.stage('overflow');
      expect(out + dropped).toBe(50_000);
      expect(slow.given.reduce((sum, { n }) => sum + n, 0)).toBe(strategy === 'conflate' ? 50_000 : out);
    }
  });

  it('balances: a branch that is stuck gets no more than it has room for', async () => {
    const slow = stuck<number>();
    const fast: number[] = [];
    const run = await runLocally(
      flow('graph', { args: none }, (f) => {
        const { a, b } = f.from(numbers(50_000)).balance('a', 'b');
        return f.ends(a.to(slow.sink), b.to(into(fast)));
      }),
      {},
    );
    while (run.stage('source').out < 50_000) await settled();
    await settled();
    expect(run.stage('sink').in).toBeLessThan(5_000);
    slow.release();
    await run.done;
    expect([...slow.given, ...fast].sort((x, y) => x - y)).toEqual(Array.from({ length: 50_000 }, (_, n) => n));
  });

  it('partitions by the first predicate that holds, and counts what none takes', async () => {
    const [small, even]: [number[], number[]] = [[], []];
    const run = await finished((f) => {
      const parts = f.from(numbers(100)).partition({ small: (n) => n < 10, even: (n) => n % 2 === 0 });
      return f.ends(parts.small.to(into(small)), parts.even.to(into(even)));
    });
    expect(small).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(even).toHaveLength(45);
    expect(run.stage('partition')).toMatchObject({ in: 100, out: 55, dropped: 45 });
  });

  it('goes on with the others when one branch has had enough, and reads no more when all have', async () => {
    const [two, five]: [number[], number[]] = [[], []];
    const run = await finished((f) => {
      const { a, b } = f.from(numbers(1_000_000)).broadcast('a', 'b');
      return f.ends(a.via('two', take(2)).to(into(two)), b.via('five', take(5)).to(into(five)));
    });
    expect([two, five]).toEqual([
      [0, 1],
      [0, 1, 2, 3, 4],
    ]);
    expect(run.stage('source').out).toBeLessThan(5_000);
  });

  it('comes together again: a diamond of two branches carries every element through both', async () => {
    const out: number[] = [];
    await finished((f) => {
      const { a, b } = f.from(numbers(20_000)).broadcast('a', 'b');
      return f
        .merge(
          a,
          b.via(
            'negated',
            map((n) => -n),
          ),
        )
        .to(into(out));
    });
    expect(out).toHaveLength(40_000);
    expect(out.reduce((sum, n) => sum + n, 0)).toBe(0);
  });

  it('is refused where it would wait for ever, where a branch leads nowhere, and where one is used twice', () => {
    const plan = (build: (f: FlowBuilder) => FlowEnd<{}>) => () => finished(build);
    return Promise.all(
      [
        plan((f) => {
          const { a, b } = f.from(numbers(1)).broadcast('a', 'b');
          return f.concat(a, b).to(into<number>([]));
        }),
        plan((f) => {
          const { a, b } = f.from(numbers(1)).broadcast('a', 'b');
          // The second holds the fan-out back, whatever the first loses.
          return f.concat(a.overflow({ strategy: 'drop-oldest', capacity: 10 }), b).to(into<number>([]));
        }),
        plan((f) => {
          const { a } = f.from(numbers(1)).broadcast('a', 'b');
          return a.to(into<number>([]));
        }),
        plan((f) => {
          const { a } = f.from(numbers(1)).broadcast('a');
          return f.merge(a, a).to(into<number>([]));
        }),
        plan((f) => f.merge(f.from(numbers(1)), {} as Stage<number>).to(into<number>([]))),
        plan((f) => f.from(numbers(1)).overflow({ strategy: 'drop-oldest', capacity: 0 }).to(into<number>([]))),
      ].map((run) => expect(run()).rejects.toMatchObject({ code: 'UsageError' })),
    );
  });
});

describe('a stage that says how often it runs', () => {
  it('shares its elements between its instances, and loses none', async () => {
    const out: number[] = [];
    const run = await finished((f) =>
      f
        .from(numbers(100_000))
        .via(
          'double',
          map((n) => 2 * n),
          { parallelism: 3 },
        )
        .to(into(out)),
    );
    expect(out.sort((a, b) => a - b)).toEqual(Array.from({ length: 100_000 }, (_, n) => 2 * n));
    const shares = run.counts().flatMap(({ stages }) => stages.filter(({ name }) => name === 'double'));
    expect(shares).toHaveLength(3);
    for (const share of shares) expect(share.in).toBeGreaterThan(10_000);
  });

  it('runs in each partition behind keyBy, which sees all of a key', async () => {
    const out: { key: number; partition: symbol }[] = [];
    await finished((f) =>
      f
        .from(numbers(3_000))
        .keyBy((n) => n % 10, { parallelism: 3 })
        .via('where', (input) => {
          const partition = Symbol('partition');
          return input.pipe(map((n) => ({ key: n % 10, partition })));
        })
        .to(into(out)),
    );
    for (let key = 0; key < 10; key += 1) {
      expect(new Set(out.filter((one) => one.key === key).map((one) => one.partition)).size).toBe(1);
    }
    expect(out).toHaveLength(3_000);
  });
});

describe('an output', () => {
  const job = flow('outputs', { args: none }, (f) => {
    const { all, odd } = f.from(numbers(50_000)).broadcast('all', 'odd');
    return f.ends(
      all.via('text', map(String), { parallelism: 2 }).output('texts'),
      odd
        .via(
          'odd',
          filter((n) => n % 2 === 1),
        )
        .output('odd'),
    );
  });

  it('is read by name, by whoever comes, without loss, and its type is known', async () => {
    await using system = await createSystem({ registry: registry(job) });
    const run = await system.run(job, { args: {} });
    // Nobody reads yet: the run waits.
    await new Promise((resolve) => setTimeout(resolve, 300));
    const [texts, odd]: [string[], number[]] = [[], []];
    const reading = (async () => {
      for await (const text of run.output('texts')) texts.push(text);
    })();
    for await (const n of run.output('odd')) odd.push(n);
    await reading;
    await run.done;
    expect(odd).toEqual(Array.from({ length: 25_000 }, (_, index) => 2 * index + 1));
    expect(texts.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 50_000 }, (_, n) => n));
  });

  it('holds nothing back once all its readers have left', async () => {
    await using system = await createSystem({ registry: registry(job) });
    const run = await system.run(job, { args: {} });
    for await (const n of run.output('odd')) if (n > 10) break;
    let count = 0;
    for await (const _ of run.output('texts')) count += 1;
    await run.done;
    expect(count).toBe(50_000);
  });
});

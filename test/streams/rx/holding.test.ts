/** How much chains of operators hold, and that none of them stands still for it: cases that once were questions. */
import * as rx from 'rxjs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { flow, fromIterable, type Sink } from '../../../src/streams/index.ts';
import { streamLimits } from '../../../src/streams/limits.ts';
import * as twins from '../../../src/streams/rx/index.ts';
import { runLocally } from '../local-run.ts';
import { type Operator, Plain, Rig, unaccounted } from './rig.ts';

const op = (operator: unknown): Operator => operator as Operator;
const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const slowly =
  (ms: number) =>
  (n: number): rx.Observable<number> =>
    twins.timer(ms).pipe(rx.map(() => n));

/** Pushes as many as there are, each when there is room, and lets all come out. */
async function feed(rig: Rig, count: number): Promise<void> {
  for (const n of numbers(count)) {
    while (rig.full) {
      if (rig.clock.fireNext(1e9)) await rig.pass(0);
      else await new Promise((resolve) => setImmediate(resolve));
    }
    rig.push(n);
  }
  rig.island.complete();
  while (rig.completed === 0 && rig.failures.length === 0) {
    await rig.passAll(1e9);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(rig.failures).toEqual([]);
  expect(rig.island.held.now).toBe(0);
  expect(unaccounted(rig.island.stages)).toEqual({});
}

describe('an element of which a synchronous operator makes many', () => {
  it.each([5, 100_000])('is pushed to its end: %i go beyond a full queue once, and the source stops', async (many) => {
    const stuck: Sink<number> = { name: 'stuck', open: () => ({ write: () => new Promise(() => undefined) }) };
    const job = flow('many', { args: z.object({}) }, (f) =>
      f
        .from(fromIterable(numbers(50_000)))
        .via(
          'many',
          rx.mergeMap(() => new Array<number>(many).fill(1)),
        )
        .to(stuck),
    );
    const run = await runLocally(job, {});
    for (let before = -1; before !== run.stage('many').in; await new Promise((resolve) => setTimeout(resolve, 20))) {
      before = run.stage('many').in;
    }
    const waiting = run.stage('sink').in;
    // One write and what waits behind it, each filled by elements that make so many.
    expect(waiting).toBeLessThan(2 * (streamLimits.outletHighWater + many));
    expect(waiting).toBeGreaterThanOrEqual(streamLimits.outletHighWater);
    expect(run.stage('many').in).toBe(waiting / many);
    run.cancel();
  });
});

describe('generators that make 100,000 of each of 10 elements', () => {
  it.each([
    [
      'synchronous',
      function* (of: number) {
        for (let n = 0; n < 100_000; n += 1) yield of;
      },
    ],
    [
      'asynchronous',
      async function* (of: number) {
        for (let n = 0; n < 1_000; n += 1) {
          await undefined;
          yield of;
        }
      },
    ],
  ])('are pulled only while there is room for 1,024: %s', async (kind, made) => {
    let written = 0;
    let waiting = 0;
    let highest = 0;
    const slow: Sink<number> = {
      name: 'slow',
      open: () => ({
        async write({ length }) {
          await new Promise((resolve) => setImmediate(resolve));
          written += length;
        },
      }),
    };
    const job = flow('expanded', { args: z.object({}) }, (f) =>
      f
        .from(fromIterable(numbers(10)))
        .via(
          'expand',
          rx.pipe(
            twins.mergeMap(made as (n: number) => Iterable<number>),
            rx.tap(() => look()),
          ),
        )
        .to(slow),
    );
    const look = (): void => {
      waiting += 1;
      highest = Math.max(highest, waiting - written);
    };
    const run = await runLocally(job, {});
    await run.done;
    expect(written).toBe(kind === 'synchronous' ? 1_000_000 : 10_000);
    // Each iterable may have been asked for one more when the write, and what waits behind it, were full.
    expect(highest).toBeLessThanOrEqual(2 * (streamLimits.outletHighWater + 10));
  });
});

describe('what holds elements', () => {
  it('is bounded where batches are worked on one after another, and their order stays', async () => {
    const work = rx.pipe(
      rx.bufferCount<number>(10),
      twins.concatMap((all) => slowly(1)(all[0]!).pipe(rx.map(() => all))),
    );
    const rig = new Rig({ work: op(work) }, 8);
    await feed(rig, 1_003);
    expect(rig.values.flat()).toEqual(numbers(1_003));
    // A batch counts as one when it is closed: what fills it is set free by more input alone.
    expect(rig.island.held.highest).toBeLessThanOrEqual(8 * 10 + 10);
  });

  it('is not the groups of 1,000 keys that stay open, but what is worked on in them, in order by key', async () => {
    const keys = 1_000;
    const running = new Map<number, number>();
    const work = async (n: number): Promise<number> => {
      const key = n % keys;
      running.set(key, (running.get(key) ?? 0) + 1);
      expect(running.get(key)).toBe(1);
      await undefined;
      running.set(key, 0);
      return n;
    };
    const rig = new Rig(
      {
        keyed: op(
          rx.pipe(
            twins.groupBy((n: number) => n % keys, { maxKeys: keys }),
            twins.mergeMap((group) => group.pipe(twins.concatMap(work))),
          ),
        ),
      },
      128,
    );
    await feed(rig, 5_000);
    expect(rig.island.held.highest).toBeLessThanOrEqual(128);
    expect(rig.values).toHaveLength(5_000);
    for (const key of [0, 1, 499, 999]) {
      const ofKey = rig.values.filter((n) => Number(n) % keys === key);
      expect(ofKey).toEqual(numbers(5).map((round) => round * keys + key));
    }
  });

  it('is 32 where plain RxJS holds all 2,000 of the same work', async () => {
    const given = 2_000;
    let highest = 0;
    const plain = new Plain((input, scheduler) =>
      input.pipe(rx.mergeMap((n: number) => rx.timer(5, scheduler).pipe(rx.map(() => n)), 8)),
    );
    for (const n of numbers(given)) {
      plain.input.next(n as never);
      highest = Math.max(highest, n + 1 - plain.out.length);
    }
    plain.input.complete();
    await plain.passAll(1e9);
    const rig = new Rig({ work: op(twins.mergeMap(slowly(5), 8)) }, 32);
    await feed(rig, given);
    expect(rig.values).toEqual(plain.out.map(({ value }) => value));
    expect([highest, rig.island.held.highest]).toEqual([given, 32]);
  });
});

describe('an operator that lets elements go for newer ones', () => {
  const never = (): rx.Observable<number> => rx.NEVER;
  it.each([
    ['switchMap', twins.switchMap(never)],
    ['exhaustMap', twins.exhaustMap(never)],
    ['debounceTime', twins.debounceTime<number>(50)],
    ['throttleTime', twins.throttleTime<number>(50)],
    ['auditTime', twins.auditTime<number>(50)],
    ['sampleTime', twins.sampleTime<number>(50)],
  ])('never holds up its input: %s of 10,000 elements with room for 2', (_name, operator) => {
    const rig = new Rig({ lossy: op(operator) }, 2);
    for (const n of numbers(10_000)) {
      expect(rig.full).toBe(false);
      rig.push(n);
    }
    expect(rig.failures).toEqual([]);
    expect(rig.island.held.highest).toBeLessThanOrEqual(2);
    expect(unaccounted(rig.island.stages)).toEqual({});
  });
});

describe('each with a concurrency of 16', () => {
  it('keeps the order of 1,000 elements while every third of them fails twice', async () => {
    const attempts = new Map<number, number>();
    let running = 0;
    let most = 0;
    const work = async (n: number): Promise<number> => {
      running += 1;
      most = Math.max(most, running);
      await undefined;
      running -= 1;
      const attempt = (attempts.get(n) ?? 0) + 1;
      attempts.set(n, attempt);
      if (n % 3 === 0 && attempt < 3) throw new Error('not yet');
      return n;
    };
    const each = twins.each(work, { concurrency: 16, ordered: true, retry: { max: 2, backoffMs: 1 } });
    const rig = new Rig({ each: op(each) }, 64);
    await feed(rig, 1_000);
    expect(rig.values).toEqual(numbers(1_000));
    expect(most).toBeLessThanOrEqual(16);
    expect(rig.island.held.highest).toBeLessThanOrEqual(64);
    expect([...attempts.values()].reduce((sum, count) => sum + count, 0)).toBe(666 + 3 * 334);
  });
});

/** Pools and routers whose workers run on other threads. */
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actor } from '../../../src/actors/actor.ts';
import { ask, protocol, type Ref, tell } from '../../../src/actors/protocol.ts';
import { refTo } from '../../../src/actors/schema/ref-schema.ts';
import { pool } from '../../../src/actors/spreading/pool.ts';
import { router } from '../../../src/actors/spreading/router.ts';
import { resize, routees } from '../../../src/actors/spreading/router-control.ts';
import { consistentHash, roundRobin } from '../../../src/actors/spreading/strategy.ts';
import { pathOf, stop } from '../../../src/actors/verbs.ts';
import { ended } from '../../support/deferred.ts';
import { Places } from './places.ts';

interface WorkerRef extends Ref<typeof Worker> {}
const Worker = protocol('worker', {
  work: ask({ input: z.object({ id: z.int(), ms: z.int() }), output: z.string() }),
  note: tell(z.object({ id: z.int(), ms: z.int() })),
  fails: ask({ input: z.int(), output: z.void() }),
  again: ask({ input: z.object({ to: refTo<WorkerRef>('worker'), ms: z.int() }), output: z.string() }),
  where: ask({ output: z.string() }),
});

interface Job {
  readonly id: number;
  readonly at: string;
  end?: 'done' | 'gone';
}
const jobs: Job[] = [];
let inWorkMax = 0;

const worker = actor(
  Worker,
  {
    args: z.object({}),
    state: () => ({ inWork: 0 }),
    supervise: { restartsMax: 2, backoff: { minMs: 10, maxMs: 10 }, poison: { retry: 1 } },
  },
  {
    work: async (state, { id, ms }, ctx) => {
      await job(state, id, ms, ctx);
      return pathOf(ctx.self);
    },
    note: (state, { id, ms }, ctx) => job(state, id, ms, ctx),
    fails: async (state, id, ctx) => {
      await job(state, id, 1, ctx);
      throw new Error('as planned');
    },
    again: async (_state, { to, ms }, ctx) => {
      if (ms > 0) await ctx.delay(ms);
      return to.where({ timeoutMs: 500 });
    },
    where: (_state, _message, ctx) => pathOf(ctx.self),
  },
);
async function job(
  state: { inWork: number },
  id: number,
  ms: number,
  ctx: { delay(ms: number): Promise<void>; self: object },
): Promise<void> {
  const one: Job = { id, at: threadOf(ctx.self) };
  jobs.push(one);
  state.inWork += 1;
  inWorkMax = Math.max(inWorkMax, state.inWork);
  if (ms > 0) await ctx.delay(ms);
  state.inWork -= 1;
  one.end = 'done';
}
const pooled = pool(worker, { size: 4, on: { kind: 'thread' }, queue: { highWater: 5, capacity: 50 } });
const lone = pool(worker, { name: 'lone', size: 1, on: { kind: 'thread' } });
const pair = pool(worker, { name: 'pair', size: 2, on: { kind: 'thread' } });
const elastic = pool(worker, { name: 'elastic', size: 1, min: 1, max: 3, on: { kind: 'thread' } });
const spreading = router(Worker, {
  strategy: roundRobin(),
  children: { of: worker, count: 2, on: { kind: 'thread' } },
});
const keyed = router(Worker, {
  name: 'keyed',
  strategy: consistentHash((_operation, message) => String((message as { id: number }).id)),
  children: { of: worker, count: 4, on: { kind: 'spread', places: [{ kind: 'thread' }, { kind: 'here' }] } },
});

function threadOf(ref: unknown): string {
  return /troupe:\/\/[^/]*\/([^/]*)\//.exec(String(ref))![1]!;
}

let places: Places;
afterEach(async () => {
  await places.close();
  expect(places.imbalance()).toEqual(Object.fromEntries(Object.keys(places.imbalance()).map((id) => [id, 0])));
  jobs.length = 0;
  inWorkMax = 0;
});
async function start(of: typeof pooled, threads = ['t1', 't2'], at = 'main'): Promise<Ref<typeof Worker>> {
  places = new Places([worker, pooled, lone, pair, elastic, spreading, keyed], threads);
  const ref = await places.spawn(at, of);
  await places.settle();
  return ref;
}
const ids = (): number[] => jobs.map(({ id }) => id);
const run = (call: Promise<unknown>): Promise<unknown> => {
  const over = ended(call);
  return places.settle().then(() => over);
};

describe('a pool over threads', () => {
  it('of 4 on 2 threads has at most 4 of 12 jobs of 10 ms in work, one each, four after four', async () => {
    const ref = await start(pooled);
    const all = Promise.all(Array.from({ length: 12 }, (_, id) => ref.work({ id, ms: 10 })));
    await places.settle();
    expect(jobs).toHaveLength(4);
    await places.advance(45);
    const paths = await all;
    // Of those that begin together, each thread begins its own.
    for (const from of [0, 4, 8]) {
      expect(
        ids()
          .slice(from, from + 4)
          .sort((a, b) => a - b),
      ).toEqual([from, from + 1, from + 2, from + 3]);
    }
    expect(inWorkMax).toBe(1);
    expect(new Set(paths).size).toBe(4);
    expect(new Set(paths.map(threadOf))).toEqual(new Set(['t1', 't2']));
    expect(((await run(routees(ref))) as { value: WorkerRef[] }).value.map(threadOf)).toEqual(Array(4).fill('main'));
  });

  it('gives jobs that are tells by the same rule, and hears of their end', async () => {
    const ref = await start(lone);
    for (let id = 0; id < 3; id += 1) ref.note({ id, ms: 100 });
    await places.advance(150);
    expect(ids()).toEqual([0, 1]);
    await places.advance(200);
    expect(jobs.map(({ end }) => end)).toEqual(['done', 'done', 'done']);
    expect(inWorkMax).toBe(1);
  });

  it.each([
    ['a tell', (ref: WorkerRef): void => void ref.note({ id: 1, ms: 1_000 })],
    ['an ask', (ref: WorkerRef): void => void ended(ref.work({ id: 1, ms: 1_000 }))],
    [
      'an ask whose caller gives up',
      (ref: WorkerRef): void => void ended(ref.work({ id: 1, ms: 1_000 }, { timeoutMs: 15 })),
    ],
  ] as const)('gives none to a worker that is busy for long with %s', async (_what, holds) => {
    const ref = await start(pair);
    holds(ref);
    for (let id = 2; id <= 10; id += 1) ref.note({ id, ms: 10 });
    await places.advance(200);
    expect(jobs.filter(({ end }) => end === 'done').map(({ id }) => id)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('does not give the next job to a worker whose caller gave up before its handler was done', async () => {
    const ref = await start(lone);
    const gaveUp = ended(ref.work({ id: 1, ms: 500 }, { timeoutMs: 20 }));
    const next = ended(ref.work({ id: 2, ms: 0 }));
    await places.advance(100);
    expect(await gaveUp).toMatchObject({ error: { code: 'OutcomeUnknown' } });
    expect(ids()).toEqual([1]);
    await places.advance(500);
    expect(await next).toMatchObject({ value: expect.any(String) });
    expect(inWorkMax).toBe(1);
  });

  it('settles the asks of a thread that dies, and goes on elsewhere with the jobs that wait', async () => {
    const ref = await start(pooled);
    const calls = Array.from({ length: 20 }, (_, id) => ended(ref.work({ id, ms: 50 }, { timeoutMs: 10_000 })));
    await places.advance(25);
    places.lose('t1', 'exception');
    await places.advance(1_000);
    const outcomes = await Promise.all(calls);
    const unknown = outcomes.filter((one) => 'error' in one);
    expect(unknown.map((one) => 'error' in one && one.error.code)).toEqual(['OutcomeUnknown', 'OutcomeUnknown']);
    expect(ids().sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, id) => id));
    expect(inWorkMax).toBe(1);
    expect(((await run(routees(ref))) as { value: unknown[] }).value).toHaveLength(4);
  });

  it('hands a job out again over there as its poison policy says, and stays with one at a time', async () => {
    const ref = await start(lone);
    const failed = ended(ref.fails(1));
    const next = ended(ref.work({ id: 2, ms: 0 }));
    await places.advance(100);
    expect(await failed).toMatchObject({ error: { code: 'ActorFailed' } });
    expect(await next).toMatchObject({ value: expect.any(String) });
    expect(ids()).toEqual([1, 1, 2]);
  });

  it('replaces a worker that has failed for good over there, after a second', async () => {
    const ref = await start(lone);
    for (let id = 0; id < 2; id += 1) void ended(ref.fails(id));
    await places.advance(200);
    const next = ended(ref.work({ id: 9, ms: 0 }));
    await places.advance(500);
    expect(ids()).not.toContain(9);
    await places.advance(1_000);
    expect(await next).toMatchObject({ value: expect.any(String) });
  });

  it('refuses a job that asks the pool where its only worker is the one that asks, and only then', async () => {
    const ref = await start(lone);
    const refused = ended(ref.again({ to: ref, ms: 0 }));
    await places.advance(100);
    expect(await refused).toMatchObject({
      error: { code: 'ActorFailed', message: expect.stringContaining('every worker of') },
    });
    await places.close();
    const wide = await start(pooled);
    expect(await run(wide.again({ to: wide, ms: 0 }))).toMatchObject({ value: expect.any(String) });
  });

  it('grows while jobs wait, and shrinks again', async () => {
    const ref = await start(elastic);
    const calls = Array.from({ length: 6 }, (_, id) => ref.work({ id, ms: 20 }));
    await places.advance(100);
    await Promise.all(calls);
    const count = async (): Promise<number> => ((await run(routees(ref))) as { value: unknown[] }).value.length;
    expect(await count()).toBe(3);
    await places.advance(25_000);
    expect(await count()).toBe(1);
    expect(places.at('t1').host.rootCount + places.at('t2').host.rootCount).toBe(1);
    expect(await run(resize(ref, 2))).toEqual({ value: undefined });
    await places.settle();
    expect(places.at('t1').host.rootCount + places.at('t2').host.rootCount).toBe(2);
  });

  it('does its jobs before it ends when it is drained', async () => {
    const ref = await start(pooled);
    const calls = Array.from({ length: 20 }, (_, id) => ref.work({ id, ms: 20 }));
    await places.settle();
    const stopped = stop(ref, { drain: true });
    await places.advance(300);
    await stopped;
    expect(await Promise.all(calls)).toHaveLength(20);
    expect(places.at('t1').host.rootCount + places.at('t2').host.rootCount).toBe(0);
  });

  it('may be on a thread itself, with callers elsewhere', async () => {
    places = new Places([worker, pooled, lone, pair, elastic, spreading, keyed], ['t1', 't2']);
    const at = await places.spawn('t1', pooled);
    await places.settle();
    const ref = places.refAt('main', at);
    const calls = Array.from({ length: 12 }, (_, id) => ended(ref.work({ id, ms: 10 })));
    for (let id = 20; id < 32; id += 1) ref.note({ id, ms: 1 });
    await places.advance(300);
    for (const outcome of await Promise.all(calls)) expect(outcome).toMatchObject({ value: expect.any(String) });
    expect(inWorkMax).toBe(1);
    expect(jobs).toHaveLength(24);
  });
});

describe('a router with children on threads', () => {
  it('spreads over them, and over those that take their place', async () => {
    const ref = await start(spreading as unknown as typeof pooled);
    const where = async (): Promise<string> => threadOf(((await run(ref.where())) as { value: string }).value);
    expect([await where(), await where()].sort()).toEqual(['t1', 't2']);
    places.lose('t1');
    await places.advance(20);
    expect([await where(), await where()]).toEqual(['t2', 't2']);
  });

  it('keeps the keys of a child that goes on elsewhere', async () => {
    const ref = await start(keyed as unknown as typeof pooled, ['t1', 't2', 't3']);
    const first = await Promise.all(Array.from({ length: 40 }, (_, id) => run(ref.work({ id, ms: 0 }))));
    const byPath = new Map<string, number[]>();
    for (const [id, one] of first.entries()) {
      const { value } = one as { value: string };
      byPath.set(value, [...(byPath.get(value) ?? []), id]);
    }
    expect(byPath.size).toBe(4);
    places.lose('t1');
    await places.advance(20);
    for (const ids of byPath.values()) {
      const now = await Promise.all(ids.map((id) => run(ref.work({ id, ms: 0 }))));
      expect(new Set(now.map((one) => (one as { value: string }).value)).size).toBe(1);
    }
  });
});

describe('their options', () => {
  it('are refused where `on` is no place', () => {
    places = new Places([worker], ['t1']);
    expect(() => pool(worker, { size: 1, on: 'thread' as never })).toThrow(/on takes here\(\), thread\(\)/);
    expect(() =>
      router(Worker, { strategy: roundRobin(), children: { of: worker, count: 1, on: {} as never } }),
    ).toThrow(/children.on takes/);
    expect(() =>
      router(Worker, { strategy: roundRobin(), children: { of: worker, count: 1, onn: 1 } as never }),
    ).toThrow(/has no "onn"/);
  });
});

/** Pools: jobs wait in one queue, and no worker has more than one. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type ActorDefinition, actor } from '../../../src/actors/actor.ts';
import type { Cell } from '../../../src/actors/cell.ts';
import { ask, protocol, type Ref, stream, tell } from '../../../src/actors/protocol.ts';
import { targetOf } from '../../../src/actors/ref.ts';
import { refTo } from '../../../src/actors/schema/ref-schema.ts';
import { type PoolOptions, pool } from '../../../src/actors/spreading/pool.ts';
import { addRoutee, resize, routees } from '../../../src/actors/spreading/router-control.ts';
import { kill, stop } from '../../../src/actors/verbs.ts';
import { seededRandom } from '../../../src/base/platform/seeded-random.ts';
import { ended } from '../../support/deferred.ts';
import { type TestHost, testHost } from '../../support/test-host.ts';

interface WorkerRef extends Ref<typeof Worker> {}
const Worker = protocol('worker', {
  work: ask({ input: z.object({ id: z.int(), ms: z.int() }), output: z.int(), errors: { odd: z.int() } }),
  note: tell(z.object({ id: z.int(), ms: z.int() })),
  fail: ask({ input: z.int(), output: z.void() }),
  quit: tell(),
  again: ask({ input: refTo<WorkerRef>('worker'), output: z.int() }),
  count: stream({ output: z.int() }),
});
const noArgs = z.object({});

interface Trace {
  readonly begun: number[];
  readonly done: number[];
  inWork: number;
  inWorkMax: number;
  started: number;
}

function workers(): { worker: ActorDefinition<typeof Worker, typeof noArgs>; trace: Trace } {
  const trace: Trace = { begun: [], done: [], inWork: 0, inWorkMax: 0, started: 0 };
  const job = async (id: number, ms: number, delay: (ms: number) => Promise<void>): Promise<void> => {
    trace.begun.push(id);
    trace.inWork += 1;
    trace.inWorkMax = Math.max(trace.inWorkMax, trace.inWork);
    try {
      if (ms > 0) await delay(ms);
      trace.done.push(id);
    } finally {
      trace.inWork -= 1;
    }
  };
  const worker = actor(
    Worker,
    {
      args: noArgs,
      state: () => {
        trace.started += 1;
        return {};
      },
      supervise: { restartsMax: 1 },
    },
    {
      work: async (_state, { id, ms }, ctx) => {
        await job(id, ms, (wait) => ctx.delay(wait));
        if (id === 13) ctx.fail('odd', id);
        return id;
      },
      note: (_state, { id, ms }, ctx) => job(id, ms, (wait) => ctx.delay(wait)),
      fail: async (_state, id, ctx) => {
        await job(id, 1, (wait) => ctx.delay(wait));
        throw new Error('as planned');
      },
      quit: (_state, _message, ctx) => ctx.stop(),
      again: (_state, to) => to.work({ id: 99, ms: 0 }),
      async *count() {
        yield 1;
        yield 2;
      },
    },
  );
  return { worker, trace };
}

async function start(
  options: PoolOptions<typeof noArgs>,
  host: TestHost = testHost(),
): Promise<{ host: TestHost; ref: Ref<typeof Worker>; trace: Trace }> {
  const { worker, trace } = workers();
  return { host, ref: await host.spawn(pool(worker, options)), trace };
}

describe('a pool', () => {
  it('of 3 has at most 3 of 12 jobs of 10 ms in work and ends them in 40 ms, begun in their order', async () => {
    const { host, ref, trace } = await start({ size: 3 });
    const all = Promise.all(Array.from({ length: 12 }, (_, id) => ref.work({ id: id + 20, ms: 10 })));
    await host.advance(40);
    expect(await all).toEqual(Array.from({ length: 12 }, (_, id) => id + 20));
    expect(trace.inWorkMax).toBe(3);
    expect(trace.begun).toEqual(Array.from({ length: 12 }, (_, id) => id + 20));
    expect(host.host.counters).toMatchObject({ accepted: 12, handled: 12 });
  });

  it('gives a job that waits to whoever is done first, and none to one that is busy for long', async () => {
    const { host, ref, trace } = await start({ size: 2 });
    ref.note({ id: 1, ms: 1_000 });
    for (let id = 2; id <= 10; id += 1) ref.note({ id, ms: 10 });
    await host.advance(95);
    expect(trace.done).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('keeps declared errors, failures, streams, deadlines and cancellation as they are', async () => {
    const { host, ref } = await start({ size: 1 });
    await expect(ref.work({ id: 13, ms: 0 })).rejects.toMatchObject({ code: 'odd', data: 13 });
    const failing = ended(ref.fail(1));
    await host.advance(5);
    expect(await failing).toMatchObject({ error: { code: 'ActorFailed' } });
    const items: number[] = [];
    for await (const item of ref.count()) items.push(item);
    expect(items).toEqual([1, 2]);
    const busy = ended(ref.work({ id: 1, ms: 200 }));
    const late = ended(ref.work({ id: 2, ms: 0 }, { timeoutMs: 50 }));
    const controller = new AbortController();
    const cancelled = ended(ref.work({ id: 3, ms: 0 }, { signal: controller.signal }));
    controller.abort();
    await host.advance(250);
    expect(await busy).toEqual({ value: 1 });
    expect(await late).toMatchObject({ error: { code: 'OutcomeUnknown' } });
    expect(await cancelled).toMatchObject({ error: { code: 'Cancelled', delivered: false } });
    expect(host.deadLetterCounts()).toEqual({ expired: 2, poison: 1 });
  });

  it('does not give the next job to a worker whose caller gave up before its handler was done', async () => {
    const { host, ref, trace } = await start({ size: 1 });
    const gaveUp = ended(ref.work({ id: 1, ms: 500 }, { timeoutMs: 20 }));
    const next = ended(ref.work({ id: 2, ms: 0 }));
    await host.advance(100);
    expect(await gaveUp).toMatchObject({ error: { code: 'OutcomeUnknown' } });
    expect(trace.begun).toEqual([1]);
    await host.advance(500);
    expect(await next).toEqual({ value: 2 });
    expect(trace.inWorkMax).toBe(1);
  });

  it('goes on with a worker that failed and restarted, which takes no waiting job with it', async () => {
    const { host, ref, trace } = await start({ size: 1 });
    const all = [ended(ref.fail(1)), ended(ref.work({ id: 2, ms: 1 })), ended(ref.work({ id: 3, ms: 1 }))];
    await host.advance(20);
    expect((await Promise.all(all)).map((one) => ('error' in one ? one.error.code : one.value))).toEqual([
      'ActorFailed',
      2,
      3,
    ]);
    expect(trace.started).toBe(2);
  });

  it('replaces a worker that ended for good after 1 s, and loses none of the 3 jobs that waited meanwhile', async () => {
    const { host, ref, trace } = await start({ size: 1 });
    const failures = [ended(ref.fail(1)), ended(ref.fail(2))];
    const all = [3, 4, 5].map((id) => ended(ref.work({ id, ms: 0 })));
    await host.advance(900);
    await Promise.all(failures);
    expect(await routees(ref)).toHaveLength(0);
    expect(trace.done).toEqual([1, 2]);
    await host.advance(200);
    expect(await Promise.all(all)).toEqual([{ value: 3 }, { value: 4 }, { value: 5 }]);
    expect(await routees(ref)).toHaveLength(1);
  });

  it('bounds its queue as a mailbox does: 2 in work, 3 waiting, then full, and an offer waits its turn', async () => {
    const { host, ref } = await start({ size: 2, queue: { highWater: 2, capacity: 3 } });
    const signals = Array.from({ length: 6 }, (_, id) => ref.note({ id, ms: 10 }));
    expect(signals).toEqual([true, true, true, false, false, false]);
    await expect(ref.work({ id: 9, ms: 0 })).rejects.toMatchObject({ code: 'Rejected', reason: 'full' });
    expect(host.deadLetterCounts()).toEqual({ full: 2 });
    const order: string[] = [];
    const first = ref.note.offer({ id: 10, ms: 10 }).then(() => order.push('first'));
    const second = ref.note.offer({ id: 11, ms: 10 }).then(() => order.push('second'));
    const third = ended(ref.note.offer({ id: 12, ms: 0 }, { timeoutMs: 5 }));
    await host.advance(40);
    await Promise.all([first, second]);
    expect(order).toEqual(['first', 'second']);
    expect(await third).toMatchObject({ error: { code: 'Rejected', reason: 'full' } });
  });

  it('grows at once by a resize and shrinks to 1: those in work finish their job, then stop', async () => {
    const { host, ref, trace } = await start({ size: 1 });
    for (let id = 0; id < 8; id += 1) ref.note({ id, ms: 10 });
    await resize(ref, 4);
    await host.settle();
    expect(trace.inWork).toBe(4);
    await resize(ref, 1);
    expect(await routees(ref)).toHaveLength(1);
    expect(trace.inWork).toBe(4);
    await host.advance(10);
    expect(trace.done).toHaveLength(4);
    await host.advance(5);
    expect(trace.inWork).toBe(1);
    await host.advance(40);
    expect(trace.done.sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(host.deadLetterCounts()).toEqual({});
    await expect(resize(ref, 0)).rejects.toMatchObject({ code: 'RoutingRefused', reason: 'size' });
    await expect(addRoutee(ref, ref)).rejects.toMatchObject({ code: 'RoutingRefused', reason: 'not-offered' });
  });

  it('starts workers itself up to max while jobs wait, and lets those go down to min that were idle for 10 s', async () => {
    const { host, ref, trace } = await start({ size: 1, min: 1, max: 3 });
    for (let id = 0; id < 6; id += 1) ref.note({ id, ms: 10 });
    await host.settle();
    expect(trace.inWork).toBe(3);
    await host.advance(30);
    expect(trace.done).toHaveLength(6);
    expect(await routees(ref)).toHaveLength(3);
    await host.advance(20_000);
    expect(await routees(ref)).toHaveLength(1);
    await expect(resize(ref, 4)).rejects.toMatchObject({ code: 'RoutingRefused', reason: 'size' });
  });

  it('rejects an ask from a job as a cycle where every worker waits for it, and takes it where one is free', async () => {
    const alone = await start({ size: 1 });
    const { error } = (await ended(alone.ref.again(alone.ref as WorkerRef))) as {
      error: { cause: { code: string; reason: string } };
    };
    expect(error.cause).toMatchObject({ code: 'Rejected', reason: 'cycle' });
    const two = await start({ size: 2 });
    expect(await two.ref.again(two.ref as WorkerRef)).toBe(99);
  });

  it('gives refs in a job to the worker that gets it: one that asks itself by such a ref is told so', async () => {
    const { ref } = await start({ size: 2 });
    for (const worker of await routees(ref)) {
      const both = await Promise.all([1, 2].map(() => ended(ref.again(worker as WorkerRef, { timeoutMs: 500 }))));
      const causes = both.map((one) => ('error' in one ? (one.error.cause as { reason?: string })?.reason : 'none'));
      expect(causes.filter((cause) => cause === 'cycle')).toHaveLength(1);
    }
  });

  it('that stops makes the jobs that wait dead letters, and their asks settle at once', async () => {
    const { host, ref } = await start({ size: 1 });
    ref.note({ id: 1, ms: 20 });
    ref.note({ id: 2, ms: 0 });
    const waiting = ended(ref.work({ id: 3, ms: 0 }));
    const offers = [ended(ref.note.offer({ id: 4, ms: 0 }))];
    await host.settle();
    const stopped = stop(ref);
    await host.advance(30);
    await stopped;
    expect(await waiting).toMatchObject({ error: { code: 'NotDelivered', reason: 'stopped' } });
    await Promise.all(offers);
    expect(host.deadLetterCounts()).toEqual({ stopped: 3 });
    await expect(ref.work({ id: 5, ms: 0 })).rejects.toMatchObject({ code: 'NotDelivered', reason: 'stopped' });
  });

  it('that is drained does the 5 jobs that wait, takes no other, and ends with its workers', async () => {
    const { host, ref, trace } = await start({ size: 2 });
    const workersBefore = await routees(ref);
    for (let id = 1; id <= 7; id += 1) ref.note({ id, ms: 10 });
    await host.settle();
    let isOver = false;
    const drained = stop(ref, { drain: true }).then(() => {
      isOver = true;
    });
    expect(ref.note({ id: 8, ms: 0 })).toBe(false);
    await expect(ref.work({ id: 9, ms: 0 })).rejects.toMatchObject({ code: 'NotDelivered' });
    await host.advance(30);
    expect(isOver).toBe(false);
    await host.advance(20);
    await drained;
    expect(trace.done.sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(host.deadLetterCounts()).toEqual({ draining: 2 });
    await expect(workersBefore[0]!.work({ id: 1, ms: 0 })).rejects.toMatchObject({ code: 'NotDelivered' });
  });

  it('takes a dead letter of its queue again, as a job', async () => {
    const { host, ref, trace } = await start({ size: 1, queue: { capacity: 1 } });
    for (let id = 1; id <= 3; id += 1) ref.note({ id, ms: 10 });
    await host.advance(30);
    expect(host.deadLetterCounts()).toEqual({ full: 1 });
    await host.deadLetters[0]!.replay();
    await host.advance(20);
    expect(trace.done).toEqual([1, 2, 3]);
  });

  it('that is drained while it has nothing to do ends at once', async () => {
    const { host, ref } = await start({ size: 2 });
    const drained = stop(ref, { drain: true });
    await host.settle();
    await drained;
    expect(host.deadLetterCounts()).toEqual({});
  });

  it('checks its options', () => {
    const { worker } = workers();
    expect(() => pool(worker, { size: 0 })).toThrow(/size must be a whole number from 1 to 1024; it was given 0/);
    expect(() => pool(worker, { size: 2, min: 3 })).toThrow(/min must be a whole number from 1 to 2/);
    expect(() => pool(worker, { size: 2, max: 1 })).toThrow(/max must be a whole number from 2 to 1024/);
    expect(() => pool({} as never, { size: 2 })).toThrow(/takes the definition of an actor/);
  });
});

type Step =
  | { readonly do: 'ask' | 'tell' | 'offer' | 'short ask' | 'fail'; readonly ms: number }
  | { readonly do: 'quit' }
  | { readonly do: 'resize'; readonly to: number }
  | { readonly do: 'advance'; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('ask', 'tell', 'offer', 'short ask', 'fail'),
      ms: fc.nat({ max: 30 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('quit') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('resize'), to: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('advance'), ms: fc.nat({ max: 40 }) }) },
);

it('does each job once, never more at a time than it has workers, and accounts for all, in 200 random programs', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 50 }),
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom<'reject' | 'drop-oldest' | 'drop-newest'>('reject', 'drop-oldest', 'drop-newest'),
      fc.nat(),
      async (program, size, overflow, seed) => {
        const host = testHost({ seed, scheduler: { random: seededRandom(seed) } });
        const { ref, trace } = await start({ size, queue: { highWater: 3, capacity: 6, overflow } }, host);
        let sizeMax = size;
        let calls = 0;
        let settled = 0;
        const track = (call: Promise<unknown>): void => {
          calls += 1;
          void ended(call).then(() => {
            settled += 1;
          });
        };
        for (const [index, one] of program.entries()) {
          const id = index + 100;
          switch (one.do) {
            case 'ask':
              track(ref.work({ id, ms: one.ms }));
              break;
            case 'short ask':
              track(ref.work({ id, ms: one.ms }, { timeoutMs: 10 }));
              break;
            case 'tell':
              ref.note({ id, ms: one.ms });
              break;
            case 'offer':
              track(ref.note.offer({ id, ms: one.ms }, { timeoutMs: 30 }));
              break;
            case 'fail':
              track(ref.fail(id));
              break;
            case 'quit':
              ref.quit();
              break;
            case 'resize':
              sizeMax = Math.max(sizeMax, one.to);
              track(resize(ref, one.to));
              break;
            case 'advance':
              await host.advance(one.ms);
              break;
            default:
              one satisfies never;
          }
          // Those that finish a job after a resize down are beside the new ones.
          expect(trace.inWork).toBeLessThanOrEqual(sizeMax + 4);
        }
        await host.advance(20_000);
        expect(settled).toBe(calls);
        expect(new Set(trace.begun).size).toBe(trace.begun.length);
        if (!program.some((one) => one.do === 'resize')) expect(trace.inWorkMax).toBeLessThanOrEqual(size);
        const { accepted, refused, handled } = host.host.counters;
        const dead = Object.values(host.deadLetterCounts()).reduce((sum, count) => sum + count, 0);
        expect(accepted + refused).toBe(handled + dead);
        expect(trace.inWork).toBe(0);
        await kill(ref);
        expect(host.host.deadlines.open).toBe(0);
      },
    ),
    { numRuns: 200 },
  );
});

describe('a pool that drains while its workers end', () => {
  const Press = protocol('press', { print: ask({ input: z.int(), output: z.int() }) });
  const press = actor(
    Press,
    { args: z.object({}), state: () => ({}), supervise: { directive: () => 'stop' } },
    {
      print: async (_state, n) => {
        if (n % 2 === 0) throw new Error('even');
        return n;
      },
    },
  );

  it('does its 5 jobs though every second one ends its only worker, without waiting for a deadline', async () => {
    const host = testHost();
    const ref = await host.spawn(pool(press, { size: 1 }));
    const jobs = [0, 1, 2, 3, 4].map((n) => ended(ref.print(n)));
    await stop(ref, { drain: true });
    const results = await Promise.all(jobs);
    expect(results.map((result) => ('value' in result ? result.value : result.error.code))).toEqual([
      'ActorFailed',
      1,
      'ActorFailed',
      3,
      'ActorFailed',
    ]);
    expect(host.deadLetterCounts()).toEqual({ poison: 3 });
  });

  it('ends though a worker that had nothing to do was killed meanwhile', async () => {
    const host = testHost();
    const ref = await host.spawn(pool(press, { size: 2 }));
    const job = ended(ref.print(1));
    const stopped = stop(ref, { drain: true });
    const [idle] = [...(targetOf(ref) as Cell).children].slice(-1);
    void idle?.stop(true, undefined);
    await stopped;
    await job;
  });
});

/** Priority lanes: what is urgent goes first, the order within a lane holds, and control waits behind none of them. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { actor, type MailboxOptions } from '../../src/actors/actor.ts';
import { ask, protocol, tell } from '../../src/actors/protocol.ts';
import { refOf } from '../../src/actors/schema/ref-schema.ts';
import { kill, stop } from '../../src/actors/verbs.ts';
import { type Deferred, deferred, ended } from '../support/deferred.ts';
import { type TestHost, testHost } from '../support/test-host.ts';

const Job = z.object({ n: z.int(), lane: z.int().default(1) });
const Sorter = protocol('sorter', {
  put: tell(Job),
  get: ask({ input: Job, output: z.int() }),
  hold: tell(),
  fail: tell(),
  watch: tell(refOf(protocol('any', { quit: tell() }))),
  stash: tell(Job),
  unstash: tell(),
});

type Lanes = Pick<MailboxOptions<(typeof Sorter)['ops']>, 'laneOf'> & Omit<MailboxOptions, 'laneOf'>;

/** An actor with 3 lanes, held by `hold` until it is opened. */
async function sorter(host: TestHost, mailbox: Lanes = {}) {
  const seen: (number | string)[] = [];
  const gates: Deferred<void>[] = [];
  const ref = await host.spawn(
    actor(
      Sorter,
      {
        args: z.object({}),
        state: () => ({ set: true }),
        mailbox: {
          lanes: 3,
          laneOf: (operation, message) =>
            operation === 'put' || operation === 'get' || operation === 'stash' ? message.lane : 0,
          ...mailbox,
        },
        supervise: { poison: { retry: 1 } },
        signals: { terminated: () => void seen.push('terminated') },
      },
      {
        put: (_state, { n }) => void seen.push(n),
        get: (_state, { n }) => {
          seen.push(n);
          return n;
        },
        hold: () => {
          const gate = deferred();
          gates.push(gate);
          return gate.promise;
        },
        fail: () => {
          seen.push('fail');
          throw new Error('broken');
        },
        watch: (_state, other, context) => context.watch(other),
        stash: (state, { n }, context) => {
          if (state.set) return context.stash();
          seen.push(n);
        },
        unstash: (state, _message, context) => {
          state.set = false;
          context.unstash();
        },
      },
    ),
  );
  ref.hold();
  await host.settle();
  return {
    ref,
    seen,
    open: async () => {
      for (const gate of gates) gate.resolve();
      await host.settle();
    },
  };
}

describe('lanes', () => {
  test('are handled from the most urgent on, first come first served within each', async () => {
    const host = testHost();
    const { ref, seen, open } = await sorter(host);
    for (const [n, lane] of [2, 1, 0, 2, 1, 0].entries()) ref.put({ n, lane });
    await open();
    expect(seen).toEqual([2, 5, 1, 4, 0, 3]);
    expect(host.host.counters).toMatchObject({ accepted: 7, handled: 7 });
  });

  test('hold for asks, offers and tells alike', async () => {
    const host = testHost();
    const { ref, seen, open } = await sorter(host);
    ref.put({ n: 1, lane: 2 });
    const got = ref.get({ n: 2, lane: 0 });
    await ref.put.offer({ n: 3, lane: 0 });
    await open();
    expect(await got).toBe(2);
    expect(seen).toEqual([2, 3, 1]);
  });

  test('hold from message to message within a turn, for what comes while it is under way', async () => {
    const host = testHost();
    const { ref, seen, open } = await sorter(host);
    const Feeder = protocol('feeder', { go: ask({ output: z.void() }) });
    const feeder = await host.spawn(
      actor(
        Feeder,
        { args: z.object({}), state: () => ({}) },
        { go: () => void [ref.put({ n: 9, lane: 0 }), ref.put({ n: 8, lane: 0 })] },
      ),
    );
    for (let n = 0; n < 3; n += 1) ref.put({ n, lane: 1 });
    await feeder.go();
    await open();
    expect(seen).toEqual([9, 8, 0, 1, 2]);
  });

  test('signal by the high water and refuse by the capacity of all lanes together', async () => {
    const host = testHost();
    const { ref, open } = await sorter(host, { highWater: 3, capacity: 4 });
    const told = [0, 1, 2, 0, 1].map((lane, n) => ref.put({ n, lane }));
    expect(told).toEqual([true, true, false, false, false]);
    expect(host.queued(ref)).toBe(4);
    expect(host.deadLetterCounts()).toEqual({ full: 1 });
    await open();
  });

  test('drop the oldest of the least urgent lane under drop-oldest, and the newcomer where that is it', async () => {
    const host = testHost();
    const { ref, seen, open } = await sorter(host, { capacity: 3, overflow: 'drop-oldest' });
    ref.put({ n: 1, lane: 2 });
    ref.put({ n: 2, lane: 2 });
    ref.put({ n: 3, lane: 1 });
    ref.put({ n: 4, lane: 0 });
    ref.put({ n: 5, lane: 0 });
    const refused = ended(ref.get({ n: 6, lane: 2 }));
    ref.put({ n: 7, lane: 1 });
    expect(await refused).toMatchObject({ error: { code: 'Rejected', reason: 'full' } });
    await open();
    expect(seen).toEqual([4, 5, 7]);
    expect(host.deadLetters.map(({ message }) => (message as { n: number }).n)).toEqual([1, 2, 6, 3]);
    expect(host.host.counters).toMatchObject({ accepted: 7, refused: 1, handled: 4 });
  });

  test('of a mailbox with a capacity of 1 drop for what is as urgent or more', async () => {
    const host = testHost();
    const { ref, seen, open } = await sorter(host, { capacity: 1, overflow: 'drop-oldest' });
    ref.put({ n: 1, lane: 1 });
    ref.put({ n: 2, lane: 2 });
    ref.put({ n: 3, lane: 1 });
    ref.put({ n: 4, lane: 0 });
    expect(host.queued(ref)).toBe(1);
    await open();
    expect(seen).toEqual([4]);
    expect(host.deadLetterCounts()).toEqual({ dropped: 3 });
  });

  test('have a message that is handed out again before all others, once', async () => {
    const host = testHost();
    const { ref, seen, open } = await sorter(host);
    ref.put({ n: 1, lane: 2 });
    ref.fail();
    ref.put({ n: 2, lane: 0 });
    await open();
    expect(seen).toEqual(['fail', 'fail', 2, 1]);
  });

  test('take back what was set aside, each message before those of its lane', async () => {
    const host = testHost();
    const { ref, seen, open } = await sorter(host);
    ref.stash({ n: 1, lane: 2 });
    ref.stash({ n: 2, lane: 1 });
    await open();
    expect(host.stashed(ref)).toBe(2);
    ref.unstash();
    ref.put({ n: 3, lane: 2 });
    ref.put({ n: 4, lane: 1 });
    ref.put({ n: 5, lane: 0 });
    await host.settle();
    expect(seen).toEqual([5, 2, 4, 1, 3]);
  });

  /** An actor that `ref` watches, and that sends two messages on its last turn, while `ref` is held. */
  async function endedAfterTwo(host: TestHost, { ref, open }: Awaited<ReturnType<typeof sorter>>) {
    const Other = protocol('any', { quit: tell() });
    const other = await host.spawn(
      actor(
        Other,
        { args: z.object({}), state: () => ({}) },
        {
          quit: (_state, _message, context) => {
            ref.put({ n: 1, lane: 2 });
            ref.put({ n: 2, lane: 0 });
            context.stop();
          },
        },
      ),
    );
    ref.watch(other);
    await open();
    ref.hold();
    await host.settle();
    other.quit();
    await host.settle();
  }

  test('tell of an end after every message of the actor that ended, in whatever lane', async () => {
    const host = testHost();
    const held = await sorter(host);
    await endedAfterTwo(host, held);
    held.ref.put({ n: 3, lane: 1 });
    await held.open();
    expect(held.seen).toEqual([2, 3, 1, 'terminated']);
  });

  test('drop no news of an end, and keep its place, under drop-oldest', async () => {
    const host = testHost();
    const held = await sorter(host, { capacity: 2, overflow: 'drop-oldest' });
    await endedAfterTwo(host, held);
    expect(host.queued(held.ref)).toBe(3);
    for (let n = 3; n < 6; n += 1) held.ref.put({ n, lane: 2 });
    expect(host.queued(held.ref)).toBe(3);
    await held.open();
    expect(held.seen).toEqual([2, 'terminated', 5]);
    expect(host.deadLetterCounts()).toEqual({ dropped: 3 });
  });
});

describe('a laneOf that fails', () => {
  test.each([
    ['throws', () => JSON.parse('') as number],
    ['gives a lane that does not exist', () => 3],
    ['gives no number', () => 'first' as never],
    ['gives a fraction', () => 0.5],
    ['gives a negative lane', () => -1],
  ])(
    'because it %s loses nothing: the last lane, one line in the log, and no word to the sender',
    async (_what, laneOf) => {
      const host = testHost();
      const { ref, seen, open } = await sorter(host, {
        laneOf: (operation, message) => (operation === 'put' && message.n < 3 ? laneOf() : 1),
      });
      expect([1, 2, 3, 4].map((n) => ref.put({ n }))).toEqual([true, true, true, true]);
      await open();
      expect(seen).toEqual([3, 4, 1, 2]);
      expect(host.log.of('error')).toHaveLength(1);
      expect(host.log.of('error')[0]?.text).toMatch(/laneOf for sorter\.put and handles the message in its last lane/);
    },
  );

  test.each([[{ lanes: 1 }], [{ lanes: 33 }], [{ lanes: 2.5 }], [{ lanes: undefined }], [{ laneOf: undefined }]])(
    'a mailbox of %j is a mistake',
    async (mailbox) => {
      await expect(sorter(testHost(), mailbox as Lanes)).rejects.toMatchObject({ code: 'UsageError' });
    },
  );
});

describe('control waits behind no lane and no queue', () => {
  const Busy = protocol('busy', { put: tell(z.int()) });
  const plain: MailboxOptions<(typeof Busy)['ops']> = {};
  const withLanes: MailboxOptions<(typeof Busy)['ops']> = { lanes: 2, laneOf: (_operation, n) => n % 2 };

  test.each([
    ['stop', stop, plain],
    ['kill', kill, plain],
    ['stop', stop, withLanes],
    ['kill', kill, withLanes],
  ])('%s of an actor with 10,000 queued messages ends it after the current one (%#)', async (_how, end, mailbox) => {
    const host = testHost();
    const seen: number[] = [];
    const gate = deferred();
    const ref = await host.spawn(
      actor(
        Busy,
        { args: z.object({}), state: () => ({}), mailbox },
        {
          put: async (_state, n) => {
            seen.push(n);
            if (n === 0) await gate.promise;
          },
        },
      ),
    );
    for (let n = 0; n <= 10_000; n += 1) ref.put(n);
    await host.settle();
    expect(host.queued(ref)).toBe(10_000);
    const over = end(ref);
    await host.settle();
    gate.resolve();
    await over;
    expect(seen).toEqual([0]);
    expect(host.deadLetterCounts()).toEqual({ stopped: 10_000 });
    expect(host.host.counters).toMatchObject({ accepted: 10_001, handled: 1 });
  });

  test('ctx.stop in the middle of a turn of 10,000 messages leaves the rest', async () => {
    const host = testHost();
    let handled = 0;
    const ref = await host.spawn(
      actor(
        Busy,
        { args: z.object({}), state: () => ({}) },
        {
          put: (_state, n, context) => {
            handled += 1;
            if (n === 5) context.stop();
          },
        },
      ),
    );
    for (let n = 1; n <= 10_000; n += 1) ref.put(n);
    await host.settle();
    expect(handled).toBe(5);
    expect(host.deadLetterCounts()).toEqual({ stopped: 9_995 });
  });
});

type Step = { readonly do: 'put'; readonly lane: number } | { readonly do: 'pause'; readonly turns: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('put' as const), lane: fc.nat({ max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pause' as const), turns: fc.nat({ max: 3 }) }) },
);

test('4 lanes handle what a sorted list would, turn by turn, and lose none, in 300 random programs', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 80 }),
      fc.constantFrom('reject', 'drop-oldest', 'drop-newest'),
      fc.constantFrom(1, 2, 5, 1_000),
      async (program, overflow, capacity) => {
        const host = testHost({ scheduler: { manual: true, messagesPerSlice: 1 } });
        const seen: number[] = [];
        const Plain = protocol('plain', { put: tell(z.object({ n: z.int(), lane: z.int() })) });
        const ref = await host.spawn(
          actor(
            Plain,
            {
              args: z.object({}),
              state: () => ({}),
              mailbox: { overflow, capacity, lanes: 4, laneOf: (_operation, { lane }) => lane },
            },
            { put: (_state, { n }) => void seen.push(n) },
          ),
        );
        const waiting: { n: number; lane: number }[] = [];
        const handled: number[] = [];
        const dead: number[] = [];
        const handleOne = (): void => {
          host.scheduler.step();
          const next = waiting.shift();
          if (next !== undefined) handled.push(next.n);
          expect(seen).toEqual(handled);
        };
        let sent = 0;
        for (const one of program) {
          if (one.do === 'pause') {
            for (let turn = 0; turn < one.turns; turn += 1) handleOne();
            continue;
          }
          const message = { n: sent, lane: one.lane };
          sent += 1;
          ref.put(message);
          waiting.push(message);
          waiting.sort((a, b) => a.lane - b.lane || a.n - b.n);
          if (waiting.length > capacity) {
            const leastUrgent = waiting.findIndex(({ lane }) => lane === waiting.at(-1)!.lane);
            const out = overflow === 'drop-oldest' ? leastUrgent : waiting.indexOf(message);
            dead.push(waiting.splice(out, 1)[0]!.n);
          }
          expect(host.queued(ref)).toBe(waiting.length);
        }
        while (waiting.length > 0) handleOne();
        await host.settle();
        expect(host.deadLetters.map(({ message }) => (message as { n: number }).n)).toEqual(dead);
        expect(handled.length + dead.length).toBe(sent);
      },
    ),
    { numRuns: 300 },
  );
});

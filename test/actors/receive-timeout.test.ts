/** `signals.idle`: called once for each quiet time, exactly when it has lasted long enough. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import type { Cell } from '../../src/actors/cell.ts';
import { dataOf, machine } from '../../src/actors/machine.ts';
import { ask, protocol, stream, tell } from '../../src/actors/protocol.ts';
import { targetOf } from '../../src/actors/ref.ts';
import { kill, stop } from '../../src/actors/verbs.ts';
import { deferred } from '../support/deferred.ts';
import { type TestHost, testHost } from '../support/test-host.ts';

const Session = protocol('session', {
  touch: tell(),
  work: tell(z.int()),
  fail: tell(),
  quit: tell(),
  ping: ask({ output: z.int() }),
  open: stream({ output: z.int() }),
});

const quiet = (): void => undefined;
const cellOf = (ref: object): Cell => targetOf(ref) as Cell;

/** An actor that notes when it was idle for 100 ms. */
async function session(
  host: TestHost,
  options: {
    idle?: (context: { stop(): void; delay(ms: number): Promise<void> }) => unknown;
    state?: Promise<void>;
  } = {},
) {
  const idle: number[] = [];
  const ref = await host.spawn(
    actor(
      Session,
      {
        args: z.object({}),
        state: async () => {
          await options.state;
          return { touched: 0 };
        },
        idleMs: 100,
        signals: {
          idle: (_state, { idleMs }, context) => {
            expect(idleMs).toBe(100);
            idle.push(host.clock.monotonicMs());
            return options.idle?.(context) as void | Promise<void>;
          },
        },
      },
      {
        touch: (state) => {
          state.touched += 1;
        },
        work: (_state, ms, context) => context.delay(ms),
        fail: () => {
          throw new Error('broken');
        },
        quit: (_state, _message, context) => context.stop(),
        ping: () => 1,
        async *open(_state, _message, context) {
          yield* context.observe((state) => state.touched);
        },
      },
    ),
  );
  return { ref, idle };
}

describe('signals.idle', () => {
  test('is called 100 ms after the start when nothing comes, and once', async () => {
    const host = testHost();
    const { idle } = await session(host);
    await host.advance(99);
    expect(idle).toEqual([]);
    await host.advance(1_000);
    expect(idle).toEqual([100]);
    expect(host.clock.pending).toBe(0);
  });

  test('is called 100 ms after the last message to the ms, whenever the timer was armed', async () => {
    const host = testHost();
    const { ref, idle } = await session(host);
    for (const ms of [30, 50, 70]) {
      await host.advance(ms);
      ref.touch();
    }
    await host.advance(1_000);
    expect(idle).toEqual([250]);
  });

  test('is called again only after a message came in between', async () => {
    const host = testHost();
    const { ref, idle } = await session(host);
    await host.advance(500);
    ref.touch();
    await host.advance(500);
    expect(idle).toEqual([100, 600]);
  });

  test('is never called while a handler waits, and counts from its end', async () => {
    const host = testHost();
    const { ref, idle } = await session(host);
    ref.work(350);
    await host.advance(449);
    expect(idle).toEqual([]);
    await host.advance(1);
    expect(idle).toEqual([450]);
  });

  test('is never called while a stream is open, and counts from its end', async () => {
    const host = testHost();
    const { ref, idle } = await session(host);
    const reader = ref.open().subscribe({});
    await host.advance(330);
    expect(idle).toEqual([]);
    reader.unsubscribe();
    await host.advance(99);
    expect(idle).toEqual([]);
    await host.advance(1);
    expect(idle).toEqual([430]);
  });

  test('holds the actor like a message while it is asynchronous, and is no message itself', async () => {
    const host = testHost();
    const { ref, idle } = await session(host, { idle: (context) => context.delay(50) });
    await host.advance(100);
    const ping = ref.ping().then(() => host.clock.monotonicMs());
    await host.advance(50);
    expect(await ping).toBe(150);
    await host.advance(1_000);
    expect(idle).toEqual([100, 250]);
  });

  test('may stop its actor, as a session that nobody uses does', async () => {
    const host = testHost();
    const { ref } = await session(host, { idle: (context) => context.stop() });
    await host.advance(100);
    expect(await ref.ping.outcome()).toMatchObject({ error: { code: 'NotDelivered' } });
    await host.advance(20);
    expect(host.clock.pending).toBe(0);
  });

  test('begins anew with a restart, and what the earlier generation waited for is told to nobody', async () => {
    const host = testHost();
    const { ref, idle } = await session(host);
    await host.advance(60);
    ref.fail();
    await host.advance(99);
    expect(idle).toEqual([]);
    await host.advance(1);
    expect(idle).toEqual([160]);
  });

  test('that is queued when its actor fails is not told to the next generation', async () => {
    const host = testHost({ scheduler: { manual: true } });
    const { ref, idle } = await session(host);
    await host.advance(100);
    expect(host.queued(ref)).toBe(1);
    // It fails outside of any message, while the signal waits.
    const { generation } = cellOf(ref);
    cellOf(ref).workOwner(generation).failed(new Error('broken'));
    await host.settle();
    host.scheduler.drain();
    await host.settle();
    expect(cellOf(ref).generation).toBe(1);
    expect(idle).toEqual([]);
    expect(host.host.counters).toMatchObject({ accepted: 1, handled: 1 });
  });

  test.each([
    ['stop', stop],
    ['kill', kill],
  ])('ends with the actor: %s leaves no timer', async (_how, end) => {
    const host = testHost();
    const { ref, idle } = await session(host);
    await end(ref);
    expect(host.clock.pending).toBe(0);
    await host.advance(1_000);
    expect(idle).toEqual([]);
  });

  test('holds no process alive', async () => {
    const host = testHost();
    const wakes: number[] = [];
    const wake = host.clock.wake.bind(host.clock);
    host.clock.wake = (ms, fire) => {
      wakes.push(ms);
      return wake(ms, fire);
    };
    await session(host);
    await host.advance(50);
    expect(host.clock.pending).toBe(1);
    expect(wakes).toEqual([]);
  });

  test('costs an actor one timer for 1,000 messages', async () => {
    const host = testHost();
    const { ref } = await session(host);
    let timers = 0;
    const timer = host.clock.timer.bind(host.clock);
    host.clock.timer = (ms, fire) => {
      timers += 1;
      return timer(ms, fire);
    };
    for (let n = 0; n < 1_000; n += 1) {
      ref.touch();
      await host.settle();
    }
    expect(timers).toBe(0);
    expect(host.clock.pending).toBe(1);
  });

  test('counts from the end of a start that takes 300 ms', async () => {
    const host = testHost();
    const gate = deferred();
    host.clock.timer(300, () => gate.resolve());
    const spawned = session(host, { state: gate.promise });
    await host.advance(300);
    const { idle } = await spawned;
    await host.advance(100);
    expect(idle).toEqual([400]);
  });

  test('is called for a machine with its present state', async () => {
    const host = testHost();
    const seen: string[] = [];
    const Plain = protocol('plain', { go: tell() });
    const ref = await host.spawn(
      machine(
        Plain,
        {
          args: z.object({}),
          states: { a: {}, b: { data: dataOf<{ n: number }>() } },
          initial: () => ({ state: 'a' }),
          unhandled: 'refuse',
          idleMs: 10,
          signals: { idle: (at) => void seen.push(at.state === 'b' ? `b ${at.data.n}` : at.state) },
        },
        { a: { on: { go: (_data, _message, context) => context.goto('b', { n: 1 }) } }, b: {} },
      ),
    );
    await host.advance(10);
    ref.go();
    await host.advance(10);
    expect(seen).toEqual(['a', 'b 1']);
  });

  test.each([
    [{ idleMs: 10 }, /need each other/],
    [{ signals: { idle: quiet } }, /need each other/],
    [{ idleMs: 0, signals: { idle: quiet } }, /idleMs must be a whole number/],
  ])('of a definition with %j is a mistake', (options, finding) => {
    const Plain = protocol('plain', { go: tell() });
    const define = () => actor(Plain, { args: z.object({}), state: () => ({}), ...options }, { go: () => undefined });
    expect(define).toThrow(finding);
  });
});

test('is called exactly at 100 ms after each last message, in 200 random programs', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 250 }), { maxLength: 30 }), async (pauses) => {
      const host = testHost();
      const { ref, idle } = await session(host);
      const expected: number[] = [];
      let lastMs = 0;
      for (const ms of pauses) {
        await host.advance(ms);
        if (host.clock.monotonicMs() - lastMs >= 100) expected.push(lastMs + 100);
        ref.touch();
        await host.settle();
        lastMs = host.clock.monotonicMs();
      }
      await host.advance(1_000);
      expected.push(lastMs + 100);
      expect(idle).toEqual(expected);
    }),
    { numRuns: 200 },
  );
});

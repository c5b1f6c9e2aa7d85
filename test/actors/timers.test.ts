/** Timers, `ctx.run` and `ctx.delay`: they deliver operations, and end with their actor. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import type { Context } from '../../src/actors/context.ts';
import { ask, protocol, tell } from '../../src/actors/protocol.ts';
import { kill, stop } from '../../src/actors/verbs.ts';
import { deferred, ended } from '../support/deferred.ts';
import { type TestHost, testHost } from '../support/test-host.ts';

const Clockwork = protocol('clockwork', { go: tell(), ping: ask({ output: z.int() }) });
const tick = tell();
const at = tell(z.object({ when: z.date() }));
const failed = tell(z.object({ code: z.string(), message: z.string() }));
type Internal = { tick: typeof tick; at: typeof at; failed: typeof failed };
type GoContext = Context<(typeof Clockwork)['ops'] & Internal>;

/** An actor that does what the test says on `go`, and notes what was delivered and when. */
async function clockwork(host: TestHost, go: (context: GoContext) => unknown) {
  const events: string[] = [];
  const note = (what: string): void => {
    events.push(`${what} at ${host.clock.monotonicMs()}`);
  };
  const ref = await host.spawn(
    actor(
      Clockwork,
      {
        args: z.object({}),
        state: () => ({}),
        internal: { tick, at, failed },
        supervise: { directive: () => 'stop' },
      },
      {
        go: (_state, _message, context) => go(context as unknown as GoContext) as void | Promise<void>,
        ping: () => 1,
        tick: () => note('tick'),
        at: (_state, { when }) => note(`when ${when.getTime()}`),
        failed: (_state, { code, message }) => note(`${code} ${message}`),
      },
    ),
  );
  ref.go();
  await host.settle();
  return { ref, events };
}

describe('ctx.after', () => {
  test('delivers once, after 100 ms', async () => {
    const host = testHost();
    const { events } = await clockwork(host, (context) => context.after(100, context.self.tick));
    await host.advance(1_000);
    expect(events).toEqual(['tick at 100']);
    expect(host.clock.pending).toBe(0);
  });

  test('delivers nothing once it was cancelled', async () => {
    const host = testHost();
    const { events } = await clockwork(host, (context) => {
      const cancel = context.after(100, context.self.tick);
      cancel();
      cancel();
    });
    await host.advance(1_000);
    expect(events).toEqual([]);
  });

  test('delivers the message as it was when the timer was set', async () => {
    const host = testHost();
    const when = new Date(5);
    const { events } = await clockwork(host, (context) => context.after(10, context.self.at, { when }));
    when.setTime(99);
    await host.advance(10);
    expect(events).toEqual(['when 5 at 10']);
  });

  test('with a message that does not fit fails the handler as InvalidMessage, and not later', async () => {
    const host = testHost();
    const codes: unknown[] = [];
    await clockwork(host, (context) => {
      try {
        context.after(10, context.self.at, { when: 'later' as never });
      } catch (error) {
        codes.push((error as { code: string }).code);
      }
    });
    expect(codes).toEqual(['InvalidMessage']);
    expect(host.clock.pending).toBe(0);
  });

  test.each([
    [(context: GoContext) => context.after(-1, context.self.tick)],
    [(context: GoContext) => context.after(Number.NaN, context.self.tick)],
    [(context: GoContext) => context.after(Number.POSITIVE_INFINITY, context.self.tick)],
    [(context: GoContext) => context.every(0, context.self.tick)],
    [(context: GoContext) => context.delay(-1)],
    [(context: GoContext) => context.delay(Number.NaN)],
    [(context: GoContext) => context.after(10, (() => undefined) as never)],
    [(context: GoContext) => context.after(10, context.self.ping as never)],
    [(context: GoContext) => context.run(Promise.resolve(), (() => undefined) as never)],
  ])('refuses mistakes as UsageError: %s', async (go) => {
    const host = testHost();
    await clockwork(host, go);
    expect(host.log.of('error')).toHaveLength(1);
    expect(host.log.of('error')[0]?.fields.error).toMatch(/^UsageError/);
  });
});

describe('ctx.every', () => {
  test('delivers every 100 ms, first after one period, without drift', async () => {
    const host = testHost();
    const { events } = await clockwork(host, (context) => context.every(100, context.self.tick));
    await host.advance(350);
    expect(events).toEqual(['tick at 100', 'tick at 200', 'tick at 300']);
  });

  test('ends when its cancel is called', async () => {
    const host = testHost();
    let cancel = (): void => undefined;
    const { events } = await clockwork(host, (context) => {
      cancel = context.every(100, context.self.tick);
    });
    await host.advance(150);
    cancel();
    await host.advance(1_000);
    expect(events).toEqual(['tick at 100']);
  });
});

describe('a clock that is late', () => {
  /** Every timer fires so much too late. */
  const lateBy = (host: TestHost, lateMs: () => number): void => {
    const wake = host.clock.wake.bind(host.clock);
    host.clock.wake = (ms, fire) => wake(ms + lateMs(), fire);
  };

  test('by 3 ms each time does not make every 100 ms drift', async () => {
    const host = testHost();
    lateBy(host, () => 3);
    const { events } = await clockwork(host, (context) => context.every(100, context.self.tick));
    await host.advance(420);
    expect(events).toEqual(['tick at 103', 'tick at 203', 'tick at 303', 'tick at 403']);
  });

  test('by 250 ms once skips what it missed, and goes on in the old rhythm', async () => {
    const host = testHost();
    const lateness = [250, 0, 0];
    lateBy(host, () => lateness.shift() ?? 0);
    const { events } = await clockwork(host, (context) => context.every(100, context.self.tick));
    await host.advance(560);
    expect(events).toEqual(['tick at 350', 'tick at 400', 'tick at 500']);
  });

  test('by a whole period once goes on with the next', async () => {
    const host = testHost();
    const lateness = [100, 0, 0];
    lateBy(host, () => lateness.shift() ?? 0);
    const { events } = await clockwork(host, (context) => context.every(100, context.self.tick));
    await host.advance(410);
    expect(events).toEqual(['tick at 200', 'tick at 300', 'tick at 400']);
  });
});

describe('a named timer', () => {
  test('replaces the pending one of its name, and leaves others alone', async () => {
    const host = testHost();
    const { events } = await clockwork(host, (context) => {
      context.after(100, context.self.tick, { name: 'one' });
      context.after(150, context.self.at, { when: new Date(1) }, { name: 'other' });
      context.after(200, context.self.tick, { name: 'one' });
    });
    await host.advance(1_000);
    expect(events).toEqual(['when 1 at 150', 'tick at 200']);
  });

  test('is replaced by the third of its name also where the cancel of the first is called late', async () => {
    const host = testHost();
    const { events } = await clockwork(host, (context) => {
      const cancelFirst = context.after(100, context.self.tick, { name: 'one' });
      context.after(150, context.self.tick, { name: 'one' });
      cancelFirst();
      context.after(200, context.self.tick, { name: 'one' });
    });
    await host.advance(1_000);
    expect(events).toEqual(['tick at 200']);
  });

  test('can be set again after it fired', async () => {
    const host = testHost();
    const { ref, events } = await clockwork(host, (context) => context.after(100, context.self.tick, { name: 'one' }));
    await host.advance(100);
    ref.go();
    await host.advance(100);
    expect(events).toEqual(['tick at 100', 'tick at 200']);
  });
});

describe('the end of the actor', () => {
  test.each([
    ['stop', stop],
    ['kill', kill],
  ])('by %s ends 3 timers and rejects ctx.delay', async (_how, end) => {
    const host = testHost();
    const waits: unknown[] = [];
    const { ref, events } = await clockwork(host, (context) => {
      context.after(100, context.self.tick);
      context.every(100, context.self.tick);
      context.every(100, context.self.tick, { name: 'one' });
      void ended(context.delay(100)).then((wait) => waits.push(wait));
    });
    await end(ref);
    await host.advance(1_000);
    expect(events).toEqual([]);
    expect(waits).toMatchObject([{ error: { code: 'ActorFailed' } }]);
    expect(host.clock.pending).toBe(0);
  });
});

describe('ctx.delay', () => {
  test('holds the actor for 100 ms of virtual time', async () => {
    const host = testHost();
    const { ref } = await clockwork(host, (context) => context.delay(100));
    const ping = ref.ping().then(() => host.clock.monotonicMs());
    await host.advance(200);
    expect(await ping).toBe(100);
  });
});

describe('ctx.now and ctx.random', () => {
  test('come from the environment: the time that the test lets pass, and the same chance for the same seed', async () => {
    const draws = async (seed: number) => {
      const host = testHost({ seed });
      const drawn: number[] = [];
      await clockwork(host, async (context) => {
        const began = context.now();
        await context.delay(1_500);
        drawn.push(context.now() - began, context.random(), context.random());
      });
      await host.advance(1_500);
      return drawn;
    };
    const [first, again, other] = [await draws(1), await draws(1), await draws(2)];
    expect(first).toEqual(again);
    expect(first[0]).toBe(1_500);
    expect(first).not.toEqual(other);
    for (const drawn of [first[1]!, first[2]!]) expect(drawn >= 0 && drawn < 1).toBe(true);
  });
});

describe('ctx.run', () => {
  test('tells what the work resolved to, and does not hold the actor', async () => {
    const host = testHost();
    const work = deferred<{ when: Date }>();
    const { ref, events } = await clockwork(host, (context) => context.run(work.promise, context.self.at));
    expect(await ref.ping()).toBe(1);
    work.resolve({ when: new Date(7) });
    await host.settle();
    expect(events).toEqual(['when 7 at 0']);
  });

  test('fails the actor when the work is rejected', async () => {
    const host = testHost();
    const { ref } = await clockwork(host, (context) =>
      context.run(Promise.reject(new Error('no rows')), context.self.at),
    );
    expect(host.log.of('error').map((line) => line.text)).toEqual([expect.stringContaining('no rows')]);
    expect(await ref.ping.outcome()).toMatchObject({ error: { code: 'NotDelivered' } });
  });

  test('tells its third argument of a rejection instead', async () => {
    const host = testHost();
    const { ref, events } = await clockwork(host, (context) => {
      context.run(
        Promise.reject(Object.assign(new Error('no rows'), { code: 'E_ROWS' })),
        context.self.at,
        context.self.failed,
      );
      context.run(Promise.reject('text'), context.self.at, context.self.failed);
    });
    expect(events).toEqual(['E_ROWS Error: no rows at 0', 'Error thrown value: text at 0']);
    expect(await ref.ping()).toBe(1);
    expect(host.log.of('error')).toEqual([]);
  });

  test('fails the actor when the result does not fit the operation', async () => {
    const host = testHost();
    await clockwork(host, (context) => context.run(Promise.resolve({ when: 'soon' as never }), context.self.at));
    expect(host.log.of('error').map((line) => line.text)).toEqual([expect.stringContaining('when')]);
  });

  test('fails the actor in the middle of a message, whose ask settles as ActorFailed at once', async () => {
    const host = testHost();
    const work = deferred<{ when: Date }>();
    const Busy = protocol('busy', { go: ask({ output: z.int() }) });
    const busy = await host.spawn(
      actor(
        Busy,
        { args: z.object({}), state: () => ({}), internal: { at } },
        {
          go: (_state, _message, context) => {
            context.run(work.promise, context.self.at);
            return new Promise<number>(() => undefined);
          },
          at: () => undefined,
        },
      ),
    );
    const reply = ended(busy.go());
    await host.settle();
    work.reject(new Error('no rows'));
    expect(await reply).toMatchObject({ error: { code: 'ActorFailed' } });
  });

  test('counts a result that comes after the end of the actor, silently', async () => {
    const host = testHost();
    const work = deferred<{ when: Date }>();
    const { ref, events } = await clockwork(host, (context) => context.run(work.promise, context.self.at));
    await stop(ref);
    work.resolve({ when: new Date(7) });
    await host.settle();
    expect(events).toEqual([]);
    expect(host.host.counters.late).toBe(1);
    expect(host.deadLetters).toEqual([]);
  });
});

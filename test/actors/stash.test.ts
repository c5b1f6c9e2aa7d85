/** `ctx.stash`: messages set aside keep their callers, their order and their count. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { ask, protocol, stream, tell } from '../../src/actors/protocol.ts';
import type { Supervise } from '../../src/actors/supervise.ts';
import { kill, stop } from '../../src/actors/verbs.ts';
import { deferred, ended } from '../support/deferred.ts';
import { type TestHost, testHost } from '../support/test-host.ts';

const Shop = protocol('shop', {
  open: tell(),
  buy: tell(z.int()),
  price: ask({ input: z.int(), output: z.int() }),
  sales: stream({ output: z.int() }),
  fail: tell(),
  late: ask({ input: z.int(), output: z.int() }),
});

/** A shop that sets everything aside until it is open. */
async function shop(host: TestHost, options: { stash?: number; supervise?: Supervise } = {}) {
  const seen: string[] = [];
  const gate = deferred();
  const ref = await host.spawn(
    actor(
      Shop,
      {
        args: z.object({}),
        state: () => ({ open: false }),
        mailbox: options.stash === undefined ? {} : { stash: options.stash },
        supervise: options.supervise ?? {},
      },
      {
        open: (state, _message, context) => {
          state.open = true;
          seen.push('open');
          context.unstash();
        },
        buy: (state, n, context) => {
          if (!state.open) return context.stash();
          seen.push(`buy ${n}`);
        },
        price: (state, n, context) => {
          if (!state.open) return context.stash();
          seen.push(`price ${n}`);
          return n * 2;
        },
        sales: (state, _message, context) => {
          if (!state.open) return context.stash();
          return (async function* () {
            yield 1;
            yield 2;
          })();
        },
        fail: () => {
          throw new Error('broken');
        },
        late: async (state, n, context) => {
          await gate.promise;
          if (!state.open) context.stash();
          seen.push(`late ${n}`);
          return n;
        },
      },
    ),
  );
  return { ref, seen, gate };
}

describe('stash', () => {
  test('sets tells, asks and streams aside, and unstash has them handled in their order, before what is queued', async () => {
    const host = testHost();
    const { ref, seen } = await shop(host);
    ref.buy(1);
    const price = ref.price(2);
    const sales: number[] = [];
    const sold = (async () => {
      for await (const n of ref.sales()) sales.push(n);
    })();
    ref.buy(3);
    await host.settle();
    expect(host.stashed(ref)).toBe(4);
    expect(seen).toEqual([]);
    ref.open();
    ref.buy(4);
    expect(await price).toBe(4);
    await sold;
    expect(seen).toEqual(['open', 'buy 1', 'price 2', 'buy 3', 'buy 4']);
    expect(sales).toEqual([1, 2]);
    expect(host.stashed(ref)).toBe(0);
    expect(host.host.counters).toMatchObject({ accepted: 6, handled: 6 });
  });

  test('works after an await, and the message is handled anew from its beginning', async () => {
    const host = testHost();
    const { ref, seen, gate } = await shop(host);
    const late = ref.late(1);
    ref.buy(2);
    gate.resolve();
    await host.settle();
    expect(host.stashed(ref)).toBe(2);
    ref.open();
    expect(await late).toBe(1);
    await host.settle();
    expect(seen).toEqual(['open', 'late 1', 'buy 2']);
  });

  test('counts neither for the high water nor for the capacity, and going back loses none above it', async () => {
    const host = testHost();
    const seen: number[] = [];
    const gate = deferred();
    const Narrow = protocol('narrow', { put: tell(z.int()), hold: tell(), open: tell() });
    const ref = await host.spawn(
      actor(
        Narrow,
        { args: z.object({}), state: () => ({ open: false }), mailbox: { capacity: 2, highWater: 2 } },
        {
          put: (state, n, context) => {
            if (!state.open) return context.stash();
            seen.push(n);
          },
          hold: () => gate.promise,
          open: (state, _message, context) => {
            state.open = true;
            context.unstash();
          },
        },
      ),
    );
    for (let n = 1; n <= 5; n += 1) {
      ref.put(n);
      await host.settle();
    }
    expect(host.stashed(ref)).toBe(5);
    ref.hold();
    await host.settle();
    expect(ref.open()).toBe(true);
    ref.put(6);
    gate.resolve();
    await host.settle();
    expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
    expect(host.deadLetters).toEqual([]);
  });

  test('keeps the deadline of an ask: settled in time, it never runs and is a dead letter', async () => {
    const host = testHost();
    const { ref, seen } = await shop(host);
    const price = ended(ref.price(1, { timeoutMs: 100 }));
    await host.advance(120);
    expect(await price).toMatchObject({ error: { code: 'OutcomeUnknown', reason: 'deadline' } });
    ref.open();
    await host.settle();
    expect(seen).toEqual(['open']);
    expect(host.deadLetterCounts()).toEqual({ expired: 1 });
  });

  test('keeps the cancellation of an ask, whose handler says that it did not handle it', async () => {
    const host = testHost();
    const { ref, seen } = await shop(host);
    const controller = new AbortController();
    const price = ended(ref.price(1, { signal: controller.signal }));
    await host.settle();
    controller.abort();
    expect(await price).toMatchObject({ error: { code: 'Cancelled', delivered: false } });
    ref.open();
    await host.settle();
    expect(seen).toEqual(['open']);
    expect(host.deadLetterCounts()).toEqual({ expired: 1 });
  });

  test('of an ask that expired while its handler waited is a dead letter at once', async () => {
    const host = testHost();
    const { ref, gate } = await shop(host);
    const late = ended(ref.late(1, { timeoutMs: 100 }));
    await host.advance(120);
    gate.resolve();
    await host.settle();
    expect(await late).toMatchObject({ error: { code: 'OutcomeUnknown' } });
    expect(host.stashed(ref)).toBe(0);
    expect(host.deadLetterCounts()).toEqual({ expired: 1 });
  });

  test('of a message twice keeps it, and a second unstash hands it out again', async () => {
    const host = testHost();
    const seen: string[] = [];
    const Twice = protocol('twice', { put: tell(z.int()), retry: tell() });
    const ref = await host.spawn(
      actor(
        Twice,
        { args: z.object({}), state: () => ({ tries: 0 }) },
        {
          put: (state, n, context) => {
            seen.push(`put ${n}`);
            if (state.tries < 2) context.stash();
          },
          retry: (state, _message, context) => {
            state.tries += 1;
            context.unstash();
          },
        },
      ),
    );
    ref.put(1);
    ref.put(2);
    for (let n = 0; n < 2; n += 1) {
      await host.settle();
      ref.retry();
    }
    await host.settle();
    expect(seen).toEqual(['put 1', 'put 2', 'put 1', 'put 2', 'put 1', 'put 2']);
    expect(host.host.counters).toMatchObject({ accepted: 4, handled: 4 });
  });
});

test('unstash from a callback, while the actor is idle, has the messages handled', async () => {
  const host = testHost();
  const seen: number[] = [];
  const Later = protocol('later', { put: tell(z.int()), open: tell() });
  const ref = await host.spawn(
    actor(
      Later,
      { args: z.object({}), state: () => ({ open: false }) },
      {
        put: (state, n, context) => {
          if (!state.open) return context.stash();
          seen.push(n);
        },
        open: (state, _message, context) => {
          state.open = true;
          void context.delay(100).then(() => context.unstash());
        },
      },
    ),
  );
  ref.put(1);
  ref.open();
  await host.advance(99);
  expect(seen).toEqual([]);
  await host.advance(1);
  expect(seen).toEqual([1]);
});

describe('the bound', () => {
  test('of 2 makes the third a failure, StashFull, and by default a dead letter with the reason poison', async () => {
    const host = testHost();
    const { ref } = await shop(host, { stash: 2, supervise: { directive: () => 'resume' } });
    ref.buy(1);
    ref.buy(2);
    const third = ended(ref.price(3));
    expect(await third).toMatchObject({ error: { code: 'ActorFailed', cause: { code: 'StashFull', stashMax: 2 } } });
    expect(host.deadLetters).toMatchObject([{ reason: 'poison', message: 3 }]);
    expect(host.stashed(ref)).toBe(2);
    expect(host.log.of('error')[0]?.text).toContain('mailbox.stash');
  });

  test('lets go of asks that nobody waits for before it refuses', async () => {
    const host = testHost();
    const { ref, seen } = await shop(host, { stash: 2 });
    const price = ended(ref.price(1, { timeoutMs: 50 }));
    ref.buy(2);
    await host.advance(100);
    await price;
    ref.buy(3);
    await host.settle();
    expect(host.stashed(ref)).toBe(2);
    expect(host.deadLetterCounts()).toEqual({ expired: 1 });
    ref.open();
    await host.settle();
    expect(seen).toEqual(['open', 'buy 2', 'buy 3']);
  });

  test.each([0, 1.5, Number.NaN])('of %d is a mistake', async (stash) => {
    await expect(shop(testHost(), { stash })).rejects.toMatchObject({ code: 'UsageError' });
  });
});

describe('what comes after', () => {
  test('a restart puts the stash back before the queue, in order', async () => {
    const host = testHost();
    const handled: number[] = [];
    const Once = protocol('once', { put: tell(z.int()), fail: tell() });
    let lives = 0;
    const ref = await host.spawn(
      actor(
        Once,
        {
          args: z.object({}),
          state: () => {
            lives += 1;
            return { open: lives > 1 };
          },
        },
        {
          put: (state, n, context) => {
            if (!state.open) return context.stash();
            handled.push(n);
          },
          fail: () => {
            throw new Error('broken');
          },
        },
      ),
    );
    ref.put(1);
    ref.put(2);
    ref.fail();
    ref.put(3);
    await host.settle();
    expect(handled).toEqual([1, 2, 3]);
    expect(host.deadLetterCounts()).toEqual({ poison: 1 });
  });

  test.each([
    ['stop', stop],
    ['kill', kill],
  ])('a %s makes dead letters of it, and its asks are NotDelivered', async (_how, end) => {
    const host = testHost();
    const { ref } = await shop(host);
    ref.buy(1);
    const price = ended(ref.price(2));
    await host.settle();
    await end(ref);
    expect(await price).toMatchObject({ error: { code: 'NotDelivered', reason: 'stopped' } });
    expect(host.deadLetters.map(({ message, reason }) => [message, reason])).toEqual([
      [1, 'stopped'],
      [2, 'stopped'],
    ]);
    expect(host.host.deadlines.open).toBe(0);
  });

  test('a resume keeps it', async () => {
    const host = testHost();
    const { ref, seen } = await shop(host, { supervise: { directive: () => 'resume' } });
    ref.buy(1);
    ref.fail();
    await host.settle();
    expect(host.stashed(ref)).toBe(1);
    ref.open();
    await host.settle();
    expect(seen).toEqual(['open', 'buy 1']);
  });

  test('a signal can be set aside, and is told once', async () => {
    const host = testHost();
    const seen: string[] = [];
    const Watcher = protocol('watcher', { go: tell(), open: tell() });
    const ref = await host.spawn(
      actor(
        Watcher,
        {
          args: z.object({}),
          state: () => ({ open: false }),
          mailbox: { capacity: 1 },
          signals: {
            terminated: (state, { reason }, context) => {
              if (!state.open) context.stash();
              seen.push(reason);
            },
          },
        },
        {
          go: (_state, _message, context) => {
            const child = context.spawn(
              actor(Watcher, { args: z.object({}), state: () => ({}) }, { go: () => undefined, open: () => undefined }),
            );
            context.watch(child);
            void stop(child);
          },
          open: (state, _message, context) => {
            state.open = true;
            context.unstash();
          },
        },
      ),
    );
    ref.go();
    await host.settle();
    expect(host.stashed(ref)).toBe(1);
    ref.open();
    await host.settle();
    expect(seen).toEqual(['stopped']);
    expect(ref.go()).toBe(false);
    await host.settle();
    expect(seen).toEqual(['stopped', 'stopped']);
    expect(host.host.counters).toMatchObject({ accepted: 5, handled: 5, refused: 0 });
  });
});

test.each([
  ['in a hook', 'started'],
  ['once its handler has returned', 'later'],
  ['in a generator that has begun', 'generator'],
])('stash %s is a UsageError that says where it belongs', async (_where, where) => {
  const host = testHost();
  const found: unknown[] = [];
  const attempt = (context: { stash(): never }): void => {
    try {
      context.stash();
    } catch (error) {
      found.push(error);
    }
  };
  const Misuse = protocol('misuse', { go: tell(), items: stream({ output: z.int() }) });
  const ref = await host.spawn(
    actor(
      Misuse,
      {
        args: z.object({}),
        state: () => ({}),
        signals: where === 'started' ? { started: (_state, _event, context) => attempt(context) } : {},
      },
      {
        go: (_state, _message, context) => {
          if (where === 'later') queueMicrotask(() => queueMicrotask(() => attempt(context)));
        },
        async *items(_state, _message, context) {
          if (where === 'generator') attempt(context);
          yield 1;
        },
      },
    ),
  );
  ref.go();
  for await (const _item of ref.items()) break;
  await host.settle();
  expect(found).toMatchObject([{ code: 'UsageError', message: expect.stringContaining('before it returns') }]);
});

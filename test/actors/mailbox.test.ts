/** Mailboxes are bounded: when they signal, what they do at the hard end, and who waits for room. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { actor, type MailboxOptions } from '../../src/actors/actor.ts';
import type { Cell } from '../../src/actors/cell.ts';
import { ask, protocol, tell } from '../../src/actors/protocol.ts';
import { targetOf } from '../../src/actors/ref.ts';
import { kill, stop } from '../../src/actors/verbs.ts';
import { type Deferred, deferred, ended } from '../support/deferred.ts';
import { type TestHost, testHost } from '../support/test-host.ts';

const Sink = protocol('sink', { put: tell(z.int()), get: ask({ input: z.int(), output: z.int() }), hold: tell() });

/** An actor with this mailbox that is held by `hold` until the gate opens, so that messages queue behind it. */
async function heldSink(host: TestHost, mailbox: MailboxOptions, gate: Deferred<void> = deferred()) {
  const seen: number[] = [];
  const ref = await host.spawn(
    actor(
      Sink,
      { args: z.object({}), state: () => ({}), mailbox },
      {
        put: (_state, n) => {
          seen.push(n);
        },
        get: (_state, n) => n,
        hold: () => gate.promise,
      },
    ),
  );
  ref.hold();
  await host.settle();
  return { ref, seen, gate };
}

describe('signals of a tell', () => {
  test('true for 2 messages and false from the third when the high water is 3', async () => {
    const { ref } = await heldSink(testHost(), { highWater: 3 });
    expect([1, 2, 3, 4].map((n) => ref.put(n))).toEqual([true, true, false, false]);
  });

  test('always false when the high water is 1, though the message is taken', async () => {
    const host = testHost();
    const { ref, seen, gate } = await heldSink(host, { highWater: 1 });
    expect([1, 2].map((n) => ref.put(n))).toEqual([false, false]);
    gate.resolve();
    await host.settle();
    expect(seen).toEqual([1, 2]);
  });

  test('does not count the message that is being handled', async () => {
    const { ref } = await heldSink(testHost(), { highWater: 2 });
    expect(ref.put(1)).toBe(true);
  });

  test('false with a dead letter once the actor has stopped', async () => {
    const host = testHost();
    const { ref, gate } = await heldSink(host, {});
    gate.resolve();
    await stop(ref);
    expect(ref.put(1)).toBe(false);
    await host.settle();
    expect(host.deadLetters).toMatchObject([{ operation: 'sink.put', message: 1, reason: 'stopped' }]);
  });
});

describe('the hard end', () => {
  test.each([1, 2, 3, 40])('takes exactly %d messages and refuses the next', async (capacity) => {
    const host = testHost();
    const { ref, seen, gate } = await heldSink(host, { capacity });
    for (let n = 0; n <= capacity; n += 1) ref.put(n);
    expect(host.queued(ref)).toBe(capacity);
    expect(host.deadLetterCounts()).toEqual({ full: 1 });
    gate.resolve();
    await host.settle();
    expect(seen).toEqual(Array.from({ length: capacity }, (_, n) => n));
  });

  test('takes 3 messages while a turn is under way, too', async () => {
    const host = testHost({ scheduler: { manual: true, messagesPerSlice: 1 } });
    const ref = await host.spawn(
      actor(
        Sink,
        { args: z.object({}), state: () => ({}), mailbox: { capacity: 3 } },
        { put: () => undefined, get: (_state, n) => n, hold: () => undefined },
      ),
    );
    ref.put(1);
    ref.put(2);
    // The first has left its slot, the second waits in the ring.
    host.scheduler.step();
    ref.put(3);
    ref.put(4);
    expect(host.queued(ref)).toBe(3);
    ref.put(5);
    expect(host.deadLetterCounts()).toEqual({ full: 1 });
  });

  test.each([1, 2, 3])('drop-oldest with a capacity of %d keeps the newest', async (capacity) => {
    const host = testHost();
    const { ref, seen, gate } = await heldSink(host, { capacity, overflow: 'drop-oldest' });
    for (let n = 1; n <= 5; n += 1) ref.put(n);
    expect(host.queued(ref)).toBe(capacity);
    gate.resolve();
    await host.settle();
    expect(seen).toEqual([1, 2, 3, 4, 5].slice(-capacity));
    expect(host.deadLetters.map((letter) => letter.message)).toEqual([1, 2, 3, 4, 5].slice(0, 5 - capacity));
    expect(host.deadLetterCounts()).toEqual({ dropped: 5 - capacity });
  });

  test('drop-newest with a capacity of 2 keeps the oldest and counts 3 dropped', async () => {
    const host = testHost();
    const { ref, seen, gate } = await heldSink(host, { capacity: 2, overflow: 'drop-newest' });
    for (let n = 1; n <= 5; n += 1) ref.put(n);
    gate.resolve();
    await host.settle();
    expect(seen).toEqual([1, 2]);
    expect(host.deadLetterCounts()).toEqual({ dropped: 3 });
  });

  test.each(['reject', 'drop-newest', 'drop-oldest'] as const)(
    '%s answers the ask that is one too many with Rejected(full)',
    async (overflow) => {
      const host = testHost();
      const { ref } = await heldSink(host, { capacity: 1, overflow });
      const asked = ended(ref.get(1));
      if (overflow === 'drop-oldest') ref.put(2);
      const refused = overflow === 'drop-oldest' ? asked : ended(ref.get(2));
      expect(await refused).toMatchObject({ error: { code: 'Rejected', reason: 'full', retryable: true } });
    },
  );

  test.each([
    { highWater: 0 },
    { capacity: 1.5 },
    { capacity: 2 ** 60 },
    { highWater: 5, capacity: 4 },
    { overflow: 'drop-some' as never },
  ])('a mailbox of %j is a mistake', async (mailbox) => {
    await expect(heldSink(testHost(), mailbox)).rejects.toMatchObject({ code: 'UsageError' });
  });
});

describe('offers', () => {
  test('resolve at once while there is room, and else in the order they were made', async () => {
    const host = testHost();
    const { ref, seen, gate } = await heldSink(host, { highWater: 2 });
    const order: number[] = [];
    const offers = [1, 2, 3, 4, 5, 6].map((n) => ref.put.offer(n).then(() => order.push(n)));
    await host.settle();
    expect(order).toEqual([1, 2]);
    gate.resolve();
    await Promise.all(offers);
    await host.settle();
    expect(order).toEqual([1, 2, 3, 4, 5, 6]);
    expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('wait behind those that wait already, even if a tell would be taken', async () => {
    const host = testHost();
    const { ref, seen, gate } = await heldSink(host, { highWater: 1 });
    ref.put(1);
    const waiting = ref.put.offer(2);
    ref.put(3);
    gate.resolve();
    await waiting;
    await host.settle();
    expect(seen).toEqual([1, 3, 2]);
  });

  test('never let the queue grow beyond a high water of 4, with 100 waiters', async () => {
    const host = testHost({ scheduler: { messagesPerSlice: 1 } });
    const { ref, gate } = await heldSink(host, { highWater: 4 });
    let most = 0;
    const offers = Array.from({ length: 100 }, (_, n) =>
      ref.put.offer(n).then(() => {
        most = Math.max(most, host.queued(ref));
      }),
    );
    gate.resolve();
    await Promise.all(offers);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(4);
  });

  test('are let in as soon as a handler that waits has left its place in the queue', async () => {
    const host = testHost();
    const { ref, gate } = await heldSink(host, { highWater: 1, capacity: 1 });
    let accepted = 0;
    for (let n = 1; n <= 2; n += 1) void ref.put.offer(n).then(() => (accepted += 1));
    await host.settle();
    // The held message is no longer queued, so the first has its place.
    expect(accepted).toBe(1);
    gate.resolve();
    await host.settle();
    expect(accepted).toBe(2);
  });

  test('that resolved are handled, all 50, where the high water is the capacity of 1', async () => {
    const host = testHost();
    const { ref, seen, gate } = await heldSink(host, { highWater: 1, capacity: 1 });
    const offers = Array.from({ length: 50 }, (_, n) => ref.put.offer(n));
    gate.resolve();
    await Promise.all(offers);
    await host.settle();
    expect(seen).toEqual(Array.from({ length: 50 }, (_, n) => n));
    expect(host.deadLetters).toEqual([]);
  });

  test('are Rejected(full) at their deadline, and are not sent later', async () => {
    const host = testHost();
    const { ref, seen, gate } = await heldSink(host, { highWater: 1 });
    ref.put(1);
    const offer = ended(ref.put.offer(2, { timeoutMs: 100 }));
    await host.advance(120);
    expect(await offer).toMatchObject({ error: { code: 'Rejected', reason: 'full' } });
    gate.resolve();
    await host.settle();
    expect(seen).toEqual([1]);
  });

  test('are Cancelled by their signal with delivered false, and let go of it', async () => {
    const host = testHost();
    const { ref, seen, gate } = await heldSink(host, { highWater: 1 });
    ref.put(1);
    const controller = new AbortController();
    const offer = ended(ref.put.offer(2, { signal: controller.signal }));
    controller.abort('why');
    expect(await offer).toMatchObject({ error: { code: 'Cancelled', delivered: false, cause: 'why' } });
    expect(host.host.deadlines.open).toBe(0);
    gate.resolve();
    await host.settle();
    expect(seen).toEqual([1]);
  });

  test('take their listener off the signal once they were accepted', async () => {
    const host = testHost();
    const { ref, gate } = await heldSink(host, { highWater: 1 });
    ref.put(1);
    const { signal } = new AbortController();
    const removed: string[] = [];
    const remove = signal.removeEventListener.bind(signal);
    signal.removeEventListener = (type: string, ...rest: [never]) => {
      removed.push(type);
      remove(type, ...rest);
    };
    const offer = ref.put.offer(2, { signal });
    gate.resolve();
    await offer;
    expect(removed).toEqual(['abort']);
  });

  test('that wait are NotDelivered when the actor stops, and so is a new one', async () => {
    const host = testHost();
    const { ref } = await heldSink(host, { highWater: 1 });
    ref.put(1);
    const waiting = ended(ref.put.offer(2));
    await kill(ref);
    expect(await waiting).toMatchObject({ error: { code: 'NotDelivered', reason: 'stopped' } });
    expect(await ended(ref.put.offer(3))).toMatchObject({ error: { code: 'NotDelivered', reason: 'stopped' } });
    expect(host.host.deadlines.open).toBe(0);
  });

  test('of 6 waiters, of which one is cancelled, one is at its deadline and one aborted before, are served in order', async () => {
    const host = testHost();
    const { ref, seen, gate } = await heldSink(host, { highWater: 1 });
    ref.put(0);
    const controller = new AbortController();
    const { signal } = controller;
    const order: number[] = [];
    const offers = [
      ref.put.offer(1),
      ref.put.offer(2, { signal }),
      ref.put.offer(3, { timeoutMs: 50 }),
      ref.put.offer(4),
      ref.put.offer(5, { signal: AbortSignal.abort('early') }),
      ref.put.offer(6, { timeoutMs: 1_000 }),
    ].map((offer, index) => ended(offer.then(() => void order.push(index + 1))));
    await host.advance(30);
    controller.abort('why');
    await host.advance(40);
    gate.resolve();
    const outcomes = await Promise.all(offers);
    await host.settle();
    expect(order).toEqual([1, 4, 6]);
    expect(seen).toEqual([0, 1, 4, 6]);
    expect(outcomes[1]).toMatchObject({ error: { code: 'Cancelled', delivered: false, cause: 'why' } });
    expect(outcomes[2]).toMatchObject({ error: { code: 'Rejected', reason: 'full' } });
    expect(outcomes[4]).toMatchObject({ error: { code: 'Cancelled', delivered: false, cause: 'early' } });
    expect(host.host.counters).toMatchObject({ accepted: 5, handled: 5, refused: 0 });
    expect(host.deadLetters).toEqual([]);
    expect(host.host.deadlines.open).toBe(0);
  });

  test('that wait go on waiting through a restart of 100 ms, in their order, ahead of later ones', async () => {
    const host = testHost();
    const seen: number[] = [];
    const Frail = protocol('frail', { put: tell(z.int()), fail: tell(), hold: tell() });
    const gate = deferred();
    const ref = await host.spawn(
      actor(
        Frail,
        {
          args: z.object({}),
          state: () => ({}),
          mailbox: { highWater: 1 },
          supervise: { backoff: { minMs: 100, maxMs: 100 } },
        },
        {
          put: (_state, n) => void seen.push(n),
          fail: () => {
            throw new Error('broken');
          },
          hold: () => gate.promise,
        },
      ),
    );
    ref.hold();
    await host.settle();
    ref.fail();
    const order: number[] = [];
    const waiting = [1, 2, 3].map((n) => ref.put.offer(n).then(() => void order.push(n)));
    const cancelled = new AbortController();
    const gone = ended(ref.put.offer(4, { signal: cancelled.signal }));
    gate.resolve();
    await host.settle();
    const late = ref.put.offer(5).then(() => void order.push(5));
    cancelled.abort();
    expect(await gone).toMatchObject({ error: { code: 'Cancelled' } });
    await host.advance(200);
    await Promise.all([...waiting, late]);
    await host.settle();
    expect(order).toEqual([1, 2, 3, 5]);
    expect(seen).toEqual([1, 2, 3, 5]);
    expect(host.deadLetterCounts()).toEqual({ poison: 1 });
  });

  test('of which 3 gave up before the actor stops: the others are NotDelivered, each settles once', async () => {
    const host = testHost();
    const { ref, gate } = await heldSink(host, { highWater: 1 });
    ref.put(0);
    const controllers = Array.from({ length: 6 }, () => new AbortController());
    const offers = controllers.map(({ signal }, n) => ended(ref.put.offer(n, { signal })));
    for (const index of [0, 2, 5]) controllers[index]!.abort();
    const over = stop(ref);
    gate.resolve();
    await over;
    for (const controller of controllers) controller.abort();
    const codes = (await Promise.all(offers)).map((outcome) => ('error' in outcome ? outcome.error.code : 'taken'));
    expect(codes).toEqual(['Cancelled', 'NotDelivered', 'Cancelled', 'NotDelivered', 'NotDelivered', 'Cancelled']);
    expect(host.host.deadlines.open).toBe(0);
    expect(host.deadLetterCounts()).toEqual({ stopped: 1 });
  });

  test('that gave up are let go of: of 10,000, an actor that is held keeps no more than 128', async () => {
    const host = testHost();
    const { ref, seen, gate } = await heldSink(host, { highWater: 1 });
    ref.put(0);
    const kept = [ref.put.offer(1), ref.put.offer(2)];
    for (let n = 0; n < 10_000; n += 1) {
      const controller = new AbortController();
      const offer = ended(ref.put.offer(9, { signal: controller.signal }));
      controller.abort();
      await offer;
    }
    expect((targetOf(ref) as Cell).extension.offers.size).toBeLessThanOrEqual(128);
    gate.resolve();
    await Promise.all(kept);
    await host.settle();
    expect(seen).toEqual([0, 1, 2]);
  });

  test('with a message that does not fit reject as InvalidMessage', async () => {
    const { ref } = await heldSink(testHost(), {});
    expect(await ended(ref.put.offer('one' as never))).toMatchObject({ error: { code: 'InvalidMessage' } });
  });
});

test('drop-oldest passes over 10,000 news of ends, drops the oldest message, and each of the news is told', async () => {
  const host = testHost();
  const gate = deferred();
  const seen: number[] = [];
  let ends = 0;
  const Child = protocol('child', { go: tell() });
  const child = actor(Child, { args: z.object({}), state: () => ({}) }, { go: () => undefined });
  const Parent = protocol('parent', { hold: tell(), put: tell(z.int()) });
  const ref = await host.spawn(
    actor(
      Parent,
      {
        args: z.object({}),
        state: () => ({}),
        mailbox: { capacity: 2, overflow: 'drop-oldest' },
        signals: {
          terminated: () => {
            ends += 1;
          },
        },
      },
      {
        hold: (_state, _message, context) => {
          for (let index = 0; index < 10_000; index += 1) {
            const hired = context.spawn(child);
            context.watch(hired);
            void kill(hired);
          }
          return gate.promise;
        },
        put: (_state, n) => {
          seen.push(n);
        },
      },
    ),
  );
  ref.hold();
  await host.settle();
  for (const n of [1, 2, 3]) ref.put(n);
  gate.resolve();
  await host.settle();
  expect([seen, ends]).toEqual([[2, 3], 10_000]);
  expect(host.deadLetterCounts()).toEqual({ dropped: 1 });
});

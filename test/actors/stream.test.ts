/** Streams of an actor: pulled against credit, between messages, and ended exactly once. */
import { from, take } from 'rxjs';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import type { Cell } from '../../src/actors/cell.ts';
import { ask, protocol, type Ref, type Stream, stream, tell } from '../../src/actors/protocol.ts';
import { targetOf } from '../../src/actors/ref.ts';
import { kill, stop } from '../../src/actors/verbs.ts';
import { limits } from '../../src/base/limits.ts';
import { deferred, ended } from '../support/deferred.ts';
import { type TestHost, testHost } from '../support/test-host.ts';

const Source = protocol('source', {
  set: tell(z.int()),
  get: ask({ output: z.int() }),
  changes: stream({ output: z.int() }),
  every: stream({ output: z.int() }),
  upTo: stream({ input: z.object({ end: z.int() }), output: z.int(), errors: { tooFar: z.object({ end: z.int() }) } }),
  items: stream({ input: z.object({ of: z.string() }), output: z.int() }),
});

/** What the handlers of a source did. */
interface Traces {
  produced: number;
  left: number;
  readonly signals: AbortSignal[];
}

async function source(host: TestHost, iterables: Record<string, () => unknown> = {}) {
  const traces: Traces = { produced: 0, left: 0, signals: [] };
  const ref = await host.spawn(
    actor(
      Source,
      { args: z.object({}), state: () => ({ n: 0 }) },
      {
        set: (state, n) => {
          state.n = n;
        },
        get: (state) => state.n,
        async *changes(_state, _message, context) {
          traces.signals.push(context.signal);
          try {
            yield* context.observe((state) => state.n);
          } finally {
            traces.left += 1;
          }
        },
        async *every(_state, _message, context) {
          yield* context.observe((state) => state.n, { every: true });
        },
        async *upTo(_state, { end }, context) {
          try {
            for (let n = 0; n < end; n += 1) {
              traces.produced += 1;
              yield n;
            }
            if (end > 1_000) context.fail('tooFar', { end });
          } finally {
            traces.left += 1;
          }
        },
        items: (_state, { of }) => iterables[of]!() as AsyncIterable<number>,
      },
    ),
  );
  return { ref, traces };
}

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

describe('iterating', () => {
  test('gives 5 values in order and ends', async () => {
    const host = testHost();
    const { ref, traces } = await source(host);
    expect(await collect(ref.upTo({ end: 5 }))).toEqual([0, 1, 2, 3, 4]);
    expect(traces.left).toBe(1);
  });

  test('gives 1,000 values in order, across the credit window', async () => {
    const { ref } = await source(testHost());
    expect(await collect(ref.upTo({ end: 1_000 }))).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
  });

  test('opens a stream of its own for each of 2 iterations', async () => {
    const { ref } = await source(testHost());
    const twice = ref.upTo({ end: 2 });
    expect([await collect(twice), await collect(twice)]).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  test('opens nothing before the first iteration', async () => {
    const host = testHost();
    const { ref } = await source(host);
    ref.upTo({ end: 2 });
    await host.settle();
    expect(host.host.counters.accepted).toBe(0);
  });

  test('left by break tells the handler at once, and next() afterwards is done', async () => {
    const host = testHost();
    const { ref, traces } = await source(host);
    const iterator = ref.upTo({ end: 100 })[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: 0 });
    await iterator.return?.();
    await host.settle();
    expect(traces.left).toBe(1);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  test('left by break ends the handler that waits for a change that never comes', async () => {
    const host = testHost();
    const { ref, traces } = await source(host);
    for await (const value of ref.changes()) {
      expect(value).toBe(0);
      break;
    }
    await host.settle();
    expect(traces.left).toBe(1);
    expect(traces.signals[0]?.aborted).toBe(true);
  });
});

describe('subscribing', () => {
  test('through rxjs to a quiet stream and unsubscribing ends the handler at once', async () => {
    const host = testHost();
    const { ref, traces } = await source(host);
    const values: number[] = [];
    const subscription = from(ref.changes() as Stream<number>).subscribe((value) => values.push(value));
    await host.settle();
    expect([values, traces.left]).toEqual([[0], 0]);
    subscription.unsubscribe();
    await host.settle();
    expect(traces.left).toBe(1);
  });

  test('and unsubscribing 1,000 times leaves nothing open', async () => {
    const host = testHost();
    const { ref, traces } = await source(host);
    for (let round = 0; round < 1_000; round += 1) {
      const subscription = from(ref.changes()).subscribe();
      if (round % 2 === 0) await host.settle();
      subscription.unsubscribe();
      await host.settle();
    }
    expect(traces.left).toBe(traces.signals.length);
    expect(traces.left).toBeGreaterThanOrEqual(500);
    const { observers, streams } = (targetOf(ref) as Cell).extension;
    expect([observers.size, streams.size]).toEqual([0, 0]);
  });

  test('completes, and with take(2) stops the handler after 2 values', async () => {
    const host = testHost();
    const { ref, traces } = await source(host);
    const events: unknown[] = [];
    from(ref.upTo({ end: 2 })).subscribe({ next: (n) => events.push(n), complete: () => events.push('complete') });
    await host.settle();
    expect(events).toEqual([0, 1, 'complete']);
    from(ref.upTo({ end: 900 }))
      .pipe(take(2))
      .subscribe((n) => events.push(n));
    await host.settle();
    expect(events).toEqual([0, 1, 'complete', 0, 1]);
    expect(traces.left).toBe(2);
  });

  test('with an observer that throws lets go of the handler', async () => {
    const host = testHost();
    const { ref, traces } = await source(host);
    const errors: unknown[] = [];
    ref.changes().subscribe({
      next: () => {
        throw new Error('observer broken');
      },
      error: (error) => errors.push(error),
    });
    await host.settle();
    expect(errors).toMatchObject([{ message: 'observer broken' }]);
    expect(traces.left).toBe(1);
  });
});

describe('credit', () => {
  test('keeps a producer of 10,000 values at most the window ahead of its reader', async () => {
    const host = testHost();
    const { ref, traces } = await source(host);
    const iterator = ref.upTo({ end: 10_000 })[Symbol.asyncIterator]();
    await iterator.next();
    let most = 0;
    for (let read = 1; read < 2_000; read += 1) {
      if (read % 100 === 0) await host.settle();
      most = Math.max(most, traces.produced - read);
      await iterator.next();
    }
    await host.settle();
    expect(most).toBeGreaterThan(limits.streamWindow / 2);
    expect(most).toBeLessThanOrEqual(limits.streamWindow);
  });

  test('produces nothing more while its reader does not read', async () => {
    const host = testHost();
    const { ref, traces } = await source(host);
    void ref.upTo({ end: 10_000 })[Symbol.asyncIterator]().next();
    for (let round = 0; round < 20; round += 1) await host.settle();
    expect(traces.produced).toBeLessThanOrEqual(limits.streamWindow + 1);
  });
});

describe('ctx.observe', () => {
  test('gives the latest value to a slow reader, and skips what was between', async () => {
    const host = testHost();
    const { ref } = await source(host);
    const iterator = ref.changes()[Symbol.asyncIterator]();
    expect(await iterator.next()).toMatchObject({ value: 0 });
    for (let n = 1; n <= 10_000; n += 1) ref.set(n);
    await host.settle();
    let value = 0;
    let reads = 0;
    for (; value < 10_000; reads += 1) value = (await iterator.next()).value as number;
    expect(reads).toBeLessThanOrEqual(3);
  });

  test('gives nothing for a message that changed nothing', async () => {
    const host = testHost();
    const { ref } = await source(host);
    const values: number[] = [];
    ref.changes().subscribe({ next: (value) => values.push(value) });
    for (const n of [0, 0, 1, 1, 0]) {
      ref.set(n);
      await host.settle();
    }
    expect(values).toEqual([0, 1, 0]);
  });

  test('sees the state after each message, and the values of 2 readers are equal', async () => {
    const host = testHost({ scheduler: { messagesPerSlice: 1 } });
    const { ref } = await source(host);
    const readers = [0, 1].map(() => {
      const values: number[] = [];
      ref.every().subscribe({ next: (value) => values.push(value) });
      return values;
    });
    await host.settle();
    for (let n = 1; n <= 100; n += 1) ref.set(n);
    await host.settle();
    expect(readers[0]).toEqual(Array.from({ length: 101 }, (_, n) => n));
    expect(readers[1]).toEqual(readers[0]);
  });

  test('begins at its place in the order: of 2 messages sent behind it, none is missed', async () => {
    const host = testHost();
    const { ref } = await source(host);
    ref.set(1);
    const seen: number[] = [];
    ref.every().subscribe({ next: (n) => seen.push(n) });
    ref.set(2);
    ref.set(3);
    await host.settle();
    expect(seen).toEqual([1, 2, 3]);
  });

  test('with every ends a reader that is too slow as Lagged, and its actor lives on', async () => {
    const host = testHost();
    const { ref } = await source(host);
    const iterator = ref.every()[Symbol.asyncIterator]();
    await iterator.next();
    // The first window fills the reader, the second the observer; one more is too many.
    for (let n = 1; n <= 3 * limits.streamWindow; n += 1) {
      ref.set(n);
      await host.settle();
    }
    let values = 0;
    const end = await ended(
      (async () => {
        for (; !(await iterator.next()).done; values += 1);
      })(),
    );
    expect(end).toMatchObject({ error: { code: 'Lagged', missed: limits.streamWindow + 1 } });
    expect(values).toBeGreaterThanOrEqual(limits.streamWindow - 1);
    expect(await ref.get()).toBe(3 * limits.streamWindow);
    expect(host.log.of('error')).toEqual([]);
  });

  test('with a select that throws fails the stream, and not the sender of the message', async () => {
    const host = testHost();
    const Picky = protocol('picky', {
      set: ask({ input: z.int(), output: z.int() }),
      changes: stream({ output: z.int() }),
    });
    const ref = await host.spawn(
      actor(
        Picky,
        { args: z.object({}), state: () => ({ n: 0 }) },
        {
          set: (state, n) => {
            state.n = n;
            return n;
          },
          async *changes(_state, _message, context) {
            yield* context.observe((state) => {
              if (state.n === 13) throw new Error('unlucky');
              return state.n;
            });
          },
        },
      ),
    );
    const values = ended(collect(ref.changes()));
    await host.settle();
    expect(await ref.set(13)).toBe(13);
    expect(await values).toMatchObject({ error: { code: 'ActorFailed', message: expect.stringContaining('unlucky') } });
  });
});

describe('its actor', () => {
  test('handles messages while a stream is open', async () => {
    const host = testHost();
    const { ref } = await source(host);
    const reading = ref.changes()[Symbol.asyncIterator]();
    await reading.next();
    ref.set(5);
    expect(await ref.get()).toBe(5);
    expect(await reading.next()).toMatchObject({ value: 5 });
  });

  test('never calls next() of a stream while an asynchronous handler waits', async () => {
    const host = testHost();
    const gate = deferred();
    let waiting = false;
    const pulls: boolean[] = [];
    const Mixed = protocol('mixed', { hold: ask({ output: z.int() }), numbers: stream({ output: z.int() }) });
    const ref = await host.spawn(
      actor(
        Mixed,
        { args: z.object({}), state: () => ({}) },
        {
          hold: async () => {
            waiting = true;
            await gate.promise;
            waiting = false;
            return 1;
          },
          async *numbers() {
            for (let n = 0; n < 400; n += 1) {
              pulls.push(waiting);
              yield n;
            }
          },
        },
      ),
    );
    const held = ref.hold();
    const numbers = collect(ref.numbers());
    await host.settle();
    expect(pulls).toEqual([]);
    gate.resolve();
    expect(await held).toBe(1);
    expect(await numbers).toHaveLength(400);
    expect(pulls).not.toContain(true);
  });

  test(`refuses stream ${limits.streamsPerActorMax + 1} as Rejected(full)`, async () => {
    const host = testHost();
    const { ref } = await source(host);
    const open = Array.from({ length: limits.streamsPerActorMax }, () => ref.changes()[Symbol.asyncIterator]());
    await Promise.all(open.map((iterator) => iterator.next()));
    expect(await ended(collect(ref.changes()))).toMatchObject({ error: { code: 'Rejected', reason: 'full' } });
    await open[0]?.return?.();
    expect(await ref.changes()[Symbol.asyncIterator]().next()).toMatchObject({ value: 0 });
  });
});

describe('the end of a stream', () => {
  test('by a declared error has its data, and the actor lives on', async () => {
    const host = testHost();
    const { ref } = await source(host);
    const values: number[] = [];
    const end = await ended(
      (async () => {
        for await (const n of ref.upTo({ end: 1_001 })) values.push(n);
      })(),
    );
    expect(end).toMatchObject({ error: { code: 'tooFar', data: { end: 1_001 } } });
    expect(values).toHaveLength(1_001);
    expect(await ref.get()).toBe(0);
    expect(host.log.of('error')).toEqual([]);
  });

  test.each([
    [
      'throws',
      () =>
        (async function* () {
          yield await Promise.reject(new Error('broken'));
        })(),
    ],
    [
      'gives a value that does not fit',
      () =>
        (async function* () {
          yield 'text';
        })(),
    ],
    [
      'has a next that throws',
      () => ({
        [Symbol.asyncIterator]: () => ({
          next: () => {
            throw new Error('broken');
          },
        }),
      }),
    ],
    [
      'has a next that returns no promise',
      () => ({ [Symbol.asyncIterator]: () => ({ next: () => ({ done: false, value: 'text' }) }) }),
    ],
    ['is no AsyncIterable', () => [1, 2]],
    ['is undefined', () => undefined],
  ])('of a handler whose iteration %s is ActorFailed, logged once', async (_what, make) => {
    const host = testHost();
    const { ref } = await source(host, { it: make });
    const other = ended(collect(ref.changes()));
    await host.settle();
    expect(await ended(collect(ref.items({ of: 'it' })))).toMatchObject({ error: { code: 'ActorFailed' } });
    expect(await other).toMatchObject({ error: { code: 'ActorFailed' } });
    expect(host.log.of('error')).toHaveLength(1);
  });

  test.each([
    ['stop', stop],
    ['kill', kill],
  ])('by %s of its actor is ActorFailed, once, and runs the handler to its end', async (_how, end) => {
    const host = testHost();
    const { ref, traces } = await source(host);
    const events: unknown[] = [];
    ref.changes().subscribe({
      next: (n) => events.push(n),
      error: (error) => events.push((error as { code: string }).code),
      complete: () => events.push('complete'),
    });
    await host.settle();
    await end(ref);
    await host.settle();
    expect(events).toEqual([0, 'ActorFailed']);
    expect(traces).toMatchObject({ left: 1, signals: [{ aborted: true }] });
  });

  test('by a next() that throws at once restarts the actor, and the 2 messages behind it are handled', async () => {
    const host = testHost();
    const broken = (): unknown => ({
      [Symbol.asyncIterator]: () => ({
        next: () => {
          throw new Error('no iterator at all');
        },
      }),
    });
    const { ref } = await source(host, { broken });
    ref.set(5);
    const failure = ended(collect(ref.items({ of: 'broken' })));
    ref.set(6);
    const got = ref.get();
    await host.settle();
    expect(await failure).toMatchObject({ error: { code: 'ActorFailed' } });
    expect(await got).toBe(6);
    expect(host.host.counters.handled).toBe(4);
  });

  test('of an actor that has stopped is NotDelivered', async () => {
    const host = testHost();
    const { ref } = await source(host);
    await stop(ref);
    expect(await ended(collect(ref.changes()))).toMatchObject({ error: { code: 'NotDelivered' } });
  });

  test('with a message that does not fit is InvalidMessage', async () => {
    const { ref } = await source(testHost());
    expect(await ended(collect(ref.upTo({ end: 'far' as never })))).toMatchObject({
      error: { code: 'InvalidMessage', path: ['end'] },
    });
  });

  test('by its signal is Cancelled, and tells the handler', async () => {
    const host = testHost();
    const { ref, traces } = await source(host);
    const controller = new AbortController();
    const reading = ended(collect(ref.changes({ signal: controller.signal })));
    await host.settle();
    controller.abort('why');
    expect(await reading).toMatchObject({ error: { code: 'Cancelled', delivered: true, cause: 'why' } });
    await host.settle();
    expect(traces.left).toBe(1);
  });

  test('by a signal that had aborted before sends nothing', async () => {
    const host = testHost();
    const { ref } = await source(host);
    const reading = ended(collect(ref.changes({ signal: AbortSignal.abort() })));
    expect(await reading).toMatchObject({ error: { code: 'Cancelled', delivered: false } });
    expect(host.host.counters.accepted).toBe(0);
  });

  test.each([
    ['done', (ref: Ref<typeof Source>, signal: AbortSignal) => collect(ref.upTo({ end: 3 }, { signal }))],
    [
      'an error',
      (ref: Ref<typeof Source>, signal: AbortSignal) => ended(collect(ref.upTo({ end: 1_001 }, { signal }))),
    ],
    [
      'a break',
      async (ref: Ref<typeof Source>, signal: AbortSignal) => {
        for await (const _value of ref.changes({ signal })) break;
      },
    ],
  ])('by %s takes its listener off the signal', async (_how, read) => {
    const { ref } = await source(testHost());
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...listener: Parameters<typeof addEventListener>) => {
      listeners += 1;
      addEventListener.apply(signal, listener);
    };
    signal.removeEventListener = (...listener: Parameters<typeof removeEventListener>) => {
      listeners -= 1;
      removeEventListener.apply(signal, listener);
    };
    await read(ref, signal);
    expect(listeners).toBe(0);
  });
});

test('a subscriber that is a function gets the values', async () => {
  const host = testHost();
  const Numbers = protocol('numbers', { upTo: stream({ input: z.int(), output: z.int() }) });
  const ref = await host.spawn(
    actor(
      Numbers,
      { args: z.object({}), state: () => ({}) },
      {
        async *upTo(_state, end) {
          for (let n = 1; n <= end; n += 1) yield n;
        },
      },
    ),
  );
  const seen: number[] = [];
  ref.upTo(3).subscribe((n) => seen.push(n));
  await host.settle();
  expect(seen).toEqual([1, 2, 3]);
});

test('what a handler that is no stream observes ends with its run: 1,000 messages leave nothing behind', async () => {
  const host = testHost();
  const ends: unknown[] = [];
  const Note = protocol('note', { look: tell(), lookLater: ask({ output: z.int(), readonly: true }) });
  const ref = await host.spawn(
    actor(
      Note,
      { args: z.object({}), state: () => ({ n: 0 }) },
      {
        look: (state, _message, context) => {
          state.n += 1;
          const values = context.observe(({ n }) => n)[Symbol.asyncIterator]();
          void values.next().then(() => values.next().then(({ done }) => ends.push(done)));
        },
        lookLater: async (_state, _message, context) => {
          context.observe(({ n }) => n);
          return 1;
        },
      },
    ),
  );
  for (let index = 0; index < 1_000; index += 1) ref.look();
  await ref.lookLater();
  await host.settle();
  expect((targetOf(ref) as Cell).extensionIfAny?.observers.size).toBe(0);
  expect(ends).toEqual(Array.from({ length: 1_000 }, () => true));
});

/** Dead letters: read by whoever wants to, counted where nobody does, and replayed. */
import { from, take, toArray } from 'rxjs';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import type { DeadLetter } from '../../src/actors/dead-letters.ts';
import { ask, protocol, stream, tell } from '../../src/actors/protocol.ts';
import { stop } from '../../src/actors/verbs.ts';
import { deferred, ended } from '../support/deferred.ts';
import { testHost } from '../support/test-host.ts';

const Post = protocol('post', {
  put: tell(z.object({ n: z.int(), at: z.date().default(() => new Date(5)) })),
  get: ask({ input: z.int(), output: z.int() }),
  hold: ask({ output: z.string() }),
  all: stream({ output: z.int() }),
});
const Other = protocol('other', { put: tell(z.object({ n: z.int() })), listen: tell() });

function post(got: unknown[], gate = deferred<string>(), fails = () => false) {
  return actor(
    Post,
    { args: z.object({}), state: () => ({}), mailbox: { highWater: 1, capacity: 1 } },
    {
      put: (_state, message) => {
        if (fails()) throw new Error('not now');
        got.push(message);
      },
      get: (_state, n) => n * 2,
      hold: () => gate.promise,
      async *all() {
        yield 1;
      },
    },
  );
}

describe('dead letters', () => {
  test('are an Observable and an AsyncIterable, each with all 3 letters from when it began', async () => {
    const { spawn, host } = testHost();
    const ref = await spawn(post([]));
    await stop(ref);
    ref.put({ n: 0 });
    const letters = host.deadLetters.stream();
    const observed = new Promise<DeadLetter[]>((resolve) => {
      from(letters).pipe(take(3), toArray()).subscribe(resolve);
    });
    const iterated: DeadLetter[] = [];
    const iterating = (async () => {
      for await (const letter of letters) if (iterated.push(letter) === 3) break;
    })();
    for (const n of [1, 2, 3]) ref.put({ n });
    await iterating;
    const expected = [1, 2, 3].map((n) => ({
      path: String(ref),
      operation: 'post.put',
      reason: 'stopped',
      message: { n, at: new Date(5) },
    }));
    expect(iterated).toMatchObject(expected);
    expect(await observed).toMatchObject(expected);
  });

  test('of which a reader is 1,024 behind lose the oldest 10 for it, counted; the counts miss none', async () => {
    const { spawn, host } = testHost();
    const ref = await spawn(post([]));
    await stop(ref);
    const reader = host.deadLetters.stream()[Symbol.asyncIterator]();
    for (let n = 0; n < 1_034; n += 1) ref.put({ n });
    expect(await reader.next()).toMatchObject({ value: { message: { n: 10 } } });
    // The test's own reader took 1 and missed 9.
    expect(host.deadLetters.readers.missed).toBe(10 + 9);
    expect(host.deadLetters.counts.get('stopped')).toBe(1_034);
  });
});

describe('replay', () => {
  test('sends a tell that was refused as full once more to the same incarnation, and waits for room', async () => {
    const { spawn, deadLetters, settle } = testHost();
    const got: unknown[] = [];
    const gate = deferred<string>();
    const ref = await spawn(post(got, gate));
    void ref.hold();
    await settle();
    ref.put({ n: 1 });
    ref.put({ n: 2 });
    await settle();
    expect(deadLetters).toMatchObject([{ reason: 'full', message: { n: 2 } }]);
    const replayed = deadLetters[0]!.replay();
    expect(got).toEqual([]);
    gate.resolve('go');
    await replayed;
    await settle();
    expect(got).toMatchObject([{ n: 1 }, { n: 2, at: new Date(5) }]);
  });

  test('sends what its handler failed on once more, and a second time when it fails again', async () => {
    const { spawn, deadLetters, settle } = testHost();
    const got: unknown[] = [];
    let failures = 2;
    const ref = await spawn(
      post(got, deferred(), () => {
        failures -= 1;
        return failures >= 0;
      }),
    );
    ref.put({ n: 7 });
    await settle();
    await deadLetters[0]!.replay();
    await settle();
    await deadLetters[1]!.replay();
    await settle();
    expect(got).toMatchObject([{ n: 7 }]);
    expect(deadLetters).toHaveLength(2);
  });

  test('to an actor that has ended is refused, and to a ref that is given goes there', async () => {
    const { spawn, deadLetters, settle } = testHost();
    const got: unknown[] = [];
    const [first, second] = [await spawn(post(got)), await spawn(post(got))];
    await stop(first);
    first.put({ n: 3 });
    await settle();
    expect(await ended(deadLetters[0]!.replay())).toMatchObject({ error: { code: 'NotDelivered', reason: 'stopped' } });
    await deadLetters[0]!.replay(second);
    await settle();
    expect(got).toMatchObject([{ n: 3 }]);
    const other = actor(
      Other,
      { args: z.object({}), state: () => ({}) },
      { put: (_state, message) => void got.push(message), listen: () => undefined },
    );
    await deadLetters[0]!.replay(await spawn(other));
    await settle();
    expect(got[1]).toEqual({ n: 3 });
  });

  test('of an ask gives the new reply; who asked first was told that it failed', async () => {
    const { spawn, deadLetters, settle } = testHost();
    const gate = deferred<string>();
    const ref = await spawn(post([], gate));
    const held = ref.hold();
    await settle();
    ref.put({ n: 1 });
    const asked = await ended(ref.get(21));
    expect(asked).toMatchObject({ error: { code: 'Rejected', reason: 'full' } });
    gate.resolve('go');
    await held;
    await settle();
    expect(await deadLetters[0]!.replay()).toBe(42);
  });

  test('is refused for a stream, for an actor without that operation, and for what is no ref', async () => {
    const { spawn, deadLetters, settle } = testHost();
    const ref = await spawn(post([]));
    await stop(ref);
    void ended(ref.all()[Symbol.asyncIterator]().next());
    void ended(ref.get(1));
    await settle();
    const other = actor(
      Other,
      { args: z.object({}), state: () => ({}) },
      { put: () => undefined, listen: () => undefined },
    );
    const elsewhere = await spawn(other);
    const refused = [deadLetters[0]!.replay(), deadLetters[1]!.replay(elsewhere), deadLetters[1]!.replay({} as never)];
    const texts = ['is a stream', 'has no operation "get"', 'takes a ref'];
    for (const [at, text] of texts.entries()) {
      expect(await ended(refused[at]!)).toMatchObject({
        error: { code: 'UsageError', message: expect.stringContaining(text) },
      });
    }
  });
});

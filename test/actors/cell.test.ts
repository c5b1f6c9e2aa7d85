/** A cell: the order of its messages, one at a time, and what happens when a handler fails. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { actor, closureActor } from '../../src/actors/actor.ts';
import { ask, protocol, tell } from '../../src/actors/protocol.ts';
import { deferred, ended } from '../support/deferred.ts';
import { testHost } from '../support/test-host.ts';

const Worker = protocol('worker', {
  put: tell(z.string()),
  get: ask({ input: z.string(), output: z.string() }),
});
const noArgs = z.object({});

describe('order', () => {
  test('starts the handlers of 6 mixed tells and asks in the order they were sent', async () => {
    const { spawn } = testHost();
    const seen: string[] = [];
    const worker = await spawn(
      closureActor(Worker, noArgs, () => ({
        put: (text) => {
          seen.push(text);
        },
        get: (text) => {
          seen.push(text);
          return text;
        },
      })),
    );
    worker.put('1');
    const second = worker.get('2');
    worker.put('3');
    const fourth = worker.get('4');
    worker.put('5');
    await worker.put.offer('6');
    expect(await Promise.all([second, fourth])).toEqual(['2', '4']);
    expect(seen).toEqual(['1', '2', '3', '4', '5', '6']);
  });

  test('keeps the order of 10,000 tells across the growth of the queue, in slices of 7 messages', async () => {
    const { spawn, settle } = testHost({ scheduler: { messagesPerSlice: 7 } });
    const seen: string[] = [];
    const worker = await spawn(putting((text) => seen.push(text)));
    for (let index = 0; index < 10_000; index += 1) worker.put(String(index));
    await settle();
    expect(seen).toHaveLength(10_000);
    expect(seen.every((text, index) => text === String(index))).toBe(true);
  });

  test('lets another actor run after 1 turn of an actor that keeps telling itself', async () => {
    const { spawn, scheduler } = testHost({ scheduler: { manual: true } });
    const seen: string[] = [];
    const selfish = await spawn(
      closureActor(Worker, noArgs, (_args, context) => ({
        put: (text) => {
          seen.push('selfish');
          context.self.put(text);
        },
        get: (text) => text,
      })),
    );
    const patient = await spawn(putting(() => seen.push('patient')));
    selfish.put('again');
    patient.put('once');
    scheduler.step();
    scheduler.step();
    expect(seen).toEqual(['selfish', 'patient']);
  });
});

describe('one message at a time', () => {
  test('never begins a message before the promise of the one before it has settled', async () => {
    const { spawn } = testHost();
    let running = 0;
    let most = 0;
    const worker = await spawn(
      closureActor(Worker, noArgs, () => ({
        put: () => undefined,
        get: async (text) => {
          running += 1;
          most = Math.max(most, running);
          for (let step = 0; step < 5; step += 1) await Promise.resolve();
          running -= 1;
          return text;
        },
      })),
    );
    await Promise.all(['a', 'b', 'c', 'd'].map((text) => worker.get(text)));
    expect(most).toBe(1);
  });

  test('handles 3 messages of synchronous handlers in 1 turn', async () => {
    const { spawn, scheduler } = testHost({ scheduler: { manual: true } });
    const seen: string[] = [];
    const worker = await spawn(putting((text) => seen.push(text)));
    for (const text of ['a', 'b', 'c']) worker.put(text);
    expect(seen).toEqual([]);
    scheduler.step();
    expect(seen).toEqual(['a', 'b', 'c']);
    expect(scheduler.waiting).toBe(0);
  });

  test('a handler that returns a thenable holds the messages behind it until it settles', async () => {
    const { spawn, settle } = testHost();
    const gate = deferred();
    const seen: string[] = [];
    const worker = await spawn(
      closureActor(Worker, noArgs, () => ({
        put: (text) => {
          seen.push(text);
          if (text === 'wait') return gate.promise;
          return undefined;
        },
        get: (text) => text,
      })),
    );
    worker.put('wait');
    worker.put('after');
    await settle();
    expect(seen).toEqual(['wait']);
    gate.resolve();
    await settle();
    expect(seen).toEqual(['wait', 'after']);
  });
});

describe('a handler that fails, where its directive is to stop', () => {
  const failures: [string, () => unknown, RegExp][] = [
    ['an Error', () => new Error('broken'), /broken/],
    ['a string', () => 'just text', /just text/],
    ['undefined', () => undefined, /undefined/],
    ['an object without a prototype', () => Object.create(null), /cannot be described/],
    ['an Error whose getters throw', () => hostileError(), /cannot be described/],
    ['an Error with a text of 1 MiB', () => new Error('x'.repeat(2 ** 20)), /xxx…/],
  ];

  test.each(failures)('throwing %s settles its ask as ActorFailed and logs once', async (_what, make, expected) => {
    for (const asynchronous of [false, true]) {
      const { spawn, log, settle } = testHost();
      const worker = await spawn(failing(make, asynchronous));
      const { error } = (await ended(worker.get('now'))) as { error: Error };
      expect(error).toMatchObject({ code: 'ActorFailed' });
      expect(error.message).toMatch(expected);
      await settle();
      expect(log.of('error')).toHaveLength(1);
      expect(log.of('error')[0]?.text.length).toBeLessThan(10_000);
    }
  });

  test('logs the stack of what was thrown', async () => {
    const { spawn, log } = testHost();
    const worker = await spawn(failing(() => new Error('broken'), false));
    await ended(worker.get('now'));
    expect(log.of('error')[0]?.fields.stack).toMatch(/cell\.test\.ts/);
  });

  test('throwing in a tell stops the actor too, and the next ask is NotDelivered', async () => {
    const { spawn, log, settle } = testHost();
    const worker = await spawn(failing(() => new Error('broken'), false));
    worker.put('now');
    await settle();
    expect(log.of('error')).toHaveLength(1);
    expect(await worker.get.outcome('later')).toMatchObject({
      ok: false,
      error: { code: 'NotDelivered', reason: 'stopped' },
    });
    expect(worker.put('later')).toBe(false);
  });

  test('turns 2 queued tells into dead letters and settles 2 queued asks as NotDelivered, in no time', async () => {
    const { spawn, settle, deadLetters } = testHost();
    const worker = await spawn(failing(() => new Error('broken'), true));
    const first = worker.get('now');
    worker.put('a');
    const second = worker.get('b');
    worker.put('c');
    const third = worker.get('d');
    const codes = await Promise.all(
      [first, second, third].map(async (call) => ((await ended(call)) as { error: { code: string } }).error.code),
    );
    expect(codes).toEqual(['ActorFailed', 'NotDelivered', 'NotDelivered']);
    await settle();
    expect(deadLetters.map((letter) => [letter.operation, letter.message, letter.reason])).toEqual([
      ['worker.get', 'now', 'poison'],
      ['worker.put', 'a', 'failed'],
      ['worker.get', 'b', 'failed'],
      ['worker.put', 'c', 'failed'],
      ['worker.get', 'd', 'failed'],
    ]);
  });

  test('leaves the run queue working for 1 other actor', async () => {
    const { spawn } = testHost();
    const bad = await spawn(failing(() => hostileError(), false));
    const good = await spawn(closureActor(Worker, noArgs, () => ({ put: () => undefined, get: (text) => text })));
    bad.put('now');
    expect(await good.get('still here')).toBe('still here');
  });

  test('leaves the state as it was and does not run the 1 message behind it', async () => {
    const { spawn, settle } = testHost();
    const state = { n: 0 };
    const worker = await spawn(
      actor(
        Worker,
        { args: noArgs, state: () => state, supervise: { directive: () => 'stop' } },
        {
          put: (own) => {
            own.n += 1;
            throw new Error('broken');
          },
          get: (_own, text) => text,
        },
      ),
    );
    worker.put('a');
    worker.put('b');
    await settle();
    expect(state.n).toBe(1);
  });
});

function putting(put: (text: string) => unknown) {
  return closureActor(Worker, noArgs, () => ({
    put: (text) => {
      put(text);
    },
    get: (text) => text,
  }));
}

function failing(make: () => unknown, asynchronous: boolean) {
  const fail = (): never => {
    throw make();
  };
  return closureActor(
    Worker,
    noArgs,
    () => ({
      put: () => (asynchronous ? Promise.resolve().then(fail) : fail()),
      get: () => (asynchronous ? Promise.resolve().then(fail) : fail()),
    }),
    { supervise: { directive: () => 'stop' } },
  );
}

function hostileError(): Error {
  const error = new Error('unseen');
  for (const name of ['stack', 'message', 'name', 'code']) {
    Object.defineProperty(error, name, {
      get: () => {
        throw new Error(`the getter of ${name} throws`);
      },
    });
  }
  return error;
}

/** Finite state machines: handlers per state, typed data, timeouts, hooks, and what becomes of what is not handled. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { dataOf, machine } from '../../src/actors/machine.ts';
import { ask, protocol, stream, tell } from '../../src/actors/protocol.ts';
import { stop } from '../../src/actors/verbs.ts';
import { deferred, ended } from '../support/deferred.ts';
import { type TestHost, testHost } from '../support/test-host.ts';

const Line = protocol('line', {
  dial: tell(z.string()),
  answered: tell(z.string()),
  hangUp: tell(),
  redial: tell(),
  say: tell(z.string()),
  heard: ask({ output: z.array(z.string()) }),
  state: ask({ output: z.string() }),
  states: stream({ output: z.string() }),
  replies: stream({ output: z.string() }),
  fail: tell(),
  hold: tell(),
});

/** A telephone line that notes what happens. */
function line(unhandled: 'stash' | 'refuse', notes: string[] = [], gates = [deferred()]) {
  const note = (what: string): void => void notes.push(what);
  return machine(
    Line,
    {
      args: z.object({}),
      states: {
        idle: {},
        dialling: { data: dataOf<{ number: string; attempts: number }>(), timeoutMs: 100 },
        talking: { data: dataOf<{ to: string; words: string[] }>() },
      },
      initial: () => ({ state: 'idle' }),
      unhandled,
      mailbox: { stash: 5, capacity: 10 },
    },
    {
      idle: {
        entered: () => note('enters idle'),
        left: () => note('leaves idle'),
        on: { dial: (_data, number, context) => context.goto('dialling', { number, attempts: 1 }) },
      },
      dialling: {
        entered: ({ number }) => note(`enters dialling ${number}`),
        left: ({ number, attempts }) => note(`leaves dialling ${number} ${attempts}`),
        timeout: (data, context) => {
          note(`timeout ${data.attempts}`);
          data.attempts += 1;
          if (data.attempts > 2) context.goto('idle');
          else context.goto('dialling', data);
        },
        on: {
          answered: (_data, to, context) => context.goto('talking', { to, words: [] }),
          redial: (data, _message, context) => context.goto('dialling', data),
        },
      },
      talking: {
        on: {
          say: (data, word) => {
            data.words.push(word);
          },
          heard: (data) => data.words,
          async *replies(data) {
            yield data.to;
          },
        },
      },
    },
    {
      hangUp: (_at, _message, context) => context.goto('idle'),
      state: (at) => at.state,
      async *states(_at, _message, context) {
        yield* context.observe((at) => (at.state === 'dialling' ? `dialling ${at.data.number}` : at.state));
      },
      fail: () => {
        throw new Error('broken');
      },
      hold: () => gates.shift()?.promise,
    },
  );
}

async function dialled(host: TestHost, unhandled: 'stash' | 'refuse' = 'refuse', gates = [deferred()]) {
  const notes: string[] = [];
  const ref = await host.spawn(line(unhandled, notes, gates));
  ref.dial('1');
  await host.settle();
  notes.length = 0;
  return { ref, notes };
}

describe('a transition', () => {
  test('calls left and then entered, and the next message is handled in the new state with its own data', async () => {
    const host = testHost();
    const notes: string[] = [];
    const ref = await host.spawn(line('refuse', notes));
    ref.dial('1');
    ref.answered('Ada');
    ref.say('hello');
    ref.say('world');
    expect(await ref.heard()).toEqual(['hello', 'world']);
    expect(notes).toEqual(['enters idle', 'leaves idle', 'enters dialling 1', 'leaves dialling 1 1']);
  });

  test('from a state to itself is one like any other', async () => {
    const host = testHost();
    const { ref, notes } = await dialled(host);
    ref.redial();
    await host.settle();
    expect(notes).toEqual(['leaves dialling 1 1', 'enters dialling 1']);
  });

  test('is handled by the common handlers where the state has none of its own', async () => {
    const { ref } = await dialled(testHost());
    expect(await ref.state()).toBe('dialling');
    ref.hangUp();
    expect(await ref.state()).toBe('idle');
  });

  test('is seen by ctx.observe as a state with its data', async () => {
    const host = testHost();
    const ref = await host.spawn(line('refuse'));
    const seen: string[] = [];
    const reader = ref.states().subscribe({ next: (state) => void seen.push(state) });
    await host.settle();
    for (const act of [() => ref.dial('1'), () => ref.answered('Ada'), () => ref.hangUp()]) {
      act();
      await host.settle();
    }
    reader.unsubscribe();
    expect(seen).toEqual(['idle', 'dialling 1', 'talking', 'idle']);
  });

  test('opens streams in the state in which they are asked for', async () => {
    const { ref } = await dialled(testHost());
    ref.answered('Ada');
    const replies: string[] = [];
    for await (const reply of ref.replies()) replies.push(reply);
    expect(replies).toEqual(['Ada']);
  });
});

describe('a state timeout', () => {
  test('calls the timeout handler 100 ms after the state was entered', async () => {
    const host = testHost();
    const { notes } = await dialled(host);
    await host.advance(99);
    expect(notes).toEqual([]);
    await host.advance(1);
    expect(notes).toEqual(['timeout 1', 'leaves dialling 1 2', 'enters dialling 1']);
    await host.advance(99);
    expect(notes).toHaveLength(3);
    await host.advance(1);
    expect(notes.slice(3)).toEqual(['timeout 2', 'leaves dialling 1 3', 'enters idle']);
    expect(host.clock.pending).toBe(0);
  });

  test('begins anew when the state is entered anew', async () => {
    const host = testHost();
    const { ref, notes } = await dialled(host);
    await host.advance(60);
    ref.redial();
    await host.advance(60);
    expect(notes).toEqual(['leaves dialling 1 1', 'enters dialling 1']);
    await host.advance(40);
    expect(notes[2]).toBe('timeout 1');
  });

  test('ends when the state is left', async () => {
    const host = testHost();
    const { ref, notes } = await dialled(host);
    ref.answered('Ada');
    await host.settle();
    expect(host.clock.pending).toBe(0);
    await host.advance(1_000);
    expect(notes).toEqual(['leaves dialling 1 1']);
    expect(host.host.counters.late).toBe(0);
  });

  test('that waits in the queue while the state is left counts for nothing', async () => {
    const host = testHost();
    const gate = deferred();
    const { ref, notes } = await dialled(host, 'refuse', [gate]);
    ref.hold();
    ref.redial();
    await host.advance(100);
    gate.resolve();
    await host.settle();
    expect(notes).toEqual(['leaves dialling 1 1', 'enters dialling 1']);
    expect(host.host.counters).toMatchObject({ accepted: 4, handled: 4 });
  });

  test('is told beside the 10 messages that the mailbox takes, and takes the room of none', async () => {
    const host = testHost();
    const gate = deferred();
    const { ref, notes } = await dialled(host, 'refuse', [gate, deferred()]);
    const fill = (count: number): void => {
      for (let n = 0; n < count; n += 1) ref.state().catch(() => undefined);
    };
    ref.hold();
    await host.settle();
    fill(9);
    await host.advance(100);
    fill(1);
    expect(host.queued(ref)).toBe(11);
    expect(host.deadLetters).toEqual([]);
    fill(1);
    expect(host.deadLetterCounts()).toEqual({ full: 1 });
    gate.resolve();
    await host.settle();
    expect(notes[0]).toBe('timeout 1');
    ref.hold();
    await host.settle();
    fill(11);
    expect(host.queued(ref)).toBe(10);
    expect(host.deadLetterCounts()).toEqual({ full: 2 });
  });

  test('ends with the actor and with its generation, counted as late', async () => {
    const host = testHost();
    const { ref, notes } = await dialled(host);
    ref.fail();
    await host.settle();
    expect(notes).toEqual(['enters idle']);
    expect(host.clock.pending).toBe(0);
    ref.dial('2');
    await host.settle();
    await stop(ref);
    expect(host.clock.pending).toBe(0);
    expect(host.host.counters.late).toBe(2);
  });
});

describe('what no state handles', () => {
  test('waits under stash for the next transition, in order and before what is queued', async () => {
    const host = testHost();
    const ref = await host.spawn(line('stash'));
    ref.say('one');
    ref.answered('Ada');
    ref.say('two');
    const heard = ref.heard();
    await host.settle();
    expect(host.stashed(ref)).toBe(4);
    ref.dial('1');
    ref.say('three');
    // The first transition sets `one` aside anew, and hands `answered` out; the second has all others in their order.
    expect(await heard).toEqual(['one', 'two']);
    expect(await ref.heard()).toEqual(['one', 'two', 'three']);
    expect(host.stashed(ref)).toBe(0);
  });

  test('is refused under refuse: a tell as a dead letter, an ask and a stream as Rejected(unhandled) at once', async () => {
    const host = testHost();
    const ref = await host.spawn(line('refuse'));
    ref.say('one');
    expect(await ended(ref.heard())).toMatchObject({
      error: {
        code: 'Rejected',
        reason: 'unhandled',
        retryable: false,
        message: expect.stringContaining('line.heard'),
      },
    });
    const reader = ref.replies()[Symbol.asyncIterator]();
    expect(await ended(reader.next())).toMatchObject({ error: { code: 'Rejected', reason: 'unhandled' } });
    expect(host.deadLetters.map(({ operation, reason }) => [operation, reason])).toEqual([
      ['line.say', 'unhandled'],
      ['line.heard', 'unhandled'],
      ['line.replies', 'unhandled'],
    ]);
    expect(host.host.counters).toMatchObject({ accepted: 3, handled: 0 });
    expect(host.log.of('error')).toEqual([]);
    expect(await ref.state()).toBe('idle');
  });
});

describe('a restart', () => {
  test('goes back to the initial state, made anew, and to what was set aside', async () => {
    const host = testHost();
    const { ref } = await dialled(host, 'stash');
    ref.answered('Ada');
    ref.say('lost with the state');
    ref.dial('2');
    await host.settle();
    expect(host.stashed(ref)).toBe(1);
    ref.fail();
    expect(await ref.state()).toBe('dialling');
  });

  test.each([
    ['throws', () => Promise.reject(new Error('no line'))],
    ['names no state', () => ({ state: 'nowhere' }) as never],
  ])('is not what a start does whose initial %s: that is SpawnFailed', async (_what, initial) => {
    const Plain = protocol('plain', { go: tell() });
    const plain = machine(
      Plain,
      { args: z.object({}), states: { idle: {} }, initial, unhandled: 'refuse' },
      { idle: {} },
    );
    expect(await ended(testHost().spawn(plain))).toMatchObject({ error: { code: 'SpawnFailed', reason: 'state' } });
  });
});

describe('hooks', () => {
  const Plain = protocol('plain', { go: tell(), where: ask({ output: z.string() }) });

  test('may go on to another state on entry, and the timeout of the state passed through never comes', async () => {
    const host = testHost();
    const ref = await host.spawn(
      machine(
        Plain,
        {
          args: z.object({}),
          states: { first: { timeoutMs: 10 }, second: {} },
          initial: () => ({ state: 'first' }),
          unhandled: 'refuse',
        },
        {
          first: {
            entered: (_data, context) => context.goto('second'),
            timeout: () => {
              throw new Error('too late');
            },
          },
          second: {},
        },
        { where: (at) => at.state },
      ),
    );
    await host.advance(100);
    expect(await ref.where()).toBe('second');
    await host.advance(100);
    expect(host.clock.pending).toBe(0);
  });

  test('run before signals.started, which may go to another state itself', async () => {
    const host = testHost();
    const notes: string[] = [];
    const ref = await host.spawn(
      machine(
        Plain,
        {
          args: z.object({}),
          states: { first: {}, second: { data: dataOf<{ n: number }>() } },
          initial: () => ({ state: 'first' }),
          unhandled: 'refuse',
          signals: {
            started: (at, _event, context) => {
              notes.push(`started in ${at.state}`);
              context.goto('second', { n: 1 });
            },
            stopping: (at) => void notes.push(`stopping in ${at.state}`),
          },
        },
        {
          first: { entered: () => void notes.push('enters first'), left: () => void notes.push('leaves first') },
          second: { entered: ({ n }) => void notes.push(`enters second ${n}`) },
        },
        { where: (at) => at.state },
      ),
    );
    expect(await ref.where()).toBe('second');
    await stop(ref);
    expect(notes).toEqual([
      'enters first',
      'started in first',
      'leaves first',
      'enters second 1',
      'stopping in second',
    ]);
  });

  test.each([
    [
      'goto in a left hook',
      { left: (_data: unknown, context: unknown) => (context as { goto(s: string): void }).goto('b') },
    ],
    ['an asynchronous left hook', { left: (async () => Promise.reject(new Error('lost'))) as () => void }],
  ])('%s fails the actor with a UsageError, and the state stays', async (_what, hooks) => {
    const host = testHost();
    const ref = await host.spawn(
      machine(
        Plain,
        {
          args: z.object({}),
          states: { a: {}, b: {} },
          initial: () => ({ state: 'a' }),
          unhandled: 'refuse',
          supervise: { directive: () => 'resume' },
        },
        { a: hooks, b: {} },
        { go: (_at, _message, context) => context.goto('b'), where: (at) => at.state },
      ),
    );
    ref.go();
    expect(await ref.where()).toBe('a');
    expect(host.log.of('error')[0]?.fields.error).toMatch(/^UsageError/);
  });
});

describe('a definition', () => {
  const timeout = (): void => undefined;
  const Plain = protocol('plain', { go: tell() });
  const define =
    (options: object, handlers: object, common: object = {}) =>
    () =>
      machine(
        Plain,
        {
          args: z.object({}),
          states: { idle: {} },
          initial: () => ({ state: 'idle' }),
          unhandled: 'refuse',
          ...options,
        } as never,
        handlers as never,
        common as never,
      );

  test.each([
    [{ unhandled: undefined }, { idle: {} }, {}, /unhandled must be/],
    [{ states: {} }, {}, {}, /at least one state/],
    [{}, {}, {}, /state "idle" has no handlers/],
    [{}, { idle: {}, other: {} }, {}, /"other" has handlers, and is not among its `states`/],
    [{}, { idle: { go: () => undefined } }, {}, /its operations stand under `on`/],
    [{}, { idle: { on: { stop: () => undefined } } }, {}, /handles "stop", which is no operation/],
    [{}, { idle: {} }, { stop: () => undefined }, /common handles "stop"/],
    [{}, { idle: { on: { go: 1 } } }, {}, /handler of "go" is no function/],
    [{}, { idle: { entered: 1 } }, {}, /`entered` is no function/],
    [{ states: { idle: { timeoutMs: 0 } } }, { idle: { timeout } }, {}, /timeoutMs must be/],
    [{ states: { idle: { timeoutMs: 5 } } }, { idle: {} }, {}, /both a timeoutMs and a `timeout`/],
    [{}, { idle: { timeout } }, {}, /both a timeoutMs and a `timeout`/],
  ])('with %j, handlers %j and common %j is a mistake', (options, handlers, common, finding) => {
    expect(define(options, handlers, common)).toThrow(finding);
  });
});

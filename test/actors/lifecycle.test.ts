/** How actors start and end: hooks, children, stop and kill, and starts that fail. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { type ActorDefinition, actor, closureActor, type Signals } from '../../src/actors/actor.ts';
import { ask, type Protocol, protocol, type Ref, tell } from '../../src/actors/protocol.ts';
import { kill, pathOf, stop } from '../../src/actors/verbs.ts';
import { type Deferred, deferred, ended } from '../support/deferred.ts';
import { testHost } from '../support/test-host.ts';

const Job = protocol('job', { hold: ask({ output: z.string() }), note: tell(z.string()), quit: tell() });
const noArgs = z.object({});

/** A job whose `hold` lasts until the gate opens; what happens to it is pushed to `events`. */
function job(
  events: string[],
  options: { gate?: Deferred<string>; signals?: Signals<object, never>; signal?: AbortSignal[] } = {},
) {
  const gate = options.gate ?? deferred<string>();
  return actor(
    Job,
    {
      args: noArgs,
      state: () => ({}),
      signals: {
        stopping: (_state, { reason }) => {
          events.push(`stopping: ${reason}`);
        },
        ...(options.signals as object),
      },
    },
    {
      hold: (_state, _message, context) => {
        options.signal?.push(context.signal);
        return gate.promise;
      },
      note: (_state, text) => {
        events.push(text);
        if (text === 'fail') throw new Error('broken');
      },
      quit: (_state, _message, context) => context.stop(),
    },
  );
}

describe('stop', () => {
  test('ends after the current message; 2 messages behind it become dead letters', async () => {
    const { spawn, settle, deadLetters } = testHost();
    const events: string[] = [];
    const gate = deferred<string>();
    const ref = await spawn(job(events, { gate }));
    const held = ref.hold();
    ref.note('a');
    ref.note('b');
    await settle();
    const stopped = stop(ref).then(() => events.push('ended'));
    await settle();
    expect(events).toEqual([]);
    gate.resolve('done');
    expect(await held).toBe('done');
    await stopped;
    expect(events).toEqual(['stopping: stopped', 'ended']);
    expect(deadLetters.map((letter) => [letter.message, letter.reason])).toEqual([
      ['a', 'stopped'],
      ['b', 'stopped'],
    ]);
  });

  test('by ctx.stop handles nothing after the current message', async () => {
    const { spawn, settle, host } = testHost();
    const events: string[] = [];
    const ref = await spawn(job(events));
    ref.note('a');
    ref.quit();
    ref.note('b');
    await settle();
    expect(events).toEqual(['a', 'stopping: stopped']);
    expect(host.rootCount).toBe(0);
  });

  test('twice, and of what has ended, resolves all the same', async () => {
    const { spawn } = testHost();
    const events: string[] = [];
    const ref = await spawn(job(events));
    await Promise.all([stop(ref), stop(ref)]);
    await stop(ref);
    await kill(ref);
    expect(events).toEqual(['stopping: stopped']);
  });

  test('with a deadline of 100 ms kills then and rejects as ActorFailed', async () => {
    const { spawn, advance } = testHost();
    const events: string[] = [];
    const ref = await spawn(job(events));
    const held = ended(ref.hold());
    await advance(0);
    const stopped = ended(stop(ref, { deadlineMs: 100 }));
    await advance(99);
    expect(ref.note('still there')).toBe(true);
    await advance(1);
    expect(await stopped).toMatchObject({ error: { code: 'ActorFailed', message: expect.stringContaining('100 ms') } });
    expect(await held).toMatchObject({ error: { code: 'ActorFailed' } });
    expect(events).toEqual([]);
  });

  test('with a deadline leaves no timer behind when it is met', async () => {
    const { spawn, clock, settle } = testHost();
    const ref = await spawn(job([]));
    await stop(ref, { deadlineMs: 100 });
    await settle();
    expect(clock.pending).toBe(0);
  });

  test('waits for a stopping hook that is asynchronous, and refuses messages meanwhile', async () => {
    const { spawn, settle, host } = testHost();
    const gate = deferred();
    const ref = await spawn(job([], { signals: { stopping: () => gate.promise } }));
    const stopped = stop(ref);
    await settle();
    expect(host.rootCount).toBe(1);
    expect(ref.note('late')).toBe(false);
    gate.resolve();
    await stopped;
    expect(host.rootCount).toBe(0);
  });

  test('ends even when its stopping hook throws, which is logged once', async () => {
    const { spawn, log } = testHost();
    const hook = (): never => {
      throw new Error('hook broken');
    };
    const ref = await spawn(job([], { signals: { stopping: hook } }));
    await stop(ref);
    expect(log.of('error').map((line) => line.text)).toEqual([expect.stringContaining('hook broken')]);
  });
});

describe('kill', () => {
  test('in the middle of a message aborts its signal, and runs no hook', async () => {
    const { spawn, settle } = testHost();
    const events: string[] = [];
    const signal: AbortSignal[] = [];
    const ref = await spawn(job(events, { signal }));
    const held = ended(ref.hold());
    await settle();
    await kill(ref);
    expect(await held).toMatchObject({ error: { code: 'ActorFailed' } });
    expect(signal[0]?.aborted).toBe(true);
    expect(events).toEqual([]);
  });

  test('makes what its handler returns later count for nothing', async () => {
    const { spawn, settle, host } = testHost();
    const gate = deferred<string>();
    const ref = await spawn(job([], { gate }));
    const held = ended(ref.hold());
    await settle();
    await kill(ref);
    await held;
    gate.resolve('too late');
    await settle();
    expect(host.rootCount).toBe(0);
    expect(ref.note('late')).toBe(false);
  });

  test.each(['before its first await', 'and then throws'])(
    'of itself by a handler %s ends it for good',
    async (how) => {
      const { spawn, settle, host, log } = testHost();
      const suicidal = closureActor(Job, noArgs, () => ({
        hold: (_message, context) => {
          void kill(context.self);
          if (how === 'and then throws') throw new Error('as well');
          return Promise.resolve('never');
        },
        note: () => undefined,
        quit: () => undefined,
      }));
      const self = await spawn(suicidal);
      const held = ended(self.hold());
      await settle();
      expect(await held).toMatchObject({ error: { code: 'ActorFailed' } });
      expect(host.rootCount).toBe(0);
      expect(self.note('late')).toBe(false);
      expect(log.of('error')).toEqual([]);
    },
  );

  test('leaves nothing running that its handler starts afterwards', async () => {
    const { spawn, settle, clock, host } = testHost();
    const gate = deferred();
    const ends: unknown[] = [];
    const zombie = closureActor(Job, noArgs, () => ({
      hold: async (_message, context) => {
        await gate.promise;
        context.every(10, context.self.quit);
        ends.push(await ended(context.delay(10)));
        ends.push(context.signal.aborted);
        ends.push(await ended((async () => context.spawn(job([])))()));
        for await (const _value of context.observe((state) => state)) ends.push('a value');
        return 'never';
      },
      note: () => undefined,
      quit: () => undefined,
    }));
    const ref = await spawn(zombie);
    const held = ended(ref.hold());
    await settle();
    await kill(ref);
    await held;
    gate.resolve();
    await settle();
    await settle();
    expect(ends).toMatchObject([{ error: { code: 'ActorFailed' } }, true, { error: { code: 'SpawnFailed' } }]);
    // What is left is the sweep of the deadlines.
    await clock.advance(20);
    expect(clock.pending).toBe(0);
    expect(host.rootCount).toBe(0);
  });
});

describe('children', () => {
  const Parent = protocol('parent', { grow: ask({ output: z.string() }), fail: tell() });

  function parent(events: string[], child: ActorDefinition<Protocol<'job', (typeof Job)['ops']>, typeof noArgs>) {
    return actor(
      Parent,
      {
        args: noArgs,
        supervise: { directive: () => 'stop' },
        state: () => ({ child: undefined as Ref<typeof Job> | undefined }),
        signals: {
          stopping: () => {
            events.push('parent stopping');
          },
        },
      },
      {
        grow: (state, _message, context) => {
          state.child = context.spawn(child, { name: 'kid' });
          state.child.note('born');
          return pathOf(state.child);
        },
        fail: () => {
          throw new Error('broken');
        },
      },
    );
  }

  test('take messages at once and carry the path of their parent', async () => {
    const { spawn, settle } = testHost();
    const events: string[] = [];
    const ref = await spawn(parent(events, job(events)), { name: 'top' });
    expect(await ref.grow()).toMatch(/^troupe:\/\/test~1\/main\/top\/kid#2$/);
    await settle();
    expect(events).toEqual(['born']);
  });

  test.each([
    ['stop', ['born', 'stopping: stopped', 'parent stopping']],
    ['failure', ['born', 'stopping: stopped', 'parent stopping']],
    ['kill', ['born']],
  ])('end with the %s of their parent, before its own hook', async (how, expected) => {
    const { spawn, settle, log } = testHost();
    const events: string[] = [];
    const ref = await spawn(parent(events, job(events)));
    await ref.grow();
    await settle();
    if (how === 'stop') await stop(ref);
    else if (how === 'kill') await kill(ref);
    else ref.fail();
    await settle();
    expect(events).toEqual(expected);
    expect(log.of('error')).toHaveLength(how === 'failure' ? 1 : 0);
  });

  test('that fail are logged once and leave their parent alive', async () => {
    const { spawn, settle, log } = testHost();
    const events: string[] = [];
    const failing = actor(
      Job,
      {
        args: noArgs,
        state: async () => {
          await Promise.resolve();
          throw new Error('no state');
        },
      },
      { hold: () => '', note: () => undefined, quit: () => undefined },
    );
    const ref = await spawn(parent(events, failing));
    await ref.grow();
    await settle();
    expect(log.of('error').map((line) => line.text)).toEqual([expect.stringContaining('no state')]);
    expect(await ref.grow()).toMatch(/kid#3$/);
  });

  test('that are stopped while they start are no failure', async () => {
    const { spawn, settle, log } = testHost();
    const never = actor(
      Job,
      { args: noArgs, state: () => new Promise<object>(() => undefined) },
      { hold: () => '', note: () => undefined, quit: () => undefined },
    );
    const ref = await spawn(parent([], never));
    await ref.grow();
    await kill(ref);
    await settle();
    expect(log.of('error')).toEqual([]);
  });
});

describe('start', () => {
  test('waits for a state that is asynchronous, while 2 messages queue', async () => {
    const { host, settle } = testHost();
    const events: string[] = [];
    const gate = deferred<object>();
    const definition = actor(
      Job,
      {
        args: noArgs,
        state: () => gate.promise,
        signals: {
          started: (_state, { generation }) => {
            events.push(`started: ${generation}`);
          },
        },
      },
      {
        hold: () => '',
        note: (_state, text) => {
          events.push(text);
        },
        quit: () => undefined,
      },
    );
    const cell = host.spawn(definition, { args: undefined, name: undefined, parent: undefined });
    const ref = new cell.behavior.refClass(cell, host.outside) as unknown as Ref<typeof Job>;
    ref.note('a');
    ref.note('b');
    await settle();
    expect(events).toEqual([]);
    gate.resolve({});
    await cell.started;
    await settle();
    expect(events).toEqual(['started: 0', 'a', 'b']);
  });

  test.each([
    ['a state that throws', { state: () => fail() }],
    ['a state that rejects', { state: async () => fail() }],
    ['a started hook that throws', { state: () => ({}), signals: { started: () => fail() } }],
  ])('with %s is SpawnFailed(state), leaves nothing, and frees its name', async (_what, options) => {
    const { spawn, host, log } = testHost();
    const definition = actor(Job, { args: noArgs, ...options } as never, {
      hold: () => '',
      note: () => undefined,
      quit: () => undefined,
    }) as unknown as ActorDefinition<typeof Job, typeof noArgs>;
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect(await ended(spawn(definition, { name: 'one' }))).toMatchObject({
        error: { code: 'SpawnFailed', reason: 'state', message: expect.stringContaining('no start') },
      });
    }
    expect(host.rootCount).toBe(0);
    expect(log.of('error')).toEqual([]);
    await spawn(job([]), { name: 'one' });
  });

  test('settles 1 ask that waited for a start that failed', async () => {
    const { host } = testHost();
    const gate = deferred<object>();
    const definition = actor(
      Job,
      { args: noArgs, state: () => gate.promise },
      {
        hold: () => '',
        note: () => undefined,
        quit: () => undefined,
      },
    );
    const cell = host.spawn(definition, { args: undefined, name: undefined, parent: undefined });
    const ref = new cell.behavior.refClass(cell, host.outside) as unknown as Ref<typeof Job>;
    const waiting = ended(ref.hold());
    gate.reject(new Error('no start'));
    expect(await waiting).toMatchObject({ error: { code: 'NotDelivered' } });
  });

  test('refuses a name that is taken, and gives it back after the end', async () => {
    const { spawn } = testHost();
    const first = await spawn(job([]), { name: 'one' });
    expect(await ended(spawn(job([]), { name: 'one' }))).toMatchObject({
      error: { code: 'SpawnFailed', reason: 'name-taken' },
    });
    await stop(first);
    const second = await spawn(job([]), { name: 'one' });
    expect(pathOf(second)).not.toBe(pathOf(first));
    expect(first.note('for the first')).toBe(false);
  });

  test('refuses arguments that do not fit, with where they do not', async () => {
    const { spawn, host } = testHost();
    const definition = closureActor(Job, z.object({ size: z.int() }), () => ({
      hold: () => '',
      note: () => undefined,
      quit: () => undefined,
    }));
    expect(await ended(spawn(definition, { args: { size: 'big' as never } }))).toMatchObject({
      error: { code: 'SpawnFailed', reason: 'arguments', message: expect.stringContaining('size') },
    });
    expect(host.rootCount).toBe(0);
  });

  test('refuses what is no actor', async () => {
    const { spawn } = testHost();
    expect(await ended(spawn({} as never))).toMatchObject({ error: { code: 'SpawnFailed' } });
  });
});

describe('the end of the host', () => {
  test('stops every actor and names the 1 that had not stopped by the deadline', async () => {
    const { spawn, host, advance, settle } = testHost();
    const events: string[] = [];
    await spawn(job(events));
    const stuck = await spawn(job(events));
    void ended(stuck.hold());
    await settle();
    const left = host.close(100);
    await advance(200);
    expect(await left).toEqual([pathOf(stuck)]);
    expect(events).toEqual(['stopping: stopped']);
    expect(host.rootCount).toBe(0);
    expect(
      await ended((async () => host.spawn(job([]), { args: {}, name: undefined, parent: undefined }))()),
    ).toMatchObject({
      error: { code: 'SpawnFailed', reason: 'shutdown' },
    });
  });
});

function fail(): never {
  throw new Error('no start');
}

describe('stop, with runs open beside others', () => {
  const Desk = protocol('desk', { read: ask({ output: z.int(), readonly: true }), note: tell(z.int()) });

  test('waits for the open run of a readonly operation, and handles none of the 2 tells that come after it', async () => {
    const host = testHost();
    const gate = deferred<number>();
    const notes: number[] = [];
    const ref = await host.spawn(
      actor(
        Desk,
        { args: noArgs, state: () => ({}) },
        {
          read: () => gate.promise,
          note: (_state, n) => {
            notes.push(n);
          },
        },
      ),
    );
    const reading = ref.read();
    await host.settle();
    const stopped = stop(ref);
    ref.note(1);
    ref.note(2);
    await host.settle();
    gate.resolve(7);
    expect(await reading).toBe(7);
    await stopped;
    expect(notes).toEqual([]);
    expect(host.deadLetterCounts()).toEqual({ stopped: 2 });
  });
});

test('kill of an actor that waits for its children to stop ends it without its stopping hook, which has no state any more', async () => {
  const host = testHost();
  const gate = deferred<string>();
  const hooks: unknown[] = [];
  const child = job([], { gate });
  const Parent = protocol('parent', { hire: tell() });
  const ref = await host.spawn(
    actor(
      Parent,
      {
        args: noArgs,
        state: () => ({ open: true }),
        signals: {
          stopping: (state) => {
            hooks.push(state.open);
          },
        },
      },
      {
        hire: (_state, _message, context) => {
          void ended(context.spawn(child).hold());
        },
      },
    ),
  );
  ref.hire();
  await host.settle();
  const stopped = stop(ref);
  await host.settle();
  await kill(ref);
  gate.resolve('done');
  await stopped;
  await host.settle();
  expect(hooks).toEqual([]);
  expect(host.log.of('error')).toEqual([]);
});

test.each([Number.NaN, -1, Number.POSITIVE_INFINITY, '5' as never])(
  'stop with a deadline of %s ms is a mistake, and the actor lives on',
  async (deadlineMs) => {
    const host = testHost();
    const events: string[] = [];
    const ref = await host.spawn(job(events));
    expect(() => stop(ref, { deadlineMs })).toThrow(/job#1: deadlineMs must lie between 0 and/);
    ref.note('alive');
    await host.settle();
    expect(events).toEqual(['alive']);
  },
);

/** Supervision: what a failure does to its actor, to its queue and to those around it. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { actor, closureActor } from '../../src/actors/actor.ts';
import { ask, protocol, type Ref, stream, tell } from '../../src/actors/protocol.ts';
import type { Directive, Strategy, Supervise } from '../../src/actors/supervise.ts';
import { kill, pathOf, stop } from '../../src/actors/verbs.ts';
import { type Deferred, deferred, ended } from '../support/deferred.ts';
import { testHost } from '../support/test-host.ts';

const Tally = protocol('tally', {
  add: tell(z.int()),
  fail: tell(z.string()),
  failLater: tell(z.string()),
  total: ask({ output: z.int() }),
  answer: ask({ input: z.string(), output: z.string() }),
  slowly: ask({ output: z.string() }),
  runFails: tell(),
  every: tell(),
  totals: stream({ output: z.int() }),
  broken: stream({ output: z.int() }),
});

interface TallyOptions {
  supervise?: Supervise;
  events?: string[];
  gate?: Deferred<string>;
  label?: string;
  startFails?: () => boolean;
}

/** Adds up numbers; fails when it is told to, by an Error with that text. */
function tally({ supervise = {}, events = [], gate = deferred(), label = '', startFails }: TallyOptions = {}) {
  return actor(
    Tally,
    {
      args: z.object({ items: z.array(z.int()).default([]) }),
      state: ({ items }) => {
        if (startFails?.()) throw new Error('no state');
        return { items };
      },
      internal: { tick: tell(), loaded: tell(z.int()) },
      supervise,
      signals: {
        started: (_state, { generation }) => {
          events.push(`${label}started ${generation}`);
        },
        stopping: (_state, { reason }) => {
          events.push(`${label}stopping ${reason}`);
        },
      },
    },
    {
      add: ({ items }, n) => {
        items.push(n);
        events.push(`${label}add ${n}`);
      },
      fail: (_state, text) => {
        events.push(`${label}fail ${text}`);
        throw new Error(text);
      },
      failLater: async (_state, text, context) => {
        await context.delay(10);
        throw new Error(text);
      },
      total: ({ items }) => items.reduce((sum, n) => sum + n, 0),
      answer: (_state, text) => {
        throw new Error(text);
      },
      slowly: async (_state, _message, context) => {
        context.signal.addEventListener('abort', () => events.push('aborted'));
        return gate.promise;
      },
      runFails: (_state, _message, context) => context.run(Promise.reject(new Error('no rows')), context.self.loaded),
      every: (_state, _message, context) => {
        context.every(100, context.self.tick);
        context.run(gate.promise as unknown as Promise<number>, context.self.loaded);
      },
      totals: async function* ({ items }, _message, context) {
        yield* context.observe(() => items.length);
      },
      broken: async function* () {
        yield 1;
        throw new Error('stream broken');
      },
      tick: () => {
        events.push('tick');
      },
      loaded: () => {
        events.push('loaded');
      },
    },
  );
}

const always = (directive: Directive): Supervise => ({ directive: () => directive });

describe('a restart', () => {
  test('keeps 3 queued messages in order without the one that crashed, which becomes a dead letter, and logs', async () => {
    const { spawn, settle, deadLetters, log } = testHost();
    const events: string[] = [];
    const ref = await spawn(tally({ events }), { args: { items: [7] } });
    ref.add(1);
    ref.fail('broken');
    ref.add(2);
    ref.add(3);
    const total = ref.total();
    expect(await total).toBe(12);
    await settle();
    expect(events).toEqual(['started 0', 'add 1', 'fail broken', 'started 1', 'add 2', 'add 3']);
    expect(deadLetters).toMatchObject([{ operation: 'tally.fail', message: 'broken', reason: 'poison' }]);
    expect(log.of('error')).toHaveLength(1);
    expect(log.of('error')[0]).toMatchObject({
      text: expect.stringContaining('restarts (1 of at most 5 restarts in 60000 ms): Error: broken'),
      fields: { stack: expect.stringContaining('supervision.test.ts'), operation: 'tally.fail' },
    });
  });

  test('keeps the ref, the path, the name and the room in the registry of names', async () => {
    const { spawn, host } = testHost();
    const ref = await spawn(tally(), { name: 'one' });
    const path = pathOf(ref);
    ref.fail('broken');
    expect(await ref.total()).toBe(0);
    expect(pathOf(ref)).toBe(path);
    expect(await ended(spawn(tally(), { name: 'one' }))).toMatchObject({ error: { reason: 'name-taken' } });
    expect(host.rootCount).toBe(1);
  });

  test('gives the state its arguments as they were, though the state has changed them', async () => {
    const { spawn } = testHost();
    const given = [1, 2];
    const ref = await spawn(tally(), { args: { items: given } });
    ref.add(10);
    given.push(100);
    for (let restarts = 0; restarts < 2; restarts += 1) {
      ref.fail('broken');
      expect(await ref.total()).toBe(3);
      ref.add(10);
      expect(await ref.total()).toBe(13);
    }
  });

  test('settles the ask that crashed as ActorFailed with its cause, and answers the 1 behind it', async () => {
    const { spawn } = testHost();
    const ref = await spawn(tally());
    const [crashed, behind] = [ended(ref.answer('broken')), ref.total()];
    expect(await crashed).toMatchObject({ error: { code: 'ActorFailed', cause: { message: 'broken' } } });
    expect(await behind).toBe(0);
  });

  test.each([
    ['a handler that rejects later', (ref: Ref<typeof Tally>) => void ref.failLater('late')],
    ['ctx.run', (ref: Ref<typeof Tally>) => void ref.runFails()],
    ['a stream', (ref: Ref<typeof Tally>) => void ended(readAll(ref.broken()))],
    ['an ask', (ref: Ref<typeof Tally>) => void ended(ref.answer('x'))],
  ])('follows a failure in %s too', async (_what, fail) => {
    const { spawn, advance, log } = testHost();
    const events: string[] = [];
    const ref = await spawn(tally({ events }));
    ref.add(1);
    fail(ref);
    await advance(20);
    expect(events).toEqual(['started 0', 'add 1', 'started 1']);
    expect(await ref.total()).toBe(0);
    expect(log.of('error')).toHaveLength(1);
  });

  test('ends the timers, the run results and the streams of the generation: ActorFailed, and counted', async () => {
    const { spawn, advance, settle, host, clock } = testHost();
    const events: string[] = [];
    const gate = deferred<string>();
    const ref = await spawn(tally({ events, gate }));
    const reader = ref.totals()[Symbol.asyncIterator]();
    expect(await reader.next()).toMatchObject({ value: 0 });
    const next = ended(reader.next());
    ref.every();
    await advance(150);
    expect(events).toEqual(['started 0', 'tick']);
    ref.fail('broken');
    await settle();
    gate.resolve('rows');
    await advance(1_000);
    expect(events).toEqual(['started 0', 'tick', 'fail broken', 'started 1']);
    expect(await next).toMatchObject({ error: { code: 'ActorFailed', message: expect.stringContaining('restarts') } });
    expect(host.counters.late).toBe(2);
    expect(clock.pending).toBe(0);
  });

  test('gives up the ask of a handler that waits when something else fails, and aborts its signal', async () => {
    const { spawn, settle } = testHost();
    const events: string[] = [];
    const gate = deferred<string>();
    const ref = await spawn(tally({ events, gate }));
    ref.runFails();
    const slow = ended(ref.slowly());
    expect(await slow).toMatchObject({ error: { code: 'ActorFailed' } });
    gate.resolve('too late');
    await settle();
    expect(events).toEqual(['started 0', 'aborted', 'started 1']);
    expect(await ref.total()).toBe(0);
  });

  test('leaves nothing to code of the old generation that runs on: no timer, child, watch or stop', async () => {
    const { spawn, settle, clock, host } = testHost();
    const gate = deferred();
    const ends: unknown[] = [];
    const definition = closureActor(Tally, z.object({}), () => ({
      ...silent,
      slowly: async (_message, context) => {
        await gate.promise;
        ends.push(await ended(context.delay(10)));
        ends.push(await ended((async () => context.every(10, context.self.every))()));
        ends.push(await ended((async () => context.spawn(tally()))()));
        ends.push(context.signal.aborted);
        for await (const _value of context.observe((state) => state)) ends.push('a value');
        context.stop();
        ends.push('done');
        return 'never';
      },
      runFails: (_message, context) => context.run(Promise.reject(new Error('no rows')), context.self.add),
    }));
    const ref = await spawn(definition);
    ref.runFails();
    expect(await ended(ref.slowly())).toMatchObject({ error: { code: 'ActorFailed' } });
    gate.resolve();
    await settle();
    const refused = { error: { code: 'ActorFailed' } };
    expect(ends).toMatchObject([refused, refused, refused, true, 'done']);
    expect(await ref.total()).toBe(0);
    await clock.advance(20);
    expect(clock.pending).toBe(0);
    expect(host.rootCount).toBe(1);
  });

  test('makes the closure of a closure actor anew', async () => {
    const { spawn } = testHost();
    let setups = 0;
    const definition = closureActor(Tally, z.object({}), () => {
      setups += 1;
      return {
        ...silent,
        fail: () => {
          throw new Error('broken');
        },
        total: () => setups,
      };
    });
    const ref = await spawn(definition);
    ref.fail('now');
    expect(await ref.total()).toBe(2);
  });

  test('waits for a state and a started hook that are asynchronous, while 2 messages queue', async () => {
    const { spawn, settle, advance } = testHost();
    const events: string[] = [];
    const definition = actor(
      Tally,
      {
        args: z.object({}),
        state: async () => {
          await Promise.resolve();
          return {};
        },
        signals: {
          started: async (_state, { generation }, context) => {
            await context.delay(50);
            events.push(`started ${generation}`);
          },
        },
      },
      {
        ...silentWithState,
        add: (_state, n) => {
          events.push(`add ${n}`);
        },
        fail: () => {
          throw new Error('broken');
        },
      },
    );
    const starting = spawn(definition);
    await advance(50);
    const ref = await starting;
    ref.fail('now');
    ref.add(1);
    await settle();
    ref.add(2);
    await advance(49);
    expect(events).toEqual(['started 0']);
    await advance(1);
    expect(events).toEqual(['started 0', 'started 1', 'add 1', 'add 2']);
  });
});

describe('a directive', () => {
  test('to resume keeps the state as the failure left it, and the generation', async () => {
    const { spawn, settle, deadLetterCounts } = testHost();
    const events: string[] = [];
    const ref = await spawn(tally({ events, supervise: always('resume') }));
    ref.add(1);
    ref.fail('broken');
    ref.add(2);
    expect(await ref.total()).toBe(3);
    expect(await ended(ref.answer('broken'))).toMatchObject({ error: { code: 'ActorFailed' } });
    await settle();
    expect(events).toEqual(['started 0', 'add 1', 'fail broken', 'add 2']);
    expect(deadLetterCounts()).toEqual({ poison: 2 });
  });

  test('to resume goes on after a handler that rejects later, and an asker behind it is answered', async () => {
    const { spawn, advance } = testHost();
    const ref = await spawn(tally({ supervise: always('resume') }));
    ref.add(4);
    ref.failLater('late');
    const total = ref.total();
    await advance(10);
    expect(await total).toBe(4);
  });

  test('to stop ends the actor: its queue becomes dead letters, its asks are settled at once', async () => {
    const { spawn, settle, host, deadLetterCounts } = testHost();
    const events: string[] = [];
    const ref = await spawn(tally({ events, supervise: always('stop') }), { name: 'one' });
    ref.fail('broken');
    ref.add(1);
    expect(await ended(ref.total())).toMatchObject({ error: { code: 'NotDelivered', reason: 'stopped' } });
    await settle();
    expect(events).toEqual(['started 0', 'fail broken', 'stopping failed']);
    expect(deadLetterCounts()).toEqual({ poison: 1, failed: 2 });
    expect(host.rootCount).toBe(0);
    await spawn(tally(), { name: 'one' });
  });

  test('chooses by the error and the operation', async () => {
    const { spawn } = testHost();
    const seen: unknown[] = [];
    const directive: NonNullable<Supervise['directive']> = ({ error, operation }) => {
      seen.push([(error as Error).message, operation]);
      return operation === 'tally.fail' ? 'resume' : 'restart';
    };
    const ref = await spawn(tally({ supervise: { directive } }));
    ref.add(5);
    ref.fail('a');
    expect(await ref.total()).toBe(5);
    ref.runFails();
    await ended(ref.slowly({ timeoutMs: 1 }));
    expect(await ref.total()).toBe(0);
    expect(seen).toEqual([
      ['a', 'tally.fail'],
      ['no rows', undefined],
    ]);
  });

  test.each([
    ['throws', () => fail(), 'its directive failed as well'],
    ['gives nonsense', () => 'retry' as never, 'its directive gave thrown value: retry'],
  ])('that %s means stop, and the log says so', async (_what, directive, text) => {
    const { spawn, settle, host, log } = testHost();
    const ref = await spawn(tally({ supervise: { directive } }));
    ref.fail('broken');
    await settle();
    expect(host.rootCount).toBe(0);
    expect(log.of('error')).toMatchObject([{ text: expect.stringContaining(text) }]);
  });

  test.each([
    [{ restartsMax: -1 }, 'restartsMax'],
    [{ withinMs: 0 }, 'withinMs'],
    [{ backoff: { minMs: 10, maxMs: 5 } }, 'minMs lies above maxMs'],
    [{ poison: { retry: 0 } }, 'poison'],
    [{ restartMax: 3 }, 'restartMax'],
  ])('declared as %j is refused at the definition', (supervise, text) => {
    expect(() => tally({ supervise: supervise as Supervise })).toThrow(
      expect.objectContaining({ code: 'UsageError', message: expect.stringContaining(text) }),
    );
  });
});

describe('a budget', () => {
  test('of 5 restarts in 60 s ends in a stop at the sixth failure, which is logged with its stack', async () => {
    const { spawn, settle, host, log } = testHost();
    const events: string[] = [];
    const ref = await spawn(tally({ events }));
    for (let n = 1; n <= 6; n += 1) ref.fail(`${n}`);
    ref.add(1);
    await settle();
    expect(events.filter((event) => event.startsWith('started'))).toHaveLength(6);
    expect(events.at(-1)).toBe('stopping failed');
    expect(host.rootCount).toBe(0);
    expect(log.of('error').map((line) => line.text)).toEqual([
      expect.stringContaining('restarts (1 of'),
      expect.stringMatching(/stops, since its 5 restarts in 60000 ms are used up: Error: 6; 4 failures before it/),
    ]);
    expect(ref.add(2)).toBe(false);
  });

  test('gives a restart back 60 s after it was made', async () => {
    const { spawn, advance, host } = testHost();
    const ref = await spawn(tally());
    for (let n = 0; n < 5; n += 1) ref.fail('early');
    await advance(59_999);
    expect(host.rootCount).toBe(1);
    await advance(1);
    for (let n = 0; n < 5; n += 1) ref.fail('late');
    await advance(0);
    expect(host.rootCount).toBe(1);
    ref.fail('once more');
    await advance(0);
    expect(host.rootCount).toBe(0);
  });

  test('of 0 never restarts', async () => {
    const { spawn, settle, host } = testHost();
    const ref = await spawn(tally({ supervise: { restartsMax: 0 } }));
    ref.fail('broken');
    await settle();
    expect(host.rootCount).toBe(0);
  });

  test('is spent by restarts that fail themselves, and ends in a stop that leaves no name taken', async () => {
    const { spawn, settle, host } = testHost();
    let starts = 0;
    const startFails = (): boolean => {
      starts += 1;
      return starts > 1;
    };
    const ref = await spawn(tally({ startFails, supervise: { restartsMax: 3 } }), { name: 'one' });
    ref.fail('broken');
    const waiting = ended(ref.total());
    await settle();
    expect(starts).toBe(4);
    expect(await waiting).toMatchObject({ error: { code: 'NotDelivered', reason: 'stopped' } });
    expect(host.rootCount).toBe(0);
    await spawn(tally(), { name: 'one' });
  });

  test("is every sibling's own", async () => {
    const { spawn, settle, host } = testHost();
    const refs = [await spawn(tally()), await spawn(tally()), await spawn(tally())];
    for (let n = 0; n < 5; n += 1) for (const ref of refs) ref.fail('broken');
    await settle();
    expect(host.rootCount).toBe(3);
    refs[0]!.fail('once more');
    await settle();
    expect(host.rootCount).toBe(2);
    expect(await refs[1]!.total()).toBe(0);
  });
});

describe('backoff', () => {
  const supervise: Supervise = { restartsMax: 5, withinMs: 60_000, backoff: { minMs: 100, maxMs: 400 } };

  test('waits 100 to 200 ms, then 200 to 400, then as long again, with jitter that differs by seed', async () => {
    const waits: number[][] = [];
    for (const seed of [1, 2, 3]) {
      const { spawn, advance, clock } = testHost({ seed });
      const ref = await spawn(tally({ supervise }));
      waits.push([]);
      for (let n = 0; n < 3; n += 1) {
        ref.fail('broken');
        const failedMs = clock.monotonicMs();
        const back = ref.total({ timeoutMs: 1_000 }).then(() => clock.monotonicMs() - failedMs);
        await advance(500);
        waits.at(-1)!.push(await back);
      }
    }
    for (const [first, second, third] of waits) {
      expect(first).toBeGreaterThanOrEqual(100);
      expect(first).toBeLessThan(200);
      for (const later of [second, third]) {
        expect(later).toBeGreaterThanOrEqual(200);
        expect(later).toBeLessThan(400);
      }
    }
    expect(new Set(waits.map(([first]) => first)).size).toBe(3);
  });

  test('lets the mailbox accept 3 messages meanwhile, and handles them in order', async () => {
    const { spawn, settle, advance } = testHost();
    const events: string[] = [];
    const ref = await spawn(tally({ events, supervise }));
    ref.fail('broken');
    await settle();
    for (const n of [1, 2, 3]) expect(ref.add(n)).toBe(true);
    await advance(99);
    expect(events).toEqual(['started 0', 'fail broken']);
    await advance(101);
    expect(events).toEqual(['started 0', 'fail broken', 'started 1', 'add 1', 'add 2', 'add 3']);
  });

  test.each(['stop', 'kill'])('is cut short by a %s, which leaves no timer', async (how) => {
    const { spawn, settle, clock, host } = testHost();
    const events: string[] = [];
    const ref = await spawn(tally({ events, supervise }));
    ref.fail('broken');
    ref.add(1);
    await settle();
    await (how === 'stop' ? stop(ref) : kill(ref));
    expect(clock.pending).toBe(0);
    expect(host.rootCount).toBe(0);
    await settle();
    expect(events).toEqual(['started 0', 'fail broken', ...(how === 'stop' ? ['stopping stopped'] : [])]);
  });
});

test('an actor that fails after it was asked to stop ends, and waits for no backoff', async () => {
  const { spawn, advance, host } = testHost();
  const ref = await spawn(tally({ supervise: { backoff: { minMs: 60_000, maxMs: 60_000 } } }));
  ref.failLater('late');
  await advance(0);
  const stopped = stop(ref);
  await advance(10);
  await stopped;
  expect(host.rootCount).toBe(0);
});

describe('poison', () => {
  const flaky = (times: number, seen: string[]) => {
    let failures = 0;
    return actor(
      Tally,
      { args: z.object({}), state: () => ({}), supervise: { poison: { retry: 2 } } },
      {
        ...silentWithState,
        add: (_state, n) => {
          seen.push(`add ${n}`);
        },
        answer: (_state, text) => {
          seen.push(text);
          failures += 1;
          if (failures <= times) throw new Error('flaky');
          return text.toUpperCase();
        },
        fail: (_state, text) => {
          seen.push(text);
          throw new Error(text);
        },
      },
    );
  };

  test('retry 2 hands an ask out again before the others, until it is answered', async () => {
    const { spawn, settle, deadLetterCounts } = testHost();
    const seen: string[] = [];
    const ref = await spawn(flaky(2, seen));
    const answer = ref.answer('ask');
    ref.add(1);
    ref.add(2);
    expect(await answer).toBe('ASK');
    await settle();
    expect(seen).toEqual(['ask', 'ask', 'ask', 'add 1', 'add 2']);
    expect(deadLetterCounts()).toEqual({});
  });

  test('retry 2 gives up after 3 runs: the ask is ActorFailed, the message a dead letter', async () => {
    const { spawn, settle, deadLetters, host } = testHost();
    const seen: string[] = [];
    const ref = await spawn(flaky(3, seen));
    expect(await ended(ref.answer('ask'))).toMatchObject({ error: { code: 'ActorFailed' } });
    ref.fail('same');
    ref.fail('same');
    await settle();
    expect(seen).toEqual(['ask', 'ask', 'ask', 'same', 'same', 'same']);
    expect(deadLetters.map(({ reason }) => reason)).toEqual(['poison', 'poison', 'failed']);
    expect(host.counters).toMatchObject({ accepted: 3, handled: 0, refused: 0 });
  });

  test('retry does not hand out an ask whose caller has given up', async () => {
    const { spawn, advance, deadLetterCounts } = testHost();
    const seen: string[] = [];
    const definition = actor(
      Tally,
      {
        args: z.object({}),
        state: () => ({}),
        supervise: { poison: { retry: 5 }, backoff: { minMs: 100, maxMs: 100 } },
      },
      {
        ...silentWithState,
        answer: (_state, text) => {
          seen.push(text);
          throw new Error('flaky');
        },
      },
    );
    const ref = await spawn(definition);
    const answer = ended(ref.answer('ask', { timeoutMs: 20 }));
    await advance(200);
    expect(await answer).toMatchObject({ error: { code: 'OutcomeUnknown' } });
    expect(seen).toEqual(['ask']);
    expect(deadLetterCounts()).toEqual({ expired: 1 });
  });

  test('retry that is cut off by a kill settles its ask as ActorFailed, since it had begun', async () => {
    const { spawn, settle } = testHost();
    const supervise: Supervise = { poison: { retry: 5 }, backoff: { minMs: 100, maxMs: 100 } };
    const ref = await spawn(tally({ supervise }));
    const answer = ended(ref.answer('ask'));
    const behind = ended(ref.total());
    await settle();
    await kill(ref);
    expect(await answer).toMatchObject({ error: { code: 'ActorFailed' } });
    expect(await behind).toMatchObject({ error: { code: 'NotDelivered' } });
  });
});

describe('children', () => {
  const Boss = protocol('boss', { hire: ask({ input: z.string(), output: z.string() }), fail: tell() });
  type Tallies = Map<string, Ref<typeof Tally>>;

  /** Spawns a tally for each name; `refs` shows them to the test. */
  function boss(events: string[], refs: Tallies, strategy?: Strategy, child: Supervise = {}, own: Supervise = {}) {
    return actor(
      Boss,
      {
        args: z.object({}),
        state: () => ({}),
        supervise: own,
        ...(strategy === undefined ? {} : { strategy }),
        signals: {
          started: (_state, { generation }) => {
            events.push(`boss started ${generation}`);
          },
        },
      },
      {
        hire: (_state, name, context) => {
          const ref = context.spawn(tally({ events, label: `${name} `, supervise: child }), { name });
          refs.set(name, ref);
          return pathOf(ref);
        },
        fail: () => {
          throw new Error('boss broken');
        },
      },
    );
  }

  async function office(strategy?: Strategy, child: Supervise = {}, own: Supervise = {}) {
    const host = testHost();
    const events: string[] = [];
    const refs: Tallies = new Map();
    const ref = await host.spawn(boss(events, refs, strategy, child, own));
    for (const name of ['a', 'b', 'c']) await ref.hire(name);
    await host.settle();
    events.length = 0;
    return { ...host, host: host.host, events, ref, refs, settle: host.settle, spawn: host.spawn, log: host.log };
  }

  test.each<[Strategy, string[]]>([
    ['one-for-one', ['b started 1']],
    ['all-for-one', ['a started 1', 'b started 1', 'c started 1']],
    ['rest-for-one', ['b started 1', 'c started 1']],
  ])('under %s restart together in the order of their start: %j', async (strategy, restarted) => {
    const { events, refs, settle, log } = await office(strategy);
    for (const child of refs.values()) child.add(1);
    await settle();
    events.length = 0;
    refs.get('b')!.fail('broken');
    for (const child of refs.values()) child.add(10);
    await settle();
    expect(events.filter((event) => event.includes('started'))).toEqual(restarted);
    const totals = await Promise.all([...refs.values()].map((child) => child.total()));
    const again = (name: string): boolean => restarted.some((event) => event.startsWith(name));
    // Who restarts before it has read the second message handles it in its new state.
    expect(totals[1]).toBe(10);
    expect(totals[2]).toBe(again('c') ? 10 : 11);
    expect(log.of('error')).toHaveLength(1);
  });

  test('under all-for-one stop together, when the budget of 1 is used up', async () => {
    const { events, refs, settle, host } = await office('all-for-one', { restartsMax: 1 });
    refs.get('b')!.fail('first');
    await settle();
    refs.get('b')!.fail('second');
    await settle();
    expect(events.filter((event) => event.includes('stopping'))).toEqual([
      'b stopping failed',
      'c stopping stopped',
      'a stopping stopped',
    ]);
    expect(host.rootCount).toBe(1);
  });

  test('under all-for-one do not pay for each other: b may restart 2 times after a did', async () => {
    const { refs, settle } = await office('all-for-one', { restartsMax: 2 });
    for (const name of ['a', 'a', 'b', 'b', 'c', 'c']) {
      refs.get(name)!.fail('broken');
      await settle();
    }
    expect(await Promise.all([...refs.values()].map((child) => child.total()))).toEqual([0, 0, 0]);
  });

  test('of an actor that restarts stop before its state is rebuilt, the last first, and free their names', async () => {
    const { events, ref, refs, settle } = await office();
    ref.fail();
    await settle();
    expect(events).toEqual(['c stopping stopped', 'b stopping stopped', 'a stopping stopped', 'boss started 1']);
    expect(refs.get('a')!.add(1)).toBe(false);
    expect(await ref.hire('a')).toMatch(/boss\/a#5$/);
  });

  test('that do not stop within 5 s are killed, and their parent restarts all the same', async () => {
    const { ref, refs, settle, clock, events } = await office();
    const slow = ended(refs.get('b')!.slowly({ timeoutMs: 60_000 }));
    await settle();
    ref.fail();
    await clock.advance(4_999);
    expect(events).not.toContain('boss started 1');
    await clock.advance(1);
    expect(await slow).toMatchObject({ error: { code: 'ActorFailed' } });
    expect(events).toContain('boss started 1');
  });

  test('that escalate end, and their parent fails: it restarts, and its other children stop', async () => {
    const { events, refs, settle, log, ref } = await office(undefined, always('escalate'));
    refs.get('b')!.fail('broken');
    await settle();
    expect(events).toEqual([
      'b fail broken',
      'b stopping failed',
      'c stopping stopped',
      'a stopping stopped',
      'boss started 1',
    ]);
    expect(log.of('error').map(({ text }) => text)).toEqual([
      expect.stringContaining('ends, and its parent fails with it: Error: broken'),
      expect.stringContaining('boss#1 failed in boss and restarts'),
    ]);
    expect(await ref.hire('b')).toMatch(/boss\/b/);
  });

  test('escalate through a parent that escalates, and at the top it ends there', async () => {
    const { refs, settle, host } = await office(
      undefined,
      { restartsMax: 0, exhausted: 'escalate' },
      always('escalate'),
    );
    refs.get('b')!.fail('broken');
    await settle();
    expect(host.rootCount).toBe(0);
  });

  test('that escalate to a parent that resumes leave their siblings alone', async () => {
    const { refs, settle, ref } = await office(undefined, always('escalate'), always('resume'));
    refs.get('b')!.fail('broken');
    await settle();
    expect(await refs.get('a')!.total()).toBe(0);
    expect(await ended(refs.get('b')!.total())).toMatchObject({ error: { code: 'NotDelivered' } });
    expect(await ref.hire('b')).toMatch(/boss\/b/);
  });
});

describe('the log', () => {
  test('tells 1 of 1,000 failures in a second, and counts the others with the next after 10 s', async () => {
    const { spawn, advance, log } = testHost();
    const ref = await spawn(tally({ supervise: always('resume') }));
    for (let n = 0; n < 1_000; n += 1) ref.fail('broken');
    await advance(1_000);
    expect(log.of('error')).toHaveLength(1);
    await advance(9_000);
    ref.fail('again');
    await advance(0);
    expect(log.of('error')).toHaveLength(2);
    expect(log.of('error')[1]).toMatchObject({
      text: expect.stringContaining('999 failures before it were not logged'),
      fields: { stack: expect.stringContaining('Error: again') },
    });
  });

  test("is each actor's own: 2 that fail give 2 lines", async () => {
    const { spawn, settle, log } = testHost();
    for (let n = 0; n < 2; n += 1) (await spawn(tally())).fail('broken');
    await settle();
    expect(log.of('error')).toHaveLength(2);
  });
});

describe('an offer', () => {
  test('that waits for room in a mailbox of 1 is let in after the restart', async () => {
    const { spawn, settle } = testHost();
    const seen: number[] = [];
    const gate = deferred();
    const definition = actor(
      Tally,
      { args: z.object({}), state: () => ({}), mailbox: { highWater: 1, capacity: 1 } },
      {
        ...silentWithState,
        add: (_state, n) => {
          seen.push(n);
        },
        failLater: async () => {
          await gate.promise;
          throw new Error('broken');
        },
      },
    );
    const ref = await spawn(definition);
    ref.failLater('now');
    await settle();
    ref.add(1);
    const offered = ref.add.offer(2);
    await settle();
    gate.resolve();
    await offered;
    await settle();
    expect(seen).toEqual([1, 2]);
  });
});

async function readAll(values: AsyncIterable<unknown>): Promise<void> {
  for await (const _value of values) {
    // Its end is what counts.
  }
}

function fail(): never {
  throw new Error('broken too');
}

const nothing = (): undefined => undefined;
const silent = {
  add: nothing,
  fail: nothing,
  failLater: nothing,
  total: () => 0,
  answer: (text: string) => text,
  slowly: () => '',
  runFails: nothing,
  every: nothing,
  totals: async function* () {
    yield 0;
  },
  broken: async function* () {
    yield 0;
  },
};
const silentWithState = { ...silent, answer: (_state: unknown, text: string) => text };

describe('a failure of a readonly operation', () => {
  const Shelf = protocol('shelf', {
    hold: ask({ output: z.int() }),
    look: ask({ input: z.int(), output: z.int(), readonly: true }),
  });

  /** Its first `look` fails after an await. */
  function shelf(supervise: Supervise, signals: AbortSignal[] = []) {
    let looks = 0;
    return actor(
      Shelf,
      { args: z.object({}), state: () => ({}), supervise },
      {
        hold: (_state, _message, context) => {
          signals.push(context.signal);
          return deferred<number>().promise;
        },
        look: async (_state, n) => {
          looks += 1;
          if (looks === 1) throw new Error('broken');
          return n;
        },
      },
    );
  }

  test('ends the exclusive run that its restart gives up: its ask is ActorFailed at once', async () => {
    const host = testHost();
    const signals: AbortSignal[] = [];
    const ref = await host.spawn(shelf({}, signals));
    const held = ended(ref.hold());
    await host.settle();
    const looked = ended(ref.look(1));
    expect(await held).toMatchObject({ error: { code: 'ActorFailed' } });
    expect(await looked).toMatchObject({ error: { code: 'ActorFailed' } });
    expect(signals[0]?.aborted).toBe(true);
    await host.settle();
    expect(await ref.look(2)).toBe(2);
    expect(host.host.counters).toMatchObject({ accepted: 3, late: 0 });
  });

  test.each(['restart', 'resume'] as const)(
    'is tried again under `retry: 1` and %s, while its caller waits',
    async (directive) => {
      const host = testHost();
      const ref = await host.spawn(shelf({ directive: () => directive, poison: { retry: 1 } }));
      expect(await ref.look(5)).toBe(5);
      expect(host.host.counters).toMatchObject({ accepted: 1, handled: 1, late: 0 });
    },
  );
});

test('retry 2 of two readonly messages that fail in turn gives up on each after 3 runs', async () => {
  const host = testHost();
  const runs = [0, 0];
  const Shelf = protocol('shelf', { look: ask({ input: z.int(), output: z.int(), readonly: true }) });
  const ref = await host.spawn(
    actor(
      Shelf,
      { args: z.object({}), state: () => ({}), supervise: { directive: () => 'resume', poison: { retry: 2 } } },
      {
        look: async (_state, n, context) => {
          runs[n]! += 1;
          await context.delay(10 + n);
          throw new Error('broken');
        },
      },
    ),
  );
  const looks = [0, 1].map((n) => ended(ref.look(n)));
  await host.advance(200);
  for (const look of looks) expect(await look).toMatchObject({ error: { code: 'ActorFailed' } });
  expect(runs).toEqual([3, 3]);
});

test('the signal of a message that is tried again aborts when its caller gives up', async () => {
  const host = testHost();
  const signals: AbortSignal[] = [];
  const Job = protocol('job', { go: ask({ output: z.int() }) });
  const ref = await host.spawn(
    actor(
      Job,
      { args: z.object({}), state: () => ({}), supervise: { poison: { retry: 1 } } },
      {
        go: async (_state, _message, context) => {
          signals.push(context.signal);
          if (signals.length === 1) throw new Error('broken');
          await context.delay(1_000);
          return 1;
        },
      },
    ),
  );
  const controller = new AbortController();
  const going = ended(ref.go({ signal: controller.signal }));
  await host.settle();
  controller.abort();
  expect(await going).toMatchObject({ error: { code: 'Cancelled', delivered: true } });
  expect(signals[1]?.aborted).toBe(true);
});

test('ctx.run with what is no promise fails as a UsageError that names the operation and what was given', async () => {
  const host = testHost();
  const Loader = protocol('loader', { go: tell(), loaded: tell(z.int()) });
  const ref = await host.spawn(
    actor(
      Loader,
      { args: z.object({}), state: () => ({}) },
      {
        go: (_state, _message, context) => context.run((() => Promise.resolve(1)) as never, context.self.loaded),
        loaded: () => undefined,
      },
    ),
  );
  ref.go();
  await host.settle();
  expect(host.log.of('error')[0]?.text).toContain('ctx.run for loader.loaded takes a promise; it was given function');
});

/** Watching: told once, at the end of an incarnation, after the last message of the actor that ended. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { actor, closureActor } from '../../src/actors/actor.ts';
import { type AnyRef, ask, protocol, type Ref, tell } from '../../src/actors/protocol.ts';
import { compileMessageType } from '../../src/actors/schema/message-type.ts';
import { refOf } from '../../src/actors/schema/ref-schema.ts';
import type { Directive } from '../../src/actors/supervise.ts';
import { kill, pathOf, sameRef, stop } from '../../src/actors/verbs.ts';
import { type Deferred, deferred, ended } from '../support/deferred.ts';
import { proofRuns, proofTimeoutMs } from '../support/proof-runs.ts';
import { type TestHost, testHost } from '../support/test-host.ts';

const Worker = protocol('worker', { work: ask({ output: z.string() }), fail: tell(), quit: tell() });
const Guard = protocol('guard', {
  watch: ask({ input: refOf(Worker), output: z.void() }),
  unwatch: ask({ input: refOf(Worker), output: z.void() }),
  note: tell(z.string()),
  hold: ask({ output: z.string() }),
  fail: tell(),
});

function worker(directive: Directive = 'restart', guard?: () => Ref<typeof Guard>) {
  return actor(
    Worker,
    {
      args: z.object({}),
      state: () => ({}),
      supervise: { directive: () => directive },
      signals: {
        stopping: () => {
          guard?.().note('last words');
        },
      },
    },
    {
      work: () => 'done',
      fail: () => {
        guard?.().note('fails');
        throw new Error('broken');
      },
      quit: (_state, _message, context) => context.stop(),
    },
  );
}

interface GuardOptions {
  events?: string[];
  gate?: Deferred<string>;
  refs?: AnyRef[];
  capacity?: number;
  overflow?: 'reject' | 'drop-oldest';
  fails?: () => boolean;
  retry?: number;
}

function guard(options: GuardOptions = {}) {
  const { events = [], gate = deferred(), refs = [], capacity = 100, overflow = 'reject', retry } = options;
  return actor(
    Guard,
    {
      args: z.object({}),
      state: () => ({}),
      mailbox: { capacity, overflow },
      supervise: retry === undefined ? {} : { poison: { retry } },
      signals: {
        terminated: (_state, { ref, reason, incarnation }) => {
          refs.push(ref);
          events.push(`${incarnation.split('#')[1]} ${reason}`);
          if (options.fails?.()) throw new Error('cannot take it');
        },
      },
    },
    {
      watch: (_state, ref, context) => context.watch(ref),
      unwatch: (_state, ref, context) => context.unwatch(ref),
      note: (_state, text) => {
        events.push(text);
      },
      hold: () => gate.promise,
      fail: () => {
        throw new Error('guard broken');
      },
    },
  );
}

describe('ctx.watch', () => {
  test.each<[string, (ref: Ref<typeof Worker>) => unknown, Directive, string]>([
    ['stops', (ref) => stop(ref), 'restart', '2 stopped'],
    ['stops itself', (ref) => ref.quit(), 'restart', '2 stopped'],
    ['is killed', (ref) => kill(ref), 'restart', '2 killed'],
    ['fails', (ref) => ref.fail(), 'stop', '2 failed'],
  ])('tells once when the actor %s', async (_how, end, directive, expected) => {
    const { spawn, settle } = testHost();
    const events: string[] = [];
    const refs: AnyRef[] = [];
    const watcher = await spawn(guard({ events, refs }));
    const watched = await spawn(worker(directive));
    await watcher.watch(watched);
    await watcher.watch(watched);
    end(watched);
    await settle();
    await kill(watched);
    await settle();
    expect(events).toEqual([expected]);
    expect(sameRef(refs[0]!, watched)).toBe(true);
    expect(pathOf(refs[0]!)).toBe(pathOf(watched));
  });

  test('tells nothing at a restart, and once when the budget is used up', async () => {
    const { spawn, settle } = testHost();
    const events: string[] = [];
    const watcher = await spawn(guard({ events }));
    const watched = await spawn(worker());
    await watcher.watch(watched);
    for (let n = 0; n < 5; n += 1) watched.fail();
    expect(await watched.work()).toBe('done');
    expect(events).toEqual([]);
    watched.fail();
    await settle();
    expect(events).toEqual(['2 failed']);
  });

  test('tells after the last message of the actor that ended, also from its stopping hook', async () => {
    const { spawn, settle } = testHost();
    const events: string[] = [];
    const gate = deferred<string>();
    const watcher = await spawn(guard({ events, gate }));
    const watched = await spawn(worker('stop', () => watcher));
    await watcher.watch(watched);
    const held = watcher.hold();
    watched.fail();
    await settle();
    watcher.note('after');
    gate.resolve('');
    await held;
    await settle();
    expect(events).toEqual(['fails', 'last words', '2 failed', 'after']);
  });

  test('of what has ended already answers at once as unknown, each time it is asked', async () => {
    const { spawn, settle } = testHost();
    const events: string[] = [];
    const watcher = await spawn(guard({ events }));
    const watched = await spawn(worker());
    await stop(watched);
    for (let n = 0; n < 2; n += 1) {
      await watcher.watch(watched);
      await settle();
    }
    expect(events).toEqual(['2 unknown', '2 unknown']);
  });

  test('of a child whose start fails tells failed', async () => {
    const { spawn, settle } = testHost();
    const ends: string[] = [];
    const definition = (start: () => object) =>
      actor(
        Guard,
        {
          args: z.object({}),
          state: () => ({}),
          signals: {
            terminated: (_state, { reason }) => {
              ends.push(reason);
            },
          },
        },
        {
          watch: () => undefined,
          unwatch: () => undefined,
          note: (_state, _text, context) => {
            const child = actor(Worker, { args: z.object({}), state: start }, idle);
            context.watch(context.spawn(child));
          },
          hold: () => '',
          fail: () => undefined,
        },
      );
    const watcher = await spawn(
      definition(() => {
        throw new Error('no state');
      }),
    );
    watcher.note('go');
    await settle();
    expect(ends).toEqual(['failed']);
  });

  test('is kept by a watcher that restarts', async () => {
    const { spawn, settle } = testHost();
    const events: string[] = [];
    const watcher = await spawn(guard({ events }));
    const watched = await spawn(worker());
    await watcher.watch(watched);
    watcher.fail();
    await settle();
    await stop(watched);
    await settle();
    expect(events).toEqual(['2 stopped']);
  });

  test('ends with the watcher: nothing is told, kept or counted as lost', async () => {
    const { spawn, settle, host, deadLetterCounts } = testHost();
    const events: string[] = [];
    const gate = deferred<string>();
    const watcher = await spawn(guard({ events, gate }));
    const [first, second] = [await spawn(worker()), await spawn(worker())];
    await watcher.watch(first);
    await watcher.watch(second);
    const held = ended(watcher.hold());
    await settle();
    await stop(first);
    await kill(watcher);
    await held;
    await stop(second);
    await settle();
    expect(events).toEqual([]);
    expect(deadLetterCounts()).toEqual({});
    expect(host.counters.accepted).toBe(host.counters.handled);
  });

  test.each([
    ['itself', (host: TestHost) => host.spawn(selfWatcher()), 'cannot watch itself'],
    ['from an actor without the signal', (host: TestHost) => host.spawn(deaf()), 'no `terminated` among its `signals`'],
    ['what is no ref', (host: TestHost) => host.spawn(selfWatcher('text')), 'takes a ref of an actor'],
  ])('of %s fails loudly', async (_what, start, text) => {
    const host = testHost();
    const ref = await start(host);
    expect(await ended(ref.work())).toMatchObject({
      error: { code: 'ActorFailed', cause: { code: 'UsageError', message: expect.stringContaining(text) } },
    });
  });

  test('of an actor in a place that cannot be reached is told at once as place-lost', async () => {
    const host = testHost({ isolation: 'codec' });
    const events: string[] = [];
    const watcher = await host.spawn(guard({ events }));
    const type = compileMessageType(refOf(Worker), 'a ref');
    const address = ['other~1/main', 7, '/worker'];
    const foreign = host.host.fromWire(type, address, host.host.outside) as Ref<typeof Worker>;
    await watcher.watch(foreign);
    await host.settle();
    expect(events).toEqual(['7 place-lost']);
  });
});

describe('ctx.unwatch', () => {
  test('takes the watch back, before the end and while the news waits in the queue', async () => {
    const { spawn, settle } = testHost();
    const events: string[] = [];
    const gate = deferred<string>();
    const watcher = await spawn(guard({ events, gate }));
    const [first, second] = [await spawn(worker()), await spawn(worker())];
    await watcher.watch(first);
    await watcher.watch(second);
    await watcher.unwatch(first);
    await watcher.unwatch(first);
    await stop(first);
    const held = watcher.hold();
    const unwatched = watcher.unwatch(second);
    await settle();
    await stop(second);
    gate.resolve('');
    await held;
    await unwatched;
    await settle();
    expect(events).toEqual([]);
    await watcher.watch(second);
    await settle();
    expect(events).toEqual(['3 unknown']);
  });
});

describe('the news of an end', () => {
  test.each(['reject', 'drop-oldest'] as const)(
    'is outside a capacity of 2: neither refused, dropped, nor in the way of 2 messages, under %s',
    async (overflow) => {
      const { spawn, settle } = testHost();
      const events: string[] = [];
      const gate = deferred<string>();
      const watcher = await spawn(guard({ events, gate, capacity: 2, overflow }));
      const workers = [];
      for (let n = 0; n < 3; n += 1) workers.push(await spawn(worker()));
      for (const one of workers) await watcher.watch(one);
      const held = watcher.hold();
      await settle();
      await stop(workers[0]!);
      watcher.note('a');
      await stop(workers[1]!);
      watcher.note('b');
      await stop(workers[2]!);
      watcher.note('c');
      gate.resolve('');
      await held;
      await settle();
      expect(events).toEqual(
        overflow === 'reject'
          ? ['2 stopped', 'a', '3 stopped', 'b', '4 stopped']
          : ['2 stopped', '3 stopped', 'b', '4 stopped', 'c'],
      );
    },
  );

  test('whose handler fails is a failure of the watcher, and follows its poison policy', async () => {
    const { spawn, settle, deadLetters } = testHost();
    for (const retry of [undefined, 1]) {
      const events: string[] = [];
      const watcher = await spawn(guard({ events, fails: () => events.length === 1, ...(retry ? { retry } : {}) }));
      const watched = await spawn(worker());
      await watcher.watch(watched);
      await stop(watched);
      await settle();
      expect(events).toHaveLength(retry === undefined ? 1 : 2);
    }
    expect(deadLetters).toMatchObject([
      { operation: 'guard.terminated', reason: 'poison', message: { reason: 'stopped', incarnation: 'test~1/main#2' } },
    ]);
  });
});

test(
  'each watch is told exactly once, whatever happens in whatever order, in 200 random programs',
  async () => {
    const action = fc.constantFrom('watch', 'unwatch', 'fail', 'stop', 'kill', 'fail the watcher', 'settle');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(action, fc.nat({ max: 2 })), { maxLength: 40 }), async (program) => {
        const { spawn, settle } = testHost();
        const events: string[] = [];
        const watcher = await spawn(guard({ events }));
        const workers: Ref<typeof Worker>[] = [];
        for (let n = 0; n < 3; n += 1) workers.push(await spawn(worker(n === 0 ? 'stop' : 'restart')));
        // One operation at a time: the model is a set of open watches, and who lives.
        const watched = [false, false, false];
        const alive = [true, true, true];
        const failures = [0, 0, 0];
        let watcherFailures = 0;
        const expected: string[] = [];
        const ends = (n: number, reason: string): void => {
          if (!alive[n]) return;
          alive[n] = false;
          if (watched[n]) expected.push(`${n + 2} ${reason}`);
          watched[n] = false;
        };
        for (const [what, n] of program) {
          const ref = workers[n]!;
          if (what === 'watch') {
            await watcher.watch(ref);
            if (alive[n]) watched[n] = true;
            else expected.push(`${n + 2} unknown`);
          } else if (what === 'unwatch') {
            await watcher.unwatch(ref);
            watched[n] = false;
          } else if (what === 'fail') {
            ref.fail();
            failures[n]! += 1;
            if (n === 0 || failures[n]! > 5) ends(n, 'failed');
          } else if (what === 'stop') {
            await stop(ref);
            ends(n, 'stopped');
          } else if (what === 'kill') {
            await kill(ref);
            ends(n, 'killed');
          } else if (what === 'fail the watcher' && watcherFailures < 5) {
            watcherFailures += 1;
            watcher.fail();
          }
          await settle();
          expect(events).toEqual(expected);
        }
      }),
      { numRuns: proofRuns(200) },
    );
  },
  proofTimeoutMs(200),
);

const idle = { work: () => 'done', fail: () => undefined, quit: () => undefined };

function selfWatcher(given?: unknown) {
  return actor(
    Worker,
    { args: z.object({}), state: () => ({}), signals: { terminated: () => undefined } },
    {
      ...idle,
      work: (_state, _message, context) => {
        context.watch((given ?? context.self) as AnyRef);
        return 'done';
      },
    },
  );
}

function deaf() {
  return closureActor(Worker, z.object({}), () => ({
    ...idle,
    work: (_message, context) => {
      context.watch(context.spawn(worker()));
      return 'done';
    },
  }));
}

/**
 * What other actor libraries for JavaScript were seen to get wrong, by running them; each is named for its symptom.
 */
import { afterEach, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import type { ActorBehavior } from '../../src/actors/behavior.ts';
import { ask, protocol, type Ref, tell } from '../../src/actors/protocol.ts';
import { refClassOf } from '../../src/actors/ref.ts';
import { refOf } from '../../src/actors/schema/ref-schema.ts';
import { kill, pathOf, stop } from '../../src/actors/verbs.ts';
import { type TwoPlaces, thereId, twoPlaces } from '../runtime/two-places.ts';
import { type Deferred, deferred, ended } from '../support/deferred.ts';
import { type TestHost, testHost } from '../support/test-host.ts';

const Clerk = protocol('clerk', {
  note: tell(z.int()),
  notes: ask({ output: z.array(z.int()) }),
  fail: tell(),
  hold: ask({ output: z.string() }),
  unsendable: ask({ output: z.any() }),
  misfit: ask({ output: z.int() }),
  table: ask({ input: z.map(z.string(), z.int()), output: z.map(z.string(), z.int()) }),
  loose: ask({ input: z.unknown(), output: z.unknown() }),
});
const Boss = protocol('boss', {
  hire: tell(z.string()),
  failAll: tell(),
  asks: ask({ input: z.string(), output: z.string() }),
  watch: ask({ input: refOf(Clerk), output: z.void() }),
  ended: ask({ output: z.array(z.string()) }),
});

interface ClerkOptions {
  gate?: Deferred<string>;
  startFails?: () => boolean;
  restartsMax?: number;
  mailbox?: { highWater: number; capacity: number };
}

function clerk({ gate = deferred(), startFails = () => false, restartsMax = 5, mailbox }: ClerkOptions = {}) {
  return actor(
    Clerk,
    {
      args: z.object({}),
      state: () => {
        if (startFails()) throw new Error('no desk');
        return { notes: [] as number[] };
      },
      supervise: { restartsMax },
      ...(mailbox && { mailbox }),
    },
    {
      note: ({ notes }, n) => void notes.push(n),
      notes: ({ notes }) => notes,
      fail: () => {
        throw new Error('out of ink');
      },
      hold: () => gate.promise,
      unsendable: () => ({ run: () => undefined }),
      misfit: () => 'no number' as never,
      table: (_state, table) => table,
      loose: (_state, value) => value,
    },
  );
}

/** Has clerks below it, and is told of the end of those it watches. */
function boss(definition: ReturnType<typeof clerk>) {
  return actor(
    Boss,
    {
      args: z.object({}),
      state: () => ({ clerks: new Map<string, Ref<typeof Clerk>>(), ended: [] as string[] }),
      signals: { terminated: ({ ended: ends }, { reason }) => void ends.push(reason) },
    },
    {
      hire: ({ clerks }, name, context) => void clerks.set(name, context.spawn(definition, { name })),
      failAll: ({ clerks }) => {
        for (const one of clerks.values()) one.fail();
      },
      asks: async ({ clerks }, name) => {
        const outcome = await clerks.get(name)!.notes.outcome();
        return outcome.ok ? 'answered' : outcome.error.code;
      },
      watch: (_state, ref, context) => context.watch(ref),
      ended: ({ ended: ends }) => ends,
    },
  );
}

let open: TwoPlaces | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
});

test('a handler that throws restarts its actor without a log line', async () => {
  const { spawn, settle, log } = testHost();
  const ref = await spawn(clerk());
  ref.fail();
  await settle();
  expect(log.of('error')).toMatchObject([
    {
      text: expect.stringContaining(`actor ${pathOf(ref)} failed in clerk.fail and restarts`),
      fields: { error: 'Error: out of ink', stack: expect.stringContaining('what-others-get-wrong') },
    },
  ]);
});

describe('an ask waits out its whole time limit', () => {
  const reasons: readonly (readonly [string, (host: TestHost, ref: Ref<typeof Clerk>) => Promise<unknown>, object])[] =
    [
      ['a stopped actor', (_host, ref) => stop(ref), { code: 'NotDelivered', reason: 'stopped' }],
      ['a killed actor', (_host, ref) => kill(ref), { code: 'NotDelivered', reason: 'stopped' }],
      [
        'an actor that crashed for good',
        async (host, ref) => {
          ref.fail();
          await host.settle();
        },
        { code: 'NotDelivered', reason: 'stopped' },
      ],
    ];
  test.each(reasons)('to %s: here it is told at once, with no time passing', async (_what, end, error) => {
    const host = testHost();
    const ref = await host.spawn(clerk({ restartsMax: 0 }));
    await end(host, ref);
    const before = host.clock.monotonicMs();
    expect(await ended(ref.notes())).toMatchObject({ error });
    expect(host.clock.monotonicMs()).toBe(before);
  });

  test('when its actor is killed, or stopped and then killed, while it waits: here it is told then', async () => {
    for (const [end, code] of [
      [(ref: Ref<typeof Clerk>) => kill(ref), 'ActorFailed'],
      [(ref: Ref<typeof Clerk>) => stop(ref, { deadlineMs: 0 }).catch(() => undefined), 'ActorFailed'],
    ] as const) {
      const host = testHost();
      const ref = await host.spawn(clerk());
      const [begun, queued] = [ended(ref.hold()), ended(ref.notes())];
      await host.settle();
      void end(ref);
      await host.advance(0);
      expect(await begun).toMatchObject({ error: { code } });
      expect(await queued).toMatchObject({ error: { code: 'NotDelivered' } });
      expect(host.clock.monotonicMs()).toBe(0);
    }
  });

  test('to a missing actor and in a place that is gone: here it is told at once', async () => {
    const { here, ref } = await elsewhere();
    const missing = here.router.place(thereId(open!))!.target(99, '/clerk', 'clerk');
    const nobody = new (refClassOf(Clerk))(missing, here.host.outside) as unknown as Ref<typeof Clerk>;
    const began = performance.now();
    expect(await ended(nobody.notes())).toMatchObject({ error: { code: 'NotDelivered', reason: 'stopped' } });
    const underway = ended(ref.hold());
    await ref.notes.outcome({ timeoutMs: 50 });
    open!.cut();
    expect(await underway).toMatchObject({ error: { code: 'OutcomeUnknown', reason: 'link-lost' } });
    expect(await ended(ref.notes())).toMatchObject({ error: { code: 'NotDelivered', reason: 'unreachable' } });
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});

test('siblings share one restart budget, so that one that fails once ends with the others', async () => {
  const { spawn, settle } = testHost();
  const ref = await spawn(boss(clerk({ restartsMax: 2 })));
  for (const name of ['a', 'b', 'c']) ref.hire(name);
  for (let round = 0; round < 2; round += 1) {
    ref.failAll();
    await settle();
  }
  // Six failures, two each: each is within its own budget.
  for (const name of ['a', 'b', 'c']) expect(await ref.asks(name)).toBe('answered');
});

test('a constructor that throws leaves a zombie with its name taken', async () => {
  const { spawn, host } = testHost();
  let broken = true;
  const definition = clerk({ startFails: () => broken });
  expect(await ended(spawn(definition, { name: 'one' }))).toMatchObject({
    error: { code: 'SpawnFailed', reason: 'state' },
  });
  expect(host.rootCount).toBe(0);
  broken = false;
  const ref = await spawn(definition, { name: 'one' });
  expect(await ref.notes()).toEqual([]);
});

describe('a reply that cannot be sent hangs its caller', () => {
  test.each(['unsendable', 'misfit'] as const)('%s: here it is ActorFailed, on one place and across', async (which) => {
    const { spawn, clock } = testHost();
    const near = await spawn(clerk());
    const error = { code: 'ActorFailed', message: expect.stringContaining(`clerk.${which}`) };
    expect(await ended(near[which]())).toMatchObject({ error });
    expect(clock.monotonicMs()).toBe(0);
    const { ref } = await elsewhere();
    expect(await ended(ref[which]())).toMatchObject({ error });
    expect(await ref.notes()).toEqual([]);
  });
});

test('overflow throws at the sender', async () => {
  const { spawn, settle, deadLetterCounts } = testHost();
  const gate = deferred<string>();
  const ref = await spawn(clerk({ gate, mailbox: { highWater: 2, capacity: 2 } }));
  void ref.hold();
  await settle();
  expect([1, 2, 3, 4].map((n) => ref.note(n))).toEqual([true, false, false, false]);
  expect(await ended(ref.notes())).toMatchObject({ error: { code: 'Rejected', reason: 'full', retryable: true } });
  expect(deadLetterCounts()).toEqual({ full: 3 });
  gate.resolve('go');
  await settle();
  expect(await ref.notes()).toEqual([1, 2]);
});

test('a restart loses the queue', async () => {
  const { spawn } = testHost();
  const ref = await spawn(clerk());
  ref.note(1);
  ref.fail();
  for (const n of [2, 3, 4]) ref.note(n);
  expect(await ref.notes()).toEqual([2, 3, 4]);
});

describe('watch silently never fires', () => {
  test('for what has ended already, and for what ends in the same turn', async () => {
    const { spawn, settle } = testHost();
    const definition = clerk();
    const [watcher, gone, going] = [await spawn(boss(definition)), await spawn(definition), await spawn(definition)];
    await stop(gone);
    await watcher.watch(gone);
    const watching = watcher.watch(going);
    void kill(going);
    await watching;
    await settle();
    expect([...(await watcher.ended())].sort()).toEqual(['unknown', 'unknown']);
  });

  test('for an actor in a place that is lost', async () => {
    const definition = boss(clerk());
    const { here, ref } = await elsewhere();
    const cell = here.host.spawn(definition, { args: {}, name: undefined, parent: undefined });
    const watcher = new cell.behavior.refClass(cell, here.host.outside) as unknown as Ref<typeof Boss>;
    await watcher.watch(ref);
    await ref.notes();
    open!.cut();
    await expect.poll(() => watcher.ended()).toEqual(['place-lost']);
  });
});

test('a Map arrives as an empty object', async () => {
  const table = new Map([
    ['a', 1],
    ['b', 2],
  ]);
  const { spawn } = testHost({ isolation: 'codec' });
  for (const ref of [await spawn(clerk()), (await elsewhere()).ref]) {
    const back = await ref.table(table);
    expect(back).toEqual(table);
    expect(back).not.toBe(table);
    expect(await ref.loose({ table })).toEqual({ table });
  }
});

test('sends to dead actors vanish uncounted', async () => {
  const { spawn, host, settle, deadLetters } = testHost();
  const ref = await spawn(clerk());
  await kill(ref);
  expect([1, 2, 3].map((n) => ref.note(n))).toEqual([false, false, false]);
  await ended(ref.note.offer(4));
  await ended(ref.notes());
  await settle();
  expect(deadLetters).toMatchObject([
    ...[1, 2, 3].map((message) => ({ path: pathOf(ref), operation: 'clerk.note', reason: 'stopped', message })),
    { operation: 'clerk.notes' },
  ]);
  expect(host.counters.refused).toBe(4);
});

test('draining acknowledges and then drops', async () => {
  const { spawn, settle, deadLetterCounts } = testHost();
  const gate = deferred<string>();
  const ref = await spawn(clerk({ gate }));
  void ref.hold();
  await settle();
  ref.note(1);
  const asked = ref.notes();
  const drained = stop(ref, { drain: true });
  expect(ref.note(2)).toBe(false);
  expect(await ended(ref.note.offer(3))).toMatchObject({ error: { code: 'NotDelivered', reason: 'stopped' } });
  gate.resolve('go');
  expect(await asked).toEqual([1]);
  await drained;
  expect(deadLetterCounts()).toEqual({ draining: 1 });
});

/** A clerk in another node of this process. */
async function elsewhere(): Promise<{ readonly here: TwoPlaces['here']; readonly ref: Ref<typeof Clerk> }> {
  await open?.close();
  const definition = clerk();
  open = twoPlaces([definition], false);
  const { here } = open;
  const place = here.router.place(thereId(open))!;
  const behavior = definition as unknown as ActorBehavior;
  const args = behavior.argsType.toWire(behavior.argsType.parse({}));
  const { cell, branch } = await place.spawn('clerk', args, undefined);
  const ref = new (refClassOf(Clerk))(place.target(cell, branch, 'clerk'), here.host.outside) as unknown as Ref<
    typeof Clerk
  >;
  return { here, ref };
}

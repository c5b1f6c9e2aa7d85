/** What JavaScript may give where a definition is made: each mistake is named there, and not found at the first message. */
import { expect, test } from 'vitest';
import * as z from 'zod';
import { actor, closureActor } from '../../src/actors/actor.ts';
import { serviceKey } from '../../src/actors/finding/service-key.ts';
import { machine } from '../../src/actors/machine.ts';
import { ask, protocol, stream, tell } from '../../src/actors/protocol.ts';
import { resource } from '../../src/actors/resource.ts';
import { refOf } from '../../src/actors/schema/ref-schema.ts';
import { pool } from '../../src/actors/spreading/pool.ts';
import { router } from '../../src/actors/spreading/router.ts';
import { testHost } from '../support/test-host.ts';

// As JavaScript sees them.
type Untyped = (...given: unknown[]) => unknown;
const makers = { router, pool, actor, closureActor, machine, protocol, ask, stream, resource, refOf, serviceKey };
const js = makers as unknown as { readonly [K in keyof typeof makers]: Untyped };

const P = protocol('p', { put: tell(), get: ask({ output: z.int() }) });
const handlers = { put: () => undefined, get: () => 1 };
const options = { args: z.object({}), state: () => ({}) };

const mistakes: [what: string, make: () => unknown, text: string | RegExp][] = [
  ['protocol without operations', () => js.protocol('a'), 'protocol "a" takes its operations by name'],
  [
    'a protocol with an operation that is none',
    () => js.protocol('a', { x: 5 }),
    'a.x must be made with tell(…), ask(…)',
  ],
  ['ask without anything', () => js.ask(), 'ask({ … }) must be an object; it was given undefined'],
  ['ask with an option that it has not', () => js.ask({ outputs: z.int() }), 'ask({ … }) has no "outputs"'],
  ['stream without anything', () => js.stream(), 'stream({ … }) must be an object'],
  ['an actor without a protocol', () => js.actor(), 'expected a protocol that was made with protocol('],
  ['an actor without options', () => js.actor(P), 'p: the options of an actor must be an object'],
  ['a misspelt option', () => js.actor(P, { ...options, supervize: {} }, handlers), 'has no "supervize"'],
  [
    'no state',
    () => js.actor(P, { args: z.object({}) }, handlers),
    'p: state must be a function; it was given undefined',
  ],
  ['no handlers', () => js.actor(P, options), 'p: handlers must be an object'],
  ['a handler too many', () => js.actor(P, options, { ...handlers, putt: () => 1 }), 'p: handlers has no "putt"'],
  [
    'a misspelt signal',
    () => js.actor(P, { ...options, signals: { start: () => 1 } }, handlers),
    'p: signals has no "start"',
  ],
  [
    'a signal that is none',
    () => js.actor(P, { ...options, signals: { stopping: 5 } }, handlers),
    'p: signals.stopping must',
  ],
  [
    'a misspelt bound',
    () => js.actor(P, { ...options, mailbox: { hiWater: 5 } }, handlers),
    'p: mailbox has no "hiWater"',
  ],
  [
    'a resource by its name',
    () => js.actor(P, { ...options, uses: ['db'] }, handlers),
    'p: uses must be an array of what',
  ],
  [
    'a closure actor without setup',
    () => js.closureActor(P, z.object({})),
    'p: what makes the handlers of a closure actor',
  ],
  [
    'a closure actor with state',
    () => js.closureActor(P, z.object({}), () => handlers, { state: 5 }),
    'has no "state"',
  ],
  ['a machine without options', () => js.machine(P), 'p: the options of an actor must be an object'],
  [
    'a machine without handlers',
    () =>
      js.machine(P, { args: z.object({}), states: { a: {} }, initial: () => ({ state: 'a' }), unhandled: 'refuse' }),
    'p: a machine takes the handlers of each state',
  ],
  ['a resource that cannot be opened', () => js.resource('db', {}), 'resource "db": open must be a function'],
  ['a router without options', () => js.router(P), 'the options of a router of "p" must be an object'],
  [
    'a pool without options',
    () => js.pool(actor(P, options, handlers)),
    'the options of a pool of "p" must be an object',
  ],
  ['refOf nothing', () => js.refOf(), 'refOf(protocol) takes what protocol(…) returned'],
  ['a service key without a protocol', () => js.serviceKey('k'), 'expected a protocol'],
];

test.each(mistakes)('%s is named where it is made', (_what, make, text) => {
  expect(make).toThrow(expect.objectContaining({ code: 'UsageError' }));
  expect(make).toThrow(text);
});

test('a signal that is no AbortSignal is named by the ask and by the offer, and nothing is sent', async () => {
  const host = testHost();
  const ref = await host.spawn(actor(P, options, handlers));
  await expect(ref.get({ signal: 5 as never })).rejects.toThrow(
    'p.get: signal must be an AbortSignal; it was given number',
  );
  await expect(ref.put.offer({ signal: {} as never })).rejects.toThrow('p.put: signal must be an AbortSignal');
  await host.settle();
  expect(host.host.counters.accepted).toBe(0);
});

test('ctx.spawn with an option that it has not fails its handler, which says which', async () => {
  const host = testHost();
  const child = actor(P, options, handlers);
  const ref = await host.spawn(
    actor(P, options, {
      ...handlers,
      put: (_state, _message, context) => {
        context.spawn(child, { start: 1 } as never);
      },
    }),
  );
  ref.put();
  await host.settle();
  expect(host.log.of('error')[0]?.text).toContain('the options of ctx.spawn has no "start"; it may have args, name');
});

test('times that are no numbers are named: of a call, an offer, a timer and a delay', async () => {
  const host = testHost();
  const tried: string[] = [];
  const ref = await host.spawn(
    actor(P, options, {
      ...handlers,
      put: async (_state, _message, context) => {
        const calls = [
          () => context.after('5' as never, context.self.put),
          () => context.every('5' as never, context.self.put),
          () => context.delay('5' as never),
        ];
        for (const call of calls) {
          try {
            await call();
          } catch (error) {
            tried.push((error as Error).message);
          }
        }
      },
    }),
  );
  await expect(ref.get({ timeoutMs: '5' as never })).rejects.toThrow('p.get: timeoutMs must lie between 0 and');
  await expect(ref.put.offer({ timeoutMs: '5' as never })).rejects.toThrow('p.put: timeoutMs must lie between 0 and');
  ref.put();
  await host.settle();
  expect(tried).toEqual([
    'p.put: a timer needs a delay of at least 0 ms, not 5',
    'p.put: a timer needs a delay of at least 1 ms, not 5',
    'ctx.delay needs a delay of at least 0 ms, not 5',
  ]);
});

test('a subscription without an observer reads on, and rejects nothing', async () => {
  const host = testHost();
  const S = protocol('s', { upTo: stream({ input: z.int(), output: z.int() }) });
  let produced = 0;
  const ref = await host.spawn(
    actor(S, options, {
      async *upTo(_state, end) {
        for (let n = 0; n < end; n += 1) {
          produced += 1;
          yield n;
        }
      },
    }),
  );
  (ref.upTo(3).subscribe as Untyped)();
  await host.settle();
  expect(produced).toBe(3);
});

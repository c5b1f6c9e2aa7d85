/** What the compiler lets tests do. Compiled by `npm run types`; never run. */
import * as z from 'zod';
import { actor, ask, protocol, type Ref, registry, resource, stream, tell } from '../../src/index.ts';
import { everywhere, type FakesOf, testSystem } from '../../src/testing/index.ts';

interface Database {
  count(): Promise<{ rows: number }>;
}
const db = resource('db', { open: async (): Promise<Database> => ({ count: async () => ({ rows: 3 }) }) });
const cache = resource('cache', { open: () => new Map<string, number>() });
const Bell = protocol('bell', {
  ring: tell(z.object({ times: z.int().default(1) })),
  mute: tell(),
  rung: ask({
    input: z.object({ since: z.int() }),
    output: z.int(),
    errors: { stuck: z.object({ at: z.int() }), off: z.void() },
  }),
  rings: stream({ output: z.string() }),
});
const bell = actor(
  Bell,
  { args: z.object({ loud: z.boolean() }), state: () => ({}), uses: [db, cache] },
  {
    ring: () => undefined,
    mute: () => undefined,
    rung: () => 1,
    async *rings() {
      yield 'x';
    },
  },
);
const everything = registry(bell, db, cache);

export async function tests(): Promise<void> {
  const fake = { count: async () => ({ rows: 0 }) };
  await using t = await testSystem({ registry: everything, resources: { db: fake }, seed: 4, stepping: 'manual' });
  (await t.spawn(bell, { args: { loud: true }, name: 'one' })) satisfies Ref<typeof Bell>;
  await t.time.advance(5_000);
  (await t.step()) satisfies boolean;
  await t.settle({ leaveOpen: true });
  (await t.time.until(Promise.resolve(3), { withinMs: 5 })) satisfies number;
  const probe = t.probe(Bell);
  probe.ref.ring({ times: 3 });
  (await probe.expect('ring', { withinMs: 10 })).times satisfies number;
  (await probe.expect('mute')) satisfies void;
  (await probe.expect('rung')).since satisfies number;
  await probe.expectNothing({ forMs: 10 });
  probe.reply('rung', 3);
  probe.refuse('rung', 'stuck', { at: 1 });
  probe.refuse('rung', 'off');
  probe.fail('rung', new Error('x'));
  probe.emit('rings', 'a', 'b');
  probe.complete('rings');
  (await probe.expectTerminated(probe.ref)).reason satisfies string;
  t.probe(Bell, { rung: ({ since }, context) => (since > 1 ? context.fail('stuck', { at: since }) : 1) });
  t.log.expectOne({ level: 'error', text: /x/, stack: 'y' }).fields satisfies Readonly<Record<string, unknown>>;
  t.deadLetters.expectOne({ operation: 'bell.ring', reason: 'stopped' }).path satisfies string;

  await testSystem();
  await testSystem({ registry: new URL('./actors.ts', import.meta.url), resources: { anything: 1 } });
  await testSystem({ registry: everything, resources: { cache: new Map([['a', 1]]) } });
  for (const place of everywhere({ registry: new URL('./actors.ts', import.meta.url) })) {
    place.name satisfies string;
    await using system = await place.open();
    (await system.spawn(bell, { args: { loud: true } })) satisfies Ref<typeof Bell>;
    (await system.probe(Bell).expect('ring')).times satisfies number;
    // @ts-expect-error virtual time cannot hold beside threads and nodes
    system.time;
    // @ts-expect-error nor can steps
    system.step();
  }
  ({}) satisfies FakesOf<typeof everything>;

  // ── must fail ──

  // @ts-expect-error a fake that lacks a method of the resource
  await testSystem({ registry: everything, resources: { db: {} } });
  // @ts-expect-error a fake of another type
  await testSystem({ registry: everything, resources: { cache: new Map([['a', 'b']]) } });
  // @ts-expect-error a fake whose method answers something else
  await testSystem({ registry: everything, resources: { db: { count: async () => ({ rows: 'many' }) } } });
  // @ts-expect-error a fake of what the registry has not
  await testSystem({ registry: everything, resources: { dbb: fake } });
  // @ts-expect-error an option that does not exist
  await testSystem({ registry: everything, speed: 2 });
  // @ts-expect-error arguments are missing
  await t.spawn(bell);
  // @ts-expect-error another place than this thread
  await t.spawn(bell, { args: { loud: true }, on: { kind: 'thread' } });
  // @ts-expect-error an operation that the protocol has not
  await probe.expect('clang');
  // @ts-expect-error a reply of another type
  probe.reply('rung', 'x');
  // @ts-expect-error a reply to what is no ask
  probe.reply('ring', 3);
  // @ts-expect-error an error that is not declared
  probe.refuse('rung', 'nope');
  // @ts-expect-error the data of the error is missing
  probe.refuse('rung', 'stuck');
  // @ts-expect-error an element of another type
  probe.emit('rings', 1);
  // @ts-expect-error elements for what is no stream
  probe.emit('rung', 1);
  // @ts-expect-error a wrong answer of its own
  t.probe(Bell, { rung: () => 'x' });
  // @ts-expect-error worker threads load the registry by its URL
  everywhere({ registry: everything });
}

/** Watching across places: the same promises as on one, and the loss of the place besides. */
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type ActorDefinition, actor } from '../../src/actors/actor.ts';
import type { ActorBehavior } from '../../src/actors/behavior.ts';
import { type AnyProtocol, ask, protocol, type Ref, tell } from '../../src/actors/protocol.ts';
import { refClassOf } from '../../src/actors/ref.ts';
import { refOf, refTo } from '../../src/actors/schema/ref-schema.ts';
import { kill, pathOf, stop } from '../../src/actors/verbs.ts';
import { Kind } from '../../src/runtime/items.ts';
import { type TwoPlaces, thereId, twoPlaces } from './two-places.ts';

interface GuardRef extends Ref<typeof Guard> {}
const Worker = protocol('worker', {
  burst: tell(z.object({ to: refTo<GuardRef>('guard'), count: z.int() })),
  fail: tell(),
  work: ask({ output: z.string() }),
});
const Guard = protocol('guard', {
  note: tell(z.string()),
  fail: tell(),
  watch: ask({ input: refOf(Worker), output: z.void() }),
  unwatch: ask({ input: refOf(Worker), output: z.void() }),
});

const worker = actor(
  Worker,
  { args: z.object({}), state: () => ({}), supervise: { restartsMax: 1 } },
  {
    burst: (_state, { to, count }, context) => {
      for (let n = 0; n < count; n += 1) to.note(`${n}`);
      context.stop();
    },
    fail: () => {
      throw new Error('broken');
    },
    work: () => 'done',
  },
);

/** Notes what it is told, and who has ended. */
const guard = actor(
  Guard,
  {
    args: z.object({}),
    state: () => ({}),
    signals: {
      terminated: (_state, { reason, ref, incarnation }) => {
        log.push(`${reason} ${incarnation === pathOf(ref).replace(/^troupe:\/\/|\/worker/g, '')}`);
      },
    },
  },
  {
    note: (_state, text) => {
      log.push(text);
    },
    fail: () => {
      throw new Error('guard broken');
    },
    watch: (_state, ref, context) => context.watch(ref),
    unwatch: (_state, ref, context) => context.unwatch(ref),
  },
);
let log: string[] = [];
let open: TwoPlaces | undefined;
afterEach(async () => {
  log = [];
  await open?.close();
  open = undefined;
});

function spawnHere<T extends AnyProtocol>(places: TwoPlaces, definition: ActorDefinition<T, z.ZodType>): Ref<T> {
  const { host } = places.here;
  const cell = host.spawn(definition, { args: {}, name: undefined, parent: undefined });
  return new cell.behavior.refClass(cell, host.outside) as unknown as Ref<T>;
}

async function spawnThere(places: TwoPlaces): Promise<Ref<typeof Worker>> {
  const place = places.here.router.place(thereId(places))!;
  const behavior = worker as unknown as ActorBehavior;
  const args = behavior.argsType.toWire(behavior.argsType.parse({}));
  const { cell, branch } = await place.spawn('worker', args, undefined);
  const target = place.target(cell, branch, 'worker');
  return new (refClassOf(Worker))(target, places.here.host.outside) as unknown as Ref<typeof Worker>;
}

describe.each([
  ['two threads of a node', true],
  ['two nodes', false],
])('a watch of an actor in another place: %s', (_name, sameNode) => {
  const start = async () => {
    open = twoPlaces([worker, guard], sameNode);
    const watcher = spawnHere(open, guard);
    const watched = await spawnThere(open);
    await watcher.watch(watched);
    await watched.work();
    return { watcher, watched, places: open };
  };

  it.each([
    ['stopped', (ref: Ref<typeof Worker>) => stop(ref)],
    ['killed', (ref: Ref<typeof Worker>) => kill(ref)],
  ])('tells %s, once', async (reason, end) => {
    const { watcher, watched } = await start();
    await watcher.watch(watched);
    await end(watched);
    await expect.poll(() => log).toEqual([`${reason} true`]);
    await watcher.watch(watched);
    await expect.poll(() => log).toEqual([`${reason} true`, 'unknown true']);
  });

  it('tells nothing at its restart, and failed when it ends', async () => {
    const { watched } = await start();
    watched.fail();
    expect(await watched.work()).toBe('done');
    expect(log).toEqual([]);
    watched.fail();
    await expect.poll(() => log).toEqual(['failed true']);
  });

  it('tells after the last of 1,000 messages that the actor sent', async () => {
    const { watcher, watched } = await start();
    watched.burst({ to: watcher, count: 1_000 });
    await expect.poll(() => log.length).toBe(1_001);
    expect(log.at(-1)).toBe('stopped true');
  });

  it('is taken back by unwatch, also while the news is on its way', async () => {
    const { watcher, watched, places } = await start();
    const other = await spawnThere(places);
    await watcher.watch(other);
    await watcher.unwatch(other);
    await stop(other);
    places.hold(true);
    const stopped = stop(watched);
    await watcher.unwatch(watched);
    places.hold(false);
    await stopped;
    await watched.work().catch(() => undefined);
    expect(log).toEqual([]);
  });

  it('is kept by a watcher that restarts, and given up by one that ends', async () => {
    const { watcher, watched, places } = await start();
    watcher.fail();
    await stop(watched);
    await expect.poll(() => log).toEqual(['stopped true']);
    const other = await spawnThere(places);
    await watcher.watch(other);
    await stop(watcher);
    await stop(other);
    await other.work().catch(() => undefined);
    expect(log).toEqual(['stopped true']);
    expect([...places.here.host.deadLetters.counts]).toEqual([['poison', 1]]);
  });

  it('tells place-lost for all 3 when the place is lost, and at once for a watch after that', async () => {
    const { watcher, watched, places } = await start();
    const others = [await spawnThere(places), await spawnThere(places)];
    for (const other of others) await watcher.watch(other);
    places.cut();
    await expect.poll(() => log).toEqual(Array(3).fill('place-lost true'));
    const cell = places.there.host.cell(1)!;
    await cell.stop(false, undefined);
    await watcher.unwatch(watched);
    expect(log).toHaveLength(3);
  });

  it('holds no call, so that it neither counts as load nor keeps the process', async () => {
    const { places } = await start();
    await new Promise((resolve) => setTimeout(resolve, 450));
    expect(places.here.router.place(thereId(places))!.load).toBe(0);
  });
});

describe('an item about a watch', () => {
  it.each([
    ['a reason that does not exist', [Kind.terminated, 1, 'bored']],
    ['a number in use', [Kind.watch, 1, 1, Kind.watch, 1, 1]],
    ['a number that is none', [Kind.watch, -1, 1]],
  ])('with %s ends the session', async (_what, items) => {
    open = twoPlaces([worker], false);
    await spawnThere(open);
    const { session } = open.here.router.place(thereId(open))!;
    for (let at = 0; at < items.length; at += 3) session.begin().push(...items.slice(at, at + 3));
    await expect.poll(() => open!.there.logged.map(({ text }) => text)).toEqual([expect.stringMatching(/^broken: /)]);
  });

  it('for an actor that does not exist answers unknown, and for a watch that does not exist is nothing', async () => {
    open = twoPlaces([worker], false);
    const ref = await spawnThere(open);
    const { session } = open.here.router.place(thereId(open))!;
    session.begin().push(Kind.watch, 7, 999);
    session.begin().push(Kind.unwatch, 999);
    expect(await ref.work()).toBe('done');
    expect(open.there.logged).toEqual([]);
  });
});

/**
 * A place dies while an actor moves: at every single frame of the protocol, each of the places in turn. The actor is on one
 * side afterwards or on none, every call settles, and whoever watches is told once where it is gone.
 */
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { ask, protocol, type Ref, stream, tell } from '../../src/actors/protocol.ts';
import { resource } from '../../src/actors/resource.ts';
import { type Place, SeveralPlaces } from './several-places.ts';

const Sum = protocol('sum', {
  add: tell(z.object({ by: z.int() })),
  total: ask({ output: z.int() }),
  changes: stream({ output: z.int() }),
});
const open: Record<string, number> = {};
const db = resource('db', { open: () => 'db', close: () => undefined });
const sum = actor(
  Sum,
  { args: z.object({}), state: () => ({ n: 0 }), uses: [db] },
  {
    add: (state, { by }) => {
      state.n += by;
    },
    total: (state) => state.n,
    async *changes(_state, _message, ctx) {
      yield* ctx.observe((state) => state.n);
    },
  },
);
const Guard = protocol('guard', { watch: tell(z.unknown()), told: ask({ output: z.array(z.string()) }) });
const guard = actor(
  Guard,
  {
    args: z.object({}),
    state: () => ({ told: [] as string[] }),
    signals: { terminated: (state, { reason }) => void state.told.push(reason) },
  },
  { watch: (_state, ref, ctx) => ctx.watch(ref as Ref<typeof Sum>), told: (state) => state.told },
);

interface Outcome {
  /** How many frames had been delivered when nothing was left to deliver. */
  readonly frames: number;
}

/** Moves an actor from `from` to `to`, and kills `victim` after `at` frames of it. `P` is its home. */
async function moveAndKill(
  route: readonly ('P' | 'Q' | 'R')[],
  victim: 'P' | 'Q' | 'R' | undefined,
  at: number,
): Promise<Outcome> {
  for (const key of Object.keys(open)) delete open[key];
  const several = new SeveralPlaces([sum, guard], {
    resourceFor: (declared, place) => ({
      ...declared,
      open: () => {
        open[place] = (open[place] ?? 0) + 1;
        return declared.name;
      },
      close: () => {
        open[place]! -= 1;
      },
    }),
  });
  const [P, Q, R] = several.places as [Place, Place, Place];
  const named = { P, Q, R };
  const { settle, think, advance } = several;
  const spawning = P.spawn(sum);
  await settle();
  const spawned = await spawning;
  const refs = several.places.map((place) => place.own(spawned)) as Ref<typeof Sum>[];
  const guards = await Promise.all(several.places.map((place) => place.spawn(guard)));
  for (const [index, one] of guards.entries()) one.watch(refs[index]!);
  for (const ref of refs) ref.add({ by: 1 });
  await settle();
  const readers = refs.map((ref) => ref.changes()[Symbol.asyncIterator]());
  const first = readers.map((reader) => reader.next());
  await settle();
  await Promise.all(first);
  for (const stop of route.slice(1, -1)) {
    const moved = P.move(refs[0]!, named[stop]);
    await settle();
    await moved;
  }
  const dest = named[route.at(-1)!];
  const settled: string[] = [];
  const track = (promise: Promise<unknown>, what: string): void => {
    promise.then(
      () => settled.push(what),
      () => settled.push(what),
    );
  };
  // One that waits all along.
  for (const [index, reader] of readers.entries()) track(reader.next(), `stream ${index}`);
  let frames = 0;
  const alive = (): Place[] => several.places.filter(({ isDead }) => !isDead);
  const move = several.places[0]!.move(refs[0]!, dest);
  track(move, 'move');
  const asked: string[] = [];
  for (let turn = 0; ; turn += 1) {
    await think();
    if (victim !== undefined && frames === at) break;
    const pairs = several.underWay;
    if (pairs.length === 0) break;
    several.deliver(pairs[turn % pairs.length]!);
    frames += 1;
    for (const [index, ref] of refs.entries()) {
      if (frames > 12 || several.places[index]!.isDead) continue;
      ref.add({ by: 1 });
      asked.push(`ask ${index} ${frames}`);
      track(ref.total(), asked.at(-1)!);
    }
  }
  if (victim !== undefined) named[victim].kill();
  await settle();
  await advance(20_000);
  // Those of a dead place settle with it, unseen.
  const expected = [
    ...(victim === 'P' ? [] : ['move']),
    ...asked.filter((what) => !several.places[Number(what.split(' ')[1])]!.isDead),
  ];
  expect(expected.filter((what) => !settled.includes(what))).toEqual([]);
  const running = alive().filter((place) => place.runs(spawned));
  expect(running.length).toBeLessThanOrEqual(1);
  if (victim === undefined) expect(running).toEqual([dest]);
  for (const place of alive()) {
    expect(place.broken).toEqual([]);
    // Its resources are open where it runs, and nowhere else.
    expect(open[place.id] ?? 0).toBe(running.includes(place) ? 1 : 0);
    const index = several.places.indexOf(place);
    const told = guards[index]!.told();
    const total = refs[index]!.total();
    total.catch(() => undefined);
    await settle();
    await advance(6_000);
    if (running.length === 0) {
      expect(await told).toEqual(['place-lost']);
      expect(settled).toContain(`stream ${index}`);
      await expect(total).rejects.toMatchObject({ code: 'NotDelivered' });
    } else if (victim !== 'P' || (await told).length === 0) {
      // Where its home lives, everybody finds it by that.
      expect(await told).toEqual([]);
      expect(await total).toBeGreaterThanOrEqual(3);
    }
  }
  const lost = alive().reduce((count, { host }) => count + host.deadLetters.lostWithPlace, 0);
  if (victim === undefined) expect(lost).toBe(0);
  for (const place of alive()) {
    const { accepted, handled, moved } = place.host.counters;
    const dead = [...place.host.deadLetters.counts.values()].reduce((all, count) => all + count, 0);
    // Dead letters are also those that no mailbox here had taken.
    expect(accepted).toBeGreaterThanOrEqual(handled + moved);
    expect(accepted).toBeLessThanOrEqual(handled + moved + dead);
    const waiting = [...place.host.cells()].reduce((count, cell) => count + cell.queued + cell.stashed, 0);
    expect(waiting).toBe(0);
  }
  return { frames };
}

const routes = [
  ['from its home', ['P', 'Q']],
  ['from a second place to a third', ['P', 'Q', 'R']],
  ['back home', ['P', 'Q', 'P']],
  ['back to where it was before', ['P', 'Q', 'R', 'Q']],
] as const;

describe('a move during which a place dies', () => {
  it.each(routes)('%s: nobody dies, and every call settles', async (_what, route) => {
    const { frames } = await moveAndKill(route, undefined, 0);
    expect(frames).toBeGreaterThan(6);
  });

  it.each(
    routes.flatMap(([what, route]) => (['P', 'Q', 'R'] as const).map((victim) => [what, victim, route] as const)),
  )(
    '%s: %s dies, after each of its frames',
    async (_what, victim, route) => {
      const { frames } = await moveAndKill(route, undefined, 0);
      for (let at = 0; at <= frames; at += 1) await moveAndKill(route, victim, at);
    },
    120_000,
  );
});

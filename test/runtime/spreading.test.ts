/** Routers, pools, topics and the receptionist across two places, with the strict codec and without. */
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { ActorDefinition } from '../../src/actors/actor.ts';
import { actor } from '../../src/actors/actor.ts';
import type { ActorBehavior } from '../../src/actors/behavior.ts';
import { Receptionist } from '../../src/actors/finding/receptionist.ts';
import { serviceKey } from '../../src/actors/finding/service-key.ts';
import { type AnyProtocol, ask, protocol, type Ref, stream, tell } from '../../src/actors/protocol.ts';
import { refClassOf, targetOf } from '../../src/actors/ref.ts';
import { refTo } from '../../src/actors/schema/ref-schema.ts';
import { pool } from '../../src/actors/spreading/pool.ts';
import { router } from '../../src/actors/spreading/router.ts';
import type { RouterCell } from '../../src/actors/spreading/router-cell.ts';
import { addRoutee, removeRoutee, resize, routees } from '../../src/actors/spreading/router-control.ts';
import { roundRobin, scatterGatherFirst } from '../../src/actors/spreading/strategy.ts';
import { topic } from '../../src/actors/spreading/topic.ts';
import { kill, pathOf } from '../../src/actors/verbs.ts';
import { deferred, ended } from '../support/deferred.ts';
import { type TestPlace, type TwoPlaces, thereId, twoPlaces } from './two-places.ts';

interface WorkRef extends Ref<typeof Work> {}
const Work = protocol('work', {
  put: tell(z.object({ id: z.int(), to: refTo<WorkRef>('work').optional() })),
  get: ask({ input: z.object({ id: z.int() }), output: z.string(), errors: { missing: z.int() } }),
  hang: ask({ output: z.string() }),
  hold: tell(),
  via: ask({ input: refTo<WorkRef>('work'), output: z.string() }),
  count: stream({ input: z.int(), output: z.int() }),
});
const Fetch = protocol('fetch', { page: ask({ input: z.int(), output: z.string() }) });
const Listener = protocol('listener', { note: tell(z.string()) });

const log: string[] = [];
const aborted: string[] = [];
let gate = deferred();

const work = actor(
  Work,
  { args: z.object({}), state: () => ({}), mailbox: { highWater: 2, capacity: 1_000 } },
  {
    put: (_state, { id, to }, ctx) => {
      log.push(`${placeOf(ctx.self)} ${id}`);
      to?.put({ id: id + 1_000 });
    },
    get: (_state, { id }, ctx) => {
      if (id === 0) ctx.fail('missing', id);
      return `${placeOf(ctx.self)} ${id}`;
    },
    hang: async (_state, _message, ctx) => {
      ctx.signal.addEventListener('abort', () => aborted.push(placeOf(ctx.self)));
      await gate.promise;
      return 'late';
    },
    hold: () => gate.promise,
    via: (_state, other) => other.get({ id: 7 }),
    async *count(_state, to) {
      for (let n = 0; n < to; n += 1) yield n;
    },
  },
);
const fetch = actor(
  Fetch,
  { args: z.object({}), state: () => ({}) },
  { page: (_state, n, ctx) => `${placeOf(ctx.self)} ${n}` },
);
const listener = actor(
  Listener,
  { args: z.object({}), state: () => ({}) },
  { note: (_state, text, ctx) => void log.push(`${placeOf(ctx.self)} ${text}`) },
);
const spreading = router(Work, { strategy: roundRobin() });
const fetching = router(Fetch, { strategy: scatterGatherFirst() });
const pooled = pool(work, { size: 2, queue: { highWater: 3, capacity: 5 } });
const news = topic('news', Listener);
const key = serviceKey('work', Work);

function placeOf(ref: unknown): string {
  return /troupe:\/\/([^/]*\/[^/]*)\//.exec(String(ref))![1]!;
}

let places: TwoPlaces;
afterEach(async () => {
  gate.resolve();
  await places.close();
  gate = deferred();
  log.length = 0;
  aborted.length = 0;
});

async function spawnAt<T extends AnyProtocol, A extends z.ZodType>(
  at: 'here' | 'there',
  definition: ActorDefinition<T, A>,
  args: unknown = {},
): Promise<Ref<T>> {
  const { here } = places;
  if (at === 'here') {
    const cell = here.host.spawn(definition, { args, name: undefined, parent: undefined });
    await cell.started;
    return new cell.behavior.refClass(cell, here.host.outside) as unknown as Ref<T>;
  }
  const { argsType } = definition as unknown as ActorBehavior;
  const place = here.router.place(thereId(places))!;
  const { cell, branch } = await place.spawn(definition.name, argsType.toWire(argsType.parse(args)), undefined);
  const target = place.target(cell, branch, definition.protocol.name);
  return new (refClassOf(definition.protocol))(target, here.host.outside) as unknown as Ref<T>;
}

async function until(holds: () => boolean): Promise<void> {
  for (let n = 0; n < 400 && !holds(); n += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(holds()).toBe(true);
}

function receptionistAt({ host }: TestPlace): Receptionist {
  return new Receptionist(host, host.outside);
}

describe.each([
  { what: 'two threads of a node', sameNode: true },
  { what: 'two nodes', sameNode: false },
])('on $what', ({ sameNode }) => {
  const start = (): void => {
    places = twoPlaces([work, fetch, listener, spreading, fetching, pooled, news], sameNode);
  };

  it('a router spreads over routees on both, wherever it lives itself', async () => {
    start();
    const [a, b] = [await spawnAt('here', work), await spawnAt('there', work)];
    for (const at of ['here', 'there'] as const) {
      const spread = await spawnAt(at, spreading, { routees: [a, b] });
      expect((await routees(spread)).map(pathOf)).toEqual([pathOf(a), pathOf(b)]);
      const replies = [await spread.get({ id: 1 }), await spread.get({ id: 2 })];
      expect(new Set(replies.map((reply) => reply.split(' ')[0])).size).toBe(2);
      await expect(spread.get({ id: 0 })).rejects.toMatchObject({ code: 'missing', data: 0 });
      await expect(spread.get({ id: 0 })).rejects.toMatchObject({ code: 'missing', data: 0 });
      for (const _turn of [1, 2]) {
        const items: number[] = [];
        for await (const item of spread.count(600)) items.push(item);
        expect(items).toHaveLength(600);
      }
      for (let id = 10; id < 14; id += 1) await spread.put.offer({ id, to: a });
      await until(() => log.length === 8);
      log.length = 0;
    }
  });

  it('deadline and cancellation reach the handler through a router elsewhere', async () => {
    start();
    const [a, b] = [await spawnAt('here', work), await spawnAt('there', work)];
    const spread = await spawnAt('there', spreading, { routees: [a, b] });
    const controller = new AbortController();
    const calls = [
      ended(spread.hang({ timeoutMs: 80 })),
      ended(spread.hang({ signal: controller.signal, timeoutMs: 10_000 })),
    ];
    await new Promise((resolve) => setTimeout(resolve, 30));
    controller.abort();
    const [late, cancelled] = await Promise.all(calls);
    expect(late).toMatchObject({ error: { code: 'OutcomeUnknown', reason: 'deadline' } });
    expect(cancelled).toMatchObject({ error: { code: 'Cancelled', delivered: true } });
    await until(() => aborted.length === 2);
    expect(new Set(aborted).size).toBe(2);
  });

  it('names a cycle that leads through a router elsewhere back to the caller', async () => {
    start();
    const a = await spawnAt('here', work);
    const spread = await spawnAt('there', spreading, { routees: [a] });
    const { error } = (await ended(a.via(spread as WorkRef))) as { error: { cause: object } };
    expect(error.cause).toMatchObject({ code: 'Rejected', reason: 'cycle' });
  });

  it('refs in a message belong to the routee that gets it: one that asks itself by such a ref is told so', async () => {
    start();
    const b = await spawnAt('there', work);
    const spread = await spawnAt('there', spreading, { routees: [b] });
    const { error } = (await ended(spread.via(b as WorkRef, { timeoutMs: 500 }))) as { error: { code: string } };
    expect(error).toMatchObject({ code: 'ActorFailed', message: expect.stringContaining('closes a cycle') });
  });

  it('a routee elsewhere that ends leaves the router, and so does one whose place is lost', async () => {
    start();
    const all = [await spawnAt('here', work), await spawnAt('there', work), await spawnAt('there', work)];
    const spread = await spawnAt('here', spreading, { routees: all });
    await kill(all[1]!);
    await until(() => spreadSize(spread) === 2);
    places.cut();
    await until(() => spreadSize(spread) === 1);
    expect(await spread.get({ id: 1 })).toContain(' 1');
  });

  it('a router elsewhere is managed by its ref, and a plain actor elsewhere is not', async () => {
    start();
    const [a, b] = [await spawnAt('here', work), await spawnAt('there', work)];
    const spread = await spawnAt('there', spreading, { routees: [a] });
    await addRoutee(spread, b);
    expect((await routees(spread)).map(pathOf)).toEqual([pathOf(a), pathOf(b)]);
    expect(await removeRoutee(spread, a)).toBe(true);
    expect((await routees(spread)).map(pathOf)).toEqual([pathOf(b)]);
    await expect(resize(spread, 2)).rejects.toMatchObject({ code: 'RoutingRefused', reason: 'not-offered' });
    await expect(routees(b)).rejects.toMatchObject({ code: 'RoutingRefused', reason: 'no-router' });
  });

  it('every message to a router elsewhere is settled where it came from, once it was handled', async () => {
    start();
    const [a, b] = [await spawnAt('here', work), await spawnAt('there', work)];
    const spread = await spawnAt('there', spreading, { routees: [b, a] });
    await Promise.all([b.hold.offer(), a.hold.offer()]);
    for (let id = 0; id < 200; id += 1) spread.put({ id });
    const asks = Array.from({ length: 20 }, (_, id) => spread.get({ id: id + 1 }));
    const place = places.here.router.place(thereId(places))!;
    await new Promise((resolve) => setTimeout(resolve, 30));
    // Half of them wait there; the other half was passed back, and is settled.
    expect(place.session.outstanding).toBeGreaterThanOrEqual(100);
    gate.resolve();
    await Promise.all(asks);
    await until(() => log.length === 200);
    const other = places.there.router.place(places.here.host.placeId)!;
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(place.session.end().received).toBe(0);
    expect(other.session.end().received).toBe(0);
  });

  it('a tell to a full routee behind a router elsewhere slows its sender down, and lets it go on', async () => {
    start();
    const b = await spawnAt('there', work);
    const spread = await spawnAt('there', spreading, { routees: [b] });
    spread.hold();
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (let id = 0; id < 5; id += 1) spread.put({ id });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(spread.put({ id: 5 })).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(spread.put({ id: 6 })).toBe(false);
    let taken = false;
    const offer = spread.put.offer({ id: 7 }).then(() => {
      taken = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(taken).toBe(false);
    gate.resolve();
    await offer;
    await until(() => log.length === 8);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(spread.put({ id: 8 })).toBe(true);
  });

  it('scatter-gather asks both, whichever place it lives on', async () => {
    start();
    const [a, b] = [await spawnAt('here', fetch), await spawnAt('there', fetch)];
    for (const at of ['here', 'there'] as const) {
      const spread = await spawnAt(at, fetching, { routees: [a, b] });
      expect(await spread.page(3)).toMatch(/ 3$/);
    }
  });

  it('a pool elsewhere takes jobs, replies, bounds and offers as one on this place', async () => {
    start();
    const ref = await spawnAt('there', pooled);
    expect(await Promise.all([1, 2, 3, 4].map((id) => ref.get({ id })))).toHaveLength(4);
    await expect(ref.get({ id: 0 })).rejects.toMatchObject({ code: 'missing' });
    expect(await routees(ref)).toHaveLength(2);
    await resize(ref, 3);
    expect(await routees(ref)).toHaveLength(3);
    for (let n = 0; n < 3; n += 1) ref.hold();
    for (let id = 0; id < 5; id += 1) ref.put({ id });
    await expect(ref.get({ id: 9 })).rejects.toMatchObject({ code: 'Rejected', reason: 'full' });
    const offer = ref.put.offer({ id: 5 });
    gate.resolve();
    await offer;
    await until(() => log.length === 6);
    const { error } = (await ended(ref.via(ref as WorkRef))) as { error?: object };
    expect(error).toBeUndefined();
  });

  it('a topic passes on to listeners of both', async () => {
    start();
    const all = [await spawnAt('here', listener), await spawnAt('there', listener)];
    const ref = await spawnAt('there', news);
    for (const subscriber of all) await ref.subscribe({ subscriber });
    ref.note('hello');
    await until(() => log.length === 2);
    expect(new Set(log).size).toBe(2);
    places.cut();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(places.there.host.deadLetters.counts.get('unreachable') ?? 0).toBe(0);
  });

  it('the receptionist of one place serves the other, and forgets an actor there when it ends or its place is lost', async () => {
    places = twoPlaces([work, fetch, listener, spreading, fetching, pooled, news], sameNode, undefined, true);
    const [a, b, c] = [await spawnAt('there', work), await spawnAt('there', work), await spawnAt('here', work)];
    const [here, there] = [receptionistAt(places.here), receptionistAt(places.there)];
    const seen: number[] = [];
    const reading = here.subscribe(key).subscribe({ next: (refs) => seen.push(refs.length) });
    const far: number[] = [];
    there.subscribe(key).subscribe({ next: (refs) => far.push(refs.length), error: () => undefined });
    await here.register(key, a);
    await here.register(key, b);
    await there.register(key, (await here.find(key))[0] as never);
    await here.register(key, c);
    expect((await there.find(key)).map(pathOf)).toEqual([pathOf(a), pathOf(b), pathOf(c)]);
    expect(await (await there.find(key))[2]!.get({ id: 5 })).toBe(`${places.here.host.placeId} 5`);
    await kill(a);
    await until(() => seen.at(-1) === 2 && far.at(-1) === 2);
    places.cut();
    await until(() => seen.at(-1) === 1);
    expect((await here.find(key)).map(pathOf)).toEqual([pathOf(c)]);
    reading.unsubscribe();
  });
});

function spreadSize(spread: Ref<typeof Work>): number {
  return (targetOf(spread) as RouterCell).routees.length;
}

/** A live move between places: what goes with the actor, what its refs see of it, and what refuses it. */
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actor, closureActor } from '../../src/actors/actor.ts';
import { dataOf, machine } from '../../src/actors/machine.ts';
import { ask, protocol, type Ref, stream, tell } from '../../src/actors/protocol.ts';
import { resource } from '../../src/actors/resource.ts';
import { router } from '../../src/actors/spreading/router.ts';
import { roundRobin } from '../../src/actors/spreading/strategy.ts';
import { kill, pathOf, sameRef, stop } from '../../src/actors/verbs.ts';
import { deferred } from '../support/deferred.ts';
import { type Place, SeveralPlaces } from './several-places.ts';

const gates: Record<string, ReturnType<typeof deferred<void>>> = {};
const gate = (name: string) => {
  gates[name] ??= deferred<void>();
  return gates[name]!;
};

const Box = protocol('box', {
  add: tell(z.object({ by: z.int() })),
  total: ask({ output: z.int() }),
  block: tell(z.string()),
  slow: ask({ input: z.string(), output: z.string() }),
  later: tell(z.string()),
  remind: tell(z.object({ afterMs: z.int(), name: z.string() })),
  repeat: tell(z.object({ everyMs: z.int() })),
  heard: ask({ output: z.array(z.string()) }),
  shut: tell(),
  open: tell(),
  fail: tell(),
  watch: tell(z.unknown()),
  link: tell(z.unknown()),
  keep: tell(z.unknown()),
  kept: ask({ output: z.unknown() }),
  numbers: stream({ input: z.object({ upTo: z.int() }), output: z.int() }),
  changes: stream({ output: z.int() }),
  every: stream({ output: z.int() }),
});
type BoxRef = Ref<typeof Box>;
interface Contents {
  n: number;
  heard: string[];
  kept: unknown;
}
const generations: number[] = [];
const box = actor(
  Box,
  {
    args: z.object({ start: z.int().default(0) }),
    state: ({ start }): Contents => ({ n: start, heard: [], kept: null }),
    behaviors: ['shut'],
    internal: { tick: tell(z.string()), done: tell(z.string()) },
    supervise: { restartsMax: 2, withinMs: 10_000 },
    signals: {
      started: (_state, { generation }) => void generations.push(generation),
      terminated: (state, { reason, incarnation }) => void state.heard.push(`${incarnation} ${reason}`),
    },
  },
  {
    add: (state, { by }) => {
      state.n += by;
    },
    total: (state) => state.n,
    block: async (_state, name) => {
      await gate(name).promise;
    },
    slow: async (_state, name) => {
      await gate(name).promise;
      return name;
    },
    later: (_state, name, ctx) =>
      ctx.run(
        gate(name).promise.then(() => name),
        ctx.self.done,
      ),
    remind: (_state, { afterMs, name }, ctx) => void ctx.after(afterMs, ctx.self.tick, name, { name }),
    repeat: (_state, { everyMs }, ctx) => void ctx.every(everyMs, ctx.self.tick, 'again', { name: 'again' }),
    tick: (state, name, ctx) => void state.heard.push(`${name} at ${ctx.now() - Date.UTC(2001, 0, 1)}`),
    done: (state, name) => void state.heard.push(`done ${name}`),
    heard: (state) => state.heard,
    shut: (_state, _message, ctx) => ctx.become('shut'),
    open: () => undefined,
    fail: () => {
      throw new Error('told to');
    },
    watch: (_state, ref, ctx) => ctx.watch(ref as BoxRef),
    link: (_state, ref, ctx) => ctx.link(ref as BoxRef),
    keep: (state, what) => {
      state.kept = what;
    },
    kept: (state) => state.kept,
    async *numbers(_state, { upTo }, ctx) {
      for (let n = ctx.delivered; n < upTo; n += 1) yield n;
    },
    async *changes(_state, _message, ctx) {
      yield* ctx.observe((state) => state.n);
    },
    async *every(_state, _message, ctx) {
      yield* ctx.observe((state) => state.n, { every: true });
    },
  },
  {
    shut: {
      add: (_state, _message, ctx) => ctx.stash(),
      open: (_state, _message, ctx) => {
        ctx.unbecome();
        ctx.unstash();
      },
    },
  },
);

const Empty = protocol('empty', { nothing: tell() });
const closure = closureActor(Empty, z.object({}), () => ({ nothing: () => undefined }));
const withChild = actor(
  protocol('parent', { spawn: tell() }),
  { args: z.object({}), state: () => ({}) },
  { spawn: (_state, _message, ctx) => void ctx.spawn(closure) },
);

interface Three {
  several: SeveralPlaces;
  p: Place;
  q: Place;
  r: Place;
  settle: () => Promise<void>;
  advance: (ms: number) => Promise<void>;
  /** Moves it, and waits for that. */
  go: (ref: BoxRef, to: Place) => Promise<void>;
  /** What it answers. */
  answer: <T>(asked: Promise<T>) => Promise<T>;
}
function three(
  options: ConstructorParameters<typeof SeveralPlaces>[1] = {},
  more: ConstructorParameters<typeof SeveralPlaces>[0] = [],
): Three {
  const several = new SeveralPlaces([box, withChild, ...more], options);
  const [p, q, r] = several.places as [Place, Place, Place];
  const { settle, advance } = several;
  const answer = async <T>(asked: Promise<T>): Promise<T> => {
    asked.catch(() => undefined);
    await settle();
    return asked;
  };
  return { several, p, q, r, settle, advance, answer, go: (ref, to) => answer(p.move(ref, to)) };
}
describe('a live move', () => {
  it('takes the state along, and leaves address, path and refs as they were', async () => {
    const { p, q, r, go, answer } = three();
    const ref = await p.spawn(box, { args: { start: 5 } });
    const path = pathOf(ref);
    await go(ref, q);
    expect([p.runs(ref), q.runs(ref)]).toEqual([false, true]);
    expect(await answer(ref.total())).toBe(5);
    expect(await answer(r.own(ref).total())).toBe(5);
    expect(await answer(q.own(ref).total())).toBe(5);
    expect(pathOf(ref)).toBe(path);
    expect(sameRef(ref, q.own(ref))).toBe(true);
    expect(pathOf(q.own(ref))).toBe(path);
  });

  it('to where it is does nothing, and chains and ways back end where they lead', async () => {
    const { p, q, r, go, answer, settle } = three();
    const ref = await p.spawn(box, { args: { start: 1 } });
    await go(ref, p);
    expect(p.runs(ref)).toBe(true);
    for (const [to, from] of [
      [q, r],
      [r, q],
      [p, r],
      [r, p],
      [q, p],
      [p, q],
    ] as const) {
      await go(ref, to);
      expect([p, q, r].filter((place) => place.runs(ref))).toEqual([to]);
      from.own(ref).add({ by: 1 });
      ref.add({ by: 10 });
      await settle();
    }
    expect(await answer(ref.total())).toBe(67);
  });

  it('hands over what waits and what was set aside, in order, with the asks among them', async () => {
    const { p, q, go, answer, settle } = three();
    const ref = await p.spawn(box);
    ref.shut();
    ref.add({ by: 1 });
    ref.add({ by: 2 });
    await settle();
    expect(p.host.counters).toMatchObject({ accepted: 3 });
    const moved = go(ref, q);
    const total = ref.total();
    await moved;
    expect(q.cellOf(ref)!.stashed).toBe(2);
    expect(await answer(total)).toBe(0);
    ref.open();
    expect(await answer(ref.total())).toBe(3);
    expect(p.host.counters.accepted).toBe(p.host.counters.handled + p.host.counters.moved);
  });

  it('leaves what it has become in place, generation and restart budget too', async () => {
    const { p, q, go, answer, settle } = three();
    const ref = await p.spawn(box, { args: { start: 7 } });
    ref.fail();
    await settle();
    expect(p.cellOf(ref)!.generation).toBe(1);
    generations.length = 0;
    await go(ref, q);
    // It was not started anew.
    expect(generations).toEqual([]);
    expect(q.cellOf(ref)!.generation).toBe(1);
    ref.fail();
    await settle();
    expect(generations).toEqual([2]);
    // From its arguments, as they were at its first place.
    expect(await answer(ref.total())).toBe(7);
    ref.fail();
    await settle();
    await expect(answer(ref.total())).rejects.toMatchObject({ code: 'NotDelivered' });
  });

  it('keeps timers with what is left of them, and their names', async () => {
    const { p, q, go, advance, answer, settle } = three();
    const ref = await p.spawn(box);
    ref.remind({ afterMs: 100, name: 'one' });
    ref.repeat({ everyMs: 40 });
    await advance(50);
    await go(ref, q);
    ref.remind({ afterMs: 10, name: 'again' });
    await settle();
    await advance(60);
    expect(await answer(ref.heard())).toEqual(['again at 40', 'again at 60', 'one at 100']);
  });

  it('waits for an open handler and for the work of ctx.run, while its mailbox takes messages', async () => {
    const { p, q, settle, answer } = three();
    const ref = await p.spawn(box);
    ref.block('a');
    ref.later('b');
    await settle();
    const moved = p.move(ref, q);
    const slow = ref.slow('c');
    await settle();
    ref.add({ by: 3 });
    gate('a').resolve();
    await settle();
    // The message that starts the work was behind it, and goes over.
    await answer(moved);
    expect(q.runs(ref)).toBe(true);
    gate('b').resolve();
    gate('c').resolve();
    expect(await answer(slow)).toBe('c');
    expect(await answer(ref.heard())).toEqual(['done b']);
    ref.later('d');
    await settle();
    const back = p.move(ref, p);
    await settle();
    expect(p.runs(ref)).toBe(false);
    gate('d').resolve();
    await answer(back);
    expect(await answer(ref.heard())).toEqual(['done b', 'done d']);
    expect(await answer(ref.total())).toBe(3);
  });

  it('is MoveRefused(busy) after its deadline of 200 ms, and the actor goes on as if nothing had been', async () => {
    const { p, q, settle, advance, answer } = three();
    const ref = await p.spawn(box);
    ref.block('e');
    await settle();
    const moved = p.move(ref, q, 200);
    const second = p.move(ref, q, 200);
    await expect(answer(second)).rejects.toMatchObject({ code: 'MoveRefused', reason: 'busy' });
    ref.add({ by: 1 });
    await advance(199);
    gate('f').resolve();
    await advance(1);
    await expect(moved).rejects.toMatchObject({ code: 'MoveRefused', reason: 'busy', retryable: true });
    gate('e').resolve();
    expect(await answer(ref.total())).toBe(1);
    expect(p.runs(ref)).toBe(true);
    expect(q.host.roots.size).toBe(0);
  });

  it('is refused for a closure, a router, a parent and a child, each by its reason', async () => {
    const { p, q, answer, settle } = three();
    const refs = [
      [await p.spawn(closure), 'closure'],
      [await p.spawn(router(Empty, { strategy: roundRobin() })), 'kind'],
    ] as const;
    for (const [ref, reason] of refs) await expect(answer(p.move(ref, q))).rejects.toMatchObject({ reason });
    const parent = await p.spawn(withChild);
    parent.spawn();
    await settle();
    await expect(answer(p.move(parent, q))).rejects.toMatchObject({ reason: 'kind' });
    const [child] = [...p.cellOf(parent)!.children];
    await expect(answer(child!.move(q.id, 100))).rejects.toMatchObject({ reason: 'kind' });
  });

  it('is refused for a state that cannot travel, with the place in it, and it goes on', async () => {
    const Holder = protocol('holder', { hold: tell(), holds: ask({ output: z.boolean() }) });
    const holder = actor(
      Holder,
      { args: z.object({}), state: () => ({ a: { b: [1, undefined as unknown] } }) },
      {
        hold: (state) => {
          state.a.b[1] = () => undefined;
        },
        holds: (state) => typeof state.a.b[1] === 'function',
      },
    );
    const { p, q, answer, settle } = three({}, [holder]);
    const ref = await p.spawn(holder);
    ref.hold();
    await settle();
    const refusal = await answer(p.move(ref, q)).catch((error: Error) => error);
    expect(refusal).toMatchObject({ code: 'MoveRefused', reason: 'state' });
    expect((refusal as Error).message).toContain('a.b[1]');
    expect(await answer(ref.holds())).toBe(true);
  });

  it('is refused by a place that does not know the definition, or has another of its name', async () => {
    const stranger = actor(
      Empty,
      { args: z.object({}), state: () => ({}), name: 'stranger' },
      { nothing: () => undefined },
    );
    const { p, q, answer } = three();
    await expect(answer(p.move(await p.spawn(stranger), q))).rejects.toMatchObject({ reason: 'place' });
    const ref = await p.spawn(box, { name: 'same' });
    await q.spawn(box, { name: 'same' });
    const refusal = answer(p.move(ref, q));
    await expect(refusal).rejects.toMatchObject({ reason: 'place' });
    await expect(refusal).rejects.toThrow('same');
    expect(await answer(ref.total())).toBe(0);
  });

  it('has the resources opened at the new place and closed at the old one', async () => {
    const log: string[] = [];
    const db = resource('db', { open: () => 'value' });
    const user = actor(
      protocol('user', { at: ask({ output: z.string() }) }),
      { args: z.object({}), state: () => ({}), uses: [db] },
      { at: (_state, _message, ctx) => ctx.use(db) as string },
    );
    let works = true;
    const { p, q, answer, settle } = three(
      {
        resourceFor: (declared, place) => ({
          ...declared,
          open: () => {
            if (!works) throw new Error('no database here');
            log.push(`open ${place}`);
            return place;
          },
          close: () => void log.push(`close ${place}`),
        }),
      },
      [user],
    );
    const spawning = p.spawn(user);
    await settle();
    const ref = await spawning;
    await answer(p.move(ref, q));
    await settle();
    expect(await answer(ref.at())).toBe(q.id);
    expect(log).toEqual([`open ${p.id}`, `open ${q.id}`, `close ${p.id}`]);
    works = false;
    await expect(answer(p.move(ref, p))).rejects.toMatchObject({ reason: 'place' });
    expect(await answer(ref.at())).toBe(q.id);
  });

  it('keeps its refs: those in its state, to itself with its private operations, and in messages', async () => {
    const { p, q, r, go, answer } = three();
    const [a, b] = [await p.spawn(box, { args: { start: 1 } }), await r.spawn(box, { args: { start: 2 } })];
    a.keep([{ b: p.own(b) }, p.own(a), new Date(5)]);
    await go(a, q);
    const [{ b: kept }, self, date] = (await answer(a.kept())) as [{ b: BoxRef }, BoxRef, Date];
    expect([pathOf(kept), pathOf(self), date.getTime()]).toEqual([pathOf(b), pathOf(a), 5]);
    expect(await answer(kept.total())).toBe(2);
    expect(await answer(self.total())).toBe(1);
  });

  it('lets machines go on in their state, with what is left of its time', async () => {
    const Lamp = protocol('lamp', { on: tell(), is: ask({ output: z.string() }) });
    const lamp = machine(
      Lamp,
      {
        args: z.object({}),
        states: { dark: {}, lit: { data: dataOf<{ times: number }>(), timeoutMs: 100 } },
        initial: () => ({ state: 'dark' }),
        unhandled: 'refuse',
      },
      {
        dark: { on: { on: (_data, _message, ctx) => ctx.goto('lit', { times: 1 }), is: () => 'dark' } },
        lit: {
          on: { is: ({ times }) => `lit ${times}` },
          timeout: (_data, ctx) => ctx.goto('dark'),
        },
      },
    );
    const { p, q, answer, advance, settle } = three({}, [lamp]);
    const ref = await p.spawn(lamp);
    ref.on();
    await settle();
    await advance(60);
    await answer(p.move(ref, q));
    expect(await answer(ref.is())).toBe('lit 1');
    await advance(39);
    expect(await answer(ref.is())).toBe('lit 1');
    await advance(1);
    expect(await answer(ref.is())).toBe('dark');
  });

  it('is told to watchers by no word, and its end is told once, wherever they are', async () => {
    const { p, q, r, go, answer, settle } = three();
    const ref = await p.spawn(box);
    const watchers = [await p.spawn(box), await q.spawn(box), await r.spawn(box)];
    for (const [at, place] of [p, q, r].entries()) watchers[at]!.watch(place.own(ref));
    await settle();
    await go(ref, q);
    await go(ref, r);
    for (const watcher of watchers) expect(await answer(watcher.heard())).toEqual([]);
    void kill(ref);
    await settle();
    for (const watcher of watchers) expect(await answer(watcher.heard())).toEqual([`${p.id}#1 killed`]);
  });

  it('keeps its own watches and links, also where the other ends while it moves', async () => {
    const { p, q, r, go, answer, settle, several } = three();
    const [a, b, c] = [await p.spawn(box), await p.spawn(box), await r.spawn(box)];
    a.watch(p.own(b));
    a.watch(p.own(c));
    await settle();
    await go(a, q);
    void stop(b);
    await settle();
    expect(await answer(a.heard())).toEqual([`${p.id}#2 stopped`]);
    // It ends while nothing of the move has come to where it is.
    several.hold(r, q);
    several.hold(p, r);
    const moved = p.move(a, r);
    await settle();
    several.letGo();
    await answer(moved);
    void kill(c);
    await settle();
    expect(await answer(a.heard())).toEqual([`${p.id}#2 stopped`, `${r.id}#1 killed`]);
  });

  it('stays linked: a kill of either fails the other at its new place', async () => {
    const { p, q, r, go, answer, settle } = three();
    const [a, b] = [await p.spawn(box), await r.spawn(box, { args: { start: 9 } })];
    a.link(p.own(b));
    await settle();
    await go(a, q);
    b.add({ by: 1 });
    expect(await answer(b.total())).toBe(10);
    void kill(a);
    await settle();
    // Restarted, from its arguments.
    expect(await answer(b.total())).toBe(9);
    const c = await p.spawn(box, { args: { start: 4 } });
    await settle();
    c.link(p.own(b));
    await settle();
    await go(c, q);
    c.add({ by: 1 });
    void kill(b);
    await settle();
    expect(await answer(c.total())).toBe(4);
  });

  it('lets stop and kill of any ref find it, and a stop that comes meanwhile win', async () => {
    const { p, q, r, go, answer, settle } = three();
    const ref = await p.spawn(box);
    await go(ref, q);
    await answer(stop(r.own(ref)));
    expect([p, q, r].some((place) => place.runs(ref))).toBe(false);
    await expect(answer(ref.total())).rejects.toMatchObject({ code: 'NotDelivered', reason: 'stopped' });
    const other = await p.spawn(box);
    const moved = p.move(other, q);
    const stopped = stop(other);
    await expect(answer(moved)).rejects.toMatchObject({ reason: 'busy' });
    await answer(stopped);
    await expect(answer(p.move(other, q))).rejects.toMatchObject({ reason: 'gone' });
    await settle();
    expect(q.host.roots.size).toBe(0);
  });

  it('leaves nothing behind once the actor has ended, after 30 moves over 3 places', async () => {
    const { p, q, r, go, settle, answer } = three();
    const ref = await p.spawn(box, { name: 'wanderer' });
    const own = [p, q, r].map((place) => place.own(ref));
    for (let n = 0; n < 30; n += 1) {
      for (const one of own) one.add({ by: 1 });
      await go(ref, [q, r, p][n % 3]!);
    }
    expect(await answer(ref.total())).toBe(90);
    await answer(stop(ref));
    await settle();
    for (const place of [p, q, r]) {
      expect(place.cellOf(ref)).toBeUndefined();
      expect(place.router.routeCount).toBe(0);
      expect(place.host.named('wanderer')).toBeUndefined();
      expect(place.host.rootCount).toBe(0);
    }
  });

  it('passes on to it what comes by its old address when its mailbox was full: offers wait over there', async () => {
    const Small = protocol('small', {
      put: tell(z.int()),
      hold: tell(z.string()),
      sum: ask({ output: z.array(z.int()) }),
    });
    const small = actor(
      Small,
      { args: z.object({}), state: () => ({ got: [] as number[] }), mailbox: { highWater: 2, capacity: 4 } },
      {
        put: (state, n) => void state.got.push(n),
        hold: async (_state, name) => {
          await gate(name).promise;
        },
        sum: (state) => state.got,
      },
    );
    const { p, q, r, answer, settle } = three({}, [small]);
    const ref = await p.spawn(small);
    ref.hold('small');
    await settle();
    const moved = p.move(ref, q);
    ref.hold('small 2');
    ref.put(1);
    const offers = [2, 3, 4].map((n) => ref.put.offer(n, { timeoutMs: 60_000 }));
    await settle();
    gate('small').resolve();
    await answer(moved);
    expect(q.cellOf(ref)!.queued).toBeLessThanOrEqual(4);
    // One that is made now waits as well, whether its sender knows of the move or not.
    let taken = 0;
    const late = [p, r].map((place) =>
      place
        .own(ref)
        .put.offer(5, { timeoutMs: 60_000 })
        .then(() => {
          taken += 1;
        }),
    );
    await settle();
    expect(taken).toBe(0);
    gate('small 2').resolve();
    await answer(Promise.all([...offers, ...late]));
    expect(await answer(ref.sum())).toEqual([1, 2, 3, 4, 5, 5]);
    expect([p.dead(), q.dead()]).toEqual([{}, {}]);
  });
});

describe('streams of an actor that moves', () => {
  async function read(values: AsyncIterator<number>, count: number, settle: () => Promise<void>): Promise<number[]> {
    const got: number[] = [];
    for (let n = 0; n < count; n += 1) {
      const next = values.next();
      await settle();
      const { done, value } = await next;
      if (done) break;
      got.push(value as number);
    }
    return got;
  }

  it('go on by number: 1,000 values once each over 6 moves, for readers on all 3 places', async () => {
    const { p, q, r, go, settle } = three();
    const ref = await p.spawn(box);
    const readers = [p, q, r].map((place) => place.own(ref).numbers({ upTo: 1_000 })[Symbol.asyncIterator]());
    const got: number[][] = [[], [], []];
    for (const to of [q, r, p, q, p, r]) {
      for (const [at, reader] of readers.entries()) got[at]!.push(...(await read(reader, 70, settle)));
      await go(ref, to);
    }
    for (const [at, reader] of readers.entries()) got[at]!.push(...(await read(reader, 2_000, settle)));
    const all = Array.from({ length: 1_000 }, (_, n) => n);
    expect(got).toEqual([all, all, all]);
    expect([p, q, r].map((place) => place.cellOf(ref)!.openStreams)).toEqual([0, 0, 0]);
  });

  it('observe what changes from then on: no value twice, none left out where every one counts', async () => {
    const { p, q, r, go, settle } = three();
    const ref = await p.spawn(box);
    const latest = r.own(ref).changes()[Symbol.asyncIterator]();
    const every = r.own(ref).every()[Symbol.asyncIterator]();
    expect(await read(latest, 1, settle)).toEqual([0]);
    expect(await read(every, 1, settle)).toEqual([0]);
    ref.add({ by: 1 });
    ref.add({ by: 1 });
    await settle();
    await go(ref, q);
    ref.add({ by: 1 });
    await settle();
    await go(ref, r);
    await go(ref, p);
    ref.add({ by: 1 });
    await settle();
    expect(await read(every, 4, settle)).toEqual([1, 2, 3, 4]);
    const seen = await read(latest, 1, settle);
    while (seen.at(-1) !== 4) seen.push(...(await read(latest, 1, settle)));
    expect(seen).toEqual([...new Set(seen)]);
    const next = latest.next();
    await go(ref, q);
    let told = false;
    void next.then(() => {
      told = true;
    });
    await settle();
    // Nothing has changed.
    expect(told).toBe(false);
    ref.add({ by: 5 });
    await settle();
    expect(await next).toEqual({ done: false, value: 9 });
    await latest.return?.();
    await every.return?.();
    await settle();
    expect(q.cellOf(ref)!.openStreams).toBe(0);
  });

  it('that wait in the queue go over at their place in it', async () => {
    const { p, q, r, settle, answer } = three();
    const ref = await p.spawn(box);
    ref.block('g');
    await settle();
    const moved = p.move(ref, q);
    const readers = [p, r].map((place) => {
      const own = place.own(ref);
      own.add({ by: 1 });
      return own.changes()[Symbol.asyncIterator]();
    });
    const first = readers.map((reader) => reader.next());
    await settle();
    ref.add({ by: 10 });
    gate('g').resolve();
    await answer(moved);
    await settle();
    const [here, there] = await Promise.all(first);
    expect([1, 2, 12]).toContain(here!.value);
    expect([2, 12]).toContain(there!.value);
  });

  it('whose reader never comes end after 10 s', async () => {
    const { several, p, q, r, go, settle, advance } = three();
    const ref = await p.spawn(box);
    const reader = r.own(ref).changes()[Symbol.asyncIterator]();
    await read(reader, 1, settle);
    several.hold(r, q);
    several.hold(r, p);
    await go(ref, q);
    expect(q.cellOf(ref)!.openStreams).toBe(1);
    await advance(10_000);
    expect(q.cellOf(ref)!.openStreams).toBe(0);
  });
});

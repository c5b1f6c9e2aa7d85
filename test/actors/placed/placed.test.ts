/** Children that run elsewhere, as their parents and those who send to them see them. */
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actor } from '../../../src/actors/actor.ts';
import { PlaceLost } from '../../../src/actors/place-lost.ts';
import type { PlacedCell } from '../../../src/actors/placed/placed-cell.ts';
import type { Where } from '../../../src/actors/placed/where.ts';
import { ask, protocol, type Ref, stream, tell } from '../../../src/actors/protocol.ts';
import { targetOf } from '../../../src/actors/ref.ts';
import { refTo } from '../../../src/actors/schema/ref-schema.ts';
import { pool } from '../../../src/actors/spreading/pool.ts';
import { resize, routees } from '../../../src/actors/spreading/router-control.ts';
import type { Directive, Strategy, Supervise } from '../../../src/actors/supervise.ts';
import { treeOf } from '../../../src/actors/tree.ts';
import { kill, pathOf, stop } from '../../../src/actors/verbs.ts';
import { ended } from '../../support/deferred.ts';
import { cellOf, Places } from './places.ts';

interface WorkerRef extends Ref<typeof Worker> {}
interface BossRef extends Ref<typeof Boss> {}
const Worker = protocol('worker', {
  note: tell(z.int()),
  slow: tell(z.object({ id: z.int(), ms: z.int() })),
  where: ask({ output: z.string() }),
  count: ask({ output: z.int() }),
  late: ask({ input: z.object({ ms: z.int() }), output: z.int() }),
  odd: ask({ input: z.int(), output: z.int(), errors: { odd: z.int() } }),
  numbers: stream({ input: z.int(), output: z.int() }),
  askBack: ask({ input: refTo<BossRef>('boss'), output: z.string() }),
  quit: tell(),
  fails: tell(),
  escalates: tell(),
});
const Boss = protocol('boss', {
  hire: ask({ input: z.object({ name: z.string().optional(), on: z.string() }), output: refTo<WorkerRef>('worker') }),
  viaChild: ask({ output: z.string() }),
  idle: ask({ output: z.string() }),
  fails: tell(),
  state: ask({ output: z.int() }),
});

/** What workers did, on whichever thread. */
const log: string[] = [];
const ends: string[] = [];
const failures: unknown[] = [];
let supervise: Supervise = {};
let bossDirective: () => Directive = () => 'restart';
let restartsOfBoss = 0;

function where(text: string): Where {
  return text === 'spread'
    ? { kind: 'spread', places: [{ kind: 'here' }, { kind: 'thread' }] }
    : { kind: text as never };
}

const worker = actor(
  Worker,
  {
    args: z.object({ start: z.int().default(0) }),
    state: ({ start }) => ({ count: start }),
    mailbox: { highWater: 4, capacity: 1_000 },
    supervise: {
      directive: (failure) => {
        failures.push(failure.error);
        return supervise.directive?.(failure) ?? 'restart';
      },
      restartsMax: 3,
      backoff: { minMs: 10, maxMs: 10 },
    },
    signals: { stopping: (_state, { reason }, ctx) => void log.push(`${threadOf(ctx.self)} stopping ${reason}`) },
  },
  {
    note: (state, id, ctx) => {
      state.count += 1;
      log.push(`${threadOf(ctx.self)} ${id}`);
    },
    slow: async (state, { id, ms }, ctx) => {
      await ctx.delay(ms);
      state.count += 1;
      log.push(`${threadOf(ctx.self)} ${id}`);
    },
    where: (_state, _message, ctx) => pathOf(ctx.self),
    count: (state) => state.count,
    late: async (_state, { ms }, ctx) => {
      ctx.signal.addEventListener('abort', () => log.push(`${threadOf(ctx.self)} aborted`));
      await ctx.delay(ms);
      return ms;
    },
    odd: (_state, n, ctx) => ctx.fail('odd', n),
    async *numbers(_state, to) {
      for (let n = 0; n < to; n += 1) yield n;
    },
    askBack: (_state, boss) => boss.idle({ timeoutMs: 1_000 }),
    quit: (_state, _message, ctx) => ctx.stop(),
    fails: () => {
      throw new RangeError('as planned');
    },
    escalates: () => {
      throw new TypeError('for the parent');
    },
  },
);
const escalating = actor(
  Worker,
  {
    name: 'escalating',
    args: z.object({}),
    state: () => ({}),
    supervise: { directive: ({ error }) => (error instanceof PlaceLost ? 'restart' : 'escalate') },
  },
  {
    note: () => undefined,
    slow: () => undefined,
    where: (_state, _message, ctx) => pathOf(ctx.self),
    count: () => 0,
    late: () => 0,
    odd: () => 0,
    async *numbers() {
      yield 0;
    },
    askBack: () => '',
    quit: () => undefined,
    fails: () => undefined,
    escalates: () => {
      throw new TypeError('for the parent');
    },
  },
);

const broken = actor(
  Worker,
  {
    name: 'broken',
    args: z.object({}),
    state: (): object => {
      throw new Error('no state over there');
    },
  },
  {
    note: () => undefined,
    slow: () => undefined,
    where: () => '',
    count: () => 0,
    late: () => 0,
    odd: () => 0,
    async *numbers() {
      yield 0;
    },
    askBack: () => '',
    quit: () => undefined,
    fails: () => undefined,
    escalates: () => undefined,
  },
);
const crewed = pool(worker, { name: 'crew', size: 2 });

function bossOf(name: string, strategy: Strategy, child: typeof worker) {
  return actor(
    Boss,
    {
      name,
      args: z.object({}),
      state: () => ({ hired: [] as WorkerRef[], generation: restartsOfBoss++ }),
      strategy,
      supervise: { directive: () => bossDirective() },
      signals: {
        terminated: (_state, { reason, incarnation }) => void ends.push(`${incarnation} ${reason}`),
      },
    },
    {
      hire: (state, { name: called, on }, ctx) => {
        const ref = ctx.spawn(child, { ...(called === undefined ? {} : { name: called }), on: where(on) });
        ctx.watch(ref);
        state.hired.push(ref);
        return ref;
      },
      viaChild: (state, _message, ctx) => state.hired[0]!.askBack(ctx.self),
      idle: () => 'idle',
      fails: () => {
        throw new Error('the boss fails');
      },
      state: (state) => state.generation,
    },
  );
}
const boss = bossOf('boss', 'one-for-one', worker);
const together = bossOf('together', 'all-for-one', worker);
const strict = bossOf('strict', 'one-for-one', escalating as unknown as typeof worker);

function threadOf(ref: unknown): string {
  return /troupe:\/\/[^/]*\/([^/]*)\//.exec(String(ref))![1]!;
}
function notes(): string[] {
  return log.filter((line) => /\d/.test(line.split(' ')[1]!));
}

let places: Places;
afterEach(async () => {
  await places.close();
  log.length = 0;
  ends.length = 0;
  failures.length = 0;
  supervise = {};
  bossDirective = () => 'restart';
  restartsOfBoss = 0;
});
async function start(at = 'main', of: typeof boss = boss, threads = ['t1', 't2']): Promise<Ref<typeof Boss>> {
  places = new Places([worker, escalating, broken, crewed, boss, together, strict], threads);
  return places.spawn(at, of);
}
/** Lets a call settle without any time passing. */
async function settled<T>(call: Promise<T>): Promise<T> {
  let outcome: Promise<T> | undefined;
  const over = ended(call).then(() => {
    outcome = call;
  });
  await places.settle();
  expect(outcome, 'a call that should have settled').toBeDefined();
  await over;
  return call;
}

describe('a child elsewhere', () => {
  it('has a ref at once, runs there under the path of its parent, and answers', async () => {
    const ref = await start();
    const child = await settled(ref.hire({ on: 'thread', name: 'bob' }));
    expect(pathOf(child)).toMatch(/^troupe:\/\/n~1\/main\/boss\/bob#\d+$/);
    expect(await settled(child.where())).toMatch(/^troupe:\/\/n~1\/t1\/boss\/bob#\d+$/);
    await expect(settled(child.odd(3))).rejects.toMatchObject({ code: 'odd', data: 3 });
    const seen: number[] = [];
    for await (const n of child.numbers(600)) seen.push(n);
    expect(seen).toHaveLength(600);
  });

  it('shows in the tree of both places, each line with the other path', async () => {
    const ref = await start();
    const child = await settled(ref.hire({ on: 'thread' }));
    const there = await settled(child.where());
    const [own] = treeOf('main', places.main.host.roots).actors;
    expect(own!.children).toMatchObject([{ path: pathOf(child), runsAs: there, status: 'idle' }]);
    expect(treeOf('t1', places.at('t1').host.roots).actors).toMatchObject([{ path: there, standIn: pathOf(child) }]);
  });

  it('gets 1,000 messages in order that were sent before, while and after it started', async () => {
    const ref = await start();
    places.hold(true);
    const hired = ref.hire({ on: 'thread' });
    await places.settle();
    const child = await hired;
    for (let n = 0; n < 500; n += 1) child.note(n);
    expect(cellOf(child).queued).toBe(500);
    places.hold(false);
    for (let n = 500; n < 1_000; n += 1) {
      child.note(n);
      if (n % 100 === 0) await places.settle();
    }
    await places.settle();
    await places.advance(1_000);
    expect(notes()).toEqual(Array.from({ length: 1_000 }, (_, n) => `t1 ${n}`));
    expect(cellOf(child).queued).toBe(0);
  });

  it('is sent nothing that overtakes what still waits in its mailbox', async () => {
    places = new Places([worker, escalating, broken, crewed, boss, together, strict], ['t1'], { manual: true });
    const turns = async (isOver: () => boolean): Promise<void> => {
      for (let left = 1_000; left > 0 && !isOver(); left -= 1) {
        places.scheduler.step();
        await places.settle();
      }
      expect(isOver()).toBe(true);
    };
    const ref = await places.spawn('main', boss);
    let child: WorkerRef | undefined;
    void ref.hire({ on: 'thread' }).then((hired) => {
      child = hired;
    });
    await turns(() => child !== undefined);
    for (let n = 0; n < 10; n += 1) child!.note(n);
    await turns(() => cellOf(child!).queued === 5);
    for (let n = 10; n < 13; n += 1) child!.note(n);
    expect(cellOf(child!).queued).toBe(8);
    await turns(() => cellOf(child!).queued === 0);
    child!.note(13);
    await turns(() => notes().length === 14);
    expect(notes()).toEqual(Array.from({ length: 14 }, (_, n) => `t1 ${n}`));
    places.scheduler.runByItself();
  });

  it('is below a parent on a thread as it is below one on the main thread', async () => {
    const ref = await start('t1');
    places.threads = ['t2', 'main'];
    const [a, b] = [await settled(ref.hire({ on: 'thread' })), await settled(ref.hire({ on: 'thread' }))];
    expect([threadOf(await settled(a.where())), threadOf(await settled(b.where()))]).toEqual(['t2', 'main']);
  });

  it('may be at the very place of its parent, and still has a stand-in', async () => {
    const ref = await start('main');
    places.threads = ['main'];
    const child = await settled(ref.hire({ on: 'thread' }));
    expect(threadOf(await settled(child.where()))).toBe('main');
    expect(await settled(child.where())).not.toBe(pathOf(child));
    for (let n = 0; n < 20; n += 1) child.note(n);
    await places.settle();
    expect(await settled(child.count())).toBe(20);
    await settled(stop(child));
    expect(places.main.host.rootCount).toBe(1);
  });

  it('takes the places of a spread in turn, here among them', async () => {
    const ref = await start();
    const threads: string[] = [];
    for (let n = 0; n < 4; n += 1)
      threads.push(threadOf(await settled((await settled(ref.hire({ on: 'spread' }))).where())));
    expect(threads).toEqual(['main', 't1', 'main', 't2']);
  });

  it('holds the rest back while its mailbox over there is above its high water', async () => {
    const ref = await start();
    places.hold(true);
    const hired = ref.hire({ on: 'thread' });
    await places.settle();
    const child = await hired;
    for (let n = 0; n < 100; n += 1) child.slow({ id: n, ms: 10 });
    places.hold(false);
    await places.settle();
    await places.advance(50);
    const before = cellOf(child).queued;
    await places.advance(3_000);
    expect(before).toBeGreaterThanOrEqual(0);
    expect(notes()).toEqual(Array.from({ length: 100 }, (_, n) => `t1 ${n}`));
    expect(child.slow({ id: 100, ms: 10 })).toBe(true);
  });

  it('passes a deadline and a cancellation on, also of an ask that waited for its start', async () => {
    const ref = await start();
    places.hold(true);
    const hired = ref.hire({ on: 'thread' });
    await places.settle();
    const child = await hired;
    const given = new AbortController();
    const calls = [
      ended(child.late({ ms: 60_000 }, { timeoutMs: 100 })),
      ended(child.late({ ms: 60_000 }, { signal: given.signal, timeoutMs: 10_000 })),
    ];
    places.hold(false);
    await places.settle();
    await places.advance(150);
    given.abort();
    await places.settle();
    expect(await Promise.all(calls)).toMatchObject([
      { error: { code: 'OutcomeUnknown' } },
      { error: { code: 'Cancelled' } },
    ]);
    expect(log).toEqual(['t1 aborted']);
  });

  it('names a cycle that leads through it', async () => {
    const ref = await start();
    await settled(ref.hire({ on: 'thread' }));
    await expect(settled(ref.viaChild())).rejects.toMatchObject({ code: 'ActorFailed' });
    expect(failures[0]).toMatchObject({ code: 'Rejected', reason: 'cycle' });
  });

  it('is refused at once where no other place could find its code, its arguments do not fit, or `on` is no place', async () => {
    const ref = await start();
    const cell = cellOf(ref);
    const spawn = (definition: unknown, options: object) => () => cell.spawnChild(definition, options, cell);
    const strange = bossOf('strange', 'one-for-one', worker);
    expect(spawn(strange, { on: where('thread') })).toThrow(expect.objectContaining({ reason: 'unregistered' }));
    expect(spawn(worker, { on: where('thread'), args: { start: 'x' } })).toThrow(
      expect.objectContaining({ reason: 'arguments' }),
    );
    expect(spawn(worker, { on: 'thread' })).toThrow(/on takes here\(\), thread\(\)/);
    expect(spawn(worker, { on: where('thread'), at: 1 })).toThrow(/has no "at"/);
    await settled(ref.hire({ on: 'thread', name: 'taken' }));
    expect(spawn(worker, { on: where('thread'), name: 'taken' })).toThrow(
      expect.objectContaining({ reason: 'name-taken' }),
    );
    expect(cell.children.size).toBe(1);
  });
});

describe('the start of a child elsewhere', () => {
  it('fails as that of any child where its state throws over there: it ends, is logged, and is not tried again', async () => {
    const ref = await start();
    const cell = cellOf(ref);
    const child = cell.spawnChild(broken, { on: where('thread') }, cell) as unknown as WorkerRef;
    const told: string[] = [];
    cellOf(child).watch({ terminated: (reason) => void told.push(reason) });
    const call = ended(child.count());
    await places.advance(100);
    expect(told).toEqual(['failed']);
    expect(await call).toMatchObject({ error: { code: 'NotDelivered' } });
    places.main.log.expectOne({ level: 'error', text: /its start.*no state over there/ });
    expect(places.at('t1').host.rootCount).toBe(0);
  });

  it('holds offers back until there is room, and tells that it is full at the capacity', async () => {
    const ref = await start();
    places.hold(true);
    const hired = ref.hire({ on: 'thread' });
    await places.settle();
    const child = await hired;
    const offers = Array.from({ length: 6 }, (_, n) => ended(child.note.offer(n, { timeoutMs: 10_000 })));
    await places.settle();
    expect(cellOf(child).queued).toBe(4);
    places.hold(false);
    await places.advance(50);
    expect(await Promise.all(offers)).toEqual(Array(6).fill({ value: undefined }));
    expect(notes()).toEqual([0, 1, 2, 3, 4, 5].map((n) => `t1 ${n}`));
  });
});

describe('a router or a pool elsewhere', () => {
  it('is managed through its stand-in, and a plain actor is not', async () => {
    const ref = await start();
    const cell = cellOf(ref);
    const crew = cell.spawnChild(crewed, { on: where('thread') }, cell) as unknown as WorkerRef;
    const plain = await settled(ref.hire({ on: 'thread' }));
    expect((await settled(routees(crew))).map(threadOf)).toEqual(['t1', 't1']);
    await settled(resize(crew, 3));
    expect(await settled(routees(crew))).toHaveLength(3);
    expect(await settled(crew.where())).toContain('troupe://n~1/t1/boss/crew/worker#');
    await expect(settled(resize(plain, 3))).rejects.toMatchObject({ code: 'RoutingRefused', reason: 'no-router' });
  });
});

describe('the loss of its place', () => {
  it('is not told to those who watch it, here or on another thread; its end is, once', async () => {
    const ref = await start('main', boss, ['t1', 't2', 'other']);
    places.threads = ['t1', 't2'];
    const child = await settled(ref.hire({ on: 'thread' }));
    const told: string[] = [];
    targetOf(places.refAt('other', child)).watch({ terminated: (reason) => void told.push(reason) });
    await places.settle();
    places.lose('t1');
    await places.advance(20);
    expect([told, ends]).toEqual([[], []]);
    child.quit();
    await places.settle();
    expect(told).toEqual(['stopped']);
    expect(ends).toHaveLength(1);
  });

  it('ends an open stream, and the same stream can be read again from where the child is then', async () => {
    const ref = await start();
    const child = await settled(ref.hire({ on: 'thread' }));
    const numbers = child.numbers(600);
    const open = numbers[Symbol.asyncIterator]();
    await settled(open.next());
    places.lose('t1');
    const rest = ended(
      (async () => {
        for (let one = await open.next(); !one.done; one = await open.next());
      })(),
    );
    await places.advance(20);
    expect(await rest).toMatchObject({ error: { code: 'OutcomeUnknown' } });
    let seen = 0;
    for await (const _number of numbers) seen += 1;
    expect(seen).toBe(600);
  });

  it('fails nobody else by itself; a failure of one that it is linked to restarts it where it is', async () => {
    const ref = await start();
    const child = await settled(ref.hire({ on: 'thread' }));
    const other = await settled(ref.hire({ on: 'here' }));
    cellOf(child).links.link(other);
    child.note(1);
    const before = await settled(child.where());
    await settled(kill(other));
    await places.advance(20);
    expect(failures.at(-1)).toMatchObject({ code: 'LinkedActorFailed' });
    expect(await settled(child.where())).toBe(before);
    expect(await settled(child.count())).toBe(0);
  });

  it('restarts it elsewhere: the ref stays, what waited comes first, what is sent later behind it', async () => {
    const ref = await start();
    const child = await settled(ref.hire({ on: 'thread' }));
    child.note(1);
    await places.settle();
    places.lose('t1', 'memory');
    for (let n = 2; n < 6; n += 1) child.note(n);
    await places.settle();
    expect(notes()).toEqual(['t1 1']);
    await places.advance(20);
    child.note(6);
    await places.settle();
    expect(notes()).toEqual(['t1 1', ...[2, 3, 4, 5, 6].map((n) => `t2 ${n}`)]);
    expect(await settled(child.count())).toBe(5);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatchObject({ code: 'PlaceLost', place: 'n~1/t1', reason: 'memory' });
    expect(ends).toEqual([]);
    expect(cellOf(child).generation).toBe(1);
  });

  it('settles the asks that were over there, and the streams', async () => {
    const ref = await start();
    const child = await settled(ref.hire({ on: 'thread' }));
    const call = ended(child.late({ ms: 1_000 }, { timeoutMs: 5_000 }));
    await places.settle();
    places.lose('t1');
    expect(await settled(call)).toMatchObject({ error: { code: 'OutcomeUnknown', reason: 'link-lost' } });
  });

  it('ends it when its budget is used up, after 3 restarts', async () => {
    const ref = await start('main', boss, ['t1', 't2', 't3', 't4']);
    const child = await settled(ref.hire({ on: 'thread' }));
    for (let lost = 0; lost < 3; lost += 1) {
      places.lose(threadOf(await settled(child.where())));
      await places.advance(20);
    }
    expect(ends).toEqual([]);
    places.lose(threadOf(await settled(child.where())));
    await places.settle();
    expect(ends).toEqual([expect.stringMatching(/failed$/)]);
    await expect(settled(child.where())).rejects.toMatchObject({ code: 'NotDelivered' });
  });

  it.each([
    ['stop', 'failed', 0],
    ['escalate', 'failed', 1],
    ['resume', undefined, 0],
  ] as const)('does what the directive says: %s', async (directive, end, restarts) => {
    supervise = { directive: () => directive };
    const ref = await start();
    const child = await settled(ref.hire({ on: 'thread' }));
    places.lose('t1');
    await places.advance(20);
    expect(ends.map((text) => text.split(' ')[1])).toEqual(end === undefined ? [] : [end]);
    expect(await settled(ref.state())).toBe(restarts);
    // There is no state that it could go on with.
    if (directive === 'resume') expect(threadOf(await settled(child.where()))).toBe('t2');
  });

  it('restarts its siblings with it, over there and here, where the strategy says so', async () => {
    const ref = await start('main', together);
    const [a, b, c] = [
      await settled(ref.hire({ on: 'thread' })),
      await settled(ref.hire({ on: 'thread' })),
      await settled(ref.hire({ on: 'here' })),
    ];
    for (const one of [a, b, c]) one.note(1);
    await places.settle();
    const before = await settled(b.where());
    b.slow({ id: 2, ms: 5 });
    b.note(3);
    await places.settle();
    places.lose('t1');
    await places.settle();
    await places.advance(30);
    expect([await settled(a.count()), await settled(c.count())]).toEqual([0, 0]);
    // It restarted where it is: what waited there is handled, what was open was given up.
    expect(await settled(b.where())).toBe(before);
    expect(await settled(b.count())).toBe(1);
  });

  it('is no failure of its start: it is tried again elsewhere', async () => {
    const ref = await start();
    places.hold(true);
    const hired = ref.hire({ on: 'thread' });
    await places.settle();
    const child = await hired;
    child.note(1);
    places.lose('t1');
    places.hold(false);
    await places.advance(20);
    expect(notes()).toEqual(['t2 1']);
    expect(threadOf(await settled(child.where()))).toBe('t2');
  });

  it('ends the children of parents that ran there, wherever they are', async () => {
    const ref = await start('t1');
    places.threads = ['t2'];
    await settled(ref.hire({ on: 'thread' }));
    expect(places.at('t2').host.rootCount).toBe(1);
    places.lose('t1');
    await places.settle();
    expect(places.at('t2').host.rootCount).toBe(0);
    expect(log).toEqual(['t2 stopping stopped']);
  });
});

describe('its end', () => {
  it.each([
    ['stops by itself', (child: WorkerRef): boolean => child.quit(), 'stopped'],
    ['fails for good', (child: WorkerRef): boolean => child.fails(), 'failed'],
  ] as const)('when it %s is that of its stand-in', async (_what, does, reason) => {
    supervise = { directive: () => 'stop' };
    const ref = await start();
    const child = await settled(ref.hire({ on: 'thread' }));
    does(child);
    await places.settle();
    expect(ends).toEqual([expect.stringMatching(new RegExp(`^n~1/main#\\d+ ${reason}$`))]);
    expect(places.at('t1').host.rootCount).toBe(0);
  });

  it('over there by a kill is a kill of the stand-in', async () => {
    const ref = await start();
    const child = await settled(ref.hire({ on: 'thread' }));
    await settled(child.where());
    const [there] = places.at('t1').host.roots;
    await settled(there!.stop(true, undefined));
    expect(ends).toEqual([expect.stringMatching(/killed$/)]);
    expect(cellOf(child).isOver).toBe(true);
  });

  it('restarts where it is when its own handler fails, and nobody else notices', async () => {
    const ref = await start();
    const child = await settled(ref.hire({ on: 'thread' }));
    child.note(1);
    child.fails();
    child.note(2);
    await places.settle();
    await places.advance(20);
    expect(notes()).toEqual(['t1 1', 't1 2']);
    expect(await settled(child.count())).toBe(1);
    expect(cellOf(child).generation).toBe(0);
  });

  it('fails its parent when it escalates over there', async () => {
    const ref = await start('main', strict);
    const child = await settled(ref.hire({ on: 'thread' }));
    child.escalates();
    await places.settle();
    await places.advance(20);
    expect(await settled(ref.state())).toBe(1);
    expect(places.at('t1').host.rootCount).toBe(0);
    const [said] = places.main.log.matching({ level: 'error', text: /escalated/ });
    expect(said?.text).toContain('for the parent');
  });

  it('waits for the end over there: a stop after the message in hand, a drain after what is queued', async () => {
    for (const drain of [false, true]) {
      const ref = await start();
      const child = await settled(ref.hire({ on: 'thread' }));
      for (let n = 0; n < 3; n += 1) child.slow({ id: n, ms: 10 });
      await places.settle();
      let isOver = false;
      const stopped = stop(child, { drain }).then(() => {
        isOver = true;
      });
      await places.settle();
      expect(isOver).toBe(false);
      expect(child.note(9)).toBe(false);
      await places.advance(100);
      await stopped;
      expect(notes()).toEqual(drain ? ['t1 0', 't1 1', 't1 2'] : ['t1 0']);
      expect(places.at('t1').host.rootCount).toBe(0);
      await places.close();
      log.length = 0;
    }
  });

  it('by a kill gives up the message in hand, and waits for the other place to have done so', async () => {
    const ref = await start();
    const child = await settled(ref.hire({ on: 'thread' }));
    const call = ended(child.late({ ms: 1_000 }));
    await places.settle();
    const killed = kill(child);
    expect(cellOf(child).isOver).toBe(true);
    await settled(killed);
    expect(await settled(call)).toMatchObject({ error: { code: 'ActorFailed' } });
    expect(places.at('t1').host.rootCount).toBe(0);
  });

  it('comes with that of its parent, also where it is just being started', async () => {
    for (const held of [false, true]) {
      const ref = await start();
      places.hold(held);
      const hired = ref.hire({ on: 'thread' });
      await places.settle();
      await hired;
      const stopped = held ? kill(ref) : stop(ref);
      if (held) await places.settle();
      places.hold(false);
      await settled(stopped);
      expect(places.at('t1').host.rootCount).toBe(0);
      expect(places.main.host.rootCount).toBe(0);
      await places.close();
    }
  });

  it('comes before its parent restarts', async () => {
    const ref = await start();
    const child = await settled(ref.hire({ on: 'thread' }));
    ref.fails();
    await places.settle();
    expect(await settled(ref.state())).toBe(1);
    expect(log).toEqual(['t1 stopping stopped']);
    expect((cellOf(child) as PlacedCell).isOver).toBe(true);
  });

  it('at the end of the system comes after what was queued', async () => {
    const ref = await start();
    const child = await settled(ref.hire({ on: 'thread' }));
    for (let n = 0; n < 20; n += 1) child.slow({ id: n, ms: 10 });
    await places.settle();
    const drained = places.main.host.drain(5_000);
    await places.at('t1').host.drain(5_000);
    expect(places.at('t1').host.rootCount).toBe(1);
    await places.advance(1_000);
    await drained;
    expect(notes()).toHaveLength(20);
    expect(places.at('t1').host.rootCount).toBe(0);
    expect(places.at('t1').deadLetters).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import { SpawnFailed } from '../../src/actors/errors.ts';
import { ActivityAt } from '../../src/base/activity.ts';
import { thread } from '../../src/runtime/placement.ts';
import { type ScriptedPool, scriptedPool } from '../support/scripted-threads.ts';

const named = (name: string): { readonly kind: 'thread'; readonly name: string } => ({ kind: 'thread', name });
/** Picks, and has the thread beat with the actor that is spawned there. */
async function place(scripted: ScriptedPool, name?: string): Promise<string> {
  const placeId = await scripted.pool.pick(name === undefined ? { kind: 'thread' } : named(name));
  const worker = scripted.threads.find((one) => one.placeId === placeId)!;
  worker.beats(worker.activity.slots[ActivityAt.actors]! + 1);
  return placeId.split('/')[1]!;
}
const outcomeOf = (picked: Promise<string>): Promise<unknown> => picked.catch((error: unknown) => error);
const thrown = (text: string, code?: string): { kind: 'error'; error: Error } => ({
  kind: 'error',
  error: Object.assign(new Error(text), code === undefined ? {} : { code }),
});

describe('the choice of a thread', () => {
  it('starts one for each actor up to 3, then they take turns', async () => {
    const scripted = scriptedPool(3);
    const picked: string[] = [];
    for (let n = 0; n < 9; n += 1) picked.push(await place(scripted));
    expect(picked).toEqual(['t1', 't2', 't3', 't1', 't2', 't3', 't1', 't2', 't3']);
  });

  it('starts 3 for 3 actors that are spawned at once', async () => {
    const scripted = scriptedPool(3);
    const picked = await Promise.all([place(scripted), place(scripted), place(scripted), place(scripted)]);
    expect(picked).toEqual(['t1', 't2', 't3', 't1']);
  });

  it('uses a thread that holds no actor before it starts another', async () => {
    const scripted = scriptedPool(3);
    await place(scripted);
    scripted.thread(1).beats(0);
    await scripted.clock.advance(5_000);
    expect([await place(scripted), await place(scripted)]).toEqual(['t1', 't2']);
  });

  it('avoids a loop that is in use, and one with 2 frames under way to it', async () => {
    const scripted = scriptedPool(3);
    for (let n = 0; n < 3; n += 1) await place(scripted);
    scripted.thread(1).use = 0.9;
    await scripted.clock.advance(1_000);
    expect([await place(scripted), await place(scripted), await place(scripted)]).toEqual(['t2', 't3', 't2']);
    scripted.load.set('n~1/t3', 1_024);
    expect([await place(scripted), await place(scripted)]).toEqual(['t2', 't2']);
    scripted.thread(1).use = 0.1;
    await scripted.clock.advance(1_000);
    expect([await place(scripted), await place(scripted)]).toEqual(['t1', 't2']);
  });

  it('gives a name a thread of its own, on top of the others, shown by its name', async () => {
    const scripted = scriptedPool(1);
    expect([
      await place(scripted, 'db'),
      await place(scripted),
      await place(scripted, 'db'),
      await place(scripted),
    ]).toEqual(['t1', 't2', 't1', 't2']);
    expect(scripted.threads.map(({ name }) => name)).toEqual(['troupe n~1/t1 db', 'troupe n~1/t2']);
  });

  it('refuses the 256th thread of a name, and takes the place of one that has ended', async () => {
    const scripted = scriptedPool(1);
    for (let n = 0; n < 254; n += 1) await place(scripted, `a${n}`);
    await place(scripted, 'last');
    await expect(scripted.pool.pick(named('more'))).rejects.toMatchObject({ code: 'SpawnFailed', reason: 'no-place' });
    scripted.thread(7).ends({ kind: 'exit', code: 0 });
    expect(await place(scripted, 'more')).toBe('t256');
  });

  it('leads to the place of an actor', async () => {
    const { pool } = scriptedPool(1);
    expect(await pool.pick({ kind: 'thread', with: { place: 'n~1/t7', cell: 3 } })).toBe('n~1/t7');
  });

  it('warns once of 6 threads on 4 cores, and not of 4', async () => {
    const few = scriptedPool(4);
    few.pool.begin();
    expect(few.log.lines).toEqual([]);
    await place(few, 'one-more');
    await place(few, 'another');
    expect(few.log.lines.map(({ text }) => text)).toEqual([
      expect.stringMatching(/^up to 5 worker threads on 4 cores/),
    ]);
    const many = scriptedPool(6);
    many.pool.begin();
    expect(many.log.lines).toMatchObject([{ level: 'warn', fields: { threads: 6, cores: 4 } }]);
  });
});

describe('a thread that ends', () => {
  it.each([
    ['exit', { kind: 'exit', code: 3 } as const, 'exit code 3'],
    ['exception', thrown('as planned'), 'Error: as planned'],
    ['memory', thrown('JS heap out of memory', 'ERR_WORKER_OUT_OF_MEMORY'), 'Error: JS heap out of memory'],
  ])('is said to have ended by %s, to the log and to the other threads', async (reason, exit, what) => {
    const scripted = scriptedPool(2);
    await place(scripted);
    await place(scripted);
    scripted.thread(1).ends(exit);
    expect(scripted.ended).toEqual([`n~1/t1 ${reason}`]);
    expect(scripted.thread(2).told.at(-1)).toEqual({ kind: 'place-down', loss: { place: 'n~1/t1', reason, what } });
    const [entry] = scripted.log.lines;
    expect(entry).toMatchObject({ level: 'error', fields: { place: 'n~1/t1', reason, what, actors: 1 } });
    expect(entry!.text).toContain(`(${reason}: ${what})`);
    expect(entry!.fields.stack === undefined).toBe(reason === 'exit');
  });

  it('is replaced when it is needed: after 1 ms, 2 ms and so on up to 8, with jitter', async () => {
    const scripted = scriptedPool({ max: 1, restarts: { backoff: { minMs: 1, maxMs: 8 } } });
    const waited: number[] = [];
    for (let n = 1; n <= 6; n += 1) {
      const from = scripted.clock.monotonicMs();
      const placing = place(scripted);
      while (scripted.threads.length < n) await scripted.clock.advance(0.25);
      waited.push(scripted.clock.monotonicMs() - from);
      await placing;
      scripted.thread(n).ends({ kind: 'exit', code: 1 });
    }
    expect(waited[0]).toBeLessThanOrEqual(0.25);
    for (const [n, ms] of waited.slice(1).entries()) {
      expect(ms).toBeGreaterThanOrEqual(Math.min(8, 2 ** (n + 1)) / 2);
      expect(ms).toBeLessThanOrEqual(Math.min(8, 2 ** (n + 1)) + 0.25);
    }
  });

  it('is not waited for where its next was long due', async () => {
    const scripted = scriptedPool({ max: 1 });
    await place(scripted);
    scripted.thread(1).ends({ kind: 'exit', code: 1 });
    await scripted.clock.advance(60_000);
    expect(scripted.threads.length).toBe(1);
    expect(await place(scripted)).toBe('t2');
  });
});

describe('threads that die while they start', () => {
  it('are tried 4 times with restartsMax 3, then those who wait are refused with the cause, until the window has passed', async () => {
    const scripted = scriptedPool({
      max: 2,
      restarts: { restartsMax: 3, withinMs: 10_000, backoff: { minMs: 10, maxMs: 100 } },
    });
    scripted.starts = (one) => one.ends(thrown('JS heap out of memory', 'ERR_WORKER_OUT_OF_MEMORY'));
    const waiting = [outcomeOf(scripted.pool.pick()), outcomeOf(scripted.pool.pick())];
    await scripted.clock.advance(1_000);
    for (const error of await Promise.all(waiting)) {
      expect(error).toBeInstanceOf(SpawnFailed);
      expect(error).toMatchObject({ reason: 'no-place', cause: { code: 'PlaceLost', reason: 'memory' } });
    }
    expect(scripted.threads.length).toBeLessThanOrEqual(5);
    const tried = scripted.threads.length;
    await expect(scripted.pool.pick()).rejects.toThrow(/could not be started within 10000 ms, .*JS heap out of memory/);
    await expect(scripted.pool.pick(named('db'))).rejects.toMatchObject({ reason: 'no-place' });
    expect(scripted.threads.length).toBe(tried);
    await scripted.clock.advance(10_000);
    scripted.starts = (one) => one.says({ kind: 'ready' });
    expect(await place(scripted)).toBe(`t${tried + 1}`);
  });

  it('are not tried again at once where their code does not load', async () => {
    const scripted = scriptedPool(1);
    scripted.starts = (one) =>
      one.says({ kind: 'failed', failure: { code: 'X', message: 'no such module', causes: [] } });
    const refused = await outcomeOf(scripted.pool.pick());
    expect(refused).toMatchObject({ reason: 'no-place', message: expect.stringContaining('no such module') });
    expect(scripted.threads.length).toBe(1);
  });

  it('are ended after 60 s without being ready, unless the system shuts down first', async () => {
    const scripted = scriptedPool({ max: 1, restarts: { restartsMax: 0 } });
    scripted.starts = () => undefined;
    const refused = outcomeOf(scripted.pool.pick());
    await scripted.clock.advance(60_000);
    expect(await refused).toMatchObject({
      cause: { code: 'RegistryLoadFailed', reason: 'unfinished' },
    });
    const other = scriptedPool(1);
    other.starts = () => undefined;
    const waiting = outcomeOf(other.pool.pick());
    await other.clock.advance(10);
    await other.pool.refuse();
    expect(await waiting).toMatchObject({ reason: 'shutdown' });
  });

  it('wait no longer when the system shuts down', async () => {
    const scripted = scriptedPool({ max: 1, restarts: { backoff: { minMs: 5_000, maxMs: 5_000 } } });
    await place(scripted);
    scripted.thread(1).ends({ kind: 'exit', code: 1 });
    const waiting = outcomeOf(scripted.pool.pick());
    await scripted.clock.advance(1);
    await scripted.pool.refuse();
    expect(await waiting).toMatchObject({ reason: 'shutdown' });
    expect(scripted.threads.length).toBe(1);
  });

  it('count as dead where they died right after they were ready', async () => {
    const scripted = scriptedPool({ max: 1, restarts: { restartsMax: 0 } });
    scripted.starts = (one) => {
      one.says({ kind: 'ready' });
      one.ends({ kind: 'exit', code: 9 });
    };
    expect(await outcomeOf(scripted.pool.pick())).toMatchObject({ cause: { code: 'PlaceLost', reason: 'exit' } });
    expect(scripted.pool.placeIds).toEqual([]);
  });
});

describe('a thread that does not beat', () => {
  const silent = { max: 1, blockedMs: 1_000 };

  it('is ended after 1,000 ms as blocked, with what it was at', async () => {
    const scripted = scriptedPool(silent);
    await place(scripted);
    scripted.thread(1).activity.slots[ActivityAt.cell] = 12;
    scripted.thread(1).activity.slots[ActivityAt.operation] = 3;
    scripted.thread(1).says({ kind: 'operations-named', first: 3, labels: ['hasher.hash'] });
    await scripted.clock.advance(900);
    expect(scripted.ended).toEqual([]);
    await scripted.clock.advance(200);
    expect(scripted.ended).toEqual(['n~1/t1 blocked']);
    expect(scripted.log.lines[0]!.text).toContain(
      'blocked: no heartbeat for 1000 ms, in hasher.hash of troupe://n~1/t1/…#12',
    );
  });

  it('lives as long as it beats at all', async () => {
    const scripted = scriptedPool(silent);
    await place(scripted);
    for (let n = 0; n < 20; n += 1) {
      await scripted.clock.advance(700);
      scripted.thread(1).beats(1);
    }
    expect(scripted.ended).toEqual([]);
  });

  it('is not taken for blocked where the main thread was held, or the machine slept, for an hour', async () => {
    const scripted = scriptedPool(silent);
    await place(scripted);
    await scripted.clock.advance(500);
    // Time has passed without a timer that fired, as after a suspension.
    scripted.clock.goTo(scripted.clock.monotonicMs() + 3_600_000);
    await scripted.clock.advance(0);
    scripted.thread(1).beats(1);
    await scripted.clock.advance(500);
    expect(scripted.ended).toEqual([]);
  });

  it('lives while the process is inspected, and where blockedMs is off', async () => {
    const inspected = scriptedPool(silent);
    inspected.isInspected = true;
    const off = scriptedPool({ max: 1, blockedMs: false });
    await place(inspected);
    await place(off);
    await inspected.clock.advance(600_000);
    await off.clock.advance(600_000);
    expect([...inspected.ended, ...off.ended]).toEqual([]);
  });

  it('counts as gone 1,000 ms after that even where it cannot be interrupted; what it says later is not heard', async () => {
    const scripted = scriptedPool(silent);
    await place(scripted);
    scripted.thread(1).dies = false;
    await scripted.clock.advance(1_100);
    expect(scripted.ended).toEqual([]);
    await scripted.clock.advance(1_000);
    expect(scripted.ended).toEqual(['n~1/t1 blocked']);
    scripted.thread(1).says({ kind: 'log', level: 'error', fields: {}, text: 'from the grave' });
    scripted.thread(1).ends({ kind: 'exit', code: 1 });
    expect(scripted.log.lines.length).toBe(1);
    expect(scripted.ended.length).toBe(1);
  });
});

describe('a thread without actors', () => {
  const shrinking = { min: 1, max: 3, idleMs: 1_000 };
  async function threeOfWhichNoneHasActors(): Promise<ScriptedPool> {
    const scripted = scriptedPool(shrinking);
    for (let n = 0; n < 3; n += 1) await place(scripted);
    for (const one of scripted.threads) one.beats(0);
    return scripted;
  }
  const retiring = ({ threads }: ScriptedPool): string[] =>
    threads.filter(({ told }) => told.some(({ kind }) => kind === 'retire')).map(({ placeId }) => placeId);

  it('is ended after 1,000 ms, down to 1, and the others are told', async () => {
    const scripted = await threeOfWhichNoneHasActors();
    await scripted.clock.advance(900);
    expect(retiring(scripted)).toEqual([]);
    await scripted.clock.advance(1_100);
    expect(retiring(scripted)).toEqual(['n~1/t1', 'n~1/t2']);
    for (const number of [1, 2]) scripted.thread(number).says({ kind: 'retired', isEmpty: true });
    await scripted.clock.advance(10);
    expect(scripted.pool.placeIds).toEqual(['n~1/t3']);
    expect(scripted.ended).toEqual(['n~1/t1 exit', 'n~1/t2 exit']);
    expect(scripted.log.lines.map(({ level }) => level)).toEqual(['info', 'info']);
    await scripted.clock.advance(30_000);
    expect(scripted.pool.placeIds).toEqual(['n~1/t3']);
  });

  it('stays while it holds one, was picked lately, or something is under way to it', async () => {
    const scripted = await threeOfWhichNoneHasActors();
    scripted.thread(1).beats(1);
    scripted.load.set('n~1/t2', 1);
    for (let n = 0; n < 16; n += 1) {
      await scripted.clock.advance(300);
      await scripted.pool.pick();
    }
    expect(retiring(scripted)).toEqual([]);
  });

  it('goes on where it says that it has one; a pick that came meanwhile gets it', async () => {
    const scripted = scriptedPool({ ...shrinking, min: 0, max: 1 });
    await place(scripted);
    scripted.thread(1).beats(0);
    await scripted.clock.advance(2_500);
    expect(retiring(scripted)).toEqual(['n~1/t1']);
    const picked = scripted.pool.pick();
    scripted.thread(1).says({ kind: 'retired', isEmpty: false });
    expect(await picked).toBe('n~1/t1');
    expect(scripted.pool.isRetired('n~1/t1')).toBe(false);
  });

  it('makes room for another where a pick came too late', async () => {
    const scripted = scriptedPool({ ...shrinking, min: 0, max: 1 });
    await place(scripted);
    scripted.thread(1).beats(0);
    await scripted.clock.advance(2_500);
    const picked = scripted.pool.pick();
    scripted.thread(1).says({ kind: 'retired', isEmpty: true });
    expect(await picked).toBe('n~1/t2');
    expect(scripted.pool.isRetired('n~1/t1')).toBe(true);
    expect(scripted.thread(1).isAlive).toBe(false);
  });

  it('dies like any other while it is asked', async () => {
    const scripted = scriptedPool({ ...shrinking, min: 0, max: 1 });
    await place(scripted);
    scripted.thread(1).beats(0);
    await scripted.clock.advance(2_500);
    scripted.thread(1).ends({ kind: 'exit', code: 4 });
    const picked = scripted.pool.pick();
    await scripted.clock.advance(1_000);
    expect(await picked).toBe('n~1/t2');
    expect(scripted.pool.isRetired('n~1/t1')).toBe(false);
  });

  it('is ended too where it has a name, and started again by it', async () => {
    const scripted = scriptedPool({ min: 0, max: 1, idleMs: 1_000 });
    await place(scripted, 'db');
    scripted.thread(1).beats(0);
    await scripted.clock.advance(2_500);
    scripted.thread(1).says({ kind: 'retired', isEmpty: true });
    await scripted.clock.advance(1);
    expect(scripted.pool.placeIds).toEqual([]);
    expect(await place(scripted, 'db')).toBe('t2');
    expect(scripted.thread(2).name).toBe('troupe n~1/t2 db');
  });
});

describe('threads that are always kept', () => {
  it('are started with the system, and again when one dies', async () => {
    const scripted = scriptedPool({ min: 2, max: 3 });
    scripted.pool.begin();
    await scripted.clock.advance(0);
    expect(scripted.pool.placeIds).toEqual(['n~1/t1', 'n~1/t2']);
    scripted.thread(1).ends({ kind: 'exit', code: 1 });
    await scripted.clock.advance(1_000);
    expect(scripted.pool.placeIds).toEqual(['n~1/t2', 'n~1/t3']);
  });

  it('are said to be missing, once, where they cannot be started', async () => {
    const scripted = scriptedPool({ min: 1, max: 1 });
    scripted.starts = (one) =>
      one.says({ kind: 'failed', failure: { code: 'X', message: 'no such module', causes: [] } });
    scripted.pool.begin();
    await scripted.clock.advance(600_000);
    expect(scripted.log.lines.map(({ text }) => text)).toEqual([expect.stringContaining('no such module')]);
    expect(scripted.threads.length).toBe(1);
  });

  it('have the memory that they are given', async () => {
    const scripted = scriptedPool({ min: 1, memoryMbMax: 64 });
    scripted.pool.begin();
    await scripted.clock.advance(0);
    expect(scripted.threads[0]!.memoryMbMax).toBe(64);
  });
});

describe('thread(…)', () => {
  it('refuses a name that is none, what is no ref, and both at once', () => {
    for (const wrong of [{ name: '' }, { name: 'a b' }, { with: {} }, { with: null }, { nam: 'x' }, null, 'db']) {
      expect(() => thread(wrong as never)).toThrow(expect.objectContaining({ code: 'UsageError' }));
    }
    expect(thread({ name: 'db' })).toEqual({ kind: 'thread', name: 'db' });
    expect(thread()).toEqual({ kind: 'thread' });
  });
});

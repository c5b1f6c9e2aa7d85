import {
  type ActorSystem,
  actor,
  createSystem,
  kill,
  node,
  pathOf,
  resize,
  roundRobin,
  routees,
  router,
  secret,
  thread,
} from 'troupe';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { Counter, counter } from './fixtures/actors.ts';
import { Helper, helper, helperPool, helpers, Listener, news, spreading } from './fixtures/spreading.ts';
import { endNode, type NodeProcess, secretFolder, startNode } from './node-process.ts';

const registry = new URL('./fixtures/spreading.ts', import.meta.url);
let folder: Awaited<ReturnType<typeof secretFolder>>;
let other: NodeProcess;
let system: ActorSystem;

beforeAll(async () => {
  folder = await secretFolder();
  other = await startNode(folder.file);
});
afterAll(async () => {
  await endNode(other);
  await folder.remove();
});
afterEach(async () => {
  await system.shutdown({ deadlineMs: 500 });
});

async function start(options: { join?: boolean } = {}): Promise<void> {
  system = await createSystem({
    registry,
    threads: 2,
    logLevel: 'silent',
    ...(options.join ? { join: [other.address], auth: secret({ file: folder.file }) } : {}),
  });
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let n = 0; n < 200 && !(await holds()); n += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(await holds()).toBe(true);
}

describe('the receptionist of a node', () => {
  it('is one for the main thread and 2 workers: each finds what registered itself anywhere', async () => {
    await start();
    const all = [
      await system.spawn(helper),
      await system.spawn(helper, { on: thread() }),
      await system.spawn(helper, { on: thread() }),
    ];
    const expected = all.map(pathOf);
    expect((await system.receptionist.find(helpers)).map(pathOf)).toEqual(expected);
    for (const ref of all) expect(await ref.others()).toEqual(expected);
  });

  it('finds actors by name on whatever thread, and forgets those of a worker that dies', async () => {
    await start();
    const here = await system.spawn(helper, { name: 'here' });
    const there = await system.spawn(helper, { name: 'there', on: thread() });
    const third = await system.spawn(helper, { name: 'third', on: thread() });
    expect(pathOf((await system.find(Helper, 'there'))!)).toBe(pathOf(there));
    expect(await third.named('here')).toBe(pathOf(here));
    expect(await third.named('there')).toBe(pathOf(there));
    await expect(system.find(Counter, 'there')).rejects.toMatchObject({ code: 'LookupFailed', reason: 'protocol' });
    const sizes: number[] = [];
    const reading = system.receptionist.subscribe(helpers).subscribe({ next: (refs) => sizes.push(refs.length) });
    there.exits();
    await until(() => sizes.at(-1) === 2);
    expect(await system.find(Helper, 'there')).toBeUndefined();
    expect((await third.others()).sort()).toEqual([pathOf(here), pathOf(third)].sort());
    reading.unsubscribe();
  });
});

describe('routers, pools and topics', () => {
  it('a router spreads over this thread, a worker and a node, and goes on when the worker dies', async () => {
    await start({ join: true });
    const all = [
      await system.spawn(counter),
      await system.spawn(counter, { on: thread() }),
      await system.spawn(counter, { on: node({ role: 'workers' }) }),
    ];
    const spread = await system.spawn(router(Counter, { strategy: roundRobin() }), { args: { routees: all } });
    const paths = [await spread.path(), await spread.path(), await spread.path()];
    expect(paths).toEqual(all.map(pathOf));
    for (let n = 0; n < 3_000; n += 1) if (!spread.add()) await spread.add.offer({ by: 0 });
    const totals = await Promise.all(all.map((ref) => ref.total()));
    expect(totals.reduce((sum, total) => sum + total, 0)).toBe(3_000);
    for (const total of totals) expect(total).toBeGreaterThan(900);
    await expect(spread.slowly({ ms: 300 }, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'OutcomeUnknown' });
    await expect(spread.slowly({ ms: 300 }, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'OutcomeUnknown' });
    await expect(spread.throws()).rejects.toMatchObject({ code: 'ActorFailed' });
    all[1]!.exits();
    await until(async () => (await routees(spread)).length === 2);
    expect(new Set([await spread.path(), await spread.path()])).toEqual(new Set([pathOf(all[0]!), pathOf(all[2]!)]));
  });

  it('a router on a worker follows a key, and serves callers of the main thread', async () => {
    await start();
    const spread = await system.spawn(spreading, { on: thread() });
    expect(pathOf(spread)).toContain('/t1/');
    const all = [await system.spawn(helper), await system.spawn(helper, { on: thread() })];
    await until(async () => (await routees(spread)).length === 2);
    expect(new Set([await spread.path(), await spread.path()])).toEqual(new Set(all.map(pathOf)));
    await kill(all[0]!);
    await until(async () => (await routees(spread)).length === 1);
    expect(await spread.path()).toBe(pathOf(all[1]!));
  });

  it('a pool on a worker has 2 jobs of 30 ms in work at a time, and 4 after a resize', async () => {
    await start();
    const ref = await system.spawn(helperPool, { on: thread() });
    const begun = performance.now();
    await Promise.all(Array.from({ length: 4 }, () => ref.spin({ ms: 30 })));
    expect(performance.now() - begun).toBeGreaterThan(58);
    await resize(ref, 4);
    expect(await routees(ref)).toHaveLength(4);
    expect(new Set((await routees(ref)).map(pathOf)).size).toBe(4);
    expect(await Promise.all((await routees(ref)).map((worker) => worker.path()))).toHaveLength(4);
  });

  it('a topic on a worker passes on to listeners of the main thread', async () => {
    await start();
    const got: string[] = [];
    const listener = await system.spawn(
      actor(Listener, { args: z.object({}), state: () => ({}) }, { note: (_state, text) => void got.push(text) }),
    );
    const topic = await system.spawn(news, { on: thread() });
    await topic.subscribe({ subscriber: listener });
    for (let n = 0; n < 100; n += 1) topic.note(`${n}`);
    await until(() => got.length === 100);
    expect(got).toEqual(Array.from({ length: 100 }, (_, n) => `${n}`));
  });
});

/** Children, pools and routers over real worker threads, which die. */
import { fileURLToPath } from 'node:url';
import { type ActorSystem, createSystem, pathOf, resize, secret, thread } from 'troupe';
import { afterEach, describe, expect, it } from 'vitest';
import { boss, routed, together, workers } from './fixtures/placed.ts';
import { endNode, secretFolder, startNode } from './node-process.ts';

let system: ActorSystem | undefined;
afterEach(async () => {
  await system?.shutdown({ deadlineMs: 500 });
  system = undefined;
});

const registry = new URL('./fixtures/placed.ts', import.meta.url);
async function start(threads = 2): Promise<ActorSystem> {
  system = await createSystem({ registry, threads, logLevel: 'silent' });
  return system;
}
const threadOf = (path: unknown): string => /troupe:\/\/[^/]*\/([^/]*)\//.exec(String(path))![1]!;
const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  for (let waited = 0; !(await holds()) && waited < 8_000; waited += 20) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(await holds()).toBe(true);
};

describe('a child on a thread', () => {
  it('of an actor of the main thread runs there, answers, and stands in the tree of both', async () => {
    await start();
    const parent = await system!.spawn(boss, { name: 'anna' });
    const child = await parent.hire({ on: 'thread' });
    expect(pathOf(child)).toMatch(/main\/anna\/worker#\d+$/);
    const there = await child.path();
    expect(there).toMatch(/t1\/anna\/worker#\d+$/);
    for (let n = 0; n < 10_000; n += 1) if (!child.add({ by: 1 })) await child.add.offer({ by: 0 });
    expect(await child.total()).toBe(10_000);
    const tree = await system!.tree();
    expect(tree[0]!.actors[0]!.children).toMatchObject([{ path: pathOf(child), runsAs: there }]);
    expect(tree[1]!.actors).toMatchObject([{ path: there, standIn: pathOf(child) }]);
  });

  it('of an actor of a worker thread runs on another one, whose place the main thread chose', async () => {
    await start();
    const parent = await system!.spawn(boss, { on: thread() });
    const children = [await parent.hire({ on: 'spread' }), await parent.hire({ on: 'spread' })];
    const there = await Promise.all(children.map((child) => child.path()));
    expect(new Set(there.map(threadOf))).toEqual(new Set(['t1', 't2']));
    expect(children.map((child) => threadOf(pathOf(child)))).toEqual(['t1', 't1']);
  });

  it('goes on elsewhere when its thread exits: its ref stays, and what it is sent meanwhile is kept', async () => {
    await start();
    const parent = await system!.spawn(boss);
    const child = await parent.hire({ on: 'thread' });
    child.add({ by: 1_000 });
    const before = await child.path();
    child.exits();
    await until(async () => {
      const { status, runsAs } = (await system!.tree())[0]!.actors[0]!.children[0]!;
      // It may be back before it is looked at.
      return status === 'restarting' || (runsAs !== undefined && threadOf(runsAs) !== threadOf(before));
    });
    for (let n = 0; n < 100; n += 1) child.add({ by: 1 });
    expect(await child.total({ timeoutMs: 10_000 })).toBe(100);
    expect(threadOf(await child.path())).not.toBe(threadOf(before));
    expect(await parent.told()).toMatchObject({ ends: [] });
  });

  it('of a parent on a thread that exits ends with it', async () => {
    await start();
    const parent = await system!.spawn(boss, { on: thread() });
    const [a, b] = [await parent.hire({ on: 'spread' }), await parent.hire({ on: 'spread' })];
    const [own, other] = threadOf(await a.path()) === threadOf(pathOf(parent)) ? [a, b] : [b, a];
    const place = threadOf(await other.path());
    own.exits();
    await until(async () => {
      const tree = (await system!.tree()).find((one) => threadOf(`${one.place}/`.replace(/^/, 'troupe://')) === place);
      return tree!.actors.length === 0;
    });
  });

  it('stops when its budget is used up, after 2 restarts', async () => {
    await start();
    const parent = await system!.spawn(boss);
    const child = await parent.hire({ on: 'thread' });
    for (let deaths = 0; deaths < 3; deaths += 1) {
      expect(await child.total({ timeoutMs: 10_000 })).toBe(0);
      child.exits();
      await until(async () => (await system!.tree())[0]!.actors[0]!.children[0]?.status !== 'idle');
    }
    await until(async () => (await parent.told()).ends.length > 0);
    expect(await parent.told()).toMatchObject({ ends: ['failed'] });
    await expect(child.total()).rejects.toMatchObject({ code: 'NotDelivered' });
  }, 30_000);

  it('fails its parent when it escalates, and shares the fate of its siblings where the parent says so', async () => {
    await start();
    const parent = await system!.spawn(boss);
    const child = await parent.hire({ on: 'thread' });
    const { starts } = await parent.told();
    child.escalates();
    await until(async () => (await parent.told()).starts > starts);

    const tied = await system!.spawn(together);
    const [dies, sibling, local] = [
      await tied.hire({ on: 'spread' }),
      await tied.hire({ on: 'spread' }),
      await tied.hire({ on: 'here' }),
    ];
    for (const one of [dies, sibling, local]) one.add({ by: 5 });
    const there = await sibling.path();
    expect([await sibling.total(), await local.total()]).toEqual([5, 5]);
    dies.exits();
    await until(async () => (await local.total({ timeoutMs: 10_000 })) === 0);
    expect(await sibling.total({ timeoutMs: 10_000 })).toBe(0);
    expect(await sibling.path()).toBe(there);
  }, 30_000);
});

describe('a child on another node', () => {
  it('of actors of the main thread and of a worker runs there, and goes on at another node when that one is killed', async () => {
    const folder = await secretFolder();
    const placed = ['--registry', fileURLToPath(registry)];
    const [first, second] = await Promise.all([
      startNode(folder.file, undefined, placed),
      startNode(folder.file, undefined, placed),
    ]);
    try {
      system = await createSystem({
        registry,
        threads: 1,
        join: [first.address, second.address],
        resumeMs: 0,
        auth: secret({ file: folder.file }),
        logLevel: 'silent',
      });
      const parents = [await system.spawn(boss), await system.spawn(boss, { on: thread() })];
      const children = await Promise.all(parents.map((parent) => parent.hire({ on: 'node' })));
      for (const child of children) child.add({ by: 3 });
      expect(await Promise.all(children.map((child) => child.total()))).toEqual([3, 3]);
      const before = await Promise.all(children.map((child) => child.path()));
      for (const path of before)
        expect(system.nodes.some((id) => path.startsWith(`troupe://${id}/main/boss/`))).toBe(true);
      await endNode(first, 'SIGKILL');
      await until(() => system!.nodes.length === 1);
      const after = await Promise.all(children.map((child) => child.path({ timeoutMs: 10_000 })));
      for (const path of after) expect(path).toContain(`troupe://${system.nodes[0]}/main/boss/`);
    } finally {
      await system?.shutdown({ deadlineMs: 500 });
      await Promise.all([endNode(first), endNode(second)]);
      await folder.remove();
    }
  }, 60_000);
});

describe('a pool over two threads', () => {
  it('loses one of them under load: every ask settles, all else is done, and it goes on with as many workers', async () => {
    await start();
    const jobs = await system!.spawn(workers);
    const codes = new Map<string, number>();
    let answered = 0;
    const calls: Promise<void>[] = [];
    for (let n = 0; n < 2_000; n += 1) {
      calls.push(
        jobs.job({ n, ms: n % 3 }, { timeoutMs: 20_000 }).then(
          (reply) => {
            expect(reply).toBe(n);
            answered += 1;
          },
          ({ code }: { code: string }) => void codes.set(code, (codes.get(code) ?? 0) + 1),
        ),
      );
      if (n === 600) jobs.exits();
      if (n % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await Promise.all(calls);
    const unknown = codes.get('OutcomeUnknown') ?? 0;
    expect(answered + unknown).toBe(2_000);
    // The worker that exits has that job itself, and another on its thread has one at most.
    expect(unknown).toBeLessThanOrEqual(3);
    await until(async () => {
      const [main, ...others] = await system!.tree();
      const placed = others.reduce((sum, { actors }) => sum + actors.length, 0);
      return placed === 4 && main!.actors[0]!.children.every(({ status }) => status === 'idle');
    });
    const { accepted, refused, handled, deadLetters } = system!.statistics();
    // What had been sent to the thread and not received there is a dead letter that nobody accepted here.
    const onTheirWay = deadLetters - (accepted + refused - handled);
    expect(onTheirWay).toBeGreaterThanOrEqual(0);
    expect(onTheirWay).toBeLessThanOrEqual(3);
  }, 60_000);

  it('grows and shrinks there, and does what waits before a shutdown is over', async () => {
    await start();
    const jobs = await system!.spawn(workers);
    await resize(jobs, 6);
    await until(async () => (await system!.tree()).slice(1).reduce((sum, { actors }) => sum + actors.length, 0) === 6);
    await resize(jobs, 2);
    await until(async () => (await system!.tree()).slice(1).reduce((sum, { actors }) => sum + actors.length, 0) === 2);
    const calls = Array.from({ length: 100 }, (_, n) => jobs.job({ n, ms: 2 }));
    const report = await system!.shutdown({ deadlineMs: 5_000 });
    expect(await Promise.all(calls)).toHaveLength(100);
    expect(report).toMatchObject({ clean: true, deadLetters: {} });
  }, 30_000);
});

describe('a router with children on threads', () => {
  it('spreads over both', async () => {
    await start();
    const ref = await system!.spawn(routed);
    const paths = [await ref.path(), await ref.path(), await ref.path()];
    expect(new Set(paths.map(threadOf)).size).toBe(2);
  });
});

describe('a shutdown', () => {
  it('handles what children on threads have queued, wherever their parents are', async () => {
    await start();
    const parents = [await system!.spawn(boss), await system!.spawn(boss, { on: thread() })];
    for (const parent of parents) await parent.hiresAndTells(100);
    const report = await system!.shutdown({ deadlineMs: 5_000 });
    expect(report).toMatchObject({ clean: true, deadLetters: {}, killed: [] });
  });
});

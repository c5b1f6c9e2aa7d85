/** Several processes: nodes that are introduced to each other, and placement over nodes of a role. */
import { fileURLToPath } from 'node:url';
import { type ActorSystem, createSystem, node, type Ref, type SystemOptions, secret, thread } from 'troupe';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { crew, type Hand, hand, Mate, mate } from './fixtures/acquainted.ts';
import { endNode, type NodeProcess, secretFolder, startNode } from './node-process.ts';

const registry = new URL('./fixtures/acquainted.ts', import.meta.url);
let folder: Awaited<ReturnType<typeof secretFolder>>;
const ends: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  folder = await secretFolder();
});
afterAll(() => folder.remove());
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(options: SystemOptions): Promise<ActorSystem> {
  const auth = secret({ file: folder.file });
  const system = await createSystem({ registry, threads: 1, auth, logLevel: 'silent', ...options });
  ends.push(() => system.shutdown({ deadlineMs: 500 }));
  return system;
}

async function process(name: string, ...more: readonly string[]): Promise<NodeProcess> {
  const own = ['--registry', fileURLToPath(registry), '--name', name, '--role', name, '--threads', '0'];
  const started = await startNode(folder.file, 'ws://127.0.0.1:0', [...own, ...more]);
  ends.push(() => endNode(started, 'SIGKILL'));
  return started;
}

describe('a node that two others have joined', () => {
  it.each([
    ['that both listen', true],
    ['of which one does not listen', false],
  ])(
    'introduces these, %s, and they go on when it is killed',
    async (_what, listens) => {
      const hub = await process('hub');
      const far = await process('far', '--join', hub.address);
      const seed = await start({ join: [hub.address, far.address] });
      await seed.spawn(mate, { on: node({ role: 'hub' }), name: 'middle', args: { name: 'middle' } });
      await seed.spawn(mate, { on: node({ role: 'far' }), name: 'right', args: { name: 'right' } });
      await seed.shutdown();

      const near = await start({
        name: 'near',
        join: [hub.address],
        ...(listens ? { listen: 'ws://127.0.0.1:0' } : {}),
      });
      const onMain = await near.spawn(mate, { name: 'left', args: { name: 'left' } });
      const onThread = await near.spawn(mate, { name: 'threaded', on: thread(), args: { name: 'threaded' } });
      const middle = near.ref(Mate, 'troupe://hub/middle');
      for (const name of ['left', 'threaded']) {
        await middle.introduce({ one: `troupe://near/${name}`, other: 'troupe://far/right' });
      }
      await middle.introduce({ one: 'troupe://far/right', other: 'troupe://near/threaded' });
      for (const one of [onMain, onThread]) await expect.poll(() => one.met(), { timeout: 10_000 }).toBe(true);
      // At once, while the link is still to be made.
      const talked = onMain.talk({ first: 0, count: 3_000 });
      expect(await onThread.otherName()).toBe('right');
      expect(await talked).toBe(3_000);
      expect(near.nodes).toHaveLength(2);
      onThread.watchOther();
      await onThread.name();

      await endNode(hub, 'SIGKILL');
      await expect.poll(() => near.nodes.length, { timeout: 30_000 }).toBe(1);
      expect(await onMain.talk({ first: 3_000, count: 3_000 })).toBe(6_000);
      expect(await onThread.follow(1_000)).toBe(499_500);
      const right = near.ref(Mate, 'troupe://far/right');
      expect(await right.heard()).toEqual(Array.from({ length: 6_000 }, (_, n) => n));
      // By its name too, from a worker, and to one from the other node.
      expect(await onThread.nameAt('troupe://far/right')).toBe('right');
      expect(await right.nameAt('troupe://near/threaded')).toBe('threaded');
      // The other way round as well.
      expect(await right.otherName()).toBe('threaded');
      expect(await onThread.ends()).toEqual([]);
      await endNode(far, 'SIGTERM');
      await expect.poll(() => onThread.ends(), { timeout: 30_000 }).toHaveLength(1);
    },
    90_000,
  );
});

describe('a ref to a name on another node', () => {
  it('leads to the actor of the process that was started anew at the same address', async () => {
    const first = await process('shop');
    const seed = await start({ join: [first.address], resumeMs: 500 });
    const clerk = seed.ref(Mate, 'troupe://shop/clerk');
    expect(await clerk.name.outcome()).toMatchObject({ error: { code: 'NotDelivered', reason: 'unknown' } });
    await seed.spawn(mate, { on: node({ role: 'shop' }), name: 'clerk', args: { name: 'first' } });
    expect(await clerk.name()).toBe('first');
    await endNode(first, 'SIGKILL');
    const again = await startNode(folder.file, first.address, [
      '--registry',
      fileURLToPath(registry),
      '--name',
      'shop',
    ]);
    ends.push(() => endNode(again, 'SIGKILL'));
    await expect.poll(() => seed.nodes.length, { timeout: 20_000 }).toBe(1);
    await seed.spawn(mate, { on: node({ role: 'workers' }), name: 'clerk', args: { name: 'second' } });
    await expect.poll(async () => (await clerk.name.outcome({ timeoutMs: 20_000 })).ok, { timeout: 20_000 }).toBe(true);
    expect(await clerk.name()).toBe('second');
  }, 60_000);
});

describe('three nodes of a role', () => {
  const at = async (hands: readonly Ref<typeof Hand>[]): Promise<Record<string, number>> => {
    const counts: Record<string, number> = {};
    for (const one of hands) {
      const where = await one.at({ timeoutMs: 60_000 });
      counts[where] = (counts[where] ?? 0) + 1;
    }
    return counts;
  };

  it('share what is placed by it, but for the one that is busy; what was on one that is killed comes back', async () => {
    const started: NodeProcess[] = [];
    for (const name of ['n1', 'n2', 'n3']) started.push(await process(name));
    const system = await start({ join: started.map(({ address }) => address), resumeMs: 500 });
    const boss = await system.spawn(crew);
    const spreadOut = await boss.hire({ count: 9, inTurn: true });
    expect(await at(spreadOut)).toEqual({ n1: 3, n2: 3, n3: 3 });

    const burner = await system.spawn(hand, { on: node({ role: 'n2' }) });
    burner.burn();
    // Its next words of its load say so.
    let placed = await boss.hire({ count: 4, inTurn: false });
    for (let tries = 0; tries < 40 && 'n2' in (await at(placed)); tries += 1) {
      placed = await boss.hire({ count: 4, inTurn: false });
    }
    expect(Object.keys(await at(placed))).not.toContain('n2');

    await endNode(started[0]!, 'SIGKILL');
    await expect.poll(async () => Object.keys(await at(spreadOut)).sort(), { timeout: 40_000 }).toEqual(['n2', 'n3']);
  }, 120_000);
});

/** Placement by role: on the node with the least to do, in turn where they are alike, and what becomes of it in a failure. */
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { ask, protocol, type Ref, tell } from '../../src/actors/protocol.ts';
import { refOf } from '../../src/actors/schema/ref-schema.ts';
import { pool } from '../../src/actors/spreading/pool.ts';
import { pathOf } from '../../src/actors/verbs.ts';
import { limits } from '../../src/base/limits.ts';
import { node, spread } from '../../src/runtime/placement.ts';
import { type VirtualNode, VirtualNodes } from './virtual-nodes.ts';

const Job = protocol('job', {
  where: ask({ output: z.string() }),
  wait: tell(),
});
const job = actor(
  Job,
  { args: z.object({}), state: () => ({}), supervise: { backoff: { minMs: 10, maxMs: 10 } } },
  {
    where: (_state, _message, ctx) => pathOf(ctx.self).slice('troupe://'.length).split('~')[0]!,
    wait: (_state, _message, ctx) => ctx.delay(1_000_000),
  },
);

const Boss = protocol('boss', {
  hire: ask({ input: z.object({ count: z.int(), inTurn: z.boolean() }), output: z.void() }),
  workers: ask({ output: z.array(refOf(Job)) }),
});
const boss = actor(
  Boss,
  { args: z.object({}), state: () => ({ workers: [] as Ref<typeof Job>[] }) },
  {
    hire: ({ workers }, { count, inTurn }, ctx) => {
      const on = node({ role: 'work' });
      for (let n = 0; n < count; n += 1) workers.push(ctx.spawn(job, { on: inTurn ? spread(on) : on }));
    },
    workers: ({ workers }) => workers,
  },
);
const jobs = pool(job, { size: 6, on: node({ role: 'work' }) });

let nodes: VirtualNodes;
afterEach(() => nodes.end());

/** `a`, and the nodes `w1` … with the role `work`, linked to it. */
async function cluster(count: number): Promise<VirtualNode> {
  nodes = new VirtualNodes([job, boss, jobs]);
  for (let n = 1; n <= count; n += 1) await nodes.start(`w${n}`, { roles: ['work', `only-${n}`], resumeMs: 500 });
  const joins = Array.from({ length: count }, (_, n) => `w${n + 1}`);
  return nodes.start('a', { joins, resumeMs: 500 });
}

/** How many of them run on each node. */
async function spreadOf(refs: readonly Ref<typeof Job>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const where of await nodes.until(Promise.all(refs.map((ref) => ref.where())))) {
    counts[where] = (counts[where] ?? 0) + 1;
  }
  return counts;
}

async function spawned(a: VirtualNode, count: number, on = node({ role: 'work' })): Promise<Record<string, number>> {
  const refs: Ref<typeof Job>[] = [];
  for (let n = 0; n < count; n += 1) refs.push(await nodes.until(a.system.spawn(job, { on })));
  return spreadOf(refs);
}

describe('node({ role })', () => {
  it('goes around nodes that are alike', async () => {
    const a = await cluster(3);
    expect(await spawned(a, 9)).toEqual({ w1: 3, w2: 3, w3: 3 });
  });

  it('leaves a node alone whose loop is in use, until it has less to do', async () => {
    const a = await cluster(3);
    nodes.use.set('w2', 0.97);
    await nodes.advance(2 * limits.loadEveryMs);
    expect(await spawned(a, 8)).toEqual({ w1: 4, w3: 4 });
    nodes.use.set('w2', 0);
    await nodes.advance(2 * limits.loadEveryMs);
    expect((await spawned(a, 9)).w2).toBeGreaterThanOrEqual(3);
  });

  it('leaves a node alone where messages wait, whoever has sent them', async () => {
    const a = await cluster(2);
    const w1 = nodes.nodes.get('w1')!;
    const busy = await w1.system.spawn(job);
    for (let n = 0; n < 3_000; n += 1) busy.wait();
    await nodes.advance(2 * limits.loadEveryMs);
    expect(await spawned(a, 4)).toEqual({ w2: 4 });
  });

  it('takes the one with the role where only one has it', async () => {
    const a = await cluster(3);
    expect(await spawned(a, 3, node({ role: 'only-2' }))).toEqual({ w2: 3 });
  });

  it('takes no node that shuts down, and says so where there is no other', async () => {
    const a = await cluster(2);
    const w1 = nodes.nodes.get('w1')!;
    const w2 = nodes.nodes.get('w2')!;
    // Something is drained there meanwhile.
    for (const { system } of [w1, w2]) (await system.spawn(job)).wait();
    const ends = [w1.system.shutdown({ deadlineMs: 5_000 })];
    await nodes.settle();
    expect(await spawned(a, 4)).toEqual({ w2: 4 });
    ends.push(w2.system.shutdown({ deadlineMs: 5_000 }));
    await nodes.settle();
    const refused = nodes.until(a.system.spawn(job, { on: node({ role: 'work' }) }));
    await expect(refused).rejects.toMatchObject({
      code: 'SpawnFailed',
      reason: 'no-place',
      message: expect.stringMatching(/no node with the role "work" stays; w1~\w+, w2~\w+ shut down/),
    });
    await nodes.until(Promise.all(ends));
  });

  it('takes one that is away where there is no other, and the actor starts once it is back', async () => {
    const a = await cluster(2);
    nodes.kill('w1');
    await nodes.settle();
    expect(await spawned(a, 2)).toEqual({ w2: 2 });
    await nodes.advance(2_000);
    nodes.cut('a', 'w2');
    expect(await spawned(a, 1)).toEqual({ w2: 1 });
  });

  it('says which roles there are where nobody has it', async () => {
    const a = await cluster(2);
    await expect(nodes.until(a.system.spawn(job, { on: node({ role: 'gpu' }) }))).rejects.toMatchObject({
      code: 'SpawnFailed',
      reason: 'no-place',
      message: expect.stringContaining('those that have are work (2), only-1 (1), only-2 (1)'),
    });
    const alone = await nodes.start('alone');
    await expect(alone.system.spawn(job, { on: node({ role: 'gpu' }) })).rejects.toMatchObject({
      reason: 'no-place',
      message: expect.stringContaining('none with a role has'),
    });
  });
});

describe('spread(node({ role }))', () => {
  it('goes around the nodes of the role whatever they have to do', async () => {
    const a = await cluster(3);
    nodes.use.set('w2', 1);
    await nodes.advance(2 * limits.loadEveryMs);
    expect(await spawned(a, 9, spread(node({ role: 'work' })) as never)).toEqual({ w1: 3, w2: 3, w3: 3 });
  });

  it('is for children too', async () => {
    const a = await cluster(3);
    const ref = await a.system.spawn(boss);
    await ref.hire({ count: 6, inTurn: true });
    await nodes.settle();
    expect(await spreadOf(await ref.workers())).toEqual({ w1: 2, w2: 2, w3: 2 });
  });
});

describe('children on a node that is killed', () => {
  it('come back on the others, under the same refs', async () => {
    const a = await cluster(3);
    const ref = await a.system.spawn(boss);
    await ref.hire({ count: 6, inTurn: false });
    await nodes.settle();
    const workers = await ref.workers();
    expect(await spreadOf(workers)).toEqual({ w1: 2, w2: 2, w3: 2 });
    nodes.kill('w2');
    await nodes.advance(2_000);
    expect(await spreadOf(workers)).toEqual({ w1: 3, w3: 3 });
  });

  it('come back in a pool as well, which goes on', async () => {
    const a = await cluster(3);
    const ref = await nodes.until(a.system.spawn(jobs));
    await nodes.settle();
    nodes.kill('w2');
    await nodes.advance(2_000);
    // As many at once as there are workers: each has one of them.
    const seen = await nodes.until(Promise.all(Array.from({ length: 6 }, () => ref.where())));
    expect(seen.sort()).toEqual(['w1', 'w1', 'w1', 'w3', 'w3', 'w3']);
  });
});

it('a node that has nothing new to say of its load says nothing', async () => {
  const a = await cluster(1);
  const [link] = nodes.linksOf('w1');
  await nodes.advance(2 * limits.loadEveryMs);
  const before = link!.sent.filter(([kind]) => kind === 0x22).length;
  expect(before).toBe(1);
  nodes.use.set('w1', limits.loadUseAlike / 2);
  await nodes.advance(10 * limits.loadEveryMs);
  expect(link!.sent.filter(([kind]) => kind === 0x22).length).toBe(before);
  nodes.use.set('w1', 0.5);
  await nodes.advance(10 * limits.loadEveryMs);
  expect(link!.sent.filter(([kind]) => kind === 0x22).length).toBe(before + 1);
  // It has no role, so it says nothing at all.
  expect(nodes.linksOf('a')[0]!.sent.filter(([kind]) => kind === 0x22)).toEqual([]);
  expect(a.system.nodes).toHaveLength(1);
});

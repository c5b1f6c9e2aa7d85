/**
 * Two and three nodes in processes of their own, under load in both directions, whose links and processes suffer what machines
 * and networks do. Every node writes down what it handles in a file that outlives it, so that what senders were told can be held
 * against what happened.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SystemOptions } from 'troupe';
import { type ChaosProxy, chaosProxy } from 'troupe/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Random } from '../../src/base/environment/random.ts';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { proofRuns } from '../support/proof-runs.ts';
import { expectConserved, expectWhole, FaultedNode } from './faulted-nodes.ts';

const ends: (() => Promise<unknown>)[] = [];
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'troupe-links-'));
  ends.push(() => rm(folder, { recursive: true }));
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const soon = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const listen = 'ws://127.0.0.1:0';

async function start(options: SystemOptions & { readonly name: string }): Promise<FaultedNode> {
  const started = await FaultedNode.start(options);
  ends.push(() => started.end());
  return started;
}

async function proxyTo(address: string): Promise<ChaosProxy> {
  const proxy = await chaosProxy({ to: address, seed: 1 });
  ends.push(() => proxy.close());
  return proxy;
}

interface Pair {
  readonly a: FaultedNode;
  readonly b: FaultedNode;
  /** To b, and to a where b joins it as well. */
  readonly ways: readonly ChaosProxy[];
}

/** Two nodes, of which a joins b, or each the other. */
async function pair(joins: 'one' | 'both', resumeMs: number): Promise<Pair> {
  if (joins === 'one') {
    const b = await start({ name: 'b', listen, resumeMs });
    const way = await proxyTo((await b.call('address'))!);
    const a = await start({ name: 'a', join: [way.address], resumeMs });
    return { a, b, ways: [way] };
  }
  // Who joins first needs somebody there, at an address that stays.
  const first = await start({ name: 'first', listen });
  const addressOfA = (await first.call('address'))!;
  const toA = await proxyTo(addressOfA);
  const b = await start({ name: 'b', listen, resumeMs, join: [toA.address] });
  const toB = await proxyTo((await b.call('address'))!);
  await first.end();
  const a = await start({ name: 'a', listen: addressOfA, resumeMs, join: [toB.address] });
  return { a, b, ways: [toB, toA] };
}

const isLinked = async (...nodes: readonly FaultedNode[]): Promise<void> => {
  const counts = async (): Promise<number[]> =>
    Promise.all(nodes.map(async (one) => (await one.call('nodes')).length));
  await expect.poll(counts, { timeout: 30_000, interval: 20 }).toEqual(nodes.map(() => 1));
};

const file = (name: string): string => join(folder, name);

/** Both send to each other, from two threads each. */
async function load({ a, b }: Pair, round = 0, pauseMs = 10): Promise<void> {
  await isLinked(a, b);
  await Promise.all([
    a.call('load', { name: `a${round}`, at: 'b', file: file('by-b'), pauseMs }),
    b.call('load', { name: `b${round}`, at: 'a', file: file('by-a'), pauseMs }),
  ]);
}

/** What both say once all is well again and everything has been answered. */
async function endLoad({ a, b }: Pair) {
  const [ofA, ofB] = await Promise.all([a.call('end'), b.call('end')]);
  return [
    [ofA, file('by-b')],
    [ofB, file('by-a')],
  ] as const;
}

const log = (figures: object): void => {
  if (process.env.TROUPE_PROOF_RUNS !== undefined) console.log(figures);
};

type Fault = (pair: Pair, random: Random) => Promise<void>;
const directions = ['up', 'down', 'both'] as const;
const oneOf = <T>(random: Random, values: readonly T[]): T => values[random.u32() % values.length]!;

/** All of them are over within 2 s. */
const faults: Record<string, Fault> = {
  reset: async ({ ways }) => {
    for (const way of ways) way.reset();
  },
  cut: async ({ ways }, random) => {
    for (const way of ways) way.cut();
    await soon(random.u32() % 800);
    for (const way of ways) way.mend();
  },
  stall: async ({ ways }, random) => {
    const direction = oneOf(random, directions);
    for (const way of ways) way.stall(direction);
    await soon(random.u32() % 1_000);
    for (const way of ways) way.resume(direction);
  },
  halfClose: async ({ ways }, random) => {
    for (const way of ways) way.halfClose(oneOf(random, directions));
  },
  /** Of the way that a has dialled: one side is told at once, the other later. */
  halfOpen: async ({ ways: [toB] }, random) => {
    const [told, other] = oneOf(random, [['up', 'down'] as const, ['down', 'up'] as const]);
    toB!.stall(other);
    toB!.halfClose(told);
    await soon(200 + (random.u32() % 1_000));
    toB!.resume(other);
  },
  stop: async ({ a, b }, random) => {
    const one = oneOf(random, [a, b]);
    one.signal('SIGSTOP');
    await soon(random.u32() % 1_000);
    one.signal('SIGCONT');
  },
  /** Who is stopped finds the link gone when it goes on. */
  stopAndCut: async ({ a, b, ways }, random) => {
    const one = oneOf(random, [a, b]);
    one.signal('SIGSTOP');
    await soon(random.u32() % 300);
    for (const way of ways) way.reset();
    await soon(random.u32() % 1_000);
    one.signal('SIGCONT');
  },
  slow: async ({ ways }, random) => {
    const delayMs = random.u32() % 20;
    for (const way of ways) way.suffer({ delayMs, jitterMs: random.u32() % 20, pieceBytesMax: 100 });
    await soon(random.u32() % 500);
    for (const way of ways) way.reset();
    for (const way of ways) way.suffer({});
  },
};

describe('two nodes under load, for less than their window', () => {
  const count = proofRuns(16);

  it.each(['one', 'both'] as const)(
    `lose nothing, take nothing twice or out of order, and answer every call (%s joins), over ${count} faults`,
    async (joins) => {
      const random = seededRandom(count).fork(joins);
      const nodes = await pair(joins, 60_000);
      await load(nodes);
      await soon(300);
      const suffered: Record<string, number> = {};
      const kinds = Object.keys(faults);
      for (let n = 0; n < count; n += 1) {
        // Each at least once.
        const kind = n < kinds.length ? kinds[n]! : oneOf(random, kinds);
        suffered[kind] = (suffered[kind] ?? 0) + 1;
        await faults[kind]!(nodes, random);
        if (random.u32() % 3 === 0) continue;
        await isLinked(nodes.a, nodes.b);
        await soon(random.u32() % 200);
      }
      await isLinked(nodes.a, nodes.b);
      let messages = 0;
      for (const [told, handled] of await endLoad(nodes)) messages += await expectWhole(told, handled);
      expect(messages).toBeGreaterThan(count * 20);
      log({ joins, ...suffered, connections: nodes.ways.map(({ statistics }) => statistics.connections), messages });
    },
    60_000 + count * 15_000,
  );
});

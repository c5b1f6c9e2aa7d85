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
import { expectAnswered, expectSettled, expectWhole, FaultedNode, goesOn, handledIn } from './faulted-nodes.ts';

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
async function pair(joins: 'one' | 'both', resumeMs?: number): Promise<Pair> {
  const window = resumeMs === undefined ? {} : { resumeMs };
  if (joins === 'one') {
    const b = await start({ name: 'b', listen, ...window });
    const way = await proxyTo((await b.call('address'))!);
    const a = await start({ name: 'a', join: [way.address], ...window });
    return { a, b, ways: [way] };
  }
  // Who joins first needs somebody there, at an address that stays.
  const first = await start({ name: 'first', listen });
  const addressOfA = (await first.call('address'))!;
  const toA = await proxyTo(addressOfA);
  const b = await start({ name: 'b', listen, ...window, join: [toA.address] });
  const toB = await proxyTo((await b.call('address'))!);
  await first.end();
  const a = await start({ name: 'a', listen: addressOfA, ...window, join: [toB.address] });
  return { a, b, ways: [toB, toA] };
}

const isLinked = async (...nodes: readonly FaultedNode[]): Promise<void> => {
  const counts = async (): Promise<number[]> => Promise.all(nodes.map(async (one) => (await one.call('nodes')).length));
  await expect.poll(counts, { timeout: 30_000, interval: 20 }).toEqual(nodes.map(() => 1));
};

const file = (name: string): string => join(folder, name);

/** Both send to each other, from two threads each. */
async function load(pair: Pair, round = 0, pauseMs = 3): Promise<void> {
  const { a, b } = pair;
  await isLinked(a, b);
  const [[, byB], [, byA]] = directionsOf(pair, round);
  await Promise.all([
    a.call('load', { name: `a${round}`, at: 'b', file: byB, pauseMs }),
    b.call('load', { name: `b${round}`, at: 'a', file: byA, pauseMs }),
  ]);
}

/** Both, and where what they send is written down. */
const directionsOf = ({ a, b }: Pair, round = 0) =>
  [
    [a, file(`by-b-${round}`)],
    [b, file(`by-a-${round}`)],
  ] as const;

const bothGoOn = (pair: Pair) => Promise.all(directionsOf(pair).map(([, handled]) => goesOn(handled)));

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
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
  const count = proofRuns(10);

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
      for (const [one, handled] of directionsOf(nodes)) messages += await expectWhole(one, handled);
      expect(messages).toBeGreaterThan(count * 20);
      log({ joins, ...suffered, connections: nodes.ways.map(({ statistics }) => statistics.connections), messages });
    },
    60_000 + count * 15_000,
  );
});

describe('two nodes under load, for longer than their window', () => {
  const resumeMs = 700;
  const rounds = proofRuns(1);
  /** Longer than the window, on a busy machine too. */
  const away = (): Promise<void> => soon(resumeMs + 800);

  const losing: Record<string, Fault> = {
    cutOff: async ({ ways: [way] }) => {
      way!.cut();
      await away();
      way!.mend();
    },
    /** Whoever goes on finds that it was given up. */
    stopAndCut: async ({ a, ways: [way] }) => {
      a.signal('SIGSTOP');
      way!.reset();
      await away();
      a.signal('SIGCONT');
    },
    /** One side was told, and the other still takes the link for whole. */
    halfOpen: async ({ ways: [way] }) => {
      way!.stall('down');
      way!.halfClose('up');
      await away();
      way!.resume('down');
    },
  };

  it(
    `are told of what was open and of nothing else, and go on, over ${rounds} rounds of ${Object.keys(losing).join(', ')}`,
    async () => {
      const random = seededRandom(1);
      const nodes = await pair('one', resumeMs);
      await load(nodes);
      for (let round = 0; round < rounds; round += 1) {
        for (const fault of Object.values(losing)) {
          await bothGoOn(nodes);
          await fault(nodes, random);
          await isLinked(nodes.a, nodes.b);
        }
      }
      await bothGoOn(nodes);
      const losses = rounds * Object.keys(losing).length;
      for (const [one, handled] of directionsOf(nodes)) log(await expectSettled(one, handled, losses, true));
    },
    60_000 + rounds * 40_000,
  );

  it(
    `settle at once what a node held that is killed and started anew under its name, ${rounds} rounds`,
    async () => {
      const b = await start({ name: 'b', listen, resumeMs: 300_000 });
      const join = [(await b.call('address'))!];
      for (let round = 0; round < rounds; round += 1) {
        const doomed = await start({ name: 'a', join, resumeMs: 300_000 });
        await isLinked(doomed, b);
        const handled = file(`by-a-${round}`);
        await b.call('load', { name: `b${round}`, at: 'a', file: handled, pauseMs: 3 });
        await goesOn(handled);
        // What waits in a mailbox then has been received, and is not handled.
        await b.call('rest', { ms: 60_000 });
        await soon(1_000);
        await doomed.end();
        await soon(200);
        // It comes long before the window of the old one is over.
        const successor = await start({ name: 'a', join, resumeMs: 300_000 });
        log(await expectSettled(b, handled, 1, false));
        await isLinked(successor, b);
        await b.call('load', { name: `again${round}`, at: 'a', file: file(`again-${round}`), pauseMs: 3 });
        await soon(200);
        await expectAnswered(b, file(`again-${round}`));
        await successor.end();
        await expect.poll(() => b.call('nodes')).toEqual([]);
      }
    },
    60_000 + rounds * 30_000,
  );
});

describe('links that say nothing for longer than the heartbeat waits', () => {
  const silentMs = 17_000;

  it('are given up and gone on with: by both, by who hears nothing, by who was not stopped, by who was not told of a cut', async () => {
    const pairs = await Promise.all([...Array.from({ length: 3 }, () => pair('one', 120_000)), pairWithTwoWays()]);
    const [both, oneWay, stopped, halfOpen] = pairs as [Pair, Pair, Pair, Pair];
    await Promise.all(pairs.map((one, index) => load(one, index, 20)));
    await soon(300);
    both.ways[0]!.stall();
    oneWay.ways[0]!.stall('up');
    stopped.b.signal('SIGSTOP');
    halfOpen.ways[0]!.stall('down');
    halfOpen.ways[0]!.halfClose('up');
    await soon(silentMs);
    stopped.b.signal('SIGCONT');
    for (const { ways } of [both, oneWay]) ways[0]!.resume();
    await Promise.all(pairs.map(({ a, b }) => isLinked(a, b)));
    for (const [index, one] of pairs.entries()) {
      for (const [node, handled] of directionsOf(one, index)) await expectWhole(node, handled);
      expect(sum(one.ways.map(({ statistics }) => statistics.connections))).toBeGreaterThan(1);
    }
  }, 180_000);

  /** Node b is joined by a over either of two ways, and joins nobody. The window is what it is unless given. */
  async function pairWithTwoWays(): Promise<Pair> {
    const b = await start({ name: 'b', listen });
    const address = (await b.call('address'))!;
    const ways = [await proxyTo(address), await proxyTo(address)];
    const a = await start({ name: 'a', join: ways.map((way) => way.address) });
    return { a, b, ways };
  }
});

describe(`a link that is cut again and again`, () => {
  const cuts = proofRuns(40);

  it(
    `leaves nothing behind after ${cuts} times`,
    async () => {
      const nodes = await pair('one', 60_000);
      const { a, b, ways } = nodes;
      const settled = async (round: number) => {
        for (const [one, handled] of directionsOf(nodes, round)) await expectWhole(one, handled);
        // Timers of what was under way last come to their end, and no other is left.
        const held = () => Promise.all([a.call('held'), b.call('held')]);
        const timers = async () => (await held()).map(({ resources }) => resources.Timeout);
        await expect.poll(timers, { timeout: 20_000 }).toEqual([undefined, undefined]);
        return held();
      };
      // Once with a cut, for whatever is made with the first.
      await load(nodes);
      ways[0]!.reset();
      await soon(100);
      await isLinked(a, b);
      const before = await settled(0);
      await load(nodes, 1);
      for (let cut = 0; cut < cuts; cut += 1) {
        ways[0]!.reset();
        await expect
          .poll(() => ways[0]!.statistics.connections, { timeout: 20_000, interval: 5 })
          .toBeGreaterThan(cut + 2);
        await isLinked(a, b);
      }
      const after = await settled(1);
      expect(after.map(({ resources }) => resources)).toEqual(before.map(({ resources }) => resources));
      const grown = after.map(({ heapBytes }, index) => heapBytes - before[index]!.heapBytes);
      log({ cuts, grown });
      for (const bytes of grown) expect(bytes).toBeLessThan(4_000_000 + cuts * 1_500);
    },
    60_000 + cuts * 3_000,
  );
});

describe('a node that reads nothing', () => {
  const seconds = Math.min(60, proofRuns(5));
  const ways = ['its process is stopped', 'its link carries nothing to it'];

  // Long enough for the second to be found out, which takes 30 s.
  it.each(seconds > 40 ? ways : ways.slice(0, 1))(
    `costs no more memory than is bounded, and disturbs no other link, for ${seconds} s: %s`,
    async (how) => {
      const isStopped = how === ways[0];
      const a = await start({ name: 'a', listen, resumeMs: 300_000 });
      const address = (await a.call('address'))!;
      const way = await proxyTo(address);
      const b = await start({ name: 'b', join: [address] });
      const c = await start({ name: 'c', join: [way.address], resumeMs: 300_000 });
      await expect.poll(async () => (await a.call('nodes')).length).toBe(2);
      await a.call('load', { name: 'a', at: 'b', file: file('by-b'), pauseMs: 3 });
      await b.call('load', { name: 'b', at: 'a', file: file('by-a'), pauseMs: 3 });
      await a.call('aim', { at: 'c', file: file('by-c') });
      if (isStopped) c.signal('SIGSTOP');
      else way.stall('down');
      let over = false;
      const flood = a.call('flood', { ms: seconds * 1_000 }).finally(() => {
        over = true;
      });
      let answers = 0;
      for (; !over; answers += 1) await a.call('answers');
      const { told, mebibytes } = await flood;
      if (isStopped) c.signal('SIGCONT');
      else way.resume('down');
      await expect.poll(async () => (await a.call('nodes')).length, { timeout: 30_000 }).toBe(2);

      // Once full, no more; in the first quarter it fills.
      const full = mebibytes.slice(mebibytes.length / 4);
      const third = Math.floor(full.length / 3);
      const mean = (some: readonly number[]) => some.reduce((sum, one) => sum + one, 0) / some.length;
      const ratio = mean(full.slice(-third)) / mean(full.slice(0, third));
      log({
        how,
        seconds,
        told,
        answers,
        samples: mebibytes.length,
        first: mebibytes[0],
        most: Math.max(...full),
        ratio,
      });
      expect(third).toBeGreaterThan(2);
      expect(ratio).toBeLessThan(1.2);
      expect(answers).toBeGreaterThan(seconds);
      await expectWhole(a, file('by-b'));
      await expectWhole(b, file('by-a'));
      // What was taken is handled, and the rest has been told of, here or there.
      const ended = async () => {
        const [handled] = [...(await handledIn(file('by-c'))).values()];
        return handled!.length + (await a.call('flooded')) + (await c.call('flooded'));
      };
      await expect.poll(ended, { timeout: 60_000, interval: 200 }).toBe(told);
      const [handled] = [...(await handledIn(file('by-c'))).values()];
      expect(handled!.length).toBeLessThan(told / 2);
      expect(handled!.find((n, index) => index > 0 && n <= handled![index - 1]!)).toBe(undefined);
    },
    120_000 + seconds * 2_000,
  );
});

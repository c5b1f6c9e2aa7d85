/** Nodes whose link is cut: within the window nothing is lost, comes twice or out of order; after it everything is told. */
import {
  type ActorSystem,
  createSystem,
  type DeadLetter,
  node,
  type Ref,
  type SystemOptions,
  secret,
  thread,
} from 'troupe';
import { type ChaosProxy, chaosProxy } from 'troupe/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { proofRuns } from '../support/proof-runs.ts';
import { Listener, listener, type Talker, talker } from './fixtures/paired.ts';

const registry = new URL('./fixtures/paired.ts', import.meta.url);
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const soon = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Watched {
  readonly system: ActorSystem;
  readonly letters: DeadLetter[];
  lost: number;
}

async function start(options: SystemOptions): Promise<Watched> {
  const system = await createSystem({ registry, threads: 1, logLevel: 'silent', ...options });
  ends.push(() => system.shutdown({ deadlineMs: 500 }));
  const watched: Watched = { system, letters: [], lost: 0 };
  system.deadLetters.subscribe({ next: (letter) => void watched.letters.push(letter) });
  system.losses.subscribe({
    next: ({ count }) => {
      watched.lost += count;
    },
  });
  return watched;
}

async function proxyTo(address: string): Promise<ChaosProxy> {
  const proxy = await chaosProxy({ to: address, seed: 1 });
  ends.push(() => proxy.close());
  return proxy;
}

const linked = (a: ActorSystem, b: ActorSystem) =>
  expect.poll(() => [a.nodes, b.nodes], { timeout: 20_000, interval: 2 }).toEqual([[b.nodeId], [a.nodeId]]);
const apart = (a: ActorSystem, b: ActorSystem) =>
  expect.poll(() => [a.nodes, b.nodes], { timeout: 20_000, interval: 2 }).toEqual([[], []]);

type ListenerRef = Ref<typeof Listener>;

/** The listeners of a node's two threads as that node has them, and as the other has them. */
async function listenersOf(own: ActorSystem, other: ActorSystem, role: string): Promise<readonly ListenerRef[][]> {
  const mainThere = await other.spawn(listener, { on: node({ role }), name: `main-of-${role}` });
  const main = (await own.find(Listener, `main-of-${role}`))!;
  const worker = await own.spawn(listener, { on: thread() });
  main.keep({ other: worker });
  // Behind the tell on its own thread.
  await main.wrong();
  return [
    [main, worker],
    [mainThere, await mainThere.kept()],
  ];
}

describe('tells and asks of 8 pairs of threads of two nodes', () => {
  const cuts = proofRuns(50);

  it.each([
    ['of which one joins the other', false],
    ['that join each other', true],
  ])(
    `%s arrive once and in order, and each ask is answered once, over ${cuts} cuts`,
    async (_what, both) => {
      const random = seededRandom(cuts).fork(String(both));
      const { nodes, ways } = await joined(both);
      const [a, b] = nodes.map(({ system }) => system) as [ActorSystem, ActorSystem];
      const [ofA, atB] = (await listenersOf(a, b, 'a')) as [ListenerRef[], ListenerRef[]];
      const [ofB, atA] = (await listenersOf(b, a, 'b')) as [ListenerRef[], ListenerRef[]];
      const sent = new Map<string, { told: number; asked: number; answered: number }>();
      let over = false;
      const talk = async (by: Ref<typeof Talker>, to: ListenerRef, from: string): Promise<void> => {
        const count = { told: 0, asked: 0, answered: 0 };
        sent.set(from, count);
        while (!over) {
          const size = 50 + (random.u32() % 300);
          count.asked += Math.ceil((count.told + size) / 5) - Math.ceil(count.told / 5);
          const message = { to, from, first: count.told, count: size, text: 'x'.repeat(random.u32() % 200) };
          count.answered += await by.talk(message, { timeoutMs: 120_000 });
          count.told += size;
        }
      };
      const talks: Promise<void>[] = [];
      for (const [system, targets, name] of [
        [a, atA, 'a'],
        [b, atB, 'b'],
      ] as const) {
        for (const [index, to] of targets.entries()) {
          for (const on of ['main', 'worker']) {
            const by = await system.spawn(talker, on === 'main' ? {} : { on: thread() });
            talks.push(talk(by, to, `${name} ${on} ${index}`));
          }
        }
      }
      const failed: unknown[] = [];
      const talking = Promise.all(talks).catch((error: unknown) => failed.push(error));

      for (let cut = 0; cut < cuts && failed.length === 0; cut += 1) {
        await soon(random.u32() % 40);
        for (const way of ways) breakUp(way, random.u32() % 5);
        // Now and then again, at any point of the joining.
        if (random.u32() % 3 === 0) {
          await soon(random.u32() % 150);
          for (const way of ways) breakUp(way, random.u32() % 5);
        }
        await soon(random.u32() % 100);
        for (const way of ways) way.mend();
        await linked(a, b);
      }
      over = true;
      await talking;
      expect(failed).toEqual([]);

      const told: Record<string, number> = {};
      const asked: Record<string, number> = {};
      for (const one of [...ofA, ...ofB]) {
        expect(await one.wrong()).toEqual([]);
        const heard = await one.heard();
        Object.assign(told, heard.told);
        Object.assign(asked, heard.asked);
      }
      expect(Object.keys(told)).toHaveLength(8);
      for (const [from, count] of sent) {
        expect([from, told[from], asked[from], count.answered]).toEqual([from, count.told, count.asked, count.asked]);
      }
      expect(nodes.map(({ letters, lost }) => [letters, lost])).toEqual([
        [[], 0],
        [[], 0],
      ]);
      expect(nodes.map(({ system }) => system.statistics().deadLetters)).toEqual([0, 0]);
      if (process.env.TROUPE_PROOF_RUNS !== undefined) {
        const sum = [...sent.values()].reduce((total, { told, asked }) => total + told + asked, 0);
        console.log({ cuts, connections: ways.map(({ statistics }) => statistics.connections), messages: sum });
      }
    },
    60_000 + cuts * 3_000,
  );

  async function joined(both: boolean): Promise<{ readonly nodes: Watched[]; readonly ways: ChaosProxy[] }> {
    const listen = 'ws://127.0.0.1:0';
    const ways: ChaosProxy[] = [];
    let b: Watched;
    let a: Watched;
    if (both) {
      // Who joins first needs somebody there: another incarnation of the node that joins it in turn.
      const first = await createSystem({ name: 'a', listen, threads: 0 });
      const toA = await proxyTo(first.address!);
      b = await start({ name: 'b', roles: ['b'], listen, join: [toA.address] });
      const toB = await proxyTo(b.system.address!);
      await first.shutdown();
      a = await start({ name: 'a', roles: ['a'], listen: first.address!, join: [toB.address] });
      ways.push(toA, toB);
    } else {
      b = await start({ name: 'b', roles: ['b'], listen });
      const toB = await proxyTo(b.system.address!);
      a = await start({ name: 'a', roles: ['a'], join: [toB.address] });
      ways.push(toB);
    }
    await linked(a.system, b.system);
    for (const way of ways) way.suffer({ delayMs: 1, jitterMs: 3 });
    return { nodes: [a, b], ways };
  }

  function breakUp(way: ChaosProxy, how: number): void {
    if (how === 0) way.reset();
    else if (how === 1) way.cut();
    else way.halfClose((['up', 'down', 'both'] as const)[how - 2]!);
  }
});

/** Nodes whose link is cut: within the window nothing is lost, comes twice or out of order; after it everything is told. */
import { fileURLToPath } from 'node:url';
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
import { limits } from '../../src/base/limits.ts';
import { realClock } from '../../src/base/platform/real-clock.ts';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import type { AssociationOffer } from '../../src/transport/association.ts';
import { strictCodec } from '../../src/transport/frame-codec.ts';
import { decodeEnvelope } from '../../src/transport/node-envelope.ts';
import { openNodeLink } from '../../src/transport/node-link.ts';
import { WebSocketNetwork } from '../../src/transport/websocket-network.ts';
import { proofRuns } from '../support/proof-runs.ts';
import { fickle, Listener, listener, type Talker, talker } from './fixtures/paired.ts';
import { endNode, secretFolder, startNode } from './node-process.ts';

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

/** Nodes a and b, of which a joins b, or each the other, and the ways between them: to a, and to b. */
async function joined(
  both: boolean,
  options: SystemOptions = {},
): Promise<{ readonly nodes: Watched[]; readonly ways: ChaosProxy[] }> {
  const listen = 'ws://127.0.0.1:0';
  const ways: ChaosProxy[] = [];
  let b: Watched;
  let a: Watched;
  if (both) {
    // Who joins first needs somebody there: another incarnation of the node that joins it in turn.
    const first = await createSystem({ name: 'a', listen, threads: 0 });
    const toA = await proxyTo(first.address!);
    b = await start({ ...options, name: 'b', roles: ['b'], listen, join: [toA.address] });
    const toB = await proxyTo(b.system.address!);
    await first.shutdown();
    a = await start({ ...options, name: 'a', roles: ['a'], listen: first.address!, join: [toB.address] });
    ways.push(toA, toB);
  } else {
    b = await start({ ...options, name: 'b', roles: ['b'], listen });
    const toB = await proxyTo(b.system.address!);
    a = await start({ ...options, name: 'a', roles: ['a'], join: [toB.address] });
    ways.push(toB);
  }
  await linked(a.system, b.system);
  return { nodes: [a, b], ways };
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
      for (const way of ways) way.suffer({ delayMs: 1, jitterMs: 3 });
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

  function breakUp(way: ChaosProxy, how: number): void {
    if (how === 0) way.reset();
    else if (how === 1) way.cut();
    else way.halfClose((['up', 'down', 'both'] as const)[how - 2]!);
  }
});

describe('two nodes that join each other, of which only the one that had not dialled is told of a cut', () => {
  it('go on over the link that it dials, long before the other would notice', async () => {
    const { nodes, ways } = await joined(true);
    const [a, b] = nodes.map(({ system }) => system) as [ActorSystem, ActorSystem];
    const [toA, toB] = ways as [ChaosProxy, ChaosProxy];
    const listeners = await listenersOf(b, a, 'b');
    const [[ofB], [atA]] = listeners as [ListenerRef[], ListenerRef[]];
    // Less than the silence after which a link is given up.
    const ask = (n: number): Promise<number> => atA!.answer({ from: 'x', n, text: '' }, { timeoutMs: 10_000 });
    for (let n = 0; n < 3; n += 1) {
      await expect.poll(() => ways.map(({ statistics }) => statistics.open)).toEqual([0, 1]);
      toB.stall('down');
      toB.halfClose('up');
      await expect.poll(() => toA.statistics.open, { timeout: 10_000 }).toBe(1);
      tells(atA!, 'x', n, 1);
      expect(await ask(n)).toBe(n);
      toB.resume();
      // Back to the link that a dials.
      toA.cut();
      await expect.poll(() => toB.statistics.open, { timeout: 10_000 }).toBe(1);
      toA.mend();
      await linked(a, b);
    }
    expect(await ofB!.wrong()).toEqual([]);
    expect(nodes.map(({ letters, lost }) => [letters, lost])).toEqual([
      [[], 0],
      [[], 0],
    ]);
  });
});

/** Two nodes with a cable between them: `near` has joined `far`, which runs a listener that both know. */
async function pair(resumeMs = 10_000, threads: SystemOptions['threads'] = 1) {
  const far = await start({ name: 'far', roles: ['far'], listen: 'ws://127.0.0.1:0', resumeMs, threads });
  const way = await proxyTo(far.system.address!);
  const near = await start({ name: 'near', roles: ['near'], join: [way.address], resumeMs, threads });
  await linked(near.system, far.system);
  const [own, ref] = (await listenersOf(far.system, near.system, 'far')) as [ListenerRef[], ListenerRef[]];
  return { far, near, way, own, ref: ref[0]!, worker: ref[1]! };
}

const outcome = (call: Promise<unknown>): Promise<string> =>
  call.then(
    (value) => `ok ${String(value)}`,
    ({ code, reason }) => `${code} ${reason}`,
  );
const tells = (ref: ListenerRef, from: string, first: number, count: number) =>
  Array.from({ length: count }, (_, n) => ref.hear({ from, n: first + n, text: '' }));

describe('a node whose link is cut', () => {
  it('is not listed, takes what it is sent once it is back, and starts what was spawned there meanwhile', async () => {
    const { far, near, way, ref, worker, own } = await pair();
    tells(ref, 'x', 0, 10);
    way.cut();
    await apart(near.system, far.system);
    tells(ref, 'x', 10, 10);
    tells(worker, 'y', 0, 10);
    const asked = ref.answer({ from: 'x', n: 19, text: '' });
    const spawned = near.system.spawn(listener, { on: node({ role: 'far' }) });
    const isLate = await Promise.race([Promise.all([asked, spawned]), soon(300)]);
    expect(isLate).toBe(undefined);
    way.mend();
    expect(await asked).toBe(19);
    expect(await (await spawned).wrong()).toEqual([]);
    await expect.poll(() => own[1]!.heard()).toMatchObject({ told: { y: 10 } });
    expect((await own[0]!.heard()).told).toEqual({ x: 20 });
    expect(near.system.nodes).toEqual([far.system.nodeId]);
  });

  it('goes on with a stream where it was, over 4 cuts', async () => {
    const { far, near, way, ref } = await pair();
    const seen: number[] = [];
    const reading = (async () => {
      for await (const n of ref.counts()) seen.push(n);
    })();
    for (let cut = 0; cut < 4; cut += 1) {
      await soon(50);
      way.reset();
      await linked(near.system, far.system);
    }
    await reading;
    expect(seen).toEqual(Array.from({ length: 200 }, (_, n) => n));
  });

  it('settles an ask by its deadline while it is away', async () => {
    const { far, near, way, ref } = await pair();
    way.cut();
    await apart(near.system, far.system);
    const began = performance.now();
    expect(await outcome(ref.answer({ from: 'x', n: 0, text: '' }, { timeoutMs: 200 }))).toBe(
      'OutcomeUnknown deadline',
    );
    expect(performance.now() - began).toBeLessThan(2_000);
    way.mend();
    await linked(near.system, far.system);
    expect(await outcome(ref.heard())).toBe('ok [object Object]');
  });

  it('speaks with threads that were started while it was away, and after it had come back', async () => {
    const { far, near, way, own } = await pair(10_000, 3);
    const startHere = (name: string) => far.system.spawn(talker, { on: thread({ name }) });
    const [nearMain] = (await listenersOf(near.system, far.system, 'near'))[1]!;
    await startHere('before');
    const talk = async (by: Ref<typeof Talker>, from: string) =>
      expect(await by.talk({ to: nearMain!, from, first: 0, count: 20, text: '' })).toBe(4);
    way.cut();
    await apart(near.system, far.system);
    const during = talk(await startHere('during'), 'during');
    way.mend();
    await during;
    await talk(await startHere('after'), 'after');
    way.reset();
    await talk(await startHere('again'), 'again');
    expect(await nearMain!.wrong()).toEqual([]);
    expect(await own[0]!.wrong()).toEqual([]);
  });

  it('ends after the window: asks settle, and what did not get there becomes dead letters, of both threads', async () => {
    const { far, near, way, ref, worker } = await pair(400);
    const [spoken] = (await listenersOf(near.system, far.system, 'near'))[0]!;
    const begun = outcome(ref.hold(1_000, { timeoutMs: 20_000 }));
    // Until the other side has said that it has received it.
    await soon(3 * limits.sessionIdleMs);
    way.cut();
    await apart(near.system, far.system);
    tells(ref, 'x', 0, 3);
    tells(worker, 'x', 0, 4);
    const began = performance.now();
    const asked = outcome(ref.answer({ from: 'x', n: 2, text: '' }, { timeoutMs: 20_000 }));
    const opened = outcome(near.system.spawn(listener, { on: node({ role: 'far' }) }));
    expect(await asked).toBe('NotDelivered unreachable');
    expect(await begun).toBe('OutcomeUnknown link-lost');
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(near.lost).toBe(1);
    expect(await opened).toBe('SpawnFailed place-lost');
    await expect.poll(() => near.letters.map(({ reason }) => reason)).toEqual(new Array(7).fill('unreachable'));
    expect(await outcome(ref.heard())).toBe('NotDelivered unreachable');
    way.mend();
    await linked(near.system, far.system);
    expect(await ref.heard()).toEqual({ told: {}, asked: {} });
    expect(await spoken!.wrong()).toEqual([]);
  });

  it('ends at once where one of both gives no window', async () => {
    const far = await start({ name: 'far', roles: ['far'], listen: 'ws://127.0.0.1:0', resumeMs: 0 });
    const way = await proxyTo(far.system.address!);
    const near = await start({ name: 'near', join: [way.address] });
    const ref = await near.system.spawn(listener, { on: node({ role: 'far' }) });
    way.cut();
    await apart(near.system, far.system);
    const asked = outcome(ref.heard({ timeoutMs: 20_000 }));
    way.mend();
    expect(await asked).toBe('NotDelivered unreachable');
    await linked(near.system, far.system);
    expect(await ref.heard()).toEqual({ told: {}, asked: {} });
  });

  it('is sent as much as an outbox holds: tells answer false, then are refused as full, and offers wait', async () => {
    const { far, near, way, ref, own } = await pair(60_000);
    way.cut();
    await apart(near.system, far.system);
    const answers = tells(ref, 'x', 0, limits.outboxCapacity);
    expect(answers.lastIndexOf(true)).toBeLessThan(limits.outboxHighWater);
    await expect.poll(() => near.letters.length).toBeLessThan(10);
    const fit = limits.outboxCapacity - near.letters.length;
    expect(tells(ref, 'x', limits.outboxCapacity, 100)).toEqual(new Array(100).fill(false));
    await expect.poll(() => near.letters.slice(-100).map(({ reason }) => reason)).toEqual(new Array(100).fill('full'));
    expect(await outcome(ref.heard())).toBe('Rejected full');
    let isTaken = false;
    const offered = ref.hear.offer({ from: 'x', n: fit, text: '' }, { timeoutMs: 60_000 }).then(() => {
      isTaken = true;
    });
    await soon(200);
    expect(isTaken).toBe(false);
    way.mend();
    await offered;
    expect((await own[0]!.heard()).told).toEqual({ x: fit + 1 });
    expect(await own[0]!.wrong()).toEqual([]);
  });

  it('is lost for 655,361 items that none can refuse, and is linked anew', async () => {
    const { far, near, way, ref } = await pair(60_000);
    const restless = await near.system.spawn(fickle);
    way.cut();
    await apart(near.system, far.system);
    tells(ref, 'x', 0, 10);
    const asked = outcome(ref.heard({ timeoutMs: 100_000 }));
    await restless.watches({ who: ref, times: 300_000 }, { timeoutMs: 60_000 });
    expect(near.letters).toEqual([]);
    await restless.watches({ who: ref, times: 50_000 }, { timeoutMs: 60_000 });
    expect(await asked).toBe('NotDelivered unreachable');
    await expect.poll(() => near.letters.map(({ reason }) => reason)).toEqual(new Array(10).fill('unreachable'));
    way.mend();
    await linked(near.system, far.system);
    expect(await ref.heard()).toEqual({ told: {}, asked: {} });
  });

  it('holds no shutdown up: everything settles, and what waited is in the report', async () => {
    const { far, near, way, ref, worker } = await pair(60_000);
    way.cut();
    await apart(near.system, far.system);
    tells(ref, 'x', 0, 5);
    tells(worker, 'x', 0, 5);
    const asked = outcome(ref.heard({ timeoutMs: 60_000 }));
    const began = performance.now();
    const report = await near.system.shutdown({ deadlineMs: 20_000 });
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(await asked).toBe('NotDelivered unreachable');
    expect(report.deadLetters).toEqual({ unreachable: 10 });
  });
});

describe('a node that is killed while messages are under way', () => {
  it.each([
    ['at its address', 'address'],
    ['under its name, and joins from elsewhere', 'name'],
  ])('ends at once when another is started %s', async (_what, how) => {
    const folder = await secretFolder();
    ends.push(() => folder.remove());
    const auth = secret({ file: folder.file });
    const here = await start({ name: 'here', listen: 'ws://127.0.0.1:0', auth, resumeMs: 60_000 });
    const more = ['--registry', fileURLToPath(registry), '--threads', '0'];
    if (how === 'name') more.push('--name', 'doomed', '--join', here.system.address!);
    const startThere = async (listen?: string) => {
      const process = await startNode(folder.file, listen, more);
      ends.push(() => endNode(process));
      return process;
    };
    const first = await startThere();
    const { system } =
      how === 'name' ? here : await start({ join: [first.address], auth, resumeMs: 60_000, threads: 0 });
    await expect.poll(() => system.nodes.length, { timeout: 10_000 }).toBe(1);
    const ref = await system.spawn(listener, { on: node({ role: 'workers' }) });
    await endNode(first, 'SIGKILL');
    await expect.poll(() => system.nodes).toEqual([]);
    const asked = outcome(ref.heard({ timeoutMs: 100_000 }));
    const failed = ref.heard({ timeoutMs: 100_000 }).catch((error: Error) => error.message);
    await startThere(how === 'name' ? undefined : first.address);
    expect(await asked).toBe('NotDelivered unreachable');
    expect(await failed).toMatch(/it was started anew, as (doomed|node)~/);
    await expect.poll(() => system.nodes.length, { timeout: 10_000 }).toBe(1);
    expect(await (await system.spawn(listener, { on: node({ role: 'workers' }) })).wrong()).toEqual([]);
  });
});

describe('who may go on', () => {
  /** A peer by hand: what it is offered, and the frames that it gets. */
  async function dial(address: string, offer: AssociationOffer, profileAfterMs = 0, nodeId = 'other~1') {
    const clock = realClock();
    const socket = await new WebSocketNetwork({ clock }).dial({ address, timeoutMs: 1_000 });
    const send = socket.send.bind(socket);
    socket.send = (frame) => {
      if (profileAfterMs === 0 || decodeEnvelope(frame).kind !== 'profile') return send(frame);
      setTimeout(() => send(frame), profileAfterMs);
      return true;
    };
    const link = await openNodeLink({
      link: socket,
      side: 'dialer',
      profile: { nodeId, roles: [], fingerprints: {}, threads: 0 },
      clusterId: 'troupe',
      secret: undefined,
      clock,
      random: seededRandom(1),
      offer: () => offer,
    });
    const sequences: unknown[] = [];
    const closes: number[] = [];
    link.onFrame = (_source, _target, frame) => sequences.push((strictCodec().unpack(frame) as unknown[])[0]);
    link.onClose = ({ code }) => closes.push(code);
    return { link, sequences, closes, theirs: link.peer.association! };
  }
  const token = (digit: string) => digit.repeat(32);

  it('names both tokens: then each session begins with a resume frame, and not for any other tokens', async () => {
    const { system } = await start({ listen: 'ws://127.0.0.1:0', threads: 0 });
    const first = await dial(system.address!, { token: token('1'), resume: undefined });
    expect(first.theirs.resume).toBe(undefined);
    await expect.poll(() => system.nodes).toEqual(['other~1']);
    const held = [token('1'), first.theirs.token] as const;
    first.link.close(1_000, 'cut');
    await expect.poll(() => system.nodes).toEqual([]);

    const second = await dial(system.address!, { token: token('2'), resume: held });
    expect(second.theirs.resume).toEqual([held[1], held[0]]);
    await expect.poll(() => second.sequences).toEqual([-1]);
    second.link.close(1_000, 'cut');
    await expect.poll(() => system.nodes).toEqual([]);

    const third = await dial(system.address!, { token: token('3'), resume: [held[0], token('f')] });
    await expect.poll(() => system.nodes).toEqual(['other~1']);
    third.link.send('main', 'main', strictCodec().pack([0, 0, 0, limits.sessionWindow, true]));
    await expect.poll(() => third.sequences).toEqual([0]);
    third.link.send('main', 'main', strictCodec().pack([-1, 0, 0, limits.sessionWindow, false]));
    await expect.poll(() => third.closes).toEqual([4003]);
  });

  it('is told with 1000 where the window ended while the link was opened, and then begins anew', async () => {
    const { system } = await start({ listen: 'ws://127.0.0.1:0', threads: 0, resumeMs: 300 });
    const first = await dial(system.address!, { token: token('1'), resume: undefined });
    await expect.poll(() => system.nodes).toEqual(['other~1']);
    const held = [token('1'), first.theirs.token] as const;
    first.link.close(1_000, 'cut');
    await expect.poll(() => system.nodes).toEqual([]);
    const second = await dial(system.address!, { token: token('2'), resume: held }, 900);
    expect(second.theirs.resume).toEqual([held[1], held[0]]);
    await expect.poll(() => second.closes, { timeout: 5_000 }).toEqual([1_000]);
    expect(second.sequences).toEqual([]);
    const third = await dial(system.address!, { token: token('3'), resume: held });
    expect(third.theirs.resume).toBe(undefined);
    await expect.poll(() => system.nodes).toEqual(['other~1']);
  });

  it.each([
    ['is nobody of a name that another has joined by before its link was found dead', 'twin~1', 'twin~2', false],
    ['is a node beside which another has joined that was given no name either', 'node~1', 'node~2', true],
  ])('%s: %s, %s', async (_what, old, later, isHeld) => {
    const { system } = await start({ listen: 'ws://127.0.0.1:0', threads: 0 });
    const first = await dial(system.address!, { token: token('1'), resume: undefined }, 0, old);
    await expect.poll(() => system.nodes).toEqual([old]);
    await dial(system.address!, { token: token('2'), resume: undefined }, 0, later);
    await expect.poll(() => system.nodes).toEqual([old, later]);
    first.link.close(1_000, 'cut');
    await expect.poll(() => system.nodes).toEqual([later]);
    const again = await dial(system.address!, { token: token('3'), resume: undefined }, 0, old);
    expect(again.theirs.resume !== undefined).toBe(isHeld);
  });

  it('is the one that came first no more once 1,025 nodes are away', async () => {
    const { system } = await start({ listen: 'ws://127.0.0.1:0', threads: 0, resumeMs: 600_000 });
    const held: (readonly [string, string])[] = [];
    for (let n = 0; n <= limits.nodesAwayMax; n += 1) {
      const { link, theirs } = await dial(system.address!, { token: token('1'), resume: undefined }, 0, `n${n}~1`);
      held.push([token('1'), theirs.token]);
      await expect.poll(() => system.nodes, { interval: 1 }).toEqual([`n${n}~1`]);
      link.close(1_000, 'cut');
      await expect.poll(() => system.nodes, { interval: 1 }).toEqual([]);
    }
    const again = async (n: number) =>
      (await dial(system.address!, { token: token('2'), resume: held[n] }, 0, `n${n}~1`)).theirs.resume !== undefined;
    expect([await again(0), await again(1), await again(limits.nodesAwayMax)]).toEqual([false, true, true]);
  }, 120_000);

  it('is nobody after a goodbye, nor after the protocol was broken', async () => {
    const { system } = await start({ listen: 'ws://127.0.0.1:0', threads: 0 });
    for (const code of [1_001, 4_003]) {
      const first = await dial(system.address!, { token: token('1'), resume: undefined });
      await expect.poll(() => system.nodes).toEqual(['other~1']);
      first.link.close(code, 'over');
      await expect.poll(() => system.nodes).toEqual([]);
      const second = await dial(system.address!, { token: token('2'), resume: undefined });
      expect(second.theirs.resume).toBe(undefined);
      second.link.close(1_001, 'over');
      await expect.poll(() => system.nodes).toEqual([]);
    }
  });
});

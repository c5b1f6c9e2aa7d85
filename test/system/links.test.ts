/** Links between nodes of one process, with a cable between them that can be cut. */
import { type ActorSystem, createSystem, node, type SystemOptions, thread } from 'troupe';
import { type ChaosProxy, chaosProxy } from 'troupe/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { realClock } from '../../src/base/platform/real-clock.ts';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { openNodeLink } from '../../src/transport/node-link.ts';
import { WebSocketNetwork } from '../../src/transport/websocket-network.ts';
import { bytesOf } from '../transport/support.ts';
import { counter } from './fixtures/actors.ts';
import { late } from './fixtures/late.ts';

const registry = new URL('./fixtures/actors.ts', import.meta.url);
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(options: SystemOptions): Promise<ActorSystem> {
  const system = await createSystem({ registry, threads: 1, logLevel: 'silent', ...options });
  ends.push(() => system.shutdown({ deadlineMs: 200 }));
  return system;
}

/** A way to `address` that can be cut, and mended. */
async function cable(address: string, delayMs = 0): Promise<ChaosProxy> {
  const proxy = await chaosProxy({ to: address, seed: 1 });
  proxy.suffer({ delayMs });
  ends.push(() => proxy.close());
  return proxy;
}

const linked = (a: ActorSystem, b: ActorSystem) =>
  expect.poll(() => [a.nodes, b.nodes], { timeout: 10_000 }).toEqual([[b.nodeId], [a.nodeId]]);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('a link between two nodes', () => {
  it('carries 500 asks of a worker to the other node and back, and the main thread lives on', async () => {
    const a = await start({ listen: 'ws://127.0.0.1:0', roles: ['far'] });
    const b = await start({ join: [a.address!] });
    const far = await b.spawn(counter, { on: node({ role: 'far' }) });
    const worker = await b.spawn(counter, { on: thread() });
    for (let n = 0; n < 500; n += 1) expect(await worker.pathOf({ other: far })).toContain(a.nodeId);
    const nearer = await a.spawn(counter, { on: thread() });
    expect(await worker.pathOf({ other: nearer })).toContain(a.nodeId);
  });

  it('serves refs that were held when it was cut for good, from the main thread and from a worker, once it is back', async () => {
    const a = await start({ listen: 'ws://127.0.0.1:0', roles: ['far'], resumeMs: 0 });
    const way = await cable(a.address!);
    const b = await start({ join: [way.address], resumeMs: 0 });
    const far = await b.spawn(counter, { on: node({ role: 'far' }), args: { start: 7 } });
    const worker = await b.spawn(counter, { on: thread() });
    worker.keep({ other: far });
    expect(await worker.pathOf({ other: far })).toContain(a.nodeId);
    way.cut();
    await expect.poll(() => [a.nodes, b.nodes], { timeout: 10_000 }).toEqual([[], []]);
    await expect(far.total()).rejects.toMatchObject({ code: 'NotDelivered', reason: 'unreachable' });
    way.mend();
    await linked(a, b);
    expect(await far.total()).toBe(7);
    expect(await worker.pathOf({ other: await worker.kept() })).toContain(a.nodeId);
  });

  it('is one when a node is joined by two addresses, and is joined by the other when one is gone', async () => {
    const again = await start({ listen: 'ws://127.0.0.1:0', name: 'c', roles: ['again'] });
    const backWay = await cable(again.address!);
    const d = await start({ name: 'd', listen: 'ws://127.0.0.1:0', join: [backWay.address, again.address!] });
    await linked(again, d);
    const ref = await d.spawn(counter, { on: node({ role: 'again' }) });
    const until = Date.now() + 1_500;
    while (Date.now() < until) {
      expect(await ref.total()).toBe(0);
      await pause(10);
    }
    // The way that was joined first is gone; the other address still leads there.
    backWay.cut();
    await expect.poll(() => d.nodes, { timeout: 10_000 }).toEqual([again.nodeId]);
    await expect.poll(() => ref.total().catch(() => -1), { timeout: 10_000 }).toBe(0);
  });

  it('is one when the dials of both cross, and serves 3 times after it was cut', async () => {
    const first = await start({ listen: 'ws://127.0.0.1:0', name: 'a' });
    const toA = await cable(first.address!, 50);
    const b = await start({ listen: 'ws://127.0.0.1:0', name: 'b', join: [toA.address] });
    const toB = await cable(b.address!, 50);
    await first.shutdown();
    const a = await start({ listen: first.address!, name: 'a', roles: ['far'], join: [toB.address] });
    await linked(a, b);
    const far = await b.spawn(counter, { on: node({ role: 'far' }) });
    for (let round = 0; round < 3; round += 1) {
      toA.cut();
      toB.cut();
      await expect.poll(() => [a.nodes, b.nodes], { timeout: 10_000 }).toEqual([[], []]);
      toA.mend();
      toB.mend();
      await linked(a, b);
      await expect.poll(() => far.total().catch(() => -1), { timeout: 10_000 }).toBe(0);
      // Whichever dial was the second has been given up by now.
      await pause(500);
      const until = Date.now() + 1_000;
      while (Date.now() < until) expect(await far.total()).toBe(0);
    }
  });

  it('settles a call to a worker that ended while it was cut', async () => {
    const a = await start({ listen: 'ws://127.0.0.1:0', roles: ['far'] });
    const way = await cable(a.address!);
    const b = await start({ join: [way.address], roles: ['near'] });
    const onWorker = await a.spawn(counter, { on: thread() });
    const near = await a.spawn(counter, { on: node({ role: 'near' }) });
    near.keep({ other: onWorker });
    expect(await near.pathOf({ other: onWorker })).toContain(a.nodeId);
    way.cut();
    await expect.poll(() => [a.nodes, b.nodes], { timeout: 10_000 }).toEqual([[], []]);
    onWorker.exits();
    await onWorker.total().catch(() => undefined);
    way.mend();
    await linked(a, b);
    const before = Date.now();
    await expect(near.pathOf({ other: await near.kept() })).rejects.toMatchObject({ code: 'ActorFailed' });
    expect(Date.now() - before).toBeLessThan(2_000);
  });

  it('is not broken by what a worker sent before it knew that the link was a new one', async () => {
    const lateRegistry = new URL('./fixtures/late.ts', import.meta.url);
    const options = { registry: lateRegistry, resumeMs: 0 };
    const a = await start({ ...options, listen: 'ws://127.0.0.1:0', roles: ['far'] });
    const way = await cable(a.address!);
    const b = await start({ ...options, join: [way.address] });
    const far = await b.spawn(counter, { on: node({ role: 'far' }) });
    const worker = await b.spawn(late, { on: thread() });
    worker.addAfterSpin({ ms: 0, times: 10, other: far });
    await expect.poll(() => far.total()).toBe(10);
    worker.addAfterSpin({ ms: 1_500, times: 5_000, other: far });
    await pause(50);
    way.cut();
    await expect.poll(() => [a.nodes, b.nodes], { timeout: 10_000 }).toEqual([[], []]);
    way.mend();
    await linked(a, b);
    const until = Date.now() + 2_500;
    while (Date.now() < until) {
      expect(await far.total()).toBe(10);
      await pause(10);
    }
    worker.addAfterSpin({ ms: 0, times: 1, other: far });
    await expect.poll(() => far.total()).toBe(11);
  });

  it('is cut once with 4003 when a session with a worker breaks, and says which thread is not there', async () => {
    const a = await start({ listen: 'ws://127.0.0.1:0' });
    await a.spawn(counter, { on: thread() });
    const clock = realClock();
    const link = await openNodeLink({
      link: await new WebSocketNetwork({ clock }).dial({ address: a.address!, timeoutMs: 1_000 }),
      side: 'dialer',
      profile: { nodeId: 'evil~1', roles: [], fingerprints: {}, threads: 0 },
      clusterId: 'troupe',
      secret: undefined,
      clock,
      random: seededRandom(1),
    });
    const down: string[] = [];
    const closes: number[] = [];
    link.onFrame = () => undefined;
    link.onPlaceDown = (name) => down.push(name);
    link.onClose = ({ code }) => closes.push(code);
    link.send('main', 't9', bytesOf('for nobody'));
    await expect.poll(() => down).toEqual(['t9']);
    for (let n = 0; n < 10; n += 1) link.send('main', 't1', bytesOf('garbage'));
    await expect.poll(() => closes).toEqual([4003]);
    expect(await (await a.spawn(counter, { on: thread() })).total()).toBe(0);
  });

  it('does not outlive a shutdown that comes while it is opened', async () => {
    const a = await start({ listen: 'ws://127.0.0.1:0' });
    const joining = start({ join: [a.address!] }).catch((error) => error as Error);
    await pause(1);
    await a.shutdown({ deadlineMs: 100 });
    const b = await joining;
    if (!(b instanceof Error)) await expect.poll(() => b.nodes, { timeout: 5_000 }).toEqual([]);
    expect(a.nodes).toEqual([]);
  });
});

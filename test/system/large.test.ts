/** Large messages between two processes: they arrive whole, and what is small goes past them. */
import { fileURLToPath } from 'node:url';
import { type ActorSystem, createSystem, type DeadLetter, move, node, type Ref, secret } from 'troupe';
import { chaosProxy } from 'troupe/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { transportLimits } from '../../src/transport/limits.ts';
import { proofRuns } from '../support/proof-runs.ts';
import { hashOf, patterned, type Store, store } from './fixtures/large.ts';
import { endNode, secretFolder, startNode } from './node-process.ts';

const MiB = 1_048_576;
const registry = new URL('./fixtures/large.ts', import.meta.url);
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function twoProcesses(through?: (address: string) => Promise<string>): Promise<ActorSystem> {
  const folder = await secretFolder();
  ends.push(() => folder.remove());
  const there = await startNode(folder.file, 'ws://127.0.0.1:0', ['--registry', fileURLToPath(registry)]);
  ends.push(() => endNode(there));
  const system = await createSystem({
    registry,
    threads: 1,
    logLevel: 'silent',
    join: [(await through?.(there.address)) ?? there.address],
    auth: secret({ file: folder.file }),
  });
  ends.push(() => system.shutdown({ deadlineMs: 500 }));
  return system;
}

const on = node({ role: 'workers' });
const patient = { timeoutMs: 120_000 };
type StoreRef = Ref<typeof Store>;

/** Asks one after the other until `over` has settled; gives how many were answered before. */
async function pings(ref: StoreRef, over: Promise<unknown>): Promise<number> {
  let isOver = false;
  const settled = over.then(
    () => {
      isOver = true;
    },
    () => {
      isOver = true;
    },
  );
  let answered = 0;
  while (!isOver) {
    expect(await ref.ping(answered, patient)).toBe(answered);
    if (!isOver) answered += 1;
  }
  await settled;
  return answered;
}

describe('a message of 100 MiB', { timeout: 240_000 }, () => {
  it('arrives equal, while 20 asks of others and more are answered before it is there', async () => {
    const system = await twoProcesses();
    const [large, small] = [await system.spawn(store, { on }), await system.spawn(store, { on })];
    const data = patterned(100 * MiB);
    const hash = hashOf(data);
    const asked = large.hash({ parts: [move(data)] }, patient);
    expect(data.byteLength).toBe(0);
    // Each is asked once the one before it was answered.
    expect(await pings(small, asked)).toBeGreaterThanOrEqual(20);
    expect(await asked).toBe(hash);
  });

  it('comes as an answer in the same way, and as two binaries of 50 MiB beside small fields', async () => {
    const system = await twoProcesses();
    const [large, small] = [await system.spawn(store, { on }), await system.spawn(store, { on })];
    const given = large.give(100 * MiB, patient);
    expect(await pings(small, given)).toBeGreaterThanOrEqual(20);
    expect(hashOf(await given)).toBe(hashOf(patterned(100 * MiB)));
    const parts = [patterned(50 * MiB, 1), new Uint8Array(7).fill(9), patterned(50 * MiB, 2)];
    expect(await large.hash({ parts }, patient)).toBe(hashOf(...parts));
  });

  it('stays before what its sender says to the same actor afterwards, the news of an end included', async () => {
    const system = await twoProcesses();
    const [large, other] = [await system.spawn(store, { on }), await system.spawn(store, { on })];
    large.keep({ n: 0 });
    large.keep({ n: 1, data: move(patterned(40 * MiB)) });
    for (let n = 2; n < 200; n += 1) large.keep({ n, ...(n % 50 === 0 ? { data: patterned(2 * MiB) } : {}) });
    // Another actor is no part of that.
    expect(await other.kept()).toEqual([]);
    const kept = await large.kept(patient);
    expect(kept.map(({ n }) => n)).toEqual(Array.from({ length: 200 }, (_, n) => n));
    expect(kept.filter(({ size }) => size > 0).map(({ size }) => size / MiB)).toEqual([40, 2, 2, 2]);
    large.keep({ n: 200, data: move(patterned(20 * MiB)) });
    large.endAt(0);
    await expect(large.ping(1, patient)).rejects.toMatchObject({ code: 'NotDelivered' });
  });

  it('is a stream of 8 values of 8 MiB in order', async () => {
    const system = await twoProcesses();
    const large = await system.spawn(store, { on });
    let n = 0;
    for await (const piece of large.pieces({ count: 8, size: 8 * MiB })) {
      expect(hashOf(piece)).toBe(hashOf(patterned(8 * MiB, n)));
      n += 1;
    }
    expect(n).toBe(8);
  });

  it('is not sent to its end once its caller has given up, and the next one is whole', async () => {
    const system = await twoProcesses();
    const large = await system.spawn(store, { on });
    const gaveUp = new AbortController();
    const first = large.hash.outcome({ parts: [patterned(60 * MiB)] }, { ...patient, signal: gaveUp.signal });
    const second = large.hash({ parts: [patterned(30 * MiB, 5)] }, patient);
    await new Promise((resolve) => setImmediate(resolve));
    gaveUp.abort();
    expect(await first).toMatchObject({ ok: false, error: { code: 'Cancelled', delivered: false } });
    expect(await second).toBe(hashOf(patterned(30 * MiB, 5)));
  });
});

describe('bytes beyond the limits', { timeout: 240_000 }, () => {
  it('of 256 MiB in one message are refused at the sender, whose bytes stay', async () => {
    const system = await twoProcesses();
    const large = await system.spawn(store, { on });
    const data = new Uint8Array(transportLimits.largeBytesMax);
    await expect(large.hash({ parts: [move(data)] })).rejects.toMatchObject({ code: 'InvalidMessage' });
    expect(() => large.keep({ n: 1, data: move(data) })).toThrow(/send it in parts/);
    expect(data.byteLength).toBe(transportLimits.largeBytesMax);
    await expect(large.give(transportLimits.largeBytesMax, patient)).rejects.toMatchObject({
      code: 'Rejected',
      reason: 'invalid',
    });
    expect(await large.ping(1)).toBe(1);
  });

  it('that wait for the lane, 64 MiB of them, have more refused as full, and small messages not', async () => {
    const system = await twoProcesses();
    const letters: DeadLetter[] = [];
    system.deadLetters.subscribe({ next: (letter) => void letters.push(letter) });
    const [large, small] = [await system.spawn(store, { on }), await system.spawn(store, { on })];
    for (let n = 0; n < 4; n += 1) large.keep({ n, data: patterned(20 * MiB) });
    expect(large.keep({ n: 4, data: patterned(MiB) })).toBe(false);
    expect(small.keep({ n: 0 })).toBe(true);
    await expect(small.hash({ parts: [patterned(MiB)] })).rejects.toMatchObject({ code: 'Rejected', reason: 'full' });
    await expect.poll(() => letters.map(({ reason }) => reason)).toContain('full');
    expect((await large.kept(patient)).map(({ n }) => n)).toEqual([0, 1, 2, 3]);
  });
});

describe('a link that is cut while large messages are half sent', { timeout: 240_000 }, () => {
  const cuts = proofRuns(12);

  it(`goes on with them over the next: ${cuts} cuts, each message once and in order`, async () => {
    const random = seededRandom(cuts);
    let proxy!: Awaited<ReturnType<typeof chaosProxy>>;
    const system = await twoProcesses(async (to) => {
      proxy = await chaosProxy({ to, seed: 1 });
      ends.push(() => proxy.close());
      return proxy.address;
    });
    const [large, small] = [await system.spawn(store, { on }), await system.spawn(store, { on })];
    const hashes: string[] = [];
    let over = false;
    let sent = 0;
    const sending = (async () => {
      while (!over) {
        const data = patterned(8 * MiB + (random.u32() % MiB), sent);
        const hash = hashOf(data);
        large.keep({ n: sent, data: patterned(300_000) });
        large.keep({ n: sent + 1 });
        sent += 2;
        if ((await large.hash({ parts: [move(data)] }, patient)) !== hash) hashes.push(`${sent} differs`);
      }
    })();
    const asking = pings(small, sending);
    for (let cut = 0; cut < cuts; cut += 1) {
      await new Promise((resolve) => setTimeout(resolve, random.u32() % 60));
      proxy.reset();
      await expect.poll(() => system.nodes.length, { timeout: 20_000, interval: 2 }).toBe(1);
    }
    over = true;
    await sending;
    expect(await asking).toBeGreaterThan(0);
    expect(hashes).toEqual([]);
    expect((await large.kept(patient)).map(({ n }) => n)).toEqual(Array.from({ length: sent }, (_, n) => n));
  });
});

/** Reliable delivery between processes: over links that lose their session each time, and past a node that is killed. */
import { fileURLToPath } from 'node:url';
import {
  type ActorSystem,
  closureActor,
  createSystem,
  node,
  type SystemOptions,
  secret,
  thread,
  workersOf,
  workQueue,
} from 'troupe';
import { chaosProxy } from 'troupe/testing';
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { proofRuns } from '../support/proof-runs.ts';
import { Begun, Cruncher, cruncher, journal, teller } from './fixtures/delivered.ts';
import { endNode, type NodeProcess, secretFolder, startNode } from './node-process.ts';

const registry = new URL('./fixtures/delivered.ts', import.meta.url);
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const soon = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function secretFile(): Promise<string> {
  const folder = await secretFolder();
  ends.push(() => folder.remove());
  return folder.file;
}

async function startFar(file: string, ...more: string[]): Promise<NodeProcess> {
  const far = await startNode(file, undefined, ['--registry', fileURLToPath(registry), ...more]);
  ends.push(() => endNode(far));
  return far;
}

async function start(file: string, options: SystemOptions): Promise<ActorSystem> {
  const system = await createSystem({ registry, threads: 1, logLevel: 'silent', auth: secret({ file }), ...options });
  ends.push(() => system.shutdown({ deadlineMs: 500 }));
  return system;
}

const nodesOf = (system: ActorSystem, count: number) =>
  expect.poll(() => system.nodes.length, { timeout: 20_000, interval: 2 }).toBe(count);

describe('reliable delivery to another process', () => {
  const cuts = proofRuns(50);

  it(
    `is once and in order over ${cuts} links that are cut, each of which loses its session`,
    async () => {
      const random = seededRandom(cuts);
      const file = await secretFile();
      const far = await startFar(file, '--resume-ms', '0');
      const way = await chaosProxy({ to: far.address, seed: 1 });
      ends.push(() => way.close());
      const near = await start(file, { resumeMs: 0, join: [way.address] });
      await nodesOf(near, 1);
      const to = await near.spawn(journal, { on: node({ role: 'workers' }) });
      let lost = 0;
      near.losses.subscribe({
        next: ({ count }) => {
          lost += count;
        },
      });

      let over = false;
      const sent: Record<string, number> = {};
      const tellers = ['main', 'thread'].map(async (from) => {
        const by = await near.spawn(teller, from === 'main' ? {} : { on: thread() });
        let first = 0;
        while (!over) {
          const count = 50 + (random.u32() % 200);
          expect(await by.tell({ to, from, first, count }, { timeoutMs: 120_000 })).toBe(count);
          first += count;
          sent[from] = first;
        }
      });
      const failed: unknown[] = [];
      const telling = Promise.all(tellers).catch((error: unknown) => failed.push(error));
      for (let cut = 0; cut < cuts && failed.length === 0; cut += 1) {
        await soon(random.u32() % 60);
        if (random.u32() % 2 === 0) way.reset();
        else way.cut();
        await nodesOf(near, 0);
        way.mend();
        await nodesOf(near, 1);
      }
      over = true;
      await telling;
      expect(failed).toEqual([]);
      expect(await to.wrong()).toEqual([]);
      expect(await to.heard()).toEqual(sent);
      expect(way.statistics.connections).toBeGreaterThan(cuts);
      if (process.env.TROUPE_PROOF_RUNS !== undefined) {
        console.log({ cuts, sent, lost, deadLetters: near.statistics().deadLetters });
      }
    },
    60_000 + cuts * 3_000,
  );
});

describe('a queue of work over nodes', () => {
  it('has all work done when a node of workers is killed, and only what that had begun twice', async () => {
    const file = await secretFile();
    const doomed = await startFar(file, '--role', 'doomed');
    const other = await startFar(file, '--role', 'other');
    const system = await start(file, { join: [doomed.address, other.address], threads: 0 });
    await nodesOf(system, 2);
    const begun: { worker: string; n: number }[] = [];
    const log = await system.spawn(closureActor(Begun, z.object({}), () => ({ by: (one) => void begun.push(one) })));
    const workers = [];
    for (const role of ['doomed', 'other']) {
      for (let count = 0; count < 3; count += 1) {
        const args = { name: `${role} ${count}`, log };
        workers.push(await system.spawn(cruncher, { args, on: node({ role }) }));
      }
    }
    const work = workQueue(Cruncher, workers, { perWorker: 2, lostAfterMs: 500 });
    let done = 0;
    const results = Array.from({ length: 600 }, async (_, n) => {
      const result = await work.crunch(n);
      done += 1;
      return result;
    });
    await expect.poll(() => done, { interval: 1, timeout: 20_000 }).toBeGreaterThan(100);
    await endNode(doomed, 'SIGKILL');
    expect(await Promise.all(results)).toEqual(results.map((_, n) => n * n));
    const byNumber = new Map<number, string[]>();
    for (const { worker, n } of begun) byNumber.set(n, [...(byNumber.get(n) ?? []), worker]);
    const twice = [...byNumber.values()].filter(({ length }) => length > 1);
    // At most what its three workers had, two each; none is done twice by a worker that lives.
    expect(twice.length).toBeLessThanOrEqual(6);
    for (const [first, second, ...more] of twice) {
      expect([first!.startsWith('doomed'), second!.startsWith('other'), more]).toEqual([true, true, []]);
    }
    expect(begun.some(({ worker }) => worker.startsWith('doomed'))).toBe(true);
    expect(workersOf(work)).toHaveLength(6);
  }, 120_000);
});

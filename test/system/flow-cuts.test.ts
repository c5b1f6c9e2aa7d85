/** A flow over a link that is cut under load: within the window of its session nothing is lost, doubled or out of order. */
import { createSystem, secret } from 'troupe';
import { chaosProxy } from 'troupe/testing';
import { afterEach, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { proofRuns } from '../support/proof-runs.ts';
import { stopSource, thereAndBack } from './fixtures/flows.ts';
import { endNode, secretFolder, startNode } from './node-process.ts';

const registry = new URL('./fixtures/flows.ts', import.meta.url);
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const soon = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

// 100 of them in a full run.
const cuts = proofRuns(4);

it(
  `gives every element once and in order while the link to the other node is cut ${cuts} times`,
  async () => {
    const folder = await secretFolder();
    ends.push(() => folder.remove());
    const other = await startNode(folder.file, 'ws://127.0.0.1:0', ['--registry', registry.pathname]);
    ends.push(() => endNode(other));
    const way = await chaosProxy({ to: other.address, seed: 1 });
    ends.push(() => way.close());
    const system = await createSystem({
      registry,
      threads: 1,
      join: [way.address],
      auth: secret({ file: folder.file }),
      logLevel: 'silent',
    });
    ends.push(() => system.shutdown({ deadlineMs: 500 }));
    await expect.poll(() => system.nodes.length, { timeout: 20_000 }).toBe(1);

    const run = await system.run(thereAndBack, { args: {} });
    let read = 0;
    let wrong = 0;
    const reading = (async () => {
      for await (const n of run.output('back')) {
        if (n !== read) wrong += 1;
        read += 1;
      }
    })();
    const random = seededRandom(7);
    let ahead = 0;
    for (let cut = 0; cut < cuts; cut += 1) {
      const before = read;
      await expect.poll(() => read, { timeout: 30_000, interval: 5 }).toBeGreaterThan(before);
      await soon(random.u32() % 60);
      if (random.u32() % 2 === 0) way.reset();
      else way.cut();
      await soon(random.u32() % 100);
      way.mend();
      // As of its last report.
      ahead = Math.max(ahead, (run.statistics().stages.source?.out ?? 0) - read);
    }
    stopSource();
    await reading;
    await run.done;
    expect(wrong).toBe(0);
    const { stages } = run.statistics();
    expect(stages.source!.out).toBe(read);
    expect(stages.there).toMatchObject({ in: read, out: read });
    expect(way.statistics.connections).toBeGreaterThanOrEqual(cuts);
    // What is on its way is bounded: two edges, the side output and its reader.
    expect(ahead).toBeLessThan(run.bounds().elements);
    if (process.env.TROUPE_PROOF_RUNS !== undefined) console.log({ cuts, elements: read, ahead });
  },
  60_000 + cuts * 5_000,
);

/**
 * Boot: from the spawn that starts a worker to the first reply of the actor in it, plain JavaScript registry. Ratio: our
 * time over that of an empty worker's first message. `overNeeds` is over a worker that loads zod, which a registry is
 * written with, and msgpackr: what is left is ours to answer for.
 */
import { Worker } from 'node:worker_threads';
import { createSystem, thread } from 'troupe';
import { counter } from '../counter.mjs';
import { checkLedger, checkTotal, inTurns, nsEach, rounded } from '../measure.mjs';
import { registry } from '../second-node.mjs';

export async function run({ rounds, quick, isolation }) {
  const { cost, ratio } = await inTurns(
    quick ? 1 : rounds * 3,
    {
      bare: () => firstMessage('../bare/empty-worker.mjs'),
      needs: () => firstMessage('../bare/needy-worker.mjs'),
      ours: async () => {
        const system = await createSystem({ registry, threads: 1, isolation });
        const ns = await nsEach(1, async () => {
          const ref = await system.spawn(counter, { on: thread() });
          checkTotal('total', await ref.total(), 0);
        });
        checkLedger(system);
        await system.shutdown();
        return ns;
      },
    },
    quick ? 0 : 2,
  );
  return { ratio: ratio('ours', 'bare'), overNeeds: rounded(ratio('ours', 'needs')), isolation, ns: cost };
}

async function firstMessage(file) {
  let worker;
  const ns = await nsEach(1, async () => {
    worker = new Worker(new URL(file, import.meta.url));
    await new Promise((resolve) => worker.once('message', resolve));
  });
  await worker.terminate();
  return ns;
}

/**
 * Boot: from the spawn that starts a worker to the first reply of the actor in it, plain JavaScript registry. Ratio: our
 * time over that of an empty worker's first message.
 */
import { Worker } from 'node:worker_threads';
import { createSystem, thread } from 'troupe';
import { counter } from '../counter.mjs';
import { checkLedger, checkTotal, inTurns, nsEach } from '../measure.mjs';
import { registry } from '../second-node.mjs';

export async function run({ rounds, quick, isolation }) {
  const { cost, ratio } = await inTurns(
    quick ? 1 : rounds * 3,
    {
      bare: async () => {
        let worker;
        const ns = await nsEach(1, async () => {
          worker = new Worker(new URL('../bare/empty-worker.mjs', import.meta.url));
          await new Promise((resolve) => worker.once('message', resolve));
        });
        await worker.terminate();
        return ns;
      },
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
  return { ratio: ratio('ours', 'bare'), isolation, ns: cost };
}

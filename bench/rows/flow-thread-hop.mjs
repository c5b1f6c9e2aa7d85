/**
 * A flow whose elements all go to a worker, against credit, into one window. Ratio: our rate over that of one
 * postMessage per element to a worker that adds them up.
 */
import { Worker } from 'node:worker_threads';
import { createSystem } from 'troupe';
import { seen, threadHop, useElements } from '../flows.mjs';
import { checkLedger, checkTotal, inTurns, nsEach } from '../measure.mjs';

export async function run({ rounds, quick, isolation }) {
  const count = quick ? 2_000 : 300_000;
  const elements = useElements(count);
  const sum = (count * (count - 1)) / 2;
  const worker = new Worker(new URL('../bare/thread-peer.mjs', import.meta.url));
  const system = await createSystem({ registry: new URL('../flows.mjs', import.meta.url), threads: 1, isolation });
  let expectedBare = 0;
  const { cost, ratio } = await inTurns(rounds, {
    bare: () =>
      nsEach(count, async () => {
        for (const element of elements) worker.postMessage(element);
        expectedBare += sum;
        checkTotal('bare sum', await askTotal(worker), expectedBare);
      }),
    ours: () =>
      nsEach(count, async () => {
        Object.assign(seen, { count: 0, sum: 0 });
        const running = await system.run(threadHop, { args: {} });
        await running.done;
        checkTotal('elements', seen.count, count);
        checkTotal('sum', seen.sum, sum);
      }),
  });
  checkLedger(system);
  await system.shutdown();
  await worker.terminate();
  return { ratio: ratio('bare', 'ours'), isolation, ns: cost };
}

function askTotal(worker) {
  return new Promise((resolve) => {
    worker.once('message', ({ answer }) => resolve(answer));
    worker.postMessage({ type: 'total' });
  });
}

/** Tells from the main thread to an actor on a worker. Ratio: our rate over that of one postMessage per message. */
import { Worker } from 'node:worker_threads';
import { createSystem, thread } from 'troupe';
import { counter } from '../counter.mjs';
import { checkLedger, checkTotal, inTurns, nsEach } from '../measure.mjs';
import { registry } from '../second-node.mjs';
import { tellMany } from '../telling.mjs';

export async function run({ rounds, quick, isolation }) {
  const posted = quick ? 1_000 : 100_000;
  const told = quick ? 1_000 : 500_000;
  const worker = new Worker(new URL('../bare/thread-peer.mjs', import.meta.url));
  const system = await createSystem({ registry, threads: 1, isolation });
  const ref = await system.spawn(counter, { on: thread() });
  let expectedBare = 0;
  let expected = 0;
  const { cost, ratio } = await inTurns(rounds, {
    bare: () =>
      nsEach(posted, async () => {
        for (let sent = 0; sent < posted; sent += 1) worker.postMessage({ type: 'inc', n: 1, id: 'abc' });
        expectedBare += posted;
        checkTotal('bare total', await askTotal(worker), expectedBare);
      }),
    ours: () =>
      nsEach(told, async () => {
        expected += told;
        checkTotal('total', await tellMany(ref, told), expected);
      }),
  });
  checkLedger(system);
  await system.shutdown();
  await worker.terminate();
  return { ratio: ratio('bare', 'ours'), isolation, ns: cost };
}

function askTotal(worker) {
  return new Promise((resolve) => {
    worker.once('message', resolve);
    worker.postMessage({ type: 'total' });
  });
}

/** Asks to an actor on a worker, 64 at a time, deadlines on. Ratio: our rate over one postMessage each way. */
import { createSystem, thread } from 'troupe';
import { askAtDepth } from '../ask-at-depth.mjs';
import { BareThreads } from '../bare/threads.mjs';
import { counter } from '../counter.mjs';
import { checkLedger, checkTotal, inTurns, nsEach } from '../measure.mjs';
import { registry } from '../second-node.mjs';

const depth = 64;

export async function run({ rounds, quick, isolation }) {
  const count = depth * (quick ? 10 : 1_500);
  const bare = new BareThreads(1);
  const system = await createSystem({ registry, threads: 1, isolation });
  const ref = await system.spawn(counter, { on: thread() });
  const expected = { bare: 0, ours: 0 };
  const asking = (name, add) => () =>
    nsEach(count, async () => {
      expected[name] += count;
      checkTotal(`${name}: the highest total`, await askAtDepth(depth, count, add), expected[name]);
    });
  const { cost, ratio } = await inTurns(rounds, {
    bare: asking('bare', (message) => bare.add(message)),
    ours: asking('ours', (message) => ref.add(message)),
  });
  checkLedger(system);
  await system.shutdown();
  await bare.end();
  return { ratio: ratio('bare', 'ours'), isolation, ns: cost };
}

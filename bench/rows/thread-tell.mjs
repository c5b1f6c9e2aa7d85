/**
 * Tells from the main thread to an actor on each of some workers, in turn. Ratio: our rate over that of one postMessage
 * per message to as many workers. comedy's threaded mode runs beside it where it is installed.
 */
import { createSystem, thread } from 'troupe';
import { BareThreads } from '../bare/threads.mjs';
import { counter } from '../counter.mjs';
import { checkLedger, checkTotal, inTurns, nsEach, rounded } from '../measure.mjs';
import { comedyCounters } from '../peers/threads.mjs';
import { registry } from '../second-node.mjs';
import { tellMany } from '../telling.mjs';

export async function run({ rounds, quick, isolation, workers }) {
  const posted = quick ? 1_000 : 100_000;
  const told = quick ? 1_000 : 500_000;
  const slow = quick ? 1_000 : 20_000;
  const bare = new BareThreads(workers);
  const comedy = await comedyCounters(workers);
  const system = await createSystem({ registry, threads: workers, isolation });
  const refs = [];
  for (let index = 0; index < workers; index += 1) refs.push(await system.spawn(counter, { on: thread() }));
  const expected = { bare: 0, ours: 0, comedy: 0 };
  const telling = (name, count, tell) => () =>
    nsEach(count, async () => {
      expected[name] += count;
      checkTotal(`${name}: total`, await tell(count), expected[name]);
    });
  const { cost, ratio } = await inTurns(rounds, {
    bare: telling('bare', posted, (count) => bare.tell(count)),
    ours: telling('ours', told, (count) => tellMany(refs, count)),
    ...(comedy === undefined ? {} : { comedy: telling('comedy', slow, (count) => comedy.tell(count)) }),
  });
  checkLedger(system);
  await system.shutdown();
  await bare.end();
  await comedy?.end();
  const overComedy = comedy === undefined ? {} : { overComedy: rounded(ratio('comedy', 'ours')) };
  return { ratio: ratio('bare', 'ours'), isolation, workers, ...overComedy, ns: cost };
}

/** Counting: one actor adds up what code outside tells it in bursts of 1,000. Ratio: our rate over the bare loop's. */
import { createSystem } from 'troupe';
import { QueueLoop } from '../bare/queue-loop.mjs';
import { counter } from '../counter.mjs';
import { checkLedger, checkTotal, inTurns, nsEach, nsEachSync } from '../measure.mjs';

const burst = 1_000;

export async function run({ rounds, quick, isolation }) {
  const count = quick ? 2 * burst : 1_000_000;
  const system = await createSystem({ isolation });
  const ref = await system.spawn(counter);
  let expected = 0;
  const { cost, ratio } = await inTurns(rounds, {
    bare: () => nsEachSync(count, () => checkTotal('bare total', new QueueLoop().run(count, burst), count)),
    ours: () =>
      nsEach(count, async () => {
        let total = 0;
        for (let sent = 0; sent < count; sent += burst) {
          for (let index = 0; index < burst; index += 1) ref.inc({ type: 'inc', n: 1, id: 'abc' });
          total = await ref.total();
        }
        expected += count;
        checkTotal('total', total, expected);
      }),
  });
  checkLedger(system);
  await system.shutdown();
  return { ratio: ratio('bare', 'ours'), isolation, ns: cost };
}

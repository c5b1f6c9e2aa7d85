/** Growth trap: the cost of a message in bursts of 1,000 over that in bursts of 10, from one actor to another. */
import { createSystem } from 'troupe';
import { counter, sender } from '../counter.mjs';
import { checkLedger, checkTotal, inTurns, nsEach } from '../measure.mjs';

export async function run({ rounds, quick, isolation }) {
  const count = quick ? 2_000 : 500_000;
  const system = await createSystem({ isolation });
  const to = await system.spawn(counter);
  const from = await system.spawn(sender);
  let expected = 0;
  const send = (burst) =>
    nsEach(count, async () => {
      expected += count;
      from.send({ to, count, burst });
      for (;;) {
        const total = await to.total();
        if (total === expected) return;
        if (total > expected) checkTotal('total', total, expected);
        await new Promise(setImmediate);
      }
    });
  const { cost, ratio } = await inTurns(rounds, { tens: () => send(10), thousands: () => send(1_000) });
  checkLedger(system);
  await system.shutdown();
  return { ratio: ratio('thousands', 'tens'), isolation, ns: cost };
}

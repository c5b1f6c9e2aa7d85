/** Asks that are delivered reliably, 64 at a time, on one thread. Ratio: the time of one over that of a plain ask. */
import { createSystem, reliable } from 'troupe';
import { askAtDepth } from '../ask-at-depth.mjs';
import { counter } from '../counter.mjs';
import { checkLedger, checkTotal, inTurns, nsEach } from '../measure.mjs';

const depth = 64;

export async function run({ rounds, quick, isolation }) {
  const count = depth * (quick ? 10 : 1_500);
  const system = await createSystem({ isolation });
  const ref = await system.spawn(counter);
  const out = reliable(ref);
  let expected = 0;
  const asking = (name, add) => () =>
    nsEach(count, async () => {
      expected += count;
      checkTotal(`${name}: the highest total`, await askAtDepth(depth, count, add), expected);
    });
  const { cost, ratio } = await inTurns(rounds, {
    bare: asking('bare', (message) => ref.add(message)),
    ours: asking('ours', (message) => out.add(message)),
  });
  checkLedger(system);
  await system.shutdown();
  return { ratio: ratio('ours', 'bare'), isolation, ns: cost };
}

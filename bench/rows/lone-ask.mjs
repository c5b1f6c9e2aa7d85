/** A lone ask: the next is sent when the reply is there; the default deadline runs. Ratio: our time over a bare await's. */
import { createSystem } from 'troupe';
import { counter } from '../counter.mjs';
import { checkLedger, checkTotal, inTurns, nsEach } from '../measure.mjs';

export async function run({ rounds, quick, isolation }) {
  const count = quick ? 1_000 : 200_000;
  const system = await createSystem({ isolation });
  const ref = await system.spawn(counter);
  let expected = 0;
  const { cost, ratio } = await inTurns(rounds, {
    bare: () => nsEach(count, () => askFunction(count)),
    ours: () =>
      nsEach(count, async () => {
        let total = 0;
        for (let sent = 0; sent < count; sent += 1) total = await ref.add({ type: 'inc', n: 1, id: 'abc' });
        expected += count;
        checkTotal('total', total, expected);
      }),
  });
  checkLedger(system);
  await system.shutdown();
  return { ratio: ratio('ours', 'bare'), isolation, ns: cost };
}

/** What one writes without actors: call the function, await its reply. */
async function askFunction(count) {
  const state = { total: 0 };
  const add = async (message) => {
    state.total += message.n;
    return state.total;
  };
  let total = 0;
  for (let sent = 0; sent < count; sent += 1) total = await add({ type: 'inc', n: 1, id: 'abc' });
  checkTotal('bare total', total, count);
}

/** Code outside asks one actor, the next time when the reply is there. The default deadline runs. */
import { createSystem } from 'troupe';
import { counter } from '../counter.mjs';
import { checkLedger, checkTotal } from '../measure.mjs';

export async function open({ isolation }) {
  const system = await createSystem({ isolation });
  const ref = await system.spawn(counter);
  let expected = 0;
  return {
    async pass(count) {
      let total = 0;
      for (let asked = 0; asked < count; asked += 1) total = await ref.add({ type: 'inc', n: 1, id: 'abc' });
      expected += count;
      checkTotal('total', total, expected);
    },
    async close() {
      checkLedger(system);
      await system.shutdown();
    },
  };
}

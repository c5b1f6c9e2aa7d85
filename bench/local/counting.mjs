/** One actor counts what code outside tells it, in bursts of 1,000. */
import { createSystem } from 'troupe';
import { counter } from '../counter.mjs';
import { checkLedger, checkTotal } from '../measure.mjs';

const burst = 1_000;

export async function open({ isolation }) {
  const system = await createSystem({ isolation });
  const ref = await system.spawn(counter);
  let expected = 0;
  return {
    async pass(count) {
      for (let sent = 0; sent < count; sent += burst) {
        for (let index = 0; index < burst; index += 1) ref.inc({ type: 'inc', n: 1, id: 'abc' });
        expected += burst;
        checkTotal('total', await ref.total(), expected);
      }
    },
    async close() {
      checkLedger(system);
      await system.shutdown();
    },
  };
}

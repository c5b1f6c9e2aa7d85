/** Our own link: two nodes with a shared secret, default isolation, sessions, credit and deadlines, as a user has them. */
import { node } from 'troupe';
import { checkLedger } from '../measure.mjs';
import { joinSecondNode } from '../second-node.mjs';
import { orderedCounter } from './ordered-counter.mjs';

export async function open() {
  const registry = new URL('./ordered-counter.mjs', import.meta.url);
  const { system, role, pid, end } = await joinSecondNode('parse', registry);
  const ref = await system.spawn(orderedCounter, { on: node({ role }) });
  return {
    pids: [pid],
    ordered: true,
    /** A tell that answers false asks its sender to offer the next one, which waits for room. */
    async tellAll(count) {
      let room = true;
      for (let n = 1; n <= count; n += 1) {
        if (room) room = ref.inc({ type: 'inc', n, id: 'abc' });
        else {
          await ref.inc.offer({ type: 'inc', n, id: 'abc' });
          room = true;
        }
      }
    },
    tally: () => ref.tally({ timeoutMs: 60_000 }),
    add: (message) => ref.add(message),
    async close() {
      checkLedger(system);
      await end();
    },
  };
}

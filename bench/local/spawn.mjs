/** Code outside starts actors and tells each one message; the one that gets the last message ends the pass. */
import { actor, createSystem, protocol, stop, tell } from 'troupe';
import * as z from 'zod';
import { Finish } from '../finish.mjs';
import { checkLedger, checkTotal } from '../measure.mjs';
import { smallMessage } from './small-message.mjs';

const finish = new Finish();
/** Messages that actors of this pass have yet to handle. */
let left = 0;

const Newborn = protocol('bench-newborn', { inc: tell(smallMessage) });

const newborn = actor(
  Newborn,
  { args: z.object({}), state: () => ({ total: 0 }) },
  {
    inc: (state, { n }) => {
      state.total += n;
      left -= n;
      if (left === 0) finish.over();
    },
  },
);

export async function open({ isolation }) {
  const system = await createSystem({ isolation });
  const refs = [];
  return {
    async pass(count) {
      left = count;
      const over = finish.next();
      for (let spawned = 0; spawned < count; spawned += 1) {
        const ref = await system.spawn(newborn);
        ref.inc({ type: 'inc', n: 1, id: 'abc' });
        refs.push(ref);
      }
      await over;
      checkTotal('messages left', left, 0);
    },
    async clear() {
      // Some at a time, so that a million actors do not end at once.
      while (refs.length > 0) await Promise.all(refs.splice(-10_000).map((ref) => stop(ref)));
    },
    async close() {
      checkLedger(system);
      await system.shutdown();
    },
  };
}

/** Eight producers offer items to one consumer, whose mailbox of four is the buffer: an offer waits for room. */
import { actor, ask, createSystem, protocol, refOf, tell } from 'troupe';
import * as z from 'zod';
import { Finish } from '../finish.mjs';
import { checkLedger, checkTotal } from '../measure.mjs';
import { sizes } from '../sizes.mjs';
import { smallMessage } from './small-message.mjs';

const finish = new Finish();

const Consumer = protocol('bench-consumer', { put: tell(smallMessage), total: ask({ output: z.number() }) });

const consumer = actor(
  Consumer,
  {
    args: z.object({}),
    state: () => ({ total: 0 }),
    // One more than the buffer, for the question at the end.
    mailbox: { highWater: sizes.bufferItems, capacity: sizes.bufferItems + 1 },
  },
  {
    put: (state, { n }) => {
      state.total += n;
    },
    total: (state) => state.total,
  },
);

/** Producers of this pass that have items left. */
let producing = 0;

const Producer = protocol('bench-producer', { produce: tell(z.object({ to: refOf(Consumer), count: z.number() })) });

const producer = actor(
  Producer,
  { args: z.object({}), state: () => ({}) },
  {
    produce: async (_state, { to, count }) => {
      for (let made = 0; made < count; made += 1) await to.put.offer({ type: 'inc', n: 1, id: 'abc' });
      producing -= 1;
      if (producing === 0) finish.over();
    },
  },
);

export async function open({ isolation }) {
  const system = await createSystem({ isolation });
  const to = await system.spawn(consumer);
  const producers = [];
  for (let index = 0; index < sizes.producers; index += 1) producers.push(await system.spawn(producer));
  let expected = 0;
  return {
    async pass(count) {
      const over = finish.next();
      producing = producers.length;
      for (const ref of producers) ref.produce({ to, count: count / producers.length });
      await over;
      expected += count;
      checkTotal('items', await to.total(), expected);
    },
    async close() {
      checkLedger(system);
      await system.shutdown();
    },
  };
}

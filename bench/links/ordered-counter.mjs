/** The actor that receives, as a user would write it; the default export is the registry of its node. */
import { actor, ask, protocol, registry, tell } from 'troupe';
import * as z from 'zod';

const message = z.object({ type: z.literal('inc'), n: z.number(), id: z.string() });
const figures = z.object({ count: z.number(), sum: z.number(), outOfOrder: z.number() });

export const OrderedCounter = protocol('bench-ordered-counter', {
  inc: tell(message),
  tally: ask({ output: figures }),
  add: ask({ input: message, output: z.number() }),
});

const nothing = () => ({ count: 0, sum: 0, outOfOrder: 0, last: 0 });

export const orderedCounter = actor(
  OrderedCounter,
  { args: z.object({}), state: () => ({ ...nothing(), total: 0 }) },
  {
    inc: (state, { n }) => {
      state.count += 1;
      state.sum += n;
      if (n !== state.last + 1) state.outOfOrder += 1;
      state.last = n;
    },
    tally: (state) => {
      const { count, sum, outOfOrder } = state;
      Object.assign(state, nothing());
      return { count, sum, outOfOrder };
    },
    add: (state, { n }) => {
      state.total += n;
      return state.total;
    },
  },
);

export default registry(orderedCounter);

/** A hundred creatures come to a broker, which pairs them; each pair swaps colours, and both come again. */
import { actor, createSystem, protocol, refOf, refTo, tell } from 'troupe';
import * as z from 'zod';
import { Finish } from '../finish.mjs';
import { checkLedger, checkTotal } from '../measure.mjs';
import { colourOf, complement } from '../problems.mjs';
import { sizes } from '../sizes.mjs';

const finish = new Finish();
/** What the creatures of this pass counted: twice its meetings. */
const pass = { meetings: 0 };

const colour = z.enum(['blue', 'red', 'yellow']);
const Broker = protocol('bench-broker', {
  open: tell(z.object({ count: z.number() })),
  meet: tell(z.object({ from: refTo('bench-creature'), colour })),
});
const Creature = protocol('bench-creature', {
  go: tell(z.object({ broker: refOf(Broker) })),
  met: tell(z.object({ colour })),
  closed: tell(),
});

const broker = actor(
  Broker,
  { args: z.object({}), state: () => ({ left: 0, waiting: undefined }) },
  {
    open: (state, { count }) => {
      state.left = count;
      state.waiting = undefined;
    },
    meet: (state, visitor) => {
      if (state.left === 0) return;
      const { waiting } = state;
      if (waiting === undefined) {
        state.waiting = visitor;
        return;
      }
      state.waiting = undefined;
      state.left -= 1;
      waiting.from.met({ colour: visitor.colour });
      visitor.from.met({ colour: waiting.colour });
      if (state.left === 0) visitor.from.closed();
    },
  },
);

const creature = actor(
  Creature,
  { args: z.object({ colour }), state: (args) => ({ colour: args.colour, broker: undefined }) },
  {
    go: (state, message, context) => {
      state.broker = message.broker;
      state.broker.meet({ from: context.self, colour: state.colour });
    },
    met: (state, other, context) => {
      pass.meetings += 1;
      state.colour = complement(state.colour, other.colour);
      state.broker.meet({ from: context.self, colour: state.colour });
    },
    closed: () => finish.over(),
  },
);

export async function open({ isolation }) {
  const system = await createSystem({ isolation });
  const mall = await system.spawn(broker);
  const creatures = [];
  for (let index = 0; index < sizes.creatures; index += 1) {
    creatures.push(await system.spawn(creature, { args: { colour: colourOf(index) } }));
  }
  return {
    async pass(count) {
      const over = finish.next();
      pass.meetings = 0;
      mall.open({ count });
      for (const ref of creatures) ref.go({ broker: mall });
      await over;
      checkTotal('meetings', pass.meetings, 2 * count);
    },
    async close() {
      await new Promise(setImmediate);
      checkLedger(system);
      await system.shutdown();
    },
  };
}

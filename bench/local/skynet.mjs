/** A tree of actors: each starts ten children, down to leaves that report their number; sums come back up. */
import { actor, createSystem, protocol, refTo, tell } from 'troupe';
import * as z from 'zod';
import { Finish } from '../finish.mjs';
import { checkLedger, checkTotal } from '../measure.mjs';
import { leavesOf, sumBelow } from '../problems.mjs';

const finish = new Finish();
const pass = { sum: 0 };

const Member = protocol('bench-skynet', {
  grow: tell(z.object({ first: z.number(), leaves: z.number(), parent: refTo('bench-skynet').optional() })),
  report: tell(z.object({ sum: z.number() })),
});

const member = actor(
  Member,
  { args: z.object({}), state: () => ({ parent: undefined, missing: 10, sum: 0 }) },
  {
    grow: (state, { first, leaves, parent }, context) => {
      if (leaves === 1) {
        parent.report({ sum: first });
        context.stop();
        return;
      }
      state.parent = parent;
      const share = leaves / 10;
      for (let index = 0; index < 10; index += 1) {
        context.spawn(member).grow({ first: first + index * share, leaves: share, parent: context.self });
      }
    },
    report: (state, { sum }, context) => {
      state.missing -= 1;
      state.sum += sum;
      if (state.missing > 0) return;
      if (state.parent === undefined) {
        pass.sum = state.sum;
        finish.over();
      } else state.parent.report({ sum: state.sum });
      context.stop();
    },
  },
);

export async function open({ isolation }) {
  const system = await createSystem({ isolation });
  return {
    async pass(count) {
      const over = finish.next();
      const leaves = leavesOf(count);
      (await system.spawn(member)).grow({ first: 0, leaves });
      await over;
      checkTotal('sum', pass.sum, sumBelow(leaves));
    },
    async close() {
      checkLedger(system);
      await system.shutdown();
    },
  };
}

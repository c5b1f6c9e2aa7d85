/** A parent starts children and tells each to work; each reports to it and ends. */
import { actor, createSystem, protocol, refTo, tell } from 'troupe';
import * as z from 'zod';
import { Finish } from '../finish.mjs';
import { checkLedger } from '../measure.mjs';

const finish = new Finish();

const Child = protocol('bench-child', { work: tell(z.object({ n: z.number(), parent: refTo('bench-parent') })) });
const Parent = protocol('bench-parent', {
  fork: tell(z.object({ count: z.number() })),
  report: tell(z.object({ n: z.number() })),
});

const child = actor(
  Child,
  { args: z.object({}), state: () => ({}) },
  {
    work: (_state, { n, parent }, context) => {
      parent.report({ n });
      context.stop();
    },
  },
);

const parent = actor(
  Parent,
  { args: z.object({}), state: () => ({ left: 0 }) },
  {
    fork: (state, { count }, context) => {
      state.left = count;
      for (let forked = 0; forked < count; forked += 1) context.spawn(child).work({ n: 1, parent: context.self });
    },
    report: (state, { n }) => {
      state.left -= n;
      if (state.left === 0) finish.over();
    },
  },
);

export async function open({ isolation }) {
  const system = await createSystem({ isolation });
  const ref = await system.spawn(parent);
  return {
    async pass(count) {
      const over = finish.next();
      ref.fork({ count });
      await over;
    },
    async close() {
      checkLedger(system);
      await system.shutdown();
    },
  };
}

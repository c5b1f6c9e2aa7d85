/** One message goes around a ring of 503 actors. Its `n` says how many hops are to follow. */
import { actor, ask, createSystem, protocol, refTo, tell } from 'troupe';
import * as z from 'zod';
import { Finish } from '../finish.mjs';
import { checkLedger, checkTotal } from '../measure.mjs';
import { smallMessage } from './small-message.mjs';

const members = 503;
const finish = new Finish();

const Member = protocol('bench-ring-member', {
  link: tell(z.object({ next: refTo('bench-ring-member') })),
  pass: tell(smallMessage),
  passed: ask({ output: z.number() }),
});

const member = actor(
  Member,
  { args: z.object({}), state: () => ({ next: undefined, passed: 0 }) },
  {
    link: (state, { next }) => {
      state.next = next;
    },
    pass: (state, { n }) => {
      state.passed += 1;
      if (n > 0) state.next.pass({ type: 'inc', n: n - 1, id: 'abc' });
      else finish.over();
    },
    passed: (state) => state.passed,
  },
);

export async function open({ isolation }) {
  const system = await createSystem({ isolation });
  const ring = [];
  for (let index = 0; index < members; index += 1) ring.push(await system.spawn(member));
  ring.forEach((ref, index) => {
    ref.link({ next: ring[(index + 1) % members] });
  });
  let expected = 0;
  return {
    async pass(count) {
      const over = finish.next();
      ring[0].pass({ type: 'inc', n: count - 1, id: 'abc' });
      await over;
      expected += count;
    },
    async close() {
      const passed = await Promise.all(ring.map((ref) => ref.passed()));
      checkTotal(
        'hops',
        passed.reduce((sum, hops) => sum + hops, 0),
        expected,
      );
      checkLedger(system);
      await system.shutdown();
    },
  };
}

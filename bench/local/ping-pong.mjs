/** Two actors answer each other's tells. A hit's `n` says how many are to follow. */
import { actor, ask, createSystem, protocol, refTo, tell } from 'troupe';
import * as z from 'zod';
import { Finish } from '../finish.mjs';
import { checkLedger, checkTotal } from '../measure.mjs';
import { smallMessage } from './small-message.mjs';

const finish = new Finish();

const Player = protocol('bench-player', {
  join: tell(z.object({ peer: refTo('bench-player') })),
  hit: tell(smallMessage),
  hits: ask({ output: z.number() }),
});

const player = actor(
  Player,
  { args: z.object({}), state: () => ({ peer: undefined, hits: 0 }) },
  {
    join: (state, { peer }) => {
      state.peer = peer;
    },
    hit: (state, { n }) => {
      state.hits += 1;
      if (n > 0) state.peer.hit({ type: 'inc', n: n - 1, id: 'abc' });
      else finish.over();
    },
    hits: (state) => state.hits,
  },
);

export async function open({ isolation }) {
  const system = await createSystem({ isolation });
  const [left, right] = [await system.spawn(player), await system.spawn(player)];
  left.join({ peer: right });
  right.join({ peer: left });
  let expected = 0;
  return {
    async pass(count) {
      const over = finish.next();
      left.hit({ type: 'inc', n: count - 1, id: 'abc' });
      await over;
      expected += count;
    },
    async close() {
      checkTotal('hits', (await left.hits()) + (await right.hits()), expected);
      checkLedger(system);
      await system.shutdown();
    },
  };
}

/** Ping-pong: two actors answer each other's tells, one message on its way. Ratio: our rate over the bare loop's. */
import { actor, createSystem, protocol, refTo, tell } from 'troupe';
import * as z from 'zod';
import { bounce } from '../bare/ping-pong-loop.mjs';
import { checkLedger, checkTotal, inTurns, nsEach, nsEachSync } from '../measure.mjs';

const message = z.object({ type: z.literal('inc'), n: z.number(), id: z.string() });
const Player = protocol('bench-player', { join: tell(z.object({ peer: refTo('bench-player') })), hit: tell(message) });

/** What the players have hit; the game is over at `hitsMax`. */
const game = { hits: 0, hitsMax: 0, over: () => undefined };

const player = actor(
  Player,
  { args: z.object({}), state: () => ({ peer: undefined }) },
  {
    join: (state, { peer }) => {
      state.peer = peer;
    },
    hit: (state, { n }) => {
      game.hits += n;
      if (game.hits < game.hitsMax) state.peer.hit({ type: 'inc', n: 1, id: 'abc' });
      else game.over();
    },
  },
);

export async function run({ rounds, quick, isolation }) {
  const hits = quick ? 1_000 : 500_000;
  const system = await createSystem({ isolation });
  const [left, right] = [await system.spawn(player), await system.spawn(player)];
  left.join({ peer: right });
  right.join({ peer: left });
  const { cost, ratio } = await inTurns(rounds, {
    bare: () => nsEachSync(hits, () => checkTotal('bare hits', bounce(hits), hits)),
    ours: () =>
      nsEach(hits, async () => {
        await new Promise((resolve) => {
          Object.assign(game, { hits: 0, hitsMax: hits, over: resolve });
          left.hit({ type: 'inc', n: 1, id: 'abc' });
        });
        checkTotal('hits', game.hits, hits);
      }),
  });
  await new Promise(setImmediate);
  checkLedger(system);
  await system.shutdown();
  return { ratio: ratio('bare', 'ours'), isolation, ns: cost };
}

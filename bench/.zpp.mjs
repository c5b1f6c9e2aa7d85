import { actor, createSystem, protocol, refTo, tell } from 'troupe';
import * as z from 'zod';
import { bounce } from './bare/ping-pong-loop.mjs';
const message = z.object({ type: z.literal('inc'), n: z.number(), id: z.string() });
const Player = protocol('bench-player', { join: tell(z.object({ peer: refTo('bench-player') })), hit: tell(message) });
const game = { hits: 0, hitsMax: 0, over: () => undefined };
const player = actor(Player, { args: z.object({}), state: () => ({ peer: undefined }) }, {
    join: (state, { peer }) => { state.peer = peer; },
    hit: (state, { n }) => { game.hits += n; if (game.hits < game.hitsMax) state.peer.hit({ type: 'inc', n: 1, id: 'abc' }); else game.over(); },
});
const system = await createSystem({ isolation: process.argv[2] });
const [left, right] = [await system.spawn(player), await system.spawn(player)];
left.join({ peer: right }); right.join({ peer: left });
const cpu = () => { const u = process.cpuUsage(); return (u.user + u.system) * 1000; };
const N = 500_000; let bare = 1e9, ours = 1e9;
for (let r = 0; r < 25; r++) {
  let t0 = cpu(); bounce(N); let t1 = cpu();
  await new Promise((resolve) => { Object.assign(game, { hits: 0, hitsMax: N, over: resolve }); left.hit({ type: 'inc', n: 1, id: 'abc' }); });
  let t2 = cpu(); bare = Math.min(bare, (t1 - t0) / N); ours = Math.min(ours, (t2 - t1) / N);
}
console.log('pingpong', process.argv[2], 'bare', bare.toFixed(1), 'ours', ours.toFixed(1), 'ratio', (bare / ours).toFixed(3));
await system.shutdown();

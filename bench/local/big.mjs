/** A hundred actors ping each other, each the next one that its seed names when the pong of the last is there. */
import { actor, createSystem, protocol, refTo, tell } from 'troupe';
import * as z from 'zod';
import { Finish } from '../finish.mjs';
import { checkLedger, checkTotal } from '../measure.mjs';
import { nextSeed } from '../problems.mjs';
import { sizes } from '../sizes.mjs';

const finish = new Finish();
/** Pingers of this pass that have pings left, and the pongs that all of them got. */
const pass = { pinging: 0, pongs: 0 };

const pingerRef = refTo('bench-pinger');
const Pinger = protocol('bench-pinger', {
  meet: tell(z.object({ everyone: z.array(pingerRef) })),
  go: tell(z.object({ count: z.number() })),
  ping: tell(z.object({ from: pingerRef, id: z.string() })),
  pong: tell(z.object({ id: z.string() })),
});

const pinger = actor(
  Pinger,
  { args: z.object({ seed: z.number() }), state: ({ seed }) => ({ seed, everyone: [], left: 0 }) },
  {
    meet: (state, { everyone }) => {
      state.everyone = everyone;
    },
    go: (state, { count }, context) => {
      state.left = count;
      pingNext(state, context.self);
    },
    ping: (_state, { from, id }) => {
      from.pong({ id });
    },
    pong: (state, _message, context) => {
      pass.pongs += 1;
      state.left -= 1;
      if (state.left > 0) pingNext(state, context.self);
      else {
        pass.pinging -= 1;
        if (pass.pinging === 0) finish.over();
      }
    },
  },
);

function pingNext(state, from) {
  state.seed = nextSeed(state.seed);
  state.everyone[state.seed % state.everyone.length].ping({ from, id: 'abc' });
}

export async function open({ isolation }) {
  const system = await createSystem({ isolation });
  const pingers = [];
  for (let index = 0; index < sizes.pingers; index += 1) {
    pingers.push(await system.spawn(pinger, { args: { seed: index + 1 } }));
  }
  for (const ref of pingers) ref.meet({ everyone: pingers });
  return {
    async pass(count) {
      const over = finish.next();
      pass.pinging = pingers.length;
      pass.pongs = 0;
      for (const ref of pingers) ref.go({ count: count / pingers.length });
      await over;
      checkTotal('pongs', pass.pongs, count);
    },
    async close() {
      checkLedger(system);
      await system.shutdown();
    },
  };
}

/** Ten senders tell one actor, 100 messages in each of their turns. */
import { actor, ask, createSystem, protocol, refOf, tell } from 'troupe';
import * as z from 'zod';
import { Finish } from '../finish.mjs';
import { checkLedger, checkTotal } from '../measure.mjs';
import { smallMessage } from './small-message.mjs';

const senders = 10;
const burst = 100;
const finish = new Finish();

const Sink = protocol('bench-sink', {
  expect: tell(z.object({ total: z.number() })),
  inc: tell(smallMessage),
  total: ask({ output: z.number() }),
});

const sink = actor(
  Sink,
  { args: z.object({}), state: () => ({ total: 0, expected: 0 }) },
  {
    expect: (state, { total }) => {
      state.expected = total;
    },
    inc: (state, { n }) => {
      state.total += n;
      if (state.total === state.expected) finish.over();
    },
    total: (state) => state.total,
  },
);

const Sender = protocol('bench-fan-in-sender', { send: tell(z.object({ to: refOf(Sink), count: z.number() })) });

const sender = actor(
  Sender,
  { args: z.object({}), state: () => ({ to: undefined, left: 0 }), internal: { next: tell() } },
  {
    send: (state, { to, count }, context) => {
      state.to = to;
      state.left = count;
      context.self.next();
    },
    next: (state, _message, context) => {
      const { to } = state;
      for (let sent = 0; sent < burst; sent += 1) to.inc({ type: 'inc', n: 1, id: 'abc' });
      state.left -= burst;
      if (state.left > 0) context.self.next();
    },
  },
);

export async function open({ isolation }) {
  const system = await createSystem({ isolation });
  const to = await system.spawn(sink);
  const from = [];
  for (let index = 0; index < senders; index += 1) from.push(await system.spawn(sender));
  let expected = 0;
  return {
    async pass(count) {
      const over = finish.next();
      expected += count;
      to.expect({ total: expected });
      for (const ref of from) ref.send({ to, count: count / senders });
      await over;
    },
    async close() {
      checkTotal('total', await to.total(), expected);
      checkLedger(system);
      await system.shutdown();
    },
  };
}

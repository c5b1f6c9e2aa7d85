/** The actors that the rows talk to, written as a user would; the default export is the registry for other places. */
import { actor, ask, bytes, protocol, refOf, registry, tell } from 'troupe';
import * as z from 'zod';

/** The small message of every row. */
const message = z.object({ type: z.literal('inc'), n: z.number(), id: z.string() });

export const Counter = protocol('bench-counter', {
  inc: tell(message),
  add: ask({ input: message, output: z.number() }),
  total: ask({ output: z.number() }),
});

export const counter = actor(
  Counter,
  { args: z.object({}), state: () => ({ total: 0 }) },
  {
    inc: (state, { n }) => {
      state.total += n;
    },
    add: (state, { n }) => {
      state.total += n;
      return state.total;
    },
    total: (state) => state.total,
  },
);

/** Sends `count` messages to `to` in bursts of `burst`, with a message to itself between two bursts. */
export const Sender = protocol('bench-sender', {
  send: tell(z.object({ to: refOf(Counter), count: z.number(), burst: z.number() })),
});

export const sender = actor(
  Sender,
  {
    args: z.object({}),
    state: () => ({ to: undefined, left: 0, burst: 0, self: undefined }),
    internal: { next: tell() },
  },
  {
    send: (state, { to, count, burst }, context) => {
      state.to = to;
      state.left = count;
      state.burst = burst;
      state.self = context.self;
      state.self.next();
    },
    next: (state) => {
      const { to, burst } = state;
      for (let sent = 0; sent < burst; sent += 1) to.inc({ type: 'inc', n: 1, id: 'abc' });
      state.left -= burst;
      if (state.left > 0) state.self.next();
    },
  },
);

/** Takes bytes and keeps none of them. */
export const Sink = protocol('bench-sink', {
  put: tell(z.object({ data: bytes() })),
  received: ask({ output: z.number() }),
});

export const sink = actor(
  Sink,
  { args: z.object({}), state: () => ({ bytes: 0 }) },
  {
    put: (state, { data }) => {
      state.bytes += data.byteLength;
    },
    received: (state) => state.bytes,
  },
);

export default registry(counter, sender, sink);

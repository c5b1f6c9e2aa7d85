// The registry of threads-memory.mjs: a consumer that takes nothing for a while, and senders that do not wait for it.
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { actor, ask, protocol, refOf, refTo, registry, stream, tell } from 'troupe';
import * as z from 'zod';
import { intoConsumer } from './flow.mjs';

const Item = z.object({ n: z.int(), text: z.string() });
const Sum = z.object({ count: z.int(), sum: z.int() });

/** A stream of numbers that ends when it is told to. */
export const Producer = protocol('producer', {
  numbers: stream({ output: Item }),
  produced: ask({ output: Sum }),
  end: tell(),
});
export const producer = actor(
  Producer,
  { args: z.object({}), state: () => ({ count: 0, sum: 0, ended: false }) },
  {
    async *numbers(state) {
      // What the handler does between two values is done between two messages of its actor.
      while (!state.ended) {
        state.count += 1;
        state.sum += state.count;
        yield { n: state.count, text: 'x'.repeat(100) };
      }
    },
    produced: ({ count, sum }) => ({ count, sum }),
    end: (state) => {
      state.ended = true;
    },
  },
);

/** Takes items; while it holds, none. */
export const Consumer = protocol('consumer', {
  /** Waits, and leaves its thread to others. */
  hold: tell(z.object({ ms: z.int() })),
  /** Holds its thread as well, unless it is later than `until`. */
  block: tell(z.object({ ms: z.int(), until: z.int() })),
  take: tell(Item),
  /** Reads the stream to its end, and waits for so long after its first value. */
  read: tell(z.object({ from: refTo('producer'), ms: z.int() })),
  taken: ask({ output: Sum }),
});
export const consumer = actor(
  Consumer,
  // A bound that a busy machine reaches within seconds too.
  { args: z.object({}), state: () => ({ count: 0, sum: 0 }), mailbox: { capacity: 16_384 } },
  {
    hold: (_state, { ms }, ctx) => ctx.delay(ms),
    block: (_state, { ms, until }) => {
      if (Date.now() < until) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    },
    take,
    read: async (state, { from, ms }, ctx) => {
      let first = true;
      for await (const item of from.numbers()) {
        if (first) await ctx.delay(ms);
        first = false;
        take(state, item);
      }
    },
    taken: ({ count, sum }) => ({ count, sum }),
  },
);

function take(state, { n }) {
  state.count += 1;
  state.sum += n;
}

const Sending = z.object({ to: refOf(Consumer), ms: z.int(), seed: z.int() });
const Sent = z.object({ sent: z.int(), sum: z.int(), slowDowns: z.int(), refused: z.int(), unknown: z.int() });

/** Sends from its own thread what the functions below send. */
export const Sender = protocol('sender', {
  tells: ask({ input: Sending, output: Sent, concurrent: 1 }),
  offers: ask({ input: Sending, output: Sent, concurrent: 1 }),
  /** Collects the garbage of its thread. */
  collect: tell(),
});
export const sender = actor(
  Sender,
  { args: z.object({}), state: () => ({}) },
  {
    tells: (_state, { to, ms, seed }) => sendTells(to, ms, seed),
    offers: (_state, { to, ms, seed }) => sendOffers(to, ms, seed),
    collect: () => globalThis.gc(),
  },
);

export default registry(producer, consumer, sender, intoConsumer);

/** Goes on telling whatever the tells answer, in bursts of random sizes. */
export async function sendTells(to, ms, seed) {
  const random = randomOf(seed);
  const end = performance.now() + ms;
  const result = { sent: 0, sum: 0, slowDowns: 0, refused: 0, unknown: 0 };
  while (performance.now() < end) {
    for (let left = 1 + Math.floor(random() * 256); left > 0; left -= 1) {
      result.sent += 1;
      result.sum += result.sent;
      if (!to.take({ n: result.sent, text: 'x'.repeat(random() * 200) })) result.slowDowns += 1;
    }
    await (random() < 0.1 ? sleep(5) : turn());
  }
  return result;
}

const offersAtOnce = 64;

/** Offers so many at a time; one that was not taken within a second is given up, and the next one comes. */
export async function sendOffers(to, ms, seed) {
  const random = randomOf(seed);
  const end = performance.now() + ms;
  const result = { sent: 0, sum: 0, slowDowns: 0, refused: 0, unknown: 0 };
  const lane = async () => {
    while (performance.now() < end) {
      const n = 1 + Math.floor(random() * 1_000);
      try {
        await to.take.offer({ n, text: 'x'.repeat(random() * 200) }, { timeoutMs: 1_000 });
        result.sent += 1;
        result.sum += n;
      } catch ({ code }) {
        if (code === 'OutcomeUnknown') result.unknown += 1;
        else result.refused += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: offersAtOnce }, lane));
  return result;
}

/** Numerical Recipes' linear congruential generator: bursts need no better. */
export function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

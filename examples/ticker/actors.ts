/** A price that walks at random ten times a second, and the clicks of everybody. */
import { actor, tell } from 'troupe';
import * as z from 'zod';
import { Ticker } from './protocol.ts';

const everyMs = 100;

export const ticker = actor(
  Ticker,
  {
    args: z.object({ price: z.number().default(100) }),
    state: ({ price }) => ({ price, clicks: 0 }),
    internal: { step: tell() },
    signals: { started: (_state, _event, ctx) => void ctx.every(everyMs, ctx.self.step) },
  },
  {
    step: (state, _message, ctx) => {
      state.price = Math.max(1, state.price + (ctx.random() - 0.5));
    },
    click: (state, { times }) => {
      state.clicks += times;
    },
    clicks: (state) => state.clicks,
    async *ticks(_state, _message, ctx) {
      yield* ctx.observe(({ price, clicks }) => ({ at: new Date(ctx.now()), price, clicks }));
    },
    reset: (state) => {
      state.clicks = 0;
    },
  },
);

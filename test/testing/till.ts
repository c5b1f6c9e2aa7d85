/** Actors for the tests of the kit: a till that saves to a store, reminds, forwards and fails. */
import * as z from 'zod';
import { actor, ask, protocol, refOf, registry, resource, stream, tell } from '../../src/index.ts';

export const Clerk = protocol('clerk', {
  paid: tell(z.object({ cents: z.int() })),
  closing: tell(),
  approve: ask({
    input: z.object({ cents: z.int() }),
    output: z.boolean(),
    errors: { tooMuch: z.object({ limit: z.int() }), absent: z.void() },
  }),
  rates: stream({ output: z.int() }),
});

export interface Store {
  save(cents: number): Promise<number>;
}

export const store = resource('store', {
  open: (): Store => {
    throw new Error('the real store is not for tests');
  },
});

export const Till = protocol('till', {
  pay: tell(z.object({ cents: z.int() })),
  payLater: tell(z.object({ cents: z.int(), afterMs: z.int() })),
  total: ask({ output: z.int() }),
  slowTotal: ask({ input: z.object({ ms: z.int() }), output: z.int() }),
  save: ask({ output: z.int() }),
  saveLater: tell(),
  ask: tell(z.object({ cents: z.int() })),
  follow: tell(z.object({ rates: z.int() })),
  chatter: tell(),
  fail: tell(),
  now: ask({ output: z.number() }),
  chance: ask({ output: z.number() }),
  keep: tell(z.object({ anything: z.unknown() })),
  stop: tell(),
});

export const till = actor(
  Till,
  {
    args: z.object({ clerk: refOf(Clerk) }),
    state: ({ clerk }) => ({ clerk, total: 0, answers: [] as string[] }),
    internal: { saved: tell(z.int()) },
    uses: [store],
    supervise: { restartsMax: 0 },
  },
  {
    pay: (state, { cents }) => {
      state.total += cents;
      state.clerk.paid({ cents });
    },
    payLater: (_state, { cents, afterMs }, context) => {
      context.after(afterMs, context.self.pay, { cents });
    },
    total: (state) => state.total,
    slowTotal: async (state, { ms }, context) => {
      await context.delay(ms);
      return state.total;
    },
    save: (state, _message, context) => context.use(store).save(state.total),
    saveLater: (state, _message, context) => {
      context.run(context.use(store).save(state.total), context.self.saved);
    },
    ask: async (state, { cents }) => {
      const result = await state.clerk.approve.outcome({ cents });
      if (result.ok) state.clerk.paid({ cents: result.value ? cents : -1 });
      else if (result.error.code === 'tooMuch') state.clerk.paid({ cents: result.error.data.limit });
      else state.clerk.paid({ cents: result.error.code === 'ActorFailed' ? -2 : -3 });
    },
    follow: async (state, { rates }) => {
      let left = rates;
      for await (const rate of state.clerk.rates()) {
        state.total += rate;
        left -= 1;
        if (left === 0) break;
      }
      state.clerk.paid({ cents: state.total });
    },
    chatter: (_state, _message, context) => {
      context.self.chatter();
    },
    fail: () => {
      throw new Error('the drawer is stuck');
    },
    now: (_state, _message, context) => context.now(),
    chance: (_state, _message, context) => context.random(),
    keep: () => undefined,
    stop: (state, _message, context) => {
      state.clerk.closing();
      context.stop();
    },
    saved: (state, cents) => {
      state.clerk.paid({ cents });
    },
  },
);

export const everything = registry(till, store);

/** What the tests of clients let them do, and do not. */
import * as z from 'zod';
import {
  type ActorDefinition,
  actor,
  allow,
  ask,
  bytes,
  type ClientsOptions,
  protocol,
  refOf,
  stream,
  tell,
} from '../../src/index.ts';

export const Counter = protocol('counter', {
  inc: tell(z.object({ by: z.int().default(1) })),
  get: ask({ output: z.int() }),
  spend: ask({
    input: z.object({ by: z.int() }),
    output: z.int(),
    errors: { tooLittle: z.object({ missing: z.int() }) },
  }),
  changes: stream({ output: z.int() }),
  reset: tell(),
});

export const counter = actor(
  Counter,
  { args: z.object({}), state: () => ({ n: 0 }) },
  {
    inc: (state, { by }) => {
      state.n += by;
    },
    get: (state) => state.n,
    spend: (state, { by }, ctx) => {
      if (state.n < by) return ctx.fail('tooLittle', { missing: by - state.n });
      state.n -= by;
      return state.n;
    },
    async *changes(_state, _message, ctx) {
      yield* ctx.observe(({ n }) => n);
    },
    reset: (state) => {
      state.n = 0;
    },
  },
);

export const Echo = protocol('echo', {
  same: ask({ input: z.object({ what: z.unknown() }), output: z.unknown() }),
  typed: ask({
    input: z.object({
      at: z.date(),
      big: z.bigint(),
      map: z.map(z.string(), z.int()),
      raw: bytes(),
      no: z.int().optional(),
    }),
    output: z.object({
      at: z.date(),
      big: z.bigint(),
      map: z.map(z.string(), z.int()),
      raw: bytes(),
      no: z.int().optional(),
    }),
  }),
  hang: ask({ input: z.object({ ms: z.int() }), output: z.boolean() }),
  aborted: ask({ output: z.int() }),
  fail: ask({ output: z.int() }),
  own: ask({ output: z.unknown() }),
  large: ask({ input: z.object({ bytes: z.int() }), output: bytes() }),
  many: stream({ input: z.object({ count: z.int(), bytes: z.int() }), output: bytes() }),
  held: tell(z.object({ ms: z.int(), raw: bytes().optional() })),
});

export const echo = actor(
  Echo,
  {
    args: z.object({}),
    state: () => ({ aborted: 0 }),
    mailbox: { highWater: 8 },
    supervise: { directive: () => 'resume' },
  },
  {
    same: (_state, { what }) => what,
    typed: (_state, message) => message,
    hang: async (state, { ms }, ctx) => {
      ctx.signal.addEventListener('abort', () => {
        state.aborted += 1;
      });
      await ctx.delay(ms);
      return true;
    },
    aborted: ({ aborted }) => aborted,
    fail: () => {
      throw new Error('a secret that is in the text of an error');
    },
    own: (_state, _message, ctx) => ({ me: ctx.self }),
    large: (_state, given) => new Uint8Array(given.bytes),
    async *many(_state, given) {
      for (let left = given.count; left > 0; left -= 1) yield new Uint8Array(given.bytes);
    },
    held: (_state, { ms }, ctx) => ctx.delay(ms),
  },
);

/** Not for clients. */
export const Vault = protocol('vault', { open: ask({ output: z.string() }), door: ask({ output: refOf(Counter) }) });

export const vault: ActorDefinition<typeof Vault, z.ZodObject<{}>> = actor(
  Vault,
  { args: z.object({}), state: () => ({}) },
  {
    open: () => 'gold',
    door: () => {
      throw new Error('it has none');
    },
  },
);

export function clientsOptions(more: Partial<ClientsOptions> = {}): ClientsOptions {
  return {
    listen: 'ws://127.0.0.1:0',
    authenticate: (token) => (token?.startsWith('token-of-') ? { id: token.slice(9) } : undefined),
    origins: ['https://app.example.org'],
    allow: [
      allow(Counter, { operations: ['inc', 'get', 'spend', 'changes'], actors: ['hits', 'nobody'] }),
      allow(Counter, { operations: ['inc', 'get'], actors: (name, { id }) => name.endsWith(`of-${id}`) }),
      allow(Echo, {
        operations: ['same', 'typed', 'hang', 'aborted', 'fail', 'own', 'large', 'many', 'held'],
        actors: ['echo'],
      }),
    ],
    ...more,
  };
}

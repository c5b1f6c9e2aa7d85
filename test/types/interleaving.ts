/** What the compiler says of operations that interleave. Compiled by `npm run types`; never run. */
import * as z from 'zod';
import { actor, ask, closureActor, protocol, type Ref } from '../../src/index.ts';

const Shelf = protocol('shelf', {
  put: ask({ input: z.string(), output: z.int() }),
  size: ask({ output: z.int(), readonly: true }),
  fetch: ask({ input: z.string(), output: z.string(), concurrent: 8 }),
  find: ask({
    input: z.string(),
    output: z.string(),
    readonly: true,
    concurrent: 2,
    errors: { missing: z.object({ key: z.string() }) },
  }),
  open: ask({ output: z.int(), readonly: false }),
});
Shelf.ops.size.readonly satisfies true;
Shelf.ops.put.readonly satisfies false;
Shelf.ops.open.readonly satisfies false;
Shelf.ops.fetch.concurrent satisfies number | undefined;

const options = { args: z.object({}), state: () => ({ items: ['a'], n: 0 }), callChainReentrancy: true };
const handlers = {
  put: (state: { n: number }) => {
    state.n += 1;
    return state.n;
  },
  size: (state: { readonly n: number }) => state.n,
  fetch: async (_state: unknown, key: string) => key,
  find: async (_state: unknown, key: string) => key,
  open: () => 1,
};

export const shelf = actor(Shelf, options, {
  put: (state, item) => {
    state.items.push(item);
    state.n += 1;
    return state.n;
  },
  size: (state) => state.n satisfies number,
  fetch: async (state, key, context) => {
    await context.delay(5);
    // `concurrent` alone may write.
    state.n += 1;
    return key;
  },
  find: async (state, key, context) =>
    state.items.find((item) => item === key) ?? context.fail('missing', { key: key satisfies string }),
  open: (state) => {
    state.n = 0;
    return state.n;
  },
});

export const throwaway = closureActor(
  Shelf,
  z.object({}),
  () => ({ put: () => 1, size: () => 1, fetch: (key) => key, find: (key) => key, open: () => 1 }),
  { callChainReentrancy: true },
);

declare const ref: Ref<typeof Shelf>;
export async function callers(): Promise<void> {
  (await ref.size()) satisfies number;
  (await ref.fetch('a', { timeoutMs: 5 })) satisfies string;
  const outcome = await ref.find.outcome('a');
  if (!outcome.ok && outcome.error.code === 'missing') outcome.error.data.key satisfies string;
}

// ── must fail ──

actor(Shelf, options, {
  ...handlers,
  size: (state) => {
    // @ts-expect-error a readonly handler must not write the state
    state.n = 1;
    return 1;
  },
});
actor(Shelf, options, {
  ...handlers,
  find: async (state, key) => {
    // @ts-expect-error a readonly handler must not write the state, `concurrent` or not
    state.items = [];
    return key;
  },
});
// @ts-expect-error wrong reply of a readonly handler
actor(Shelf, options, { ...handlers, size: () => 'x' });
// @ts-expect-error an undeclared error of a readonly handler
actor(Shelf, options, { ...handlers, size: (_state, _message, context) => context.fail('missing') });
// @ts-expect-error callChainReentrancy is a boolean
actor(Shelf, { ...options, callChainReentrancy: 'yes' }, handlers);
// @ts-expect-error `concurrent` is a number
ask({ output: z.int(), concurrent: '2' });
// @ts-expect-error `readonly` is a boolean
ask({ output: z.int(), readonly: 1 });

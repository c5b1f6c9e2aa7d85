/** What the compiler lets actors do. Compiled by `npm run types`; never run. */
import * as z from 'zod';
import {
  actor,
  ask,
  closureActor,
  node,
  protocol,
  type Ref,
  registry,
  resource,
  tell,
  thread,
} from '../../src/index.ts';
import { Counter } from './calls.ts';

const db = resource('db', {
  open: async () => ({ count: async () => ({ rows: 3 }) }),
  close: (pool) => {
    void pool.count();
  },
});
const cache = resource('cache', { open: () => new Map<string, number>() });
const Other = protocol('other', { poke: tell(z.string()), count: ask({ output: z.int() }) });
const other = closureActor(Other, z.object({ size: z.int() }), ({ size }) => ({
  poke: () => undefined,
  count: () => size,
}));

/** Everything that a handler may do, in the words of the README. */
export const counter = actor(
  Counter,
  {
    args: z.object({ start: z.int().default(0) }),
    state: async ({ start }) => ({ n: start, ticks: 0, others: [] as Ref<typeof Other>[] }),
    internal: {
      tick: tell(),
      loaded: tell(z.object({ rows: z.int() })),
      failed: tell(z.object({ code: z.string(), message: z.string() })),
    },
    uses: [db, cache],
    mailbox: { highWater: 10, capacity: 100, overflow: 'drop-oldest' },
    signals: {
      started: (state, { generation }, context) => {
        state.n += generation;
        context.self.tick();
      },
      stopping: async (state, { reason }) => {
        state.ticks = reason === 'stopped' ? 0 : 1;
      },
    },
  },
  {
    inc: (state, { by }, context) => {
      state.n += by satisfies number;
      context.after(100, context.self.tick) satisfies () => void;
      context.every(1_000, context.self.tick, { name: 'tick' });
      context.every(1_000, context.self.loaded, { rows: 1 }, { name: 'load' });
      context.run(context.use(db).count(), context.self.loaded, context.self.failed);
      context.use(cache).get('a') satisfies number | undefined;
      state.others.push(context.spawn(other, { args: { size: 1 }, name: 'one' }));
      state.others.push(context.spawn(other, { args: { size: 1 }, on: node({ role: 'gpu' }) }));
      context.spawn(other, { args: { size: 1 }, name: 'two', on: thread() }) satisfies Ref<typeof Other>;
      state.others[0]?.poke('x');
      context.now() satisfies number;
      context.random() satisfies number;
      context.signal satisfies AbortSignal;
    },
    add: async (state, { by }, context) => {
      await context.delay(5);
      state.n += by;
      context.stop();
    },
    reset: (state) => {
      state.n = 0;
    },
    get: (state) => state.n,
    spend: (state, { by }, context) => {
      if (by > 1_000) return context.fail('frozen');
      if (state.n < by) context.fail('tooLittle', { missing: by - state.n });
      state.n -= by;
      return state.n;
    },
    async *changes(_state, _message, context) {
      yield* context.observe((state) => state.n);
    },
    async *changesFrom(_state, { from }, context) {
      for await (const n of context.observe((state) => state.n, { every: true })) if (n >= from) yield n;
    },
    tick: (state) => {
      state.ticks += 1;
    },
    loaded: (state, { rows }) => {
      state.n = rows;
    },
    failed: (_state, { message }) => {
      message satisfies string;
    },
  },
);

export const throwaway = closureActor(Counter, z.object({ start: z.int() }), ({ start }, context) => {
  let n = start;
  return {
    inc: ({ by }) => {
      n += by;
      context.self.reset();
    },
    add: ({ by }) => {
      n += by;
    },
    reset: () => {
      n = 0;
    },
    get: () => n,
    spend: ({ by }, run) => (n < by ? run.fail('tooLittle', { missing: by - n }) : n - by),
    async *changes() {
      yield n;
    },
    async *changesFrom({ from }) {
      yield from + n;
    },
  };
});

export default registry(counter, other, db, cache);

// ── must fail ──

const options = { args: z.object({}), state: () => ({ n: 0 }) };
const streams = {
  async *changes() {
    yield 1;
  },
  async *changesFrom() {
    yield 1;
  },
};
const tells = { inc: () => undefined, add: () => undefined, reset: () => undefined, ...streams };

// @ts-expect-error missing handler of the protocol
actor(Counter, options, { ...tells, get: () => 1 });
// @ts-expect-error missing handler of an internal operation
actor(Counter, { ...options, internal: { tick: tell() } }, { ...tells, get: () => 1, spend: () => 1 });
// @ts-expect-error an internal operation under the name of a public one
actor(Counter, { ...options, internal: { inc: tell() } }, { ...tells, get: () => 1, spend: () => 1 });
// @ts-expect-error wrong reply
actor(Counter, options, { ...tells, get: () => 'x', spend: () => 1 });
// @ts-expect-error wrong reply of an asynchronous handler
actor(Counter, options, { ...tells, get: async () => 'x', spend: () => 1 });
actor(Counter, options, {
  ...tells,
  get: () => 1,
  spend: () => 1,
  // @ts-expect-error wrong item of a stream
  async *changes() {
    yield 'x';
  },
});
// @ts-expect-error undeclared error code
actor(Counter, options, { ...tells, get: () => 1, spend: (_state, _message, context) => context.fail('nope') });
actor(Counter, options, {
  ...tells,
  get: () => 1,
  // @ts-expect-error wrong data of an error
  spend: (_state, _message, context) => context.fail('tooLittle', { missing: 'x' }),
});
// @ts-expect-error the data of an error is missing
actor(Counter, options, { ...tells, get: () => 1, spend: (_state, _message, context) => context.fail('tooLittle') });
// @ts-expect-error fail where no errors are declared
actor(Counter, options, { ...tells, get: (_state, _message, context) => context.fail('tooLittle'), spend: () => 1 });
// @ts-expect-error the state has no such field
actor(Counter, options, { ...tells, get: (state) => state.nope, spend: () => 1 });
actor(Counter, options, {
  ...tells,
  get: () => 1,
  spend: () => 1,
  async *changes(state) {
    // @ts-expect-error a stream handler must not write the state
    state.n = 1;
    yield 1;
  },
});
// @ts-expect-error a resource that is none
actor(Counter, { ...options, uses: [Counter] }, { ...tells, get: () => 1, spend: () => 1 });
// @ts-expect-error an overflow policy that does not exist
actor(Counter, { ...options, mailbox: { overflow: 'drop-some' } }, { ...tells, get: () => 1, spend: () => 1 });
closureActor(Counter, z.object({}), () => ({
  ...tells,
  get: () => 1,
  // @ts-expect-error undeclared error code in a closure actor
  spend: (_message, context) => context.fail('nope'),
}));
// @ts-expect-error missing handler in a closure actor
closureActor(Counter, z.object({}), () => ({ ...tells, get: () => 1 }));
// @ts-expect-error a registry holds definitions
registry(Counter);

actor(Counter, options, {
  ...tells,
  get: () => 1,
  spend: (_state, _message, context) => {
    // @ts-expect-error a timer delivers a tell
    context.after(100, context.self.get);
    // @ts-expect-error a timer's message must fit
    context.after(100, context.self.add, { by: 'x' });
    // @ts-expect-error a timer's message is missing
    context.after(100, context.self.add);
    // @ts-expect-error what the work resolves to must fit the operation
    context.run(Promise.resolve({ by: 'x' }), context.self.add);
    // @ts-expect-error arguments of the child are missing
    context.spawn(other);
    // @ts-expect-error a place is what thread() gives, not its name
    context.spawn(other, { args: { size: 1 }, on: 'thread' });
    // @ts-expect-error unknown operation of its own
    context.self.nope();
    return 1;
  },
});

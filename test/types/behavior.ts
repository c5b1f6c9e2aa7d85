/** What the compiler lets actors become. Compiled by `npm run types`; never run. */
import * as z from 'zod';
import { type ActorContext, actor, ask, protocol, StashFull, stream, tell } from '../../src/index.ts';

const Door = protocol('door', {
  open: tell(z.object({ by: z.string() })),
  close: tell(),
  isOpen: ask({ output: z.boolean(), errors: { jammed: z.void() } }),
  changes: stream({ output: z.boolean() }),
});

export const door = actor(
  Door,
  {
    args: z.object({}),
    state: () => ({ openedBy: '' }),
    internal: { slam: tell() },
    behaviors: ['open', 'jammed'],
    mailbox: { stash: 10 },
    signals: { started: (_state, _event, context) => context.become('jammed') },
  },
  {
    open: (state, { by }, context) => {
      state.openedBy = by;
      context.become('open');
      context.unstash();
    },
    close: (_state, _message, context) => context.stash(),
    isOpen: (state, _message, context) => (state.openedBy === '' ? context.stash() : false),
    async *changes(_state, _message, context) {
      yield* context.observe((state) => state.openedBy !== '');
    },
    slam: () => undefined,
  },
  {
    open: {
      close: (state, _message, context) => {
        state.openedBy satisfies string;
        context.self.slam();
        context.unbecome();
      },
      isOpen: () => true,
    },
    jammed: {
      isOpen: (_state, _message, context) => context.fail('jammed'),
      changes: (_state, _message, context) => context.stash(),
    },
  },
);

export const full = (error: unknown): number => (error instanceof StashFull ? error.stashMax : 0);
export const hook = (context: ActorContext<(typeof Door)['ops'], unknown, 'door', 'open'>): void =>
  context.become('open');

// ── must fail ──

const options = { args: z.object({}), state: () => ({ n: 0 }) };
const handlers = {
  open: () => undefined,
  close: () => undefined,
  isOpen: () => true,
  async *changes() {
    yield true;
  },
};

actor(Door, options, {
  ...handlers,
  // @ts-expect-error become where no behaviors are declared
  close: (_state, _message, context) => context.become('open'),
});
actor(Door, options, {
  ...handlers,
  // @ts-expect-error unbecome where no behaviors are declared
  close: (_state, _message, context) => context.unbecome(),
});
actor(
  Door,
  { ...options, behaviors: ['open'] },
  {
    ...handlers,
    // @ts-expect-error become a behavior that was not declared
    close: (_state, _message, context) => context.become('jammed'),
  },
  { open: {} },
);
// @ts-expect-error behaviors declared and not given
actor(Door, { ...options, behaviors: ['open'] }, handlers);
// @ts-expect-error one of the declared behaviors is missing
actor(Door, { ...options, behaviors: ['open', 'jammed'] }, handlers, { open: {} });
// @ts-expect-error behaviors given and not declared
actor(Door, options, handlers, { open: {} });
// @ts-expect-error a behavior may leave operations out, not invent them
actor(Door, { ...options, behaviors: ['open'] }, handlers, { open: { knock: () => undefined } });
// @ts-expect-error wrong reply in a behavior
actor(Door, { ...options, behaviors: ['open'] }, handlers, { open: { isOpen: () => 'yes' } });
// @ts-expect-error the state has no such field in a behavior
actor(Door, { ...options, behaviors: ['open'] }, handlers, { open: { close: (state) => void state.nope } });

// ── signals of a quiet time ──

actor(
  Door,
  {
    ...options,
    idleMs: 60_000,
    signals: {
      idle: (state, { idleMs }, context) => {
        state.n += idleMs;
        context.stop();
      },
    },
  },
  handlers,
);

// ── priority lanes ──

actor(
  Door,
  {
    ...options,
    internal: { urgent: tell(z.object({ level: z.int() })) },
    mailbox: {
      lanes: 3,
      laneOf: (operation, message) => {
        if (operation === 'urgent') return message.level satisfies number;
        return operation === 'open' && message.by === 'Ada' ? 1 : 2;
      },
    },
  },
  { ...handlers, urgent: () => undefined },
);
// @ts-expect-error no operation of that name
actor(Door, { ...options, mailbox: { lanes: 2, laneOf: (operation) => (operation === 'knock' ? 0 : 1) } }, handlers);
// @ts-expect-error a lane is a number
actor(Door, { ...options, mailbox: { lanes: 2, laneOf: () => 'first' } }, handlers);

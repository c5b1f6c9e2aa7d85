/** What the compiler lets a machine do. Compiled by `npm run types`; never run. */
import * as z from 'zod';
import { ask, dataOf, machine, protocol, registry, stream, tell } from '../../src/index.ts';

const Line = protocol('line', {
  dial: tell(z.object({ number: z.string() })),
  answered: tell(z.object({ by: z.string() })),
  hangUp: tell(),
  with: ask({ output: z.string(), errors: { nobody: z.void() } }),
  states: stream({ output: z.string() }),
});

const states = {
  idle: {},
  dialling: { data: dataOf<{ number: string; attempts: number }>(), timeoutMs: 5_000 },
  talking: { data: dataOf<{ by: string; words: string[] }>() },
} as const;

export const line = machine(
  Line,
  {
    args: z.object({ number: z.string().optional() }),
    states: {
      idle: {},
      dialling: { data: dataOf<{ number: string; attempts: number }>(), timeoutMs: 5_000 },
      talking: { data: dataOf<{ by: string; words: string[] }>() },
    },
    initial: async ({ number }) =>
      number === undefined ? { state: 'idle' } : { state: 'dialling', data: { number, attempts: 1 } },
    internal: { rang: tell(z.object({ times: z.int() })) },
    unhandled: 'stash',
    supervise: { restartsMax: 1 },
    signals: {
      started: (at, { generation }, context) => {
        if (at.state === 'talking') at.data.words.push(String(generation));
        else if (generation > 1) context.goto('idle');
      },
    },
  },
  {
    idle: {
      entered: (data) => {
        data satisfies undefined;
      },
      on: {
        dial: (_data, { number }, context) => {
          context.goto('dialling', { number, attempts: 1 });
          context.self.rang({ times: 1 });
          context.after(10, context.self.rang, { times: 2 });
        },
        with: (_data, _message, context) => context.fail('nobody'),
      },
    },
    dialling: {
      timeout: async (data, context) => {
        data.attempts += 1;
        if (data.attempts > 3) context.goto('idle');
      },
      on: {
        answered: (data, { by }, context) => context.goto('talking', { by, words: [data.number] }),
        rang: (data, { times }) => {
          data.attempts += times;
        },
        with: (_data, _message, context) => context.stash(),
      },
    },
    talking: {
      left: (data, context) => {
        data.words satisfies string[];
        context.self.hangUp();
      },
      on: { with: (data) => data.by },
    },
  },
  {
    hangUp: (at, _message, context) => {
      if (at.state === 'talking') at.data.by satisfies string;
      context.goto('idle');
    },
    async *states(_at, _message, context) {
      yield* context.observe((at) => (at.state === 'dialling' ? at.data.number : at.state));
    },
  },
);
export default registry(line);

// ── must fail ──

const options = {
  args: z.object({}),
  states,
  initial: () => ({ state: 'idle' }) as const,
  unhandled: 'refuse',
} as const;
const timeout = () => undefined;

// @ts-expect-error a state without handlers
machine(Line, options, { idle: {}, dialling: { timeout } });
// @ts-expect-error a timeout that is not handled
machine(Line, options, { idle: {}, dialling: {}, talking: {} });
// @ts-expect-error a timeout in a state that has none
machine(Line, options, { idle: {}, dialling: { timeout }, talking: { timeout } });
// @ts-expect-error handlers of a state that is none
machine(Line, options, { idle: {}, dialling: { timeout }, talking: {}, ringing: {} });
// @ts-expect-error handlers of an operation that is none
machine(Line, options, { idle: { on: { knock: () => undefined } }, dialling: { timeout }, talking: {} });
machine(
  Line,
  // @ts-expect-error no policy for what is not handled
  { args: z.object({}), states, initial: () => ({ state: 'idle' }) },
  { idle: {}, dialling: { timeout }, talking: {} },
);
// @ts-expect-error an initial state that is none
machine(Line, { ...options, initial: () => ({ state: 'ringing' }) }, { idle: {}, dialling: { timeout }, talking: {} });
// @ts-expect-error an initial state without its data
machine(Line, { ...options, initial: () => ({ state: 'talking' }) }, { idle: {}, dialling: { timeout }, talking: {} });
// @ts-expect-error wrong reply
machine(Line, options, { idle: { on: { with: () => 1 } }, dialling: { timeout }, talking: {} });
machine(Line, options, {
  idle: {
    on: {
      dial: (data, _message, context) => {
        // @ts-expect-error the state has no data
        data.number;
        // @ts-expect-error a state that does not exist
        context.goto('ringing');
        // @ts-expect-error its data is missing
        context.goto('talking');
        // @ts-expect-error wrong data
        context.goto('talking', { by: 1, words: [] });
        // @ts-expect-error the data of another state
        context.goto('talking', { number: '1', attempts: 1 });
        // @ts-expect-error data where the state has none
        context.goto('idle', { by: 'x' });
        // @ts-expect-error a machine has states and no behaviors
        context.become('talking');
      },
    },
  },
  dialling: {
    timeout,
    left: (_data, context) => {
      // @ts-expect-error a hook on the way out goes nowhere else
      context.goto('idle');
    },
  },
  talking: {
    on: {
      hangUp: (data) => {
        // @ts-expect-error the data of another state
        data.number;
      },
      async *states(data, _message, context) {
        // @ts-expect-error a stream handler must not write the data
        data.by = 'x';
        // @ts-expect-error nor leave the state
        context.goto('idle');
        yield 'x';
      },
    },
  },
});
// @ts-expect-error in the common handlers the data is known only with its state
machine(Line, options, { idle: {}, dialling: { timeout }, talking: {} }, { hangUp: (at) => void at.data.by });

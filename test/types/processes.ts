/** What the compiler lets processes become. Compiled by `npm run types`; never run. */
import * as z from 'zod';
import {
  type Flow,
  flow,
  fromIterable,
  listState,
  mapState,
  type StateSpec,
  sortedState,
  type ValueState,
  valueState,
} from '../../src/streams/index.ts';

interface Item {
  readonly id: string;
  readonly atMs: number;
  readonly price: number;
}
interface Alert {
  readonly text: string;
}

/** A value is of the type that it begins as, and not of that one value. */
export const numberState: StateSpec<ValueState<number>> = valueState(0);
export const textState: StateSpec<ValueState<string>> = valueState('');
export const flagState: StateSpec<ValueState<boolean>> = valueState(false);
export const madeState: StateSpec<ValueState<number[]>> = valueState(() => [] as number[]);
export const maybeState: StateSpec<ValueState<Item | undefined>> = valueState<Item>();
export const closedState: StateSpec<ValueState<'a' | 'b'>> = valueState<'a' | 'b'>('a');
// @ts-expect-error all keys would share the object
export const shared = valueState({ n: 0 });

export const alerts: Flow<z.ZodObject<{}>, { rejected: Item; alerts: Alert }> = flow(
  'alerts',
  { args: z.object({}) },
  (f) =>
    f
      .from(fromIterable<Item>([]), { time: (item) => item.atMs })
      .keyBy((item) => item.id)
      .state({
        total: valueState(0),
        seen: mapState<string, number>({ ttlMs: 60_000 }),
        recent: listState<Item>({ max: 100, overflow: 'drop-oldest' }),
        byTime: sortedState<number, Item>({ version: 2 }),
      })
      .process<Alert, { rejected: Item }>('alerts', {
        outputs: ['rejected'],
        onElement(item, { key, state, emit, output, timers }) {
          key satisfies string;
          state.total.get() satisfies number;
          state.seen.get('x') satisfies number | undefined;
          state.recent.items() satisfies Item[];
          state.byTime.first() satisfies [number, Item] | undefined;
          emit({ text: item.id });
          output('rejected', item);
          timers.after(5, 'over');
          // @ts-expect-error a number
          state.total.set('x');
          // @ts-expect-error text is what its entries go by
          state.seen.get(1);
          // @ts-expect-error no such state
          state.nope;
          // @ts-expect-error no alert
          emit({ word: '' });
          // @ts-expect-error no such output
          output('nowhere', item);
          // @ts-expect-error no item
          output('rejected', { text: '' });
        },
        onTimer(timeMs, { name, emit }) {
          emit({ text: `${timeMs} ${name}` });
        },
      })
      .output('alerts'),
);

export const forgotten: unknown = flow('forgotten', { args: z.object({}) }, (f) =>
  f
    .from(fromIterable<Item>([]))
    .keyBy((item) => item.id)
    .state({ total: valueState(0) })
    .process('forgotten', {
      onElement(item, { emit }) {
        // @ts-expect-error process<Alert>(…) says what it gives
        emit({ text: item.id });
      },
    })
    .output('out'),
);

export const unnamed: unknown = flow('unnamed', { args: z.object({}) }, (f) =>
  f
    .from(fromIterable<Item>([]))
    .keyBy((item) => item.id)
    .state({})
    // @ts-expect-error its side output has no name
    .process<Alert, { rejected: Item }>('unnamed', { onElement: () => undefined })
    .output('out'),
);

export const misnamed: unknown = flow('misnamed', { args: z.object({}) }, (f) =>
  f
    .from(fromIterable<Item>([]))
    .keyBy((item) => item.id)
    .state({})
    .process<Alert, { rejected: Item }>('misnamed', {
      // @ts-expect-error no such output
      outputs: ['reject'],
      onElement: () => undefined,
    })
    .output('out'),
);

export const lives: unknown = flow('lives', { args: z.object({}) }, (f) =>
  f
    .from(fromIterable<Item>([]))
    .keyBy((item) => item.id)
    .first({ ttlMs: 5 })
    .keyBy((item) => item.id)
    .latest({ ttlMs: 5 })
    .via('values', ($) => $)
    .keyBy((change) => change.key)
    .reduce((left) => left, { ttlMs: 5 })
    .output('out'),
);

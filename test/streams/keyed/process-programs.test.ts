/** Random programs of state operations, timers and times to live, against a plain model of one key. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod';
import {
  flow,
  forEach,
  type ListState,
  listState,
  type MapState,
  mapState,
  type ProcessTimers,
  type SortedState,
  type Source,
  sortedState,
  type ValueState,
  valueState,
} from '../../../src/streams/index.ts';
import { proofRuns, proofTimeoutMs } from '../../support/proof-runs.ts';
import { runLocally } from '../local-run.ts';
import { modelOfKey } from './process-model.ts';

const runs = 60;

const operation = fc.oneof(
  fc.record({ do: fc.constant('add' as const), n: fc.integer({ min: -5, max: 5 }) }),
  fc.record({ do: fc.constant('push' as const), n: fc.nat(9) }),
  fc.record({ do: fc.constant('put' as const), at: fc.nat(4), n: fc.nat(9) }),
  fc.record({ do: fc.constant('delete' as const), at: fc.nat(4) }),
  fc.record({ do: fc.constant('sort' as const), at: fc.nat(6), n: fc.nat(9) }),
  fc.record({ do: fc.constant('unsort' as const), at: fc.nat(6) }),
  fc.record({ do: fc.constant('cut' as const), from: fc.nat(6), to: fc.nat(6) }),
  fc.record({ do: fc.constant('clear' as const), what: fc.constantFrom('total', 'recent', 'seen', 'sorted') }),
  fc.record({
    do: fc.constant('timer' as const),
    after: fc.integer({ min: -10, max: 40 }),
    name: fc.constantFrom('', 'x', 'y'),
  }),
  fc.record({ do: fc.constant('untimer' as const), name: fc.constantFrom('', 'x', 'y') }),
);
export type Operation = typeof operation extends fc.Arbitrary<infer O> ? O : never;

const event = fc.record({
  key: fc.constantFrom<string | number>('a', 'b', 'c', 1, 2),
  at: fc.nat(120),
  operations: fc.array(operation, { maxLength: 5 }),
});
export type Event = typeof event extends fc.Arbitrary<infer E> ? E : never;
const ttl = fc.constantFrom(Infinity, 1, 8, 25, 60);
const lives = fc.record({ total: ttl, recent: ttl, seen: ttl, sorted: ttl });
export type Lives = typeof lives extends fc.Arbitrary<infer L> ? L : never;

/** What a program sees of a key, of the process or of the model. */
export interface Seen {
  readonly timeMs: number;
  readonly state: {
    readonly total: Pick<ValueState<number>, 'get' | 'set' | 'clear'>;
    readonly recent: ListState<number>;
    readonly seen: MapState<number, number>;
    readonly sorted: SortedState<number, number>;
  };
  readonly timers: Pick<ProcessTimers, 'at' | 'clear'>;
  readonly emit: (text: string) => void;
}

export function runElement(event: Event, seen: Seen): void {
  seen.emit(`element of ${event.at}: ${textOf(seen)}`);
  for (const one of event.operations) perform(one, event.at, seen);
  seen.emit(textOf(seen));
}

export function runTimer(timeMs: number, name: string, seen: Seen): void {
  seen.emit(`timer ${name} of ${timeMs} at ${seen.timeMs}: ${textOf(seen)}`);
  const { state, timers } = seen;
  state.total.set(state.total.get() + 1);
  state.sorted.set(state.total.get(), timeMs);
  if (state.total.get() % 3 > 0 && timeMs < 150) timers.at(timeMs + 7, name);
}

function perform(one: Operation, nowMs: number, { state, timers }: Seen): void {
  switch (one.do) {
    case 'add':
      state.total.set(state.total.get() + one.n);
      break;
    case 'push':
      state.recent.push(one.n);
      break;
    case 'put':
      state.seen.set(one.at, one.n);
      break;
    case 'delete':
      state.seen.delete(one.at);
      break;
    case 'sort':
      state.sorted.set(one.at, one.n);
      break;
    case 'unsort':
      state.sorted.delete(one.at);
      break;
    case 'cut':
      state.sorted.deleteRange({ from: one.from, to: one.to });
      break;
    case 'clear':
      state[one.what as keyof typeof state].clear();
      break;
    case 'timer':
      timers.at(nowMs + one.after, one.name);
      break;
    case 'untimer':
      timers.clear(one.name);
      break;
    default:
      one satisfies never;
  }
}

function textOf({ timeMs, state: { total, recent, seen, sorted } }: Seen): string {
  const edges = [sorted.first(), sorted.last(), sorted.range({ from: 2, limit: 2 })];
  return JSON.stringify([
    timeMs,
    total.get(),
    recent.items(),
    recent.length,
    seen.entries(),
    seen.size,
    sorted.entries(),
    edges,
  ]);
}

function source(batches: readonly (readonly Event[])[]): Source<Event> {
  return {
    name: 'events',
    bounded: true,
    async *open() {
      yield* batches;
    },
  };
}

async function runProcess(
  batches: readonly (readonly Event[])[],
  { parallelism, outOfOrderMs, lives }: { parallelism: number; outOfOrderMs: number; lives: Lives },
): Promise<Map<string | number, string[]>> {
  const given = new Map<string | number, string[]>();
  const life = (ttlMs: number): { ttlMs?: number } => (ttlMs === Infinity ? {} : { ttlMs });
  const run = await runLocally(
    flow('programs', { args: z.object({}) }, (f) =>
      f
        .from(source(batches), { time: (one) => one.at, outOfOrderMs })
        .keyBy((one) => one.key, { parallelism })
        .state({
          total: valueState(0, life(lives.total)),
          recent: listState<number>({ max: 3, overflow: 'drop-oldest', ...life(lives.recent) }),
          seen: mapState<number, number>(life(lives.seen)),
          sorted: sortedState<number, number>(life(lives.sorted)),
        })
        .process<{ key: string | number; text: string }>('programs', {
          onElement: (one, context) =>
            runElement(one, { ...context, emit: (text) => context.emit({ key: context.key, text }) }),
          onTimer: (timeMs, context) =>
            runTimer(timeMs, context.name, { ...context, emit: (text) => context.emit({ key: context.key, text }) }),
        })
        .to(
          forEach(({ key, text }) => {
            const texts = given.get(key);
            if (texts === undefined) given.set(key, [text]);
            else texts.push(text);
          }),
        ),
    ),
    {},
  );
  await run.done;
  return given;
}

test(
  'a process gives each key what a plain model of it gives, on 1, 2 and 4 partitions',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(event, { maxLength: 8 }), { maxLength: 10 }),
        fc.constantFrom(1, 2, 4),
        fc.constantFrom(0, 20),
        lives,
        async (batches, parallelism, outOfOrderMs, lives) => {
          const given = await runProcess(batches, { parallelism, outOfOrderMs, lives });
          const keys = new Set(batches.flat().map(({ key }) => key));
          expect([...given.keys()].sort()).toEqual([...keys].sort());
          for (const key of keys) expect(given.get(key)).toEqual(modelOfKey(key, batches, outOfOrderMs, lives));
        },
      ),
      { numRuns: proofRuns(runs) },
    );
  },
  proofTimeoutMs(runs),
);

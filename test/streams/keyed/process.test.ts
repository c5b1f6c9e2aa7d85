/** Processes as users write them: state, timers, side outputs, and what they refuse. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import {
  count,
  type FlowEnd,
  flow,
  forEach,
  fromIterable,
  listState,
  mapState,
  OperatorOverflow,
  type ProcessContext,
  type Source,
  type Stage,
  StageFailed,
  StateOutsideCall,
  StateOverflow,
  type StateSpecs,
  sortedState,
  tumbling,
  valueState,
} from '../../../src/streams/index.ts';
import { processSpec } from '../../../src/streams/keyed/process.ts';
import type { AnyProcessHandlers } from '../../../src/streams/keyed/process-types.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { runLocally } from '../local-run.ts';
import { processorAlone } from './processor-alone.ts';

const none = z.object({});
interface Item {
  readonly id: string;
  readonly at: number;
  readonly n: number;
}
const item = (id: string, at: number, n = 0): Item => ({ id, at, n });
const byTime = { time: (one: Item) => one.at };

/** Batches, between which event time goes on. */
function batches(...all: readonly (readonly Item[])[]): Source<Item> {
  return {
    name: 'batches',
    bounded: true,
    async *open() {
      yield* all;
    },
  };
}

/** Runs a flow over batches to its end, and answers what it gave. */
async function runOver<R>(
  source: Source<Item>,
  build: (stage: Stage<Item>) => Stage<R>,
  { timed = true }: { timed?: boolean } = {},
): Promise<R[]> {
  const given: R[] = [];
  const run = await runLocally(
    flow(
      'over',
      { args: none },
      (f): FlowEnd<{}> =>
        build(timed ? f.from(source, byTime) : f.from(source)).to(forEach((one) => void given.push(one))),
    ),
    {},
  );
  await run.done;
  return given;
}

const noStates: StateSpecs = {};
/** The process alone, by an event time or by a clock that stand where they are told to. */
function processAlone(states: StateSpecs, handlers: AnyProcessHandlers, { timed = true }: { timed?: boolean } = {}) {
  return processorAlone(processSpec({ states, handlers }), (one) => (one as Item).id, { timed });
}

describe('state of a process', () => {
  test('is that of the key: a value, a list, a map and a sorted map', async () => {
    const given: string[] = [];
    const run = await runLocally(
      flow('all', { args: none }, (f) =>
        f
          .from(batches([item('a', 1, 5), item('b', 2, 1), item('a', 3, 4), item('a', 4, -1), item('b', 5, 2)]), byTime)
          .keyBy((one) => one.id, { parallelism: 2 })
          .state({
            total: valueState(0),
            text: valueState('-'),
            recent: listState<number>({ max: 2, overflow: 'drop-oldest' }),
            seen: mapState<string, number>(),
            byN: sortedState<number, string>(),
          })
          .process<string, { rejected: Item }>('sums', {
            outputs: ['rejected'],
            onElement(one, { key, timeMs, state, emit, output }) {
              if (one.n < 0) {
                output('rejected', one);
                return;
              }
              state.total.update((sum) => sum + one.n);
              state.text.set(`${state.text.get()}${one.n}`);
              state.recent.push(one.n);
              state.seen.set(`n${one.n}`, timeMs);
              state.byN.set(one.n, `at ${timeMs}`);
              emit(
                `${key}: ${state.total.get()} ${state.text.get()} ${state.recent.items()} ` +
                  `${JSON.stringify(state.seen.entries())} ${JSON.stringify(state.byN.range())}`,
              );
            },
          })
          .to(forEach((text) => void given.push(text))),
      ),
      {},
    );
    await run.done;
    expect(given.sort()).toEqual([
      'a: 5 -5 5 [["n5",1]] [[5,"at 1"]]',
      'a: 9 -54 5,4 [["n5",1],["n4",3]] [[4,"at 3"],[5,"at 1"]]',
      'b: 1 -1 1 [["n1",2]] [[1,"at 2"]]',
      'b: 3 -12 1,2 [["n1",2],["n2",5]] [[1,"at 2"],[2,"at 5"]]',
    ]);
    expect(run.side).toEqual([item('a', 4, -1)]);
    expect(run.stage('sums')).toMatchObject({ in: 5, out: 4, late: 0 });
  });

  test('is what it began as until it is set, and again when it is cleared; an object is made anew', () => {
    const seen: unknown[] = [];
    const { add, processor } = processAlone(
      { n: valueState(7), list: valueState(() => [] as string[]), maybe: valueState<number>() },
      {
        onElement(one, context) {
          const { state } = context as ProcessContext<string, typeof states, never, {}>;
          seen.push([state.n.get(), state.list.get(), state.maybe.get()]);
          state.n.set(state.n.get() + 1);
          state.list.set([...state.list.get(), (one as Item).id]);
          state.maybe.set(0);
          if ((one as Item).n === 1) {
            state.n.clear();
            state.list.clear();
            state.maybe.clear();
          }
        },
      },
    );
    const states = { n: valueState(7), list: valueState(() => [] as string[]), maybe: valueState<number>() };
    for (const n of [0, 1, 0]) add(item('a', 1, n));
    expect(seen).toEqual([
      [7, [], undefined],
      [8, ['a'], 0],
      [7, [], undefined],
    ]);
    expect(processor.held).toMatchObject({ keys: 1, entries: 3 });
    add(item('a', 1, 1));
    expect(processor.held).toMatchObject({ keys: 0, entries: 0 });
  });

  test('of numbers goes on where something else is set, for all keys', () => {
    const seen: unknown[] = [];
    const { add } = processAlone(
      { n: valueState<number | string>(() => 0) },
      {
        onElement(one, context) {
          const { state } = context as { state: { n: { get(): unknown; set(v: unknown): void } } };
          seen.push(state.n.get());
          const { n } = one as Item;
          state.n.set(n === 9 ? 'nine' : n);
        },
      },
    );
    for (const one of [
      item('a', 1, 1),
      item('b', 1, 2),
      item('b', 1, 9),
      item('a', 1, 3),
      item('b', 1),
      item('a', 1),
    ]) {
      add(one);
    }
    expect(seen).toEqual([0, 0, 2, 1, 'nine', 3]);
  });

  test('of more than its max fails with its name and its key, or lets go of the oldest, counted', () => {
    const push: AnyProcessHandlers = {
      onElement: (one, context) => {
        (context as { state: { recent: { push(n: number): void } } }).state.recent.push((one as Item).n);
      },
    };
    const bounded = processAlone({ recent: listState<number>({ max: 2 }) }, push);
    bounded.add(item('a', 1, 1));
    bounded.add(item('a', 1, 2));
    bounded.add(item('b', 1, 2));
    expect(() => bounded.add(item('a', 1, 3))).toThrow(StateOverflow);
    expect(() => bounded.add(item('a', 1, 3))).toThrow(/more than 2 entries of state 'recent' at key "a"/);
    const dropping = processAlone({ recent: listState<number>({ max: 2, overflow: 'drop-oldest' }) }, push);
    for (const n of [1, 2, 3, 4]) dropping.add(item('a', 1, n));
    expect(dropping.processor.held).toMatchObject({ entries: 2, dropped: 2 });
    for (const spec of [mapState<number, number>({ max: 1 }), sortedState<number, number>({ max: 1 })]) {
      const entries = processAlone(
        { entries: spec },
        {
          onElement: (one, context) => {
            (context as { state: { entries: Map<number, number> } }).state.entries.set((one as Item).n, 0);
          },
        },
      );
      entries.add(item('a', 1, 1));
      entries.add(item('a', 1, 1));
      expect(() => entries.add(item('a', 1, 2))).toThrow(/more than 1 entries of state 'entries'/);
    }
  });

  test('is closed outside of the call', () => {
    let kept: ProcessContext<string, { n: ReturnType<typeof valueState<number>> }, number, {}> | undefined;
    const { add } = processAlone(
      { n: valueState(0) },
      {
        onElement: (_, context) => {
          kept = context as typeof kept;
        },
        onTimer: () => undefined,
      },
    );
    add(item('a', 1));
    const { state, emit, timers } = kept!;
    expect(() => state.n.get()).toThrow(StateOutsideCall);
    expect(() => state.n.set(1)).toThrow(/used after its call/);
    expect(() => emit(1)).toThrow(StateOutsideCall);
    expect(() => timers.at(5)).toThrow(StateOutsideCall);
    expect(() => timers.clear()).toThrow(StateOutsideCall);
  });
});

describe('timers', () => {
  test('fire in the order of their times, then of their setting; setting one again moves it', async () => {
    const given = await runOver(batches([item('a', 0), item('b', 0)], [item('c', 100)], [item('c', 101)]), (stage) =>
      stage
        .keyBy((one) => one.id)
        .state({})
        .process<string>('timers', {
          onElement(one, { timers }) {
            if (one.id === 'c') return;
            timers.after(30, 'third');
            timers.at(20, `first of ${one.id}`);
            timers.at(5, 'moved');
            timers.at(20, 'second');
            timers.at(40, 'moved');
            timers.at(7, 'gone');
            timers.clear('gone');
            timers.at(Infinity, 'end');
          },
          onTimer(timeMs, { key, name, timeMs: nowMs, watermarkMs, emit }) {
            emit(`${timeMs} ${key} ${name}, now ${nowMs}, watermark ${watermarkMs}`);
          },
        }),
    );
    expect(given).toEqual([
      '20 a first of a, now 20, watermark 100',
      '20 a second, now 20, watermark 100',
      '20 b first of b, now 20, watermark 100',
      '20 b second, now 20, watermark 100',
      '30 a third, now 30, watermark 100',
      '30 b third, now 30, watermark 100',
      '40 a moved, now 40, watermark 100',
      '40 b moved, now 40, watermark 100',
      'Infinity a end, now 101, watermark Infinity',
      'Infinity b end, now 101, watermark Infinity',
    ]);
  });

  test('that are left at the end of the input all fire, also those that these set, and those of the clock', async () => {
    const given = await runOver(batches([item('a', 3)]), (stage) =>
      stage
        .keyBy((one) => one.id)
        .state({ left: valueState(3) })
        .process<string>('ending', {
          onElement(_, { timers }) {
            timers.onClock(3_600_000, 'clock');
            timers.after(10);
          },
          onTimer(timeMs, { name, state, timers, emit }) {
            if (name === 'clock') {
              emit('clock');
              return;
            }
            emit(`at ${timeMs}`);
            if (state.left.update((left) => left - 1) > 0) timers.at(timeMs + 10);
          },
        }),
    );
    expect(given).toEqual(['at 13', 'at 23', 'at 33', 'clock']);
  });

  test('that set each other for ever at the end of the input fail the stage', () => {
    const { add, advance } = processAlone(noStates, {
      onElement: (_, context) => (context as ProcessContext<string, {}, never, {}>).timers.after(1),
      onTimer: (_, context) => (context as ProcessContext<string, {}, never, {}>).timers.after(1),
    });
    add(item('a', 0));
    advance(5_000);
    expect(() => advance(Infinity)).toThrow(OperatorOverflow);
  }, 60_000);

  test('set in the past fire at once, before the next element; their results are not late', async () => {
    const given = await runOver(
      batches([item('a', 5)], [item('a', 50)], [item('a', 51, 1), item('a', 52)]),
      (stage) =>
        stage
          .keyBy((one) => one.id)
          .state({})
          .process<string>('late', {
            onElement(one, { timers, emit }) {
              emit(`element ${one.at}`);
              if (one.n === 1) timers.at(7);
            },
            onTimer: (timeMs, { timeMs: nowMs, emit }) => emit(`timer ${timeMs} at ${nowMs}`),
          })
          .keyBy(() => 'all')
          .window(tumbling({ sizeMs: 10 }), { late: 'late' })
          .aggregate({ n: count() })
          .via('text', ($) => $) as unknown as Stage<{ window: { startMs: number }; value: { n: number } }>,
    );
    expect(given.map(({ window, value }) => [window.startMs, value.n])).toEqual([
      [0, 1],
      // Event time was at 50 when the timer of 7 was set.
      [50, 4],
    ]);
  });

  test('by the clock fire when it is there, in order, whatever event time is', async () => {
    const fired: string[] = [];
    const clock = new VirtualClock();
    const startMs = clock.now();
    const { add, processor, settle } = processorAlone(
      processSpec({
        states: {},
        handlers: {
          onElement(one, context) {
            const { timers } = context as ProcessContext<string, {}, never, {}>;
            const { n } = one as Item;
            timers.onClock(n, 'one');
            timers.onClock(50, 'two');
            timers.onClock(10, 'gone');
            timers.clear('gone');
          },
          onTimer(timeMs, context) {
            const { key, name } = context as { key: string; name: string };
            fired.push(`${key} ${name} +${timeMs - startMs}`);
          },
        },
      }),
      (one) => (one as Item).id,
      { timed: false, clock },
    );
    add(item('a', 0, 60));
    add(item('b', 0, 40));
    await clock.advance(39, settle);
    expect(fired).toEqual([]);
    await clock.advance(11, settle);
    expect(fired).toEqual(['b one +40', 'a two +50', 'b two +50']);
    expect(processor.held).toMatchObject({ keys: 1, timers: 1 });
    await clock.advance(10, settle);
    expect(fired.at(-1)).toBe('a one +60');
    expect(processor.held).toMatchObject({ keys: 0, timers: 0 });
    expect(clock.pending).toBe(0);
  });

  test('of more than 1,024 names of a key are refused', () => {
    const { add } = processAlone(noStates, {
      onElement: (one, context) =>
        (context as ProcessContext<string, {}, never, {}>).timers.after(10, `timer ${(one as Item).n}`),
      onTimer: () => undefined,
    });
    for (let n = 0; n < 1_024; n += 1) add(item('a', 1, n));
    add(item('a', 1, 5));
    expect(() => add(item('a', 1, 1_024))).toThrow(/more than 1024 timers of different names at key "a"/);
  });
});

describe('what a handler gives', () => {
  test('goes on though it is more than what is behind has room for, in order', async () => {
    const given = await runOver(batches([item('a', 1, 5_000), item('a', 2, 3)]), (stage) =>
      stage
        .keyBy((one) => one.id)
        .state({})
        .process<number>('many', {
          onElement(one, { emit }) {
            for (let n = 0; n < one.n; n += 1) emit(n);
          },
        }),
    );
    expect(given).toEqual([...Array(5_000).keys(), 0, 1, 2]);
  });

  test('is at most 100,000 results a call', () => {
    const { add } = processAlone(noStates, {
      onElement(one, context) {
        const { emit } = context as ProcessContext<string, {}, number, {}>;
        for (let n = 0; n < (one as Item).n; n += 1) emit(n);
      },
    });
    add(item('a', 1, 100_000));
    expect(() => add(item('a', 1, 100_001))).toThrow(OperatorOverflow);
  });

  test('fails the stage, with its key, where it throws or waits', async () => {
    const failing = (onElement: (one: Item) => unknown) =>
      runOver(batches([item('x', 1, 1)]), (stage) =>
        stage
          .keyBy((one) => one.id)
          .state({})
          .process<number>('bad', { onElement: onElement as (one: Item) => void }),
      );
    const failure = await failing(() => {
      throw new RangeError('no such price');
    }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StageFailed);
    expect(failure).toMatchObject({ stage: 'bad', key: 'x' });
    expect((failure as Error).message).toMatch(/stage 'bad' failed at key "x": RangeError: no such price/);
    await expect(failing(async () => undefined)).rejects.toThrow(/onElement returned a promise/);
    await expect(failing(() => Promise.reject(new Error('lost')))).rejects.toThrow(/onElement returned a promise/);
  });

  test('to a side output that it did not name, or by timers without event time, fails', async () => {
    const failing = (onElement: (one: Item, context: ProcessContext<string, {}, number, {}>) => void, timed = true) =>
      runOver(
        batches([item('x', 1, 1)]),
        (stage) =>
          stage
            .keyBy((one) => one.id)
            .state({})
            .process<number>('bad', { onElement, onTimer: () => undefined }),
        { timed },
      );
    await expect(failing((_, { output }) => output('nowhere' as never, 1 as never))).rejects.toThrow(
      /outputs: \['nowhere'\]/,
    );
    await expect(failing((_, { timers }) => timers.after(5), false)).rejects.toThrow(
      /by event time, which the flow has not/,
    );
    await expect(failing((_, { timers }) => timers.at(Number.NaN))).rejects.toThrow(/set at NaN/);
    await expect(failing((_, { timers }) => timers.onClock(-1))).rejects.toThrow(/ms from 0 on/);
  });
});

describe('what makes no sense is refused when the flow is built', () => {
  const built = (states: StateSpecs, handlers: unknown) => () =>
    flow('wrong', { args: none }, (f) =>
      f
        .from(fromIterable([item('a', 1)]))
        .keyBy((one) => one.id)
        .state(states)
        .process('p', handlers as never)
        .output('out'),
    ).bounds({});

  test.each([
    ['a state that is none', built({ n: 0 as never }, { onElement: () => undefined }), /state\(…\) 'n' which is none/],
    ['no handler', built({}, {}), /no onElement/],
    ['an option that there is not', built({}, { onElement: () => undefined, onItem: 0 }), /has no "onItem"/],
    ['an output twice', built({}, { onElement: () => undefined, outputs: ['a', 'a'] }), /two side outputs 'a'/],
    ['an object for all keys', () => valueState({} as never), /which all keys would share/],
    ['a version that is none', () => valueState(0, { version: 0 }), /version/],
    ['a time to live that is none', () => mapState({ ttlMs: 0.5 }), /ttlMs in whole milliseconds/],
    ['a bound that is none', () => listState({ max: 0 }), /max/],
    ['an overflow that there is not', () => listState({ overflow: 'drop' as never }), /'fail' or 'drop-oldest'/],
  ])('%s', (_, make, message) => {
    expect(make).toThrow(message);
  });

  test('and places with other versions of a state notice', () => {
    const text = (version: number) =>
      processSpec({ states: { n: valueState(0, { version, ttlMs: 9 }) }, handlers: {} as never }).text;
    expect(text(1)).toBe('n value v1 ttl 9');
    expect(text(2)).toBe('n value v2 ttl 9');
  });
});

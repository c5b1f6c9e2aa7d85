/** Processes as users write them: state, timers, side outputs, and what they refuse. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { buildPlan } from '../../../src/streams/builder.ts';
import {
  flow,
  forEach,
  fromIterable,
  list,
  map,
  onlySplit,
  type ProcessContext,
  type Source,
  StageFailed,
  StateOutsideCall,
  StateOverflow,
  sorted,
  value,
} from '../../../src/streams/index.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { runLocally } from '../local-run.ts';

const none = z.object({});
interface Item {
  readonly id: string;
  readonly at: number;
  readonly n: number;
}
const item = (id: string, at: number, n = 0): Item => ({ id, at, n });

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
const byTime = { time: (one: Item) => one.at };

describe('state of a process', () => {
  test('is that of the key: a value, a list, a map and a sorted map', async () => {
    const given: string[] = [];

    const run = await runLocally(
      flow('all', { args: none }, (f) =>
        f
          .from(batches([item('a', 1, 5), item('b', 2, 1), item('a', 3, 4), item('a', 4, -1), item('b', 5, 2)]), byTime)
          .keyBy((one) => one.id, { parallelism: 2 })
          .state({
            total: value(0),
            text: value('-'),
            recent: list<number>({ max: 2, overflow: 'drop-oldest' }),
            seen: map<string, number>(),
            byN: sorted<number, string>(),
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
});

/** Memory of keys that came and went: the heap goes back to where it began. */
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { listState, mapState, sortedState, valueState } from '../../../src/streams/index.ts';
import { firstOfKey } from '../../../src/streams/keyed/first-of-key.ts';
import { processSpec } from '../../../src/streams/keyed/process.ts';
import { runningAggregates } from '../../../src/streams/keyed/running-aggregates.ts';
import { runningValue } from '../../../src/streams/keyed/running-value.ts';
import { count } from '../../../src/streams/windows/numbers.ts';
import { processorAlone } from './processor-alone.ts';

interface Item {
  readonly id: number;
  readonly at: number;
}
const scans = runningValue({ kind: 'scan-by', first: () => 1, next: () => 2, newestOnly: false, ttlMs: 1_000 });

describe('of 1,000,000 keys that came and went nothing is left', () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  // What the engine itself still holds goes with a turn or two, and with a second collection.
  const heapBytes = async (): Promise<number> => {
    let least = Infinity;
    for (let time = 0; time < 5; time += 1) {
      await turn();
      gc();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      least = Math.min(least, heapUsed + arrayBuffers);
    }
    return least;
  };
  const keys = 1_000_000;
  const atOnce = 100_000;
  const everything = processSpec({
    states: {
      total: valueState(0, { ttlMs: 1_000 }),
      recent: listState<number>({ ttlMs: 1_000 }),
      seen: mapState<number, number>({ ttlMs: 1_000 }),
      byTime: sortedState<number, number>({ ttlMs: 1_000 }),
      kept: valueState<string>(),
    },
    handlers: {
      onElement: (one, context) => {
        const { at } = one as Item;
        const { state, timers } = context as never as {
          state: {
            total: { set(n: number): void };
            recent: { push(n: number): void };
            seen: Map<number, number>;
            byTime: Map<number, number>;
            kept: { set(text: string): void };
          };
          timers: { at(timeMs: number, name: string): void };
        };
        state.total.set(at);
        state.recent.push(at);
        state.seen.set(at, at);
        state.byTime.set(at, at);
        state.kept.set('until its timer');
        timers.at(at + 1_000, 'over');
      },
      onTimer: (_, context) => (context as { state: { kept: { clear(): void } } }).state.kept.clear(),
    },
  });

  test.each([
    ['process', everything],
    ['first', firstOfKey(1_000)],
    ['scanBy', scans],
    ['aggregate', runningAggregates({ n: count() }, { revised: false, ttlMs: 1_000, emit: 'each' })],
  ])(
    'by %s, whether they come one after the other or many at once',
    async (_, spec) => {
      const { add, advance, processor } = processorAlone(spec, (one) => `key ${(one as Item).id}`, {
        timed: true,
        keep: false,
      });
      const item = { id: 0, at: 0 };
      const through = (upTo: number, stepMs: number): void => {
        for (; item.id < upTo; item.id += 1) {
          item.at += stepMs;
          add(item);
          if (item.id % 1_000 === 0 && stepMs > 0) advance(item.at - 10);
        }
        advance(item.at + 1_100);
        item.at += 1_100;
      };
      through(10_000, 1);
      const beforeBytes = await heapBytes();
      expect(processor.held).toMatchObject({ keys: 0 });
      let most = 0;
      for (let flow = 1; flow <= 10; flow += 1) {
        through(flow * (keys / 10), 1);
        most = Math.max(most, processor.held.keys);
      }
      // All of them are there at the same time.
      through(keys + atOnce, 0);
      // A table lets go when it has seen for a while that little is needed.
      for (let times = 1; times <= 64; times += 1) advance(item.at + times);
      expect(most).toBe(0);
      expect(processor.held).toMatchObject({ keys: 0 });
      expect(processor.held.stateBytes).toBeLessThan(100_000);
      expect((await heapBytes()) - beforeBytes).toBeLessThan(2_000_000);
    },
    180_000,
  );
});

/** What the run queue tells of long stretches: whose turn it was, and when it does not know. */
import { describe, expect, test } from 'vitest';
import { ActivityAt, activityLength } from '../../../src/base/activity.ts';
import type { LongStretch, Runnable, Slice } from '../../../src/base/environment/scheduler.ts';
import { limits } from '../../../src/base/limits.ts';
import { Dispatcher } from '../../../src/base/platform/dispatcher.ts';

const cell = 7;

/** A dispatcher whose clock goes on by what a turn says, and what it tells. */
function watched(stretchMs = 100) {
  let nowMs = 0;
  const activity = new Int32Array(activityLength);
  const dispatcher = new Dispatcher(() => nowMs, activity);
  const long: LongStretch[] = [];
  const spent: { runnable: Runnable; ms: number }[] = [];
  const passes: number[] = [];
  dispatcher.watch({
    stretchMs,
    onLong: (stretch) => void long.push(stretch),
    onPass: (ms) => void passes.push(ms),
    onSliceSpent: (runnable, ms) => void spent.push({ runnable, ms }),
  });
  /** A runnable that handles messages, each of so many ms. */
  const handling = (...messagesMs: number[]): Runnable => ({
    run: (slice: Slice) => {
      activity[ActivityAt.cell] = cell;
      for (let left = messagesMs; left.length > 0; ) {
        const batch = left.slice(0, slice.stride);
        left = left.slice(batch.length);
        for (const ms of batch) nowMs += ms;
        slice.spent(batch.length);
      }
    },
  });
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { dispatcher, activity, long, spent, passes, handling, pass };
}

const immediate = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
/** The first comes before the turns: it was set before the pass began. */
const passOver = async (): Promise<void> => {
  await immediate();
  await immediate();
};
const quick = (count: number): number[] => new Array<number>(count).fill(0);

describe('a long stretch', () => {
  test('of 1 message of 150 ms is told exactly, with its runnable', async () => {
    const { dispatcher, long, handling } = watched();
    const slow = handling(150);
    dispatcher.ready(handling(0));
    dispatcher.ready(slow);
    dispatcher.ready(handling(0));
    await passOver();
    expect(long).toEqual([{ ms: 150, messages: 1, runnable: slow, isExact: true }]);
  });

  test('of 99 ms is none where 100 ms are long', async () => {
    const { dispatcher, long, handling } = watched();
    dispatcher.ready(handling(99));
    await passOver();
    expect(long).toEqual([]);
  });

  test('of a message that is the 2nd of its turn and the 3rd of its pass is told exactly', async () => {
    const { dispatcher, long, handling } = watched();
    const slow = handling(0, 120, 0);
    dispatcher.ready(handling(0));
    dispatcher.ready(slow);
    await passOver();
    expect(long).toMatchObject([{ messages: 1, runnable: slow, isExact: true }]);
  });

  test('is none of a turn when it was between 2 slices', async () => {
    const { dispatcher, long, handling, pass } = watched();
    dispatcher.ready(handling(0));
    await Promise.resolve();
    pass(300);
    dispatcher.ready(handling(0));
    await Promise.resolve();
    await passOver();
    expect(long).toEqual([]);
  });

  test('among more messages than are timed is told with how many they were, and as not exact', async () => {
    const { dispatcher, long, handling } = watched();
    // From here on the clock is read for every 64th message.
    dispatcher.ready(handling(...quick(1_000)));
    await passOver();
    const slow = handling(...quick(100), 150, ...quick(100));
    dispatcher.ready(slow);
    await passOver();
    expect(long).toEqual([{ ms: 150, messages: 64, runnable: slow, isExact: false }]);
  });

  test('is exact the next time, for 10 s, and not any more afterwards', async () => {
    const { dispatcher, long, handling, pass } = watched();
    const slow = (): Runnable => handling(...quick(100), 150, ...quick(100));
    dispatcher.ready(handling(...quick(1_000)));
    await passOver();
    for (const waitMs of [0, limits.closeLookMs - 1_000, 2_000]) {
      pass(waitMs);
      dispatcher.ready(slow());
      await passOver();
    }
    expect(long.map(({ isExact }) => isExact)).toEqual([false, true, false]);
  });

  test('that nobody timed by the end of the pass is told without a runnable', async () => {
    const { dispatcher, long, handling } = watched();
    dispatcher.ready(handling(...quick(1_000)));
    await passOver();
    dispatcher.ready(handling(...quick(limits.messagesTimedPerPass)));
    dispatcher.ready(handling(150, 0, 0));
    await passOver();
    expect(long).toEqual([{ ms: 150, messages: 3, runnable: undefined, isExact: false }]);
  });
});

test('a slice that is used up by short messages is told with its runnable and its length', async () => {
  const { dispatcher, spent, long, handling } = watched();
  const busy = handling(1, 1, 1);
  dispatcher.ready(busy);
  await passOver();
  expect(spent).toEqual([{ runnable: busy, ms: 3 }]);
  expect(long).toEqual([]);
});

test('the start of each pass is told once, and nothing at all without a watch', async () => {
  const { dispatcher, passes, spent, handling } = watched();
  dispatcher.ready(handling(0));
  dispatcher.ready(handling(0));
  await passOver();
  dispatcher.ready(handling(0));
  await passOver();
  expect(passes).toHaveLength(2);
  dispatcher.watch(undefined);
  dispatcher.ready(handling(150));
  await passOver();
  expect(passes).toHaveLength(2);
  expect(spent).toEqual([]);
});

test('nobody is at anything once the queue is empty', async () => {
  const { dispatcher, activity, handling } = watched();
  const seen: number[] = [];
  dispatcher.ready({
    run: () => {
      activity[ActivityAt.cell] = cell;
      seen.push(activity[ActivityAt.cell]!);
    },
  });
  await passOver();
  expect([...seen, activity[ActivityAt.cell]]).toEqual([cell, 0]);
  dispatcher.ready(handling(0));
  await passOver();
  expect(activity[ActivityAt.cell]).toBe(0);
});

test('what is left to tell of a pass is told when somebody asks, and not once more at its end', async () => {
  const { dispatcher, long, handling } = watched();
  dispatcher.ready(handling(...quick(1_000)));
  await passOver();
  dispatcher.ready(handling(...quick(limits.messagesTimedPerPass)));
  dispatcher.ready(handling(150, 0, 0));
  await Promise.resolve();
  expect(long).toEqual([]);
  dispatcher.lookBack();
  expect(long).toMatchObject([{ ms: 150, messages: 3 }]);
  await passOver();
  expect(long).toHaveLength(1);
});

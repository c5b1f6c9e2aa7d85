/** The run queue of a place: everybody gets a turn, and timers and sockets get theirs. */
import { expect, test } from 'vitest';
import type { Runnable, Slice } from '../../../src/base/environment/scheduler.ts';
import { limits } from '../../../src/base/limits.ts';
import { Dispatcher } from '../../../src/base/platform/dispatcher.ts';

/** A dispatcher whose clock goes on by `msPerTurn` with each turn of a runnable that `noting` made. */
function dispatching(msPerTurn = 0) {
  let nowMs = 0;
  const dispatcher = new Dispatcher(() => nowMs);
  const turns: string[] = [];
  const noting = (name: string, again = 0): Runnable => {
    let left = again;
    const runnable: Runnable = {
      run: (slice: Slice) => {
        turns.push(name);
        nowMs += msPerTurn;
        slice.spent(1);
        if (left > 0) {
          left -= 1;
          dispatcher.ready(runnable);
        }
      },
    };
    return runnable;
  };
  return { dispatcher, turns, noting };
}

const immediate = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('runs 3 runnables first come first served, in a microtask and not in the call', async () => {
  const { dispatcher, turns, noting } = dispatching();
  for (const name of ['a', 'b', 'c']) dispatcher.ready(noting(name));
  expect(turns).toEqual([]);
  await Promise.resolve();
  expect(turns).toEqual(['a', 'b', 'c']);
});

test('takes turns between 2 runnables that are ready again and again', async () => {
  const { dispatcher, turns, noting } = dispatching();
  dispatcher.ready(noting('a', 2));
  dispatcher.ready(noting('b', 2));
  await Promise.resolve();
  expect(turns).toEqual(['a', 'b', 'a', 'b', 'a', 'b']);
});

test(`lets timers and sockets run after a slice of ${limits.sliceMs} ms, and goes on afterwards`, async () => {
  const { dispatcher, turns, noting } = dispatching(limits.sliceMs / 4);
  dispatcher.ready(noting('busy', 99));
  await Promise.resolve();
  const inFirstSlice = turns.length;
  expect(inFirstSlice).toBeGreaterThanOrEqual(4);
  expect(inFirstSlice).toBeLessThan(20);
  for (let passes = 0; passes < 100 && turns.length < 100; passes += 1) await immediate();
  expect(turns).toHaveLength(100);
});

test('gives 1 other runnable its turn after one that threw', async () => {
  const { dispatcher, turns, noting } = dispatching();
  const thrown: unknown[] = [];
  const listeners = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.once('unhandledRejection', (error) => thrown.push(error));
  try {
    dispatcher.ready({
      run: () => {
        throw new Error('broken runnable');
      },
    });
    dispatcher.ready(noting('other'));
    await immediate();
    await immediate();
    expect(turns).toEqual(['other']);
    expect(thrown).toMatchObject([{ message: 'broken runnable' }]);
  } finally {
    for (const listener of listeners) process.on('unhandledRejection', listener);
  }
});

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { keyGroupOf } from '../../../src/streams/key-groups.ts';
import { countDistinct } from '../../../src/streams/windows/distinct.ts';
import { last } from '../../../src/streams/windows/elements.ts';
import { makeWindowing } from '../../../src/streams/windows/make-windowing.ts';
import { count, sum } from '../../../src/streams/windows/numbers.ts';
import { onClose, onWatermark } from '../../../src/streams/windows/trigger.ts';
import { countWindow, session, sliding, tumbling } from '../../../src/streams/windows/window.ts';
import type { Windowing } from '../../../src/streams/windows/windowing.ts';

const windows = [
  ['tumbling', tumbling({ sizeMs: 100 }), onClose()],
  ['sliding', sliding({ sizeMs: 100, slideMs: 30 }), onClose()],
  ['sliding with late results', sliding({ sizeMs: 100, slideMs: 50 }), onWatermark()],
  ['session', session({ gapMs: 50 }), onClose()],
  ['session with late results', session({ gapMs: 50 }), onWatermark()],
] as const;

type Key = string | number;
const options = { stage: 'window', allowedLatenessMs: 0, keyOf: (item: unknown) => item as Key };

const drain = (windowing: Windowing): number => {
  let results = 0;
  for (let next = windowing.next(); next !== undefined; next = windowing.next()) if (next !== 'working') results += 1;
  return results;
};

it.each(windows)(
  'state of %s windows goes: of 100,000 keys that came and went nothing is left',
  (_, window, trigger) => {
    const windowing = makeWindowing(window, trigger, { ...options, aggregates: { n: count() } });
    let held = 0;
    for (let n = 0; n < 100_000; n += 1) {
      windowing.add(`key ${n}`, n);
      if (n % 1_000 > 0) continue;
      windowing.advance(n - 10);
      while (windowing.next() !== undefined) held = Math.max(held, windowing.held.keys);
    }
    windowing.advance(200_000);
    drain(windowing);
    expect(held).toBeLessThan(2_000);
    expect(windowing.held).toMatchObject({ windows: 0, keys: 0 });
    expect(windowing.groups).toEqual([]);
    expect(windowing.held.stateBytes).toBeLessThan(30_000);
  },
);

describe('the heap is back to its start after a flood of 1,000,000 keys', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const usedBytes = async (): Promise<number> => {
    // Buffers that are found to be unused are given back between turns.
    for (let n = 0; n < 3; n += 1) {
      collect();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const keyKinds = [
    ['numbers', (n: number): Key => n],
    ['fractions', (n: number): Key => n + 0.5],
    ['texts', (n: number): Key => `key ${n}`],
  ] as const;
  // Every kind of window with numbers, and every kind of key with tumbling windows and sessions.
  const floods = windows.flatMap(([name, window, trigger]) =>
    keyKinds
      .filter(([keys]) => keys === 'numbers' || name === 'tumbling' || name === 'session')
      .map(([keys, keyOf]) => [name, keys, window, trigger, keyOf] as const),
  );

  /** All at one time, then some that come again and again, so that state is never empty. */
  it.each(floods)(
    'through %s windows, of %s',
    async (_, __, window, trigger, keyOf) => {
      const aggregates = { n: count(), sum: sum(() => 1), last: last() };
      const windowing = makeWindowing(window, trigger, { ...options, aggregates });
      let timeMs = 0;
      const trickle = (steps: number): void => {
        for (let step = 0; step < steps; step += 1) {
          for (let n = 0; n < 20; n += 1) windowing.add(keyOf(n), timeMs + n);
          timeMs += 20;
          windowing.advance(timeMs - 10);
          drain(windowing);
        }
      };
      trickle(100);
      const startBytes = await usedBytes();
      const startHeld = windowing.held.stateBytes;
      for (let n = 0; n < 1_000_000; n += 1) windowing.add(keyOf(n), timeMs);
      expect(windowing.held.keys).toBe(1_000_000);
      expect(windowing.held.stateBytes).toBeGreaterThan(50_000_000);
      trickle(2_000);
      expect(windowing.held.keys).toBe(20);
      expect(windowing.held.stateBytes - startHeld).toBeLessThan(2_000_000);
      expect((await usedBytes()) - startBytes).toBeLessThan(6_000_000);
    },
    120_000,
  );
});

it('says what each group of keys holds: together what all hold, but for what is kept for more', () => {
  const all = [...windows, ['count', countWindow({ size: 1_000 }), onClose()] as const];
  for (const [name, window, trigger] of all) {
    const windowing = makeWindowing(window, trigger, {
      ...options,
      aggregates: { n: count(), d: countDistinct(() => 1) },
    });
    const keys = Array.from({ length: 30_000 }, (_, n): Key => (n % 3 === 0 ? n : n % 3 === 1 ? n / 8 : `key ${n}`));
    for (const key of keys) windowing.add(key, 50);
    const { groups, held } = windowing;
    const keysOfGroup = new Map<number, number>();
    for (const key of new Set(keys)) keysOfGroup.set(keyGroupOf(key), (keysOfGroup.get(keyGroupOf(key)) ?? 0) + 1);
    expect(new Map(groups.map((group) => [group.group, group.keys]))).toEqual(keysOfGroup);
    const sumBytes = groups.reduce((total, { stateBytes }) => total + stateBytes, 0);
    expect(sumBytes / held.stateBytes, name).toBeGreaterThan(0.5);
    expect(sumBytes / held.stateBytes, name).toBeLessThanOrEqual(1);
    windowing.advance(Infinity);
    drain(windowing);
    expect(windowing.groups).toEqual([]);
  }
});

/** Threads that beat no more: told after 1, 2, 4 s, with what they are at. */
import { describe, expect, test } from 'vitest';
import { ActivityAt, activityLength } from '../../src/base/activity.ts';
import { HeldThreads } from '../../src/runtime/held-threads.ts';
import type { Stall } from '../../src/runtime/stall.ts';
import { ThreadActivity } from '../../src/runtime/thread-activity.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';

const place = 'node~1/t1';

function watching() {
  const clock = new VirtualClock();
  const told: Stall[] = [];
  const held = new HeldThreads(
    clock,
    (placeId, cell) => `troupe://${placeId}/hasher#${cell}`,
    (stall) => void told.push(stall),
  );
  const activity = new ThreadActivity();
  held.started(place, activity);
  held.named(place, 5, ['hasher.hash', 'hasher.check']);
  return { clock, told, held, activity, slots: activity.slots };
}

test('memory that is shared has room for all that turns and heartbeats write', () => {
  expect(new ThreadActivity().slots).toHaveLength(activityLength);
  expect(Math.max(...Object.values(ActivityAt))).toBeLessThan(activityLength);
});

describe('a thread that beats no more', () => {
  test('is told of after 1, 2, 4 and 8 s, with its actor and its operation', async () => {
    const { clock, told, slots } = watching();
    slots[ActivityAt.cell] = 12;
    slots[ActivityAt.operation] = 6;
    await clock.advance(900);
    expect(told).toEqual([]);
    await clock.advance(14_100);
    expect(told.map(({ durationMs }) => durationMs)).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(told[0]).toMatchObject({
      kind: 'held',
      place,
      path: `troupe://${place}/hasher#12`,
      operation: 'hasher.check',
    });
  });

  test('is told of anew after it has beaten again', async () => {
    const { clock, told, slots } = watching();
    await clock.advance(2_400);
    expect(told).toHaveLength(2);
    slots[ActivityAt.beats] = 1;
    await clock.advance(1_000);
    expect(told).toHaveLength(2);
    await clock.advance(200);
    expect(told).toHaveLength(3);
    expect(told[2]!.durationMs).toBeLessThan(2_000);
  });

  test('between turns is said to be outside of actors', async () => {
    const { clock, told, slots } = watching();
    slots[ActivityAt.operation] = 6;
    await clock.advance(1_000);
    expect(told[0]).toMatchObject({ path: undefined, operation: undefined });
  });

  test('in a turn of many messages is said with its actor alone', async () => {
    const { clock, told, slots } = watching();
    slots[ActivityAt.cell] = 12;
    await clock.advance(1_000);
    expect(told[0]).toMatchObject({ path: `troupe://${place}/hasher#12`, operation: undefined });
  });

  test('is not told of once it has ended, and the last one ends the looking', async () => {
    const { clock, told, held } = watching();
    held.ended(place);
    await clock.advance(5_000);
    expect(told).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

test('a thread that beats is never told of', async () => {
  const { clock, told, slots } = watching();
  for (let n = 1; n <= 50; n += 1) {
    slots[ActivityAt.beats] = n;
    await clock.advance(250);
  }
  expect(told).toEqual([]);
});

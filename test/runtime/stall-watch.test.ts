/** The watch over one thread, told by hand what the run queue would tell it. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import type { Cell } from '../../src/actors/cell.ts';
import { protocol, tell } from '../../src/actors/protocol.ts';
import { targetOf } from '../../src/actors/ref.ts';
import type { Clock } from '../../src/base/environment/clock.ts';
import type { Scheduler, TurnWatch } from '../../src/base/environment/scheduler.ts';
import type { Stall } from '../../src/runtime/stall.ts';
import { StallWatch } from '../../src/runtime/stall-watch.ts';
import { testHost } from '../support/test-host.ts';

const Hasher = protocol('hasher', { hash: tell() });
const hasher = actor(Hasher, { args: z.object({}), state: () => ({}) }, { hash: () => undefined });

async function watching(stallMs: number | false = 100) {
  const { host, clock, scheduler, spawn, advance } = testHost();
  const cell = targetOf(await spawn(hasher)) as Cell;
  let watch: TurnWatch | undefined;
  (scheduler as Scheduler).watch = (given) => {
    watch = given;
  };
  let waitedMs = 0;
  (clock as Clock).waitedMs = () => waitedMs;
  const told: Stall[] = [];
  const stallWatch = new StallWatch(host, stallMs, (stall) => void told.push(stall));
  return {
    told,
    cell,
    clock,
    advance,
    stallWatch,
    watch: () => watch!,
    wait: (ms: number) => {
      waitedMs += ms;
    },
  };
}

describe('a long message', () => {
  test('is told with its actor', async () => {
    const { told, cell, watch, advance } = await watching();
    await advance(40);
    watch().onLong({ ms: 150, messages: 1, runnable: cell, isExact: true });
    expect(told).toMatchObject([{ kind: 'handler', path: cell.path(), durationMs: 150 }]);
  });

  test('is none where the thread had no processor for so much of it that less than stallMs is left', async () => {
    const { told, cell, watch, wait, advance } = await watching();
    await advance(50);
    wait(60);
    await advance(40);
    watch().onLong({ ms: 150, messages: 1, runnable: cell, isExact: true });
    expect(told).toEqual([]);
    await advance(100);
    wait(30);
    watch().onLong({ ms: 150, messages: 1, runnable: cell, isExact: true });
    expect(told).toHaveLength(1);
  });
});

describe('an actor with slow messages without end', () => {
  test('is told after 3 s, with its time and its pieces', async () => {
    const { told, cell, watch, advance } = await watching();
    for (let n = 0; n < 160; n += 1) {
      await advance(20);
      watch().onSliceSpent(cell, 20);
    }
    expect(told).toMatchObject([{ kind: 'starving', path: cell.path() }]);
    expect(told[0]!.durationMs).toBeGreaterThanOrEqual(2_800);
    expect(told[0]!.durationMs / told[0]!.messages).toBeCloseTo(20);
  });

  test('is not where the machine had no processor for most of that time', async () => {
    const { told, cell, watch, wait, advance } = await watching();
    for (let n = 0; n < 160; n += 1) {
      wait(15);
      await advance(20);
      watch().onSliceSpent(cell, 20);
    }
    expect(told).toEqual([]);
  });
});

test('a quiet thread is told nothing of in 60 s, and nothing is left of the watch when it is closed', async () => {
  const { told, stallWatch, clock, advance, watch } = await watching();
  await advance(60_000);
  expect(told).toEqual([]);
  stallWatch.close();
  expect(clock.pending).toBe(0);
  expect(watch()).toBeUndefined();
});

test('with false nobody is asked to tell anything', async () => {
  const { watch } = await watching(false);
  expect(watch()).toBeUndefined();
});

/** The run queue of the kit. */
import { describe, expect, it } from 'vitest';
import type { Runnable } from '../../src/base/environment/scheduler.ts';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { pass } from '../../src/testing/event-loop.ts';
import { TestScheduler } from '../../src/testing/test-scheduler.ts';

function named(seen: string[], name: string, then?: () => unknown): Runnable {
  return {
    run: () => {
      seen.push(name);
      then?.();
    },
  };
}

describe('the run queue of the kit', () => {
  it('runs 3 in the order they came, after the code that made them ready', async () => {
    const scheduler = new TestScheduler();
    const seen: string[] = [];
    for (const name of ['a', 'b', 'c']) scheduler.ready(named(seen, name));
    expect(seen).toEqual([]);
    await pass();
    expect(seen).toEqual(['a', 'b', 'c']);
    expect(scheduler.turns).toBe(3);
  });

  it('with a seed runs each of 100 once, in an order that the seed repeats', async () => {
    const order = async (seed: number): Promise<string[]> => {
      const scheduler = new TestScheduler({ random: seededRandom(seed) });
      const seen: string[] = [];
      for (let n = 0; n < 100; n += 1) scheduler.ready(named(seen, String(n)));
      await pass();
      return seen;
    };
    const first = await order(5);
    expect(new Set(first).size).toBe(100);
    expect(await order(5)).toEqual(first);
    expect(await order(6)).not.toEqual(first);
  });

  it('with a seed lets promise reactions run between turns', async () => {
    const scheduler = new TestScheduler({ random: seededRandom(1) });
    const seen: string[] = [];
    const reacting = (name: string): Runnable =>
      named(seen, name, () => void Promise.resolve().then(() => seen.push(`after ${name}`)));
    scheduler.ready(reacting('a'));
    scheduler.ready(reacting('b'));
    await pass();
    expect(seen).toHaveLength(4);
    for (const name of ['a', 'b']) expect(seen.indexOf(`after ${name}`)).toBe(seen.indexOf(name) + 1);
  });

  it('gives the event loop a pass after 1,000 turns', async () => {
    const scheduler = new TestScheduler();
    const seen: string[] = [];
    const again: Runnable = named(seen, 'x', () => seen.length < 2_500 && scheduler.ready(again));
    scheduler.ready(again);
    await pass();
    expect(seen.length).toBe(1_000);
    while (scheduler.waiting > 0) await pass();
    expect(seen.length).toBe(2_500);
  });

  it('runs nothing by itself when it is manual, until it is told to', async () => {
    const scheduler = new TestScheduler({ manual: true });
    const seen: string[] = [];
    for (const name of ['a', 'b', 'c']) scheduler.ready(named(seen, name));
    await pass();
    expect(seen).toEqual([]);
    expect(scheduler.step()).toBe(true);
    expect(seen).toEqual(['a']);
    scheduler.runByItself();
    await pass();
    expect(seen).toEqual(['a', 'b', 'c']);
    expect(scheduler.step()).toBe(false);
  });

  it('says who waits, in both orders, and loses none of them by that', () => {
    for (const random of [undefined, seededRandom(1)]) {
      const scheduler = new TestScheduler({ manual: true, ...(random && { random }) });
      const seen: string[] = [];
      const all = ['a', 'b'].map((name) => named(seen, name));
      for (const one of all) scheduler.ready(one);
      expect(new Set(scheduler.runnables)).toEqual(new Set(all));
      scheduler.drain();
      expect([...seen].sort()).toEqual(['a', 'b']);
    }
  });
});

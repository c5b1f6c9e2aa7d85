/** State that goes when nobody writes it, and elements that are the first of their key: by event time and by the clock. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { flow, fromIterable } from '../../../src/streams/index.ts';
import { Expiry } from '../../../src/streams/keyed/expiry.ts';
import { firstOfKey } from '../../../src/streams/keyed/first-of-key.ts';
import { runningAggregates } from '../../../src/streams/keyed/running-aggregates.ts';
import { runningValue } from '../../../src/streams/keyed/running-value.ts';
import type { ProcessorSpec } from '../../../src/streams/processor.ts';
import { count } from '../../../src/streams/windows/numbers.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { proofRuns } from '../../support/proof-runs.ts';
import { runLocally } from '../local-run.ts';
import { processorAlone } from './processor-alone.ts';

interface Item {
  readonly id: number;
  readonly at: number;
}
const keyOf = (one: unknown): number => (one as Item).id;
const counts = (ttlMs: number): ProcessorSpec =>
  runningValue({
    kind: 'scan-by',
    first: () => 1,
    next: (n) => (n as number) + 1,
    newestOnly: false,
    ttlMs,
  });

describe('a key that is silent for its time to live', () => {
  test.each([
    ['scanBy', counts(100), [1, 2, 3, 1]],
    ['aggregate', runningAggregates({ n: count() }, { revised: false, ttlMs: 100, emit: 'each' }), [1, 2, 3, 1]],
  ])('begins anew in %s, by event time', (_, spec, expected) => {
    const { add, advance, given, processor } = processorAlone(spec, keyOf, { timed: true });
    add({ id: 1, at: 0 });
    advance(60);
    add({ id: 1, at: 60 });
    advance(159);
    add({ id: 1, at: 159 });
    add({ id: 2, at: 159 });
    expect(processor.held.keys).toBe(2);
    advance(259);
    add({ id: 1, at: 300 });
    const values = given.map((one) => one.value as { key: number; value: unknown; previous: unknown });
    const ofOne = values.filter(({ key }) => key === 1);
    expect(ofOne.map((one) => (typeof one.value === 'object' ? (one.value as { n: number }).n : one.value))).toEqual(
      expected,
    );
    expect(ofOne.at(-1)?.previous).toBeUndefined();
    advance(1_000);
    expect(processor.held.keys).toBe(0);
  });

  test('goes by the clock where the flow has no event time, though nothing comes in', async () => {
    const clock = new VirtualClock();
    const { add, settle, given, processor } = processorAlone(counts(1_000), keyOf, { timed: false, clock });
    add({ id: 1, at: 0 });
    await clock.advance(999, settle);
    add({ id: 1, at: 0 });
    await clock.advance(999, settle);
    add({ id: 1, at: 0 });
    await clock.advance(1_000, settle);
    add({ id: 1, at: 0 });
    expect(given.map(({ value }) => (value as { value: number }).value)).toEqual([1, 2, 3, 1]);
    expect(processor.held.keys).toBe(1);
    await clock.advance(1_100, settle);
    expect(processor.held.keys).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('is as if the model had forgotten it, for random times', () => {
    const step = fc.record({ id: fc.nat(4), at: fc.nat(300), onMs: fc.nat(60) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(1, 7, 40, 100), (steps, ttlMs) => {
        const { add, advance, given } = processorAlone(counts(ttlMs), keyOf, { timed: true });
        const model = new Map<number, { n: number; atMs: number }>();
        const expected: number[] = [];
        let watermarkMs = 0;
        advance(0);
        for (const { id, at, onMs } of steps) {
          const known = model.get(id);
          const there = known !== undefined && known.atMs + ttlMs > watermarkMs ? known : { n: 0, atMs: -Infinity };
          model.set(id, { n: there.n + 1, atMs: Math.max(at, watermarkMs, there.atMs) });
          expected.push(there.n + 1);
          add({ id, at });
          watermarkMs += onMs;
          if (onMs > 0) advance(watermarkMs);
        }
        expect(given.map(({ value }) => (value as { value: number }).value)).toEqual(expected);
      }),
      { numRuns: proofRuns(200) },
    );
  });
});

describe('the first of a key', () => {
  test('is given once, as it came', async () => {
    const run = await runLocally(
      flow('once', { args: z.object({}) }, (f) =>
        f
          .from(fromIterable([3, 1, 3, 3, 2, 1]))
          .keyBy((n) => n)
          .first()
          .output('once'),
      ),
      {},
    );
    await run.done;
    expect(run.outputs).toEqual([3, 1, 2]);
    expect(run.stage('first')).toMatchObject({ in: 6, out: 3 });
  });

  test('is given again when ttlMs have passed since the one that was given, whatever came between', () => {
    const { add, advance, given, processor } = processorAlone(firstOfKey(100), keyOf, { timed: true });
    const times = (): number[] => given.map(({ value }) => (value as Item).at);
    for (const at of [1_000, 1_050, 990, 1_099, 1_100, 1_199, 1_260]) add({ id: 1, at });
    expect(times()).toEqual([1_000, 1_100, 1_260]);
    advance(1_359);
    // Late, and still known.
    add({ id: 1, at: 1_300 });
    expect(times()).toHaveLength(3);
    advance(1_360);
    // Late, and forgotten; what it gives is not late.
    add({ id: 1, at: 1_301 });
    expect(given.at(-1)).toEqual({ value: { id: 1, at: 1_301 }, timeMs: 1_360 });
    advance(5_000);
    expect(processor.held.keys).toBe(0);
  });

  test('is given again by the clock where the flow has no event time', async () => {
    const clock = new VirtualClock();
    const { add, settle, given, processor } = processorAlone(firstOfKey(100), keyOf, { timed: false, clock });
    for (let n = 0; n < 5; n += 1) {
      add({ id: 1, at: n });
      await clock.advance(49, settle);
    }
    expect(given.map(({ value }) => (value as Item).at)).toEqual([0, 3]);
    await clock.advance(200, settle);
    expect(processor.held.keys).toBe(0);
  });
});

test('what is due is looked at once in its time to live, however often it is written', () => {
  const dueMs: number[] = [];
  let looks = 0;
  const gone: number[] = [];
  const expiry = new Expiry(160, (slot, nowMs) => {
    looks += 1;
    if (dueMs[slot]! > nowMs) return dueMs[slot]!;
    gone.push(slot);
    return Number.NaN;
  });
  for (let nowMs = 0; nowMs < 16_000; nowMs += 1) {
    dueMs[0] = nowMs + 160;
    expiry.schedule(0, dueMs[0]);
    while (expiry.sweep(nowMs));
  }
  expect(looks).toBeLessThanOrEqual(100);
  expect(gone).toEqual([]);
  while (expiry.sweep(16_000 + 170));
  expect(gone).toEqual([0]);
  expect(expiry.nextMs).toBe(Infinity);
  // Earlier than the bucket that it stands in.
  dueMs[1] = 90_000;
  expiry.schedule(1, 90_000);
  dueMs[1] = 20_000;
  expiry.schedule(1, 20_000);
  while (expiry.sweep(20_010));
  expect(gone).toEqual([0, 1]);
});

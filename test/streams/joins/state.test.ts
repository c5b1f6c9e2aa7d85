/** What joins hold, that it goes, and how much they do at once. */
import { setImmediate as pass } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, test } from 'vitest';
import { joinProcessor } from '../../../src/streams/joins/join-processor.ts';
import { always, asOf, during, type JoinSpec, within } from '../../../src/streams/joins/join-spec.ts';
import type { Processor } from '../../../src/streams/processor.ts';
import { sliding, tumbling } from '../../../src/streams/windows/window.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { withinOracle } from './oracle.ts';
import { Rig, type Row, type Step } from './rig.ts';

const row = (port: 0 | 1, key: number, timeMs: number, at: number): Row => ({ port, key, timeMs, at, spanMs: 0 });

/** A join whose results nobody keeps. */
function joining(
  spec: JoinSpec<never>,
  clock = new VirtualClock(),
  timed = true,
): { join: Processor; given: unknown[] } {
  const given: unknown[] = [];
  const join = joinProcessor(spec as JoinSpec<unknown>, 'inner').make({
    stage: 'join',
    timed,
    keyOf: [(item) => item as number, (item) => item as number],
    clock,
    emit: (value) => {
      if (given.length < 1_000) given.push(value);
    },
    side: () => undefined,
    wake: () => undefined,
    hold: () => undefined,
  });
  return { join, given };
}

const specs: readonly (readonly [string, JoinSpec<never>])[] = [
  ['during', during(sliding({ sizeMs: 100, slideMs: 30 }))],
  ['within', within({ beforeMs: 50, afterMs: 50 })],
  ['asOf', asOf({ ttlMs: 100 })],
  ['always', always({ leftTtlMs: 100, rightTtlMs: 100 })],
];

describe.each(specs)('%s', (_, spec) => {
  it('gives the heap back when 1,000,000 keys have come and gone', { timeout: 300_000 }, async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const used = async (): Promise<number> => {
      // What columns held is let go behind the collection that found them unused.
      for (let turn = 0; turn < 3; turn += 1) {
        collect();
        await pass();
      }
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const { join } = joining(spec);
    const beforeBytes = await used();
    for (let key = 0; key < 1_000_000; key += 1) join.add(key, 0, key % 2);
    expect(join.held).toMatchObject({ keys: 1_000_000, leftRows: 500_000, rightRows: 500_000 });
    expect(join.held.stateBytes).toBeGreaterThan(50_000_000);
    join.advance(5_000);
    while (join.work());
    expect(join.held).toMatchObject({ keys: 0, leftRows: 0, rightRows: 0 });
    expect(join.held.stateBytes).toBeLessThan(20_000);
    expect((await used()) - beforeBytes).toBeLessThan(8_000_000);
  });

  it('holds what is near in time, however many keys come and go', { timeout: 300_000 }, () => {
    const { join } = joining(spec);
    let most = 0;
    for (let n = 0; n < 30_000; n += 1) {
      join.add(n, n, 0);
      join.add(n, n, 1);
      if (n % 100 > 0) continue;
      join.advance(n - 10);
      while (join.work());
      most = Math.max(most, join.held.keys);
    }
    expect(most).toBeLessThan(500);
  });
});

test('many matches of one element are given in pieces, and so is what a watermark makes due', () => {
  const rights = Array.from({ length: 2_000 }, (_, n) => row(1, 1, n % 10, n));
  const pairs = new Rig(within({ beforeMs: 100, afterMs: 100 }), 'inner').run([...rights, row(0, 1, 5, 2_000)]);
  expect(pairs.given.length).toBe(2_000);
  expect(pairs.most).toBe(256);
  // An element that is in 100 windows with each of 20 others.
  const few = rights.slice(0, 20).map((one) => ({ ...one, timeMs: 1_000 }));
  const windows = new Rig(during(sliding({ sizeMs: 100, slideMs: 1 })), 'inner').run([...few, row(0, 1, 1_000, 20)]);
  expect(windows.given.length).toBe(2_000);
  expect(windows.most).toBeLessThanOrEqual(257);
  const lefts = Array.from({ length: 2_000 }, (_, n) => row(0, n, n % 10, n));
  const alone = new Rig(within({ beforeMs: 0, afterMs: 10 }), 'left').run([...lefts, { watermarkMs: 100 }]);
  expect(alone.given.length).toBe(2_000);
  expect(alone.most).toBe(256);
});

test('rows and keys that have other numbers since memory was given back are joined as before', () => {
  const steps: Step[] = [];
  for (let n = 0; n < 800; n += 1) {
    // Most go soon; every tenth key has an element that stays for long, and meets another late.
    const stays = n % 20 < 2;
    steps.push({ port: (n % 2) as 0 | 1, key: n, timeMs: stays ? 500 + (n % 7) : n % 5, at: n, spanMs: 40 });
  }
  steps.push({ watermarkMs: 300 });
  for (let n = 0; n < 80; n += 1) {
    steps.push({ port: (1 - (n % 2)) as 0 | 1, key: n, timeMs: 510 + (n % 9), at: 800 + n, spanMs: 40 });
  }
  const afterMs = (left: Row): number => left.spanMs;
  for (const how of ['inner', 'left', 'anti'] as const) {
    const rig = new Rig(within<Row>({ beforeMs: 20, afterMs }), how).run(steps);
    expect(rig.processor.held.leftRows).toBeLessThan(200);
    rig.advance(Infinity);
    expect(rig.texts).toEqual(withinOracle(steps, how, 20, afterMs).texts);
  }
});

test('asOf keeps the versions that may still be needed, and no others', () => {
  const rig = new Rig(asOf(), 'inner');
  for (let n = 0; n < 1_000; n += 1) rig.add(row(1, 1, n, n));
  rig.advance(900);
  // The one of 899, and those from 900 on.
  expect(rig.processor.held).toMatchObject({ keys: 1, rightRows: 101 });
});

test('without event time a ttl counts by the clock, and the end of the input gives what had no match', async () => {
  const clock = new VirtualClock();
  const { join, given } = joining(always({ leftTtlMs: 800, rightTtlMs: 1_600 }), clock, false);
  const settle = (): void => {
    while (join.due) join.work();
  };
  join.add(1, Number.NaN, 0);
  await clock.advance(700);
  settle();
  join.add(1, Number.NaN, 1);
  expect(given).toEqual([[1, 1]]);
  await clock.advance(250);
  settle();
  expect(join.held).toMatchObject({ leftRows: 0, rightRows: 1 });
  join.add(1, Number.NaN, 0);
  expect(given.length).toBe(2);
  await clock.advance(5_000);
  settle();
  expect(join.held).toMatchObject({ keys: 0, leftRows: 0, rightRows: 0 });
  await clock.advance(200);
  // Nothing is left to look for.
  expect(clock.pending).toBe(0);
  join.add(1, Number.NaN, 0);
  expect(clock.pending).toBe(1);
  join.stop?.();
  expect(clock.pending).toBe(0);
});

test('a window join keeps what its windows need', () => {
  const rig = new Rig(during(tumbling({ sizeMs: 10 })), 'left');
  rig.run([row(0, 1, 5, 0), row(1, 1, 15, 1), { watermarkMs: 10 }]);
  expect(rig.texts).toEqual(['0 - w0 @9']);
  expect(rig.processor.held).toMatchObject({ keys: 1, leftRows: 0, rightRows: 1 });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { flow } from '../../../src/streams/flow.ts';
import type { FlowEnd } from '../../../src/streams/flow-types.ts';
import { fromIterable } from '../../../src/streams/from-iterable.ts';
import type { Change } from '../../../src/streams/keyed/change.ts';
import type { Source } from '../../../src/streams/source.ts';
import { first } from '../../../src/streams/windows/elements.ts';
import { count, max, mean, sum } from '../../../src/streams/windows/numbers.ts';
import { type OnClose, type OnWatermark, onClose, onWatermark } from '../../../src/streams/windows/trigger.ts';
import { session, sliding, tumbling, type WindowSpec } from '../../../src/streams/windows/window.ts';
import { proofRuns } from '../../support/proof-runs.ts';
import { type LocalRun, runLocally } from '../local-run.ts';

interface Bid {
  readonly auction: number;
  readonly price: number;
}
const bids: readonly Bid[] = [
  { auction: 1, price: 5 },
  { auction: 2, price: 7 },
  { auction: 1, price: 3 },
  { auction: 1, price: 9 },
];
const none = z.object({});

describe('what a key comes to', () => {
  test('is given whenever it becomes something else, with what it replaces', async () => {
    const run = await runLocally(
      flow('best', { args: none }, (f) =>
        f
          .from(fromIterable(bids))
          .keyBy((bid) => bid.auction)
          .aggregate({ best: max((bid) => bid.price) })
          .output('best'),
      ),
      {},
    );
    await run.done;
    expect(run.outputs).toEqual([
      { key: 1, value: { best: 5 }, previous: undefined },
      { key: 2, value: { best: 7 }, previous: undefined },
      { key: 1, value: { best: 9 }, previous: { best: 5 } },
    ]);
    expect(run.stage('aggregate')).toMatchObject({ in: 4, out: 3, late: 0 });
  });

  test('is given once for each step of event time with emit: watermark, with what the last of it was', async () => {
    const rows = [
      { id: 1, at: 10 },
      { id: 2, at: 10 },
      { id: 1, at: 10 },
      { id: 1, at: 20 },
    ];
    const twoBatches: Source<(typeof rows)[number]> = {
      name: 'two-batches',
      bounded: true,
      async *open() {
        yield rows.slice(0, 3);
        yield rows.slice(3);
      },
    };
    const run = await runLocally(
      flow('counts', { args: none }, (f) =>
        f
          .from(twoBatches, { time: (row) => row.at })
          .keyBy((row) => row.id)
          .aggregate({ n: count() }, { emit: 'watermark' })
          .output('counts'),
      ),
      {},
    );
    await run.done;
    expect(run.outputs).toEqual([
      { key: 1, value: { n: 2 }, previous: undefined },
      { key: 2, value: { n: 1 }, previous: undefined },
      { key: 1, value: { n: 3 }, previous: { n: 2 } },
    ]);
  });

  test('is refused with emit: watermark where there is no event time', () => {
    const built = flow('untimed', { args: none }, (f) =>
      f
        .from(fromIterable(bids))
        .keyBy((bid) => bid.auction)
        .aggregate({ n: count() }, { emit: 'watermark' })
        .output('counts'),
    );
    expect(() => built.bounds({})).toThrow(/emit: 'watermark' but no event time/);
  });

  test('is made of the value so far and the next element by reduce, and with a seed by scanBy', async () => {
    const run = await runLocally(
      flow('folds', { args: none }, (f) => {
        const { reduced, scanned } = f.from(fromIterable(bids)).broadcast('reduced', 'scanned');
        return f.ends(
          reduced
            .keyBy((bid) => bid.auction)
            .reduce((best, bid) => (bid.price > best.price ? bid : best))
            .via('cheaper', ($) => $)
            .output('best'),
          scanned
            .keyBy((bid) => `a${bid.auction}`)
            .scanBy(
              (text, bid, key) => `${text}${key}:${bid.price} `,
              () => '',
            )
            .output('texts'),
        );
      }),
      {},
    );
    await run.done;
    const changes = run.outputs as Change<number | string, unknown>[];
    expect(changes.filter(({ key }) => key === 1).map(({ value }) => (value as Bid).price)).toEqual([5, 9]);
    expect(changes.filter(({ key }) => key === 'a1').map(({ value }) => value)).toEqual([
      'a1:5 ',
      'a1:5 a1:3 ',
      'a1:5 a1:3 a1:9 ',
    ]);
  });

  test('is the latest element by event time, and of several of one time the one that came last', async () => {
    const rows = [
      { id: 1, at: 10, text: 'a' },
      { id: 1, at: 30, text: 'b' },
      { id: 1, at: 20, text: 'older' },
      { id: 1, at: 30, text: 'c' },
    ];
    const run = await runLocally(
      flow('latest', { args: none }, (f) =>
        f
          .from(fromIterable(rows), { time: (row) => row.at, outOfOrderMs: 100 })
          .keyBy((row) => row.id)
          .latest()
          .output('latest'),
      ),
      {},
    );
    await run.done;
    expect((run.outputs as Change<number, { text: string }>[]).map(({ value }) => value.text)).toEqual(['a', 'b', 'c']);
  });
});

describe('a group of values that are replaced', () => {
  test('is as if only those that are there now had ever been added, wherever they move', async () => {
    const update = fc.record({ key: fc.nat(5), group: fc.nat(2), amount: fc.integer({ min: -50, max: 50 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(update, { maxLength: 60 }),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom('each', 'watermark'),
        async (updates, parallelism, emit) => {
          const run = await runLocally(
            flow('groups', { args: none }, (f) =>
              f
                .from(fromIterable(updates), { time: () => 0 })
                .keyBy((row) => row.key, { parallelism })
                .latest()
                .regroup((row) => row.group, { parallelism })
                .aggregate(
                  { values: count(), total: sum((row) => row.amount), mean: mean((row) => row.amount) },
                  { emit },
                )
                .output('groups'),
            ),
            {},
          );
          await run.done;
          const now = new Map<number, unknown>();
          for (const { key, value } of run.outputs as Change<number, unknown>[]) {
            if (value === undefined) now.delete(key);
            else now.set(key, value);
          }
          const latest = new Map(updates.map((row) => [row.key, row]));
          const expected = new Map<number, unknown>();
          for (const group of new Set([...latest.values()].map((row) => row.group))) {
            const amounts = [...latest.values()].filter((row) => row.group === group).map((row) => row.amount);
            const total = amounts.reduce((left, right) => left + right, 0);
            expected.set(group, { values: amounts.length, total, mean: total / amounts.length });
          }
          expect(new Map([...now].sort())).toEqual(new Map([...expected].sort()));
        },
      ),
      { numRuns: proofRuns(40) },
    );
  });

  test('counts results of windows that are given again and again as if each had been given once', async () => {
    const element = fc.record({
      key: fc.nat(2),
      at: fc.integer({ min: 0, max: 60 }),
      amount: fc.integer({ min: 1, max: 9 }),
    });
    const windows = fc.constantFrom<WindowSpec>(
      session({ gapMs: 7 }),
      tumbling({ sizeMs: 10 }),
      sliding({ sizeMs: 9, slideMs: 4 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(element, { maxLength: 40 }), windows, async (elements, window) => {
        const groups = async (trigger: OnWatermark | OnClose): Promise<LocalRun['outputs']> => {
          const run = await runLocally(
            flow('groups', { args: none }, (f): FlowEnd<{ results: unknown }> => {
              const results = f
                .from(fromIterable(elements), { time: (row) => row.at, outOfOrderMs: 60 })
                .keyBy((row) => row.key)
                .window(window, { trigger: trigger as OnWatermark })
                .aggregate({ n: count(), total: sum((row) => row.amount) });
              return trigger.kind === 'append'
                ? results.output('results')
                : results
                    .regroup((value) => value.n % 3)
                    .aggregate({ windows: count(), total: sum((value) => value.total) })
                    .output('results');
            }),
            {},
          );
          await run.done;
          return run.outputs;
        };
        const now = new Map<number, unknown>();
        for (const { key, value } of (await groups(onWatermark({ early: { everyCount: 1 } }))) as Change<
          number,
          unknown
        >[]) {
          if (value === undefined) now.delete(key);
          else now.set(key, value);
        }
        const expected = new Map<number, { windows: number; total: number }>();
        for (const { value } of (await groups(onClose())) as { value: { n: number; total: number } }[]) {
          const group = expected.get(value.n % 3) ?? { windows: 0, total: 0 };
          expected.set(value.n % 3, { windows: group.windows + 1, total: group.total + value.total });
        }
        expect(new Map([...now].sort())).toEqual(new Map([...expected].sort()));
      }),
      { numRuns: proofRuns(60) },
    );
  });

  test('is refused with an aggregate that cannot take back', () => {
    const built = flow('firsts', { args: none }, (f) =>
      f
        .from(fromIterable(bids))
        .keyBy((bid) => bid.auction)
        .latest()
        .regroup((bid) => bid.price)
        // @ts-expect-error first keeps one element and could not tell which was before it.
        .aggregate({ first: first() })
        .output('firsts'),
    );
    expect(() => built.bounds({})).toThrow(/'first' cannot take back what an update replaces/);
  });
});

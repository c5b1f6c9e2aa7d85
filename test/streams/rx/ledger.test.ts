/** What an island counts: what its operators hold, what became of each element, and which watermarks may pass. */
import fc from 'fast-check';
import { filter, map, type Observable, of, pipe, mergeMap as plainMergeMap, scan, take } from 'rxjs';
import { describe, expect, it } from 'vitest';
import * as twins from '../../../src/streams/rx/index.ts';
import { proofRuns } from '../../support/proof-runs.ts';
import { type Operator, Rig, unaccounted } from './rig.ts';

const op = (operator: unknown): Operator => operator as Operator;
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const later = (ms: number) => op(twins.mergeMap((value: number) => twins.timer(ms).pipe(map(() => value))));

/** Pushes while the island is not full, as a segment does, and lets time pass when it is. */
async function feed(rig: Rig, elements: readonly unknown[]): Promise<void> {
  for (const element of elements) {
    while (rig.full) if (!rig.clock.fireNext(1e9)) throw new Error('stuck');
    rig.push(element);
  }
  rig.island.complete();
  await rig.passAll(1e9);
}

describe('the ledger of an island', () => {
  it('holds 64 elements at most behind a filter, gives 1,000 of 10,000 and loses none', async () => {
    const rig = new Rig({ some: op(filter((n: number) => n % 10 === 0)), slow: later(3) }, 64);
    await feed(rig, numbers(10_000));
    expect(rig.island.held).toEqual({ now: 0, highest: 64 });
    expect(rig.values).toEqual(numbers(1_000).map((n) => n * 10));
    expect(rig.stage('some')).toMatchObject({ in: 10_000, emitted: 1_000, absorbed: 9_000, held: 0 });
    expect(rig.stage('slow')).toMatchObject({ in: 1_000, emitted: 1_000, held: 0 });
    expect(rig.completed).toBe(1);
  });

  it.each([
    ['delay', op(twins.delay(5))],
    [
      'bufferTime',
      op(
        pipe(
          twins.bufferTime(5),
          plainMergeMap((all) => all as number[]),
        ),
      ),
    ],
    ['concatMap', op(twins.concatMap((n: number) => twins.timer(1).pipe(map(() => n))))],
    [
      'keyed',
      op(
        pipe(
          twins.groupBy((n: number) => n % 100, { maxKeys: 100 }),
          twins.mergeMap((group) => group.pipe(twins.concatMap(async (n) => n))),
        ),
      ),
    ],
    ['each', op(twins.each(async (n: number) => n, { concurrency: 8 }))],
  ])('%s holds no more than it may and gives each of 1,000 elements once', async (name, operator) => {
    const rig = new Rig({ [name]: operator }, 32);
    for (const n of numbers(1_000)) {
      while (rig.full) await (rig.clock.fireNext(1e9) ? rig.pass(0) : new Promise((resolve) => setImmediate(resolve)));
      rig.push(n);
    }
    rig.island.complete();
    while (rig.completed === 0 && rig.failures.length === 0) {
      await rig.passAll(1e9);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(rig.failures).toEqual([]);
    expect([...rig.values].sort((one, other) => Number(one) - Number(other))).toEqual(numbers(1_000));
    expect(rig.island.held.highest).toBeLessThanOrEqual(32);
    expect(rig.island.held.now).toBe(0);
    expect(unaccounted(rig.island.stages)).toEqual({});
  });

  it('says why switchMap, exhaustMap and debounceTime let elements go', async () => {
    const slow = (n: number): Observable<number> => twins.timer(10).pipe(map(() => n));
    for (const [operator, droppedBy] of [
      [twins.switchMap(slow), { switched: 2 }],
      [twins.exhaustMap(slow), { exhausted: 2 }],
      [twins.debounceTime(10), { sampled: 2 }],
    ] as const) {
      const rig = new Rig({ lossy: op(operator) });
      rig.push(1, 2, 3);
      await rig.pass(50);
      expect(rig.stage('lossy')).toMatchObject({ in: 3, emitted: 1, dropped: 2, droppedBy, held: 0 });
    }
  });

  it('gives what comes out later the time of the element that it was made of, and a batch its latest', async () => {
    const rig = new Rig({ late: op(twins.delay(5)), batch: op(twins.batch({ ms: 5 })) });
    rig.island.push('a', 100);
    rig.island.push('b', 300);
    rig.island.push('c', 200);
    await rig.pass(20);
    expect(rig.out).toMatchObject([{ value: ['a', 'b', 'c'], timeMs: 300 }]);
  });

  it('passes no watermark before all that was pushed before it has left, and each in the end', async () => {
    const element = fc.record({ latencyMs: fc.integer({ min: 0, max: 40 }), waitMs: fc.integer({ min: 0, max: 10 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(element, { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        async (elements, every) => {
          const work = (n: number) => twins.timer(elements[n]!.latencyMs).pipe(map(() => n));
          const rig = new Rig({
            first: op(pipe(twins.mergeMap(work), twins.delay(3))),
            second: op(
              pipe(
                twins.bufferTime(7),
                plainMergeMap((all) => all as number[]),
              ),
            ),
          });
          const passedBefore: number[] = [];
          for (const [index, { waitMs }] of elements.entries()) {
            rig.island.push(index, index);
            if (index % every === 0) rig.island.watermark(index + 0.5);
            await rig.pass(waitMs);
            passedBefore.push(rig.watermarks.at(-1) ?? -1);
            // All that is still to come out is after what has passed.
            const out = new Set(rig.values);
            const missing = numbers(index + 1).filter((n) => !out.has(n));
            expect(Math.min(...missing, Infinity)).toBeGreaterThan(passedBefore.at(-1)!);
          }
          rig.island.complete();
          await rig.passAll();
          expect([...rig.values].sort((one, other) => Number(one) - Number(other))).toEqual(elements.map((_, n) => n));
          const given = elements.map((_, n) => n).filter((n) => n % every === 0);
          expect(rig.watermarks.at(-1)).toBe(given.length === 0 ? undefined : given.at(-1)! + 0.5);
          expect(rig.watermarks).toEqual([...rig.watermarks].sort((one, other) => one - other));
        },
      ),
      { numRuns: proofRuns(60) },
    );
  });

  it('passes no watermark while bufferCount keeps an element of before it, and does not stop its input for what it keeps', async () => {
    const few = fc.integer({ min: 1, max: 6 });
    await fc.assert(
      fc.asyncProperty(few, few, few, fc.integer({ min: 0, max: 50 }), async (size, every, markEvery, count) => {
        const rig = new Rig({ arrays: op(twins.bufferCount(size, every)) }, 1);
        // As RxJS has it: which arrays an element goes into that are not full yet.
        const openAfter = (pushed: number): number[] => {
          const starts = numbers(pushed).filter((n) => n % every === 0 && n + size > pushed);
          return starts.flatMap((start) => numbers(pushed).filter((n) => n >= start && n < start + size));
        };
        for (const n of numbers(count)) {
          rig.island.push(n, n);
          if (n % markEvery === 0) rig.island.watermark(n + 0.5);
          expect(rig.full).toBe(false);
          expect(rig.watermarks.at(-1) ?? -1).toBeLessThan(Math.min(...openAfter(n + 1), Infinity));
          expect(rig.stage('arrays').held).toBe(new Set(openAfter(n + 1)).size);
        }
        rig.island.complete();
        const marks = numbers(count).filter((n) => n % markEvery === 0);
        expect(rig.watermarks.at(-1)).toBe(marks.length === 0 ? undefined : marks.at(-1)! + 0.5);
        for (const { value, timeMs } of rig.out) expect(timeMs).toBe(Math.max(...(value as number[])));
        expect(rig.stage('arrays').held).toBe(0);
        expect(unaccounted(rig.island.stages)).toEqual({});
      }),
      { numRuns: proofRuns(100) },
    );
  });

  it('gives an array the time of its latest element, wherever that stands in it', () => {
    const rig = new Rig({ arrays: op(twins.bufferCount(3)) });
    for (const timeMs of [5, 9, 7, 1]) rig.island.push(timeMs, timeMs);
    rig.island.complete();
    expect(rig.out).toMatchObject([
      { value: [5, 9, 7], timeMs: 9 },
      { value: [1], timeMs: 1 },
    ]);
  });

  it('holds each element once though 1,000 arrays overlap in it', () => {
    const rig = new Rig({ arrays: op(twins.bufferCount(1_000, 1)) });
    rig.push(...numbers(1_500));
    expect(rig.stage('arrays').held).toBe(999);
    expect(rig.out).toHaveLength(501);
  });

  it('pulls an iterable of a million only while there is room behind', async () => {
    const rig = new Rig(
      {
        expand: op(
          twins.mergeMap(function* () {
            for (let n = 0; n < 1_000_000; n += 1) yield n;
          }),
        ),
        slow: op(twins.concatMap((n: number) => twins.timer(1).pipe(map(() => n)))),
        out: op(take(50)),
      },
      16,
    );
    rig.push(1, 2);
    await rig.pass(100);
    expect(rig.values).toEqual(numbers(50));
    expect(rig.closedEarly).toBe(1);
    expect(rig.island.held.highest).toBeLessThanOrEqual(2 * 16 + 2);
    const still = new Rig({ expand: op(twins.mergeMap(() => numbers(1_000))) });
    still.island.room(false);
    still.push(1);
    expect(still.out).toEqual([]);
    still.island.room(true);
    expect(still.out).toHaveLength(1_000);
  });

  it('fails a plain asynchronous operator at its first element and names the import', async () => {
    const rig = new Rig({ slow: op(plainMergeMap(async (n: number) => n)) });
    rig.push(1);
    await rig.pass(0);
    expect(rig.failures).toMatchObject([{ code: 'AsyncOperator', stage: 'slow' }]);
    expect(rig.failures[0]!.message).toContain("import { mergeMap } from 'troupe/streams/rx'");
  });

  it('closes early when take(1) has its element outside of a push', async () => {
    const rig = new Rig({ late: op(twins.delay(5)), one: op(take(1)) });
    rig.push(1, 2, 3);
    await rig.pass(5);
    expect(rig).toMatchObject({ values: [1], closedEarly: 1, completed: 0 });
    expect(unaccounted(rig.island.stages)).toEqual({});
  });

  it('names the operator that has held an element longest', async () => {
    const rig = new Rig({
      slow: op(pipe(twins.delay<number>(5), twins.rateLimit({ elements: 1, perMs: 100, key: (n: number) => n % 2 }))),
    });
    rig.island.push(2, 77);
    rig.island.push(4, 78);
    await rig.pass(15);
    expect(rig.stage('slow').oldest).toEqual({ operator: 'rateLimit', heldMs: 10, timeMs: 78, key: 0 });
  });

  it('builds a failed stage anew at most twice within 100 ms, and counts what was lost', async () => {
    const fragile = pipe(
      twins.delay<number>(5),
      map((n: number) => {
        if (n < 0) throw new Error('negative');
        return n;
      }),
    );
    const rig = new Rig({ fragile: { operator: op(fragile), onFailure: { restart: { max: 2, withinMs: 100 } } } });
    rig.push(1, -1, 2);
    await rig.pass(5);
    expect(rig.values).toEqual([1]);
    rig.push(3);
    await rig.pass(5);
    expect(rig.values).toEqual([1, 3]);
    expect(rig.restarts).toEqual([{ stage: 'fragile', lost: 2 }]);
    expect(rig.stage('fragile')).toMatchObject({ in: 4, emitted: 2, lost: 2, restarts: 1, held: 0 });
    rig.push(-1);
    await rig.pass(5);
    rig.push(-1);
    await rig.pass(5);
    expect(rig.failures).toMatchObject([{ code: 'StageFailed', stage: 'fragile' }]);
  });

  it('counts an element whose push fails a restarting stage as lost', () => {
    const sum = scan((total: number, n: number) => {
      if (n < 0) throw new Error('negative');
      return total + n;
    }, 0);
    const rig = new Rig({ sum: { operator: op(sum), onFailure: { restart: { max: 1, withinMs: 100 } } } });
    rig.push(1, 2, -1, 5);
    expect(rig.values).toEqual([1, 3, 5]);
    expect(rig.stage('sum')).toMatchObject({ in: 4, emitted: 3, lost: 1, restarts: 1 });
    expect(rig.restarts).toEqual([{ stage: 'sum', lost: 1 }]);
  });
});

describe('an operator without a bound', () => {
  it.each([
    ['toArray', twins.toArray(undefined as never), 'max'],
    ['buffer', twins.buffer(of(1), undefined as never), 'max'],
    ['groupBy', twins.groupBy((n: number) => n, {} as never), 'maxKeys'],
    ['distinct', twins.distinct((n: number) => n, undefined as never), 'maxKeys'],
  ])('%s is refused without a limit, by name', (name, operator, option) => {
    const rig = new Rig({ all: op(operator) });
    expect(rig.failures).toMatchObject([{ code: 'StageFailed', cause: { code: 'UsageError' } }]);
    expect(rig.failures[0]!.message).toContain(`${name}(…, { ${option}: 1_000 })`);
  });

  it.each([
    ['toArray', twins.toArray({ max: 2 })],
    ['groupBy', twins.groupBy((n: number) => n, { maxKeys: 2 })],
    ['distinct', twins.distinct((n: number) => n, { maxKeys: 2 })],
  ])('%s fails at the third element beyond a limit of 2', (_name, operator) => {
    const rig = new Rig({ all: op(operator) });
    rig.push(1, 2);
    expect(rig.failures).toEqual([]);
    rig.push(3);
    expect(rig.failures).toMatchObject([{ code: 'OperatorOverflow', stage: 'all' }]);
  });
});

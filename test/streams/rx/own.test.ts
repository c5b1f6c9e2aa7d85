/** The operators that RxJS does not have: each, meter, rateLimit, batch. */
import { bufferCount, from, map, mergeMap, type Observable, of, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import * as twins from '../../../src/streams/rx/index.ts';
import { type Operator, Rig, unaccounted } from './rig.ts';

const op = (operator: unknown): Operator => operator as Operator;

describe('each', () => {
  it('gives results in the order of the elements, or as they are done', async () => {
    for (const [ordered, expected] of [
      [true, [3, 1, 2]],
      [false, [1, 2, 3]],
    ] as const) {
      const rig = new Rig({
        each: op(twins.each((n: number) => twins.timer(n).pipe(map(() => n)), { concurrency: 3, ordered })),
      });
      rig.push(3, 1, 2);
      rig.island.complete();
      await rig.passAll();
      expect(rig.values).toEqual(expected);
      expect(rig.completed).toBe(1);
    }
  });

  it('tries an element 3 times, 10 and 20 ms apart, and an attempt that fails leaves nothing', async () => {
    const attempts: number[] = [];
    const rig = new Rig({
      each: op(
        twins.each(
          (n: number, { attempt }) => {
            attempts.push(rig.clock.monotonicMs());
            return from([n, n + attempt / 10]).pipe(
              map((value) => {
                if (attempt < 3 && value !== n) throw new Error('not yet');
                return value;
              }),
            );
          },
          { retry: { max: 2, backoffMs: 10 } },
        ),
      ),
    });
    rig.push(7);
    await rig.pass(100);
    expect(attempts).toEqual([0, 10, 30]);
    expect(rig.values).toEqual([7, 7.3]);
  });

  it.each(['fail', 'skip', 'dead-letter'] as const)(
    'with onError: %s says what became of one that takes too long',
    async (onError) => {
      let aborted = 0;
      const never = (n: number, { signal }: twins.Attempt): Promise<number> =>
        new Promise((resolve) => {
          if (n !== 2) resolve(n);
          signal.addEventListener('abort', () => {
            aborted += 1;
          });
        });
      const rig = new Rig({ each: op(twins.each(never, { concurrency: 3, timeoutMs: 50, onError })) });
      rig.push(1, 2, 3);
      rig.island.complete();
      await rig.passAll();
      const stage = rig.stage('each');
      expect(aborted).toBe(1);
      expect(unaccounted(rig.island.stages)).toEqual({});
      if (onError === 'fail') {
        expect(rig.failures).toMatchObject([{ code: 'ElementGivenUp', stage: 'each' }]);
        return;
      }
      expect(rig.values).toEqual([1, 3]);
      expect(rig.completed).toBe(1);
      if (onError === 'skip') expect(stage).toMatchObject({ dropped: 1, droppedBy: { 'skipped-by-error': 1 } });
      else {
        expect(stage).toMatchObject({ deadLettered: 1, dropped: 0 });
        expect(rig.deadLetters).toMatchObject([{ stage: 'each', element: 2, error: { code: 'ElementGivenUp' } }]);
      }
    },
  );

  it('refuses options out of range, and to run outside of a flow', () => {
    expect(() => twins.each(async () => 1, { concurrency: 0 })).toThrow('concurrency: 0');
    let error: unknown;
    of(1)
      .pipe(twins.each(async () => 1))
      .subscribe({ error: (thrown) => (error = thrown) });
    expect(error).toMatchObject({ code: 'UsageError' });
  });
});

describe('meter', () => {
  it('releases what an operator of another package lets go of', async () => {
    const foreign = (source: Observable<number>) =>
      source.pipe(
        bufferCount(2),
        mergeMap(async (pair) => pair),
      );
    const rig = new Rig({ foreign: op(twins.meter(foreign, { releases: (pair) => pair.length })) });
    rig.island.push(1, 10);
    rig.island.push(2, 20);
    rig.island.push(3, 30);
    expect(rig.island.held.now).toBe(3);
    await rig.pass(0);
    expect(rig.out).toMatchObject([{ value: [1, 2], timeMs: 20 }]);
    expect(rig.island.held.now).toBe(1);
    rig.island.complete();
    await rig.pass(0);
    expect(rig.completed).toBe(1);
    expect(rig.stage('foreign')).toMatchObject({ emitted: 3, held: 0, heldAtEnd: 0 });
  });

  it('reports what a wrong count leaves held at the end', async () => {
    const foreign = (source: Observable<number>) =>
      source.pipe(
        bufferCount(2),
        mergeMap(async (pair) => pair),
      );
    const rig = new Rig({ foreign: op(twins.meter(foreign)) });
    rig.push(1, 2, 3, 4);
    rig.island.complete();
    await rig.pass(0);
    expect(rig.stage('foreign')).toMatchObject({ heldAtEnd: 2, held: 0 });
    expect(rig.island.held.now).toBe(0);
  });
});

describe('rateLimit', () => {
  it('lets 1 element go every 10 ms, after a burst of 3, and loses none', async () => {
    const rig = new Rig({ slow: op(twins.rateLimit({ elements: 100, perMs: 1_000, burst: 3 })) });
    rig.push(0, 1, 2, 3, 4);
    rig.island.complete();
    await rig.passAll();
    expect(rig.out.map(({ value, atMs }) => [value, atMs])).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
      [3, 10],
      [4, 20],
    ]);
    expect(rig.completed).toBe(1);
  });

  it('limits each key by itself', async () => {
    const rig = new Rig({ slow: op(twins.rateLimit({ elements: 1, perMs: 10, key: (n: number) => n % 2 })) });
    rig.push(1, 3, 2, 5);
    await rig.pass(30);
    expect(rig.out.map(({ value, atMs }) => [value, atMs])).toEqual([
      [1, 0],
      [2, 0],
      [3, 10],
      [5, 20],
    ]);
  });

  it('refuses a rate that is none', () => {
    expect(() => twins.rateLimit({ elements: 0, perMs: 10 })).toThrow('elements: 0');
  });
});

describe('batch', () => {
  it('closes by count, by weight and by time, whichever comes first', async () => {
    const rig = new Rig({ batch: op(twins.batch({ count: 3, weight: { of: (n: number) => n, max: 10 }, ms: 50 })) });
    rig.push(1, 2, 3);
    rig.push(6, 7);
    await rig.pass(49);
    expect(rig.values).toEqual([[1, 2, 3], [6]]);
    await rig.pass(1);
    expect(rig.values).toEqual([[1, 2, 3], [6], [7]]);
    rig.push(99, 4);
    rig.island.complete();
    expect(rig.values.slice(3)).toEqual([[99], [4]]);
    expect(rig.stage('batch')).toMatchObject({ in: 7, emitted: 7, held: 0 });
  });

  it('refuses to have no bound', () => {
    expect(() => twins.batch({})).toThrow('never closes');
  });
});

describe('outside of a flow', () => {
  it('a twin is the operator of RxJS', async () => {
    const seen: number[] = [];
    await new Promise<void>((resolve) => {
      from([1, 2])
        .pipe(
          twins.mergeMap((n) => timer(0).pipe(map(() => n))),
          twins.delay(1),
        )
        .subscribe({ next: (n) => seen.push(n), complete: resolve });
    });
    expect(seen).toEqual([1, 2]);
  });
});

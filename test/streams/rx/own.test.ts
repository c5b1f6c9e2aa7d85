/** The operators that RxJS does not have: each, meter, rateLimit, batch. */
import { bufferCount, from, map, mergeMap, type Observable, of, pipe, take, throwError, timer } from 'rxjs';
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
          { retry: { max: 2, backoffMs: 10, jitter: 0 } },
        ),
      ),
    });
    rig.push(7);
    await rig.pass(100);
    expect(attempts).toEqual([0, 10, 30]);
    expect(rig.values).toEqual([7, 7.3]);
  });

  /** Pushes `count` elements that always fail, and says when each of their attempts began. */
  async function failing(count: number, options: twins.EachOptions<number>, error: () => unknown = () => 'bad') {
    const attempts: Record<number, number[]> = {};
    const work = (n: number): Observable<number> => {
      attempts[n] = [...(attempts[n] ?? []), rig.clock.monotonicMs()];
      return throwError(error);
    };
    const rig = new Rig({ each: op(twins.each(work, { onError: 'dead-letter', concurrency: count, ...options })) });
    rig.push(...Array.from({ length: count }, (_, n) => n));
    rig.island.complete();
    await rig.passAll(1e9);
    expect(rig.completed).toBe(1);
    expect(unaccounted(rig.island.stages)).toEqual({});
    return { attempts, rig };
  }

  it('leaves half of a backoff to chance, so that 50 elements that failed together are not tried together', async () => {
    const { attempts } = await failing(50, { retry: { max: 2, backoffMs: 1_000 } });
    const waits = (of: number): number[] => Object.values(attempts).map((at) => at[of]! - at[of - 1]!);
    for (const wait of waits(1)) expect(wait).toBeGreaterThanOrEqual(500);
    for (const wait of waits(2)) expect(wait).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...waits(1))).toBeLessThanOrEqual(1_000);
    expect(Math.max(...waits(2))).toBeLessThanOrEqual(2_000);
    expect(new Set(waits(1)).size).toBeGreaterThan(40);
    expect(Math.max(...waits(1)) - Math.min(...waits(1))).toBeGreaterThan(300);
  });

  it.each([
    ['the same wait each time', { max: 3, delayMs: 7, jitter: 0 }, [0, 7, 14, 21]],
    ['a wait by the attempt', { max: 3, delayMs: (attempt: number) => attempt * 10 }, [0, 10, 30, 60]],
    [
      'a wait by the error, else the backoff',
      {
        max: 2,
        backoffMs: 100,
        jitter: 0,
        delayMs: (attempt: number, error: unknown) =>
          attempt === 1 ? (error as { afterMs: number }).afterMs : undefined,
      },
      [0, 3_000, 3_200],
    ],
    ['no wait of more than 30 s by backoff', { max: 1, backoffMs: 1e6, jitter: 0 }, [0, 30_000]],
    ['no wait of more than 300 s by the error', { max: 1, delayMs: () => 1e9 }, [0, 300_000]],
    ['no attempt after an error that is not worth one', { max: 9, retryIf: (_: unknown, n: number) => n < 2 }, [0, 0]],
  ])('knows %s', async (_what, retry, expected) => {
    const { attempts, rig } = await failing(1, { retry }, () => ({ afterMs: 3_000 }));
    expect(attempts[0]).toEqual(expected);
    expect(rig.deadLetters).toMatchObject([{ element: 0, error: { afterMs: 3_000 } }]);
  });

  it('gives an element up with what its retry functions throw, or for a wait that is none', async () => {
    const thrown = new Error('no idea');
    const fail = (): never => {
      throw thrown;
    };
    for (const [retry, error] of [
      [{ max: 2, retryIf: fail }, thrown],
      [{ max: 2, delayMs: fail }, thrown],
      [{ max: 2, delayMs: () => Number.NaN }, { code: 'UsageError' }],
    ] as const) {
      const { attempts, rig } = await failing(1, { retry });
      expect(attempts[0]).toEqual([0]);
      expect(rig.deadLetters).toMatchObject([{ element: 0, error }]);
    }
  });

  it('lets no more attempts begin than its rate, retries among them, by key', async () => {
    const { attempts } = await failing(6, {
      retry: { max: 1, delayMs: 1, jitter: 0 },
      rate: { elements: 1, perMs: 10, key: (n) => n % 2 },
    });
    // Of each key three elements twice, 10 ms apart, the second attempts behind the first of those that waited before.
    for (const key of [0, 1]) {
      const begun = Object.entries(attempts).flatMap(([n, at]) => (Number(n) % 2 === key ? at : []));
      expect(begun.sort((a, b) => a - b)).toEqual([0, 10, 20, 30, 40, 50]);
    }
    expect(attempts[0]).toEqual([0, 30]);
  });

  it('lets each element say its own rate, and begins its time limit at its turn', async () => {
    const rig = new Rig({
      each: op(
        twins.each(async (n: number) => n, {
          concurrency: 10,
          timeoutMs: 5,
          rate: { elements: 1, perMs: (n) => (n < 100 ? 50 : 3), key: (n) => n < 100 },
          ordered: false,
        }),
      ),
    });
    rig.push(1, 2, 3, 101, 102, 103);
    rig.island.complete();
    await rig.passAll();
    expect(rig.out.map(({ value, atMs }) => [value, atMs])).toEqual([
      [1, 0],
      [101, 0],
      [102, 3],
      [103, 6],
      [2, 50],
      [3, 100],
    ]);
    expect(rig.failures).toEqual([]);
  });

  it('waits for no turn of elements that were given up, when it is unsubscribed', async () => {
    const begun: number[] = [];
    const work = async (n: number): Promise<number> => {
      begun.push(n);
      return n;
    };
    const rate = { elements: 1, perMs: 10 };
    const rig = new Rig({ each: op(pipe(twins.each(work, { concurrency: 5, rate }), take(1))) });
    rig.push(1, 2, 3);
    await rig.passAll();
    expect(rig.closedEarly).toBe(1);
    expect(begun).toEqual([1]);
    expect(unaccounted(rig.island.stages)).toEqual({});
  });

  it('tries again within its turns 1,000 elements that fail at once, and overflows no stack', async () => {
    const tried = new Map<number, number>();
    const work = (n: number): Observable<number> => {
      tried.set(n, (tried.get(n) ?? 0) + 1);
      return tried.get(n) === 1 ? throwError(() => 'once') : of(n);
    };
    const rate = { elements: 1, perMs: 1, burst: 10_000 };
    const rig = new Rig({ each: op(twins.each(work, { retry: { max: 1 }, rate })) });
    rig.push(...Array.from({ length: 1_000 }, (_, n) => n));
    rig.island.complete();
    await rig.passAll();
    expect(rig.values).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
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
    for (const [options, message] of [
      [{ concurrency: 0 }, 'concurrency: 0'],
      [{ timeoutMs: Number.NaN }, 'timeoutMs: NaN'],
      [{ retry: { max: -1 } }, 'max: -1'],
      [{ retry: { max: 1, backoffMs: Number.NaN } }, 'backoffMs: NaN'],
      [{ retry: { max: 1, delayMs: -1 } }, 'delayMs: -1'],
      [{ retry: { max: 1, jitter: 1.1 } }, 'jitter: 1.1'],
      [{ retry: { max: 1, delayMs: 1, backoffMs: 1 } }, 'says two waits'],
      [{ rate: { elements: 0, perMs: 1 } }, 'elements: 0'],
    ] as const)
      expect(() => twins.each(async () => 1, options)).toThrow(message);
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

  it('lets each element say its own time', async () => {
    const rig = new Rig({ slow: op(twins.rateLimit({ elements: 1, perMs: (n: number) => n })) });
    rig.push(10, 5, 1, 100);
    rig.island.complete();
    await rig.passAll();
    expect(rig.out.map(({ value, atMs }) => [value, atMs])).toEqual([
      [10, 0],
      [5, 10],
      [1, 15],
      [100, 16],
    ]);
  });

  it('refuses a rate that is none', async () => {
    expect(() => twins.rateLimit({ elements: 0, perMs: 10 })).toThrow('elements: 0');
    const rig = new Rig({ slow: op(twins.rateLimit({ elements: 1, perMs: (n: number) => n })) });
    rig.push(0);
    expect(rig.failures).toMatchObject([{ code: 'StageFailed', cause: { code: 'UsageError' } }]);
    expect(rig.failures[0]!.message).toContain('rateLimit(…) was given perMs: 0');
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

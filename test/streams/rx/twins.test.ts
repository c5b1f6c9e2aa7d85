/** Twins that random chains do not use, each against the original on a virtual clock; and what bounds some of them. */
import fc from 'fast-check';
import * as rx from 'rxjs';
import { describe, expect, it } from 'vitest';
import * as twins from '../../../src/streams/rx/index.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { proofRuns } from '../../support/proof-runs.ts';
import { type Operator, Plain, plainScheduler, Rig, unaccounted } from './rig.ts';

const op = (operator: unknown): Operator => operator as Operator;

type Numbers = rx.Observable<number>;
/** The operators, and what plain RxJS needs to be told of the clock and the twins need not. */
interface Kit {
  readonly o: typeof twins;
  readonly timer: (ms: number) => Numbers;
  readonly interval: (ms: number) => Numbers;
  /** A scheduler that is given by hand to both. */
  readonly on: rx.SchedulerLike;
  readonly scheduler: rx.SchedulerLike | undefined;
  readonly delay: (ms: number) => number | (() => Numbers);
  readonly toArray: () => rx.OperatorFunction<number, number[]>;
}

function plainKit(scheduler: rx.SchedulerLike): Kit {
  const timer = (ms: number): Numbers => rx.timer(ms, scheduler);
  const interval = (ms: number): Numbers => rx.interval(ms, scheduler);
  const o = rx as unknown as typeof twins;
  return { o, timer, interval, on: scheduler, scheduler, delay: (ms) => () => timer(ms), toArray: () => rx.toArray() };
}

function twinKit(on: rx.SchedulerLike): Kit {
  return {
    o: twins,
    timer: (ms) => twins.timer(ms),
    interval: (ms) => twins.interval(ms),
    on,
    scheduler: undefined,
    delay: (ms) => ms,
    toArray: () => twins.toArray({ max: 1_000 }),
  };
}

const windowed = (source: rx.Observable<rx.Observable<number>>, { o, toArray }: Kit): rx.Observable<unknown> =>
  source.pipe(o.mergeMap((window) => window.pipe(toArray())));
/** Elements come at whole milliseconds; what is due in between never meets one. */
const failsAt = (bad: number) =>
  rx.map((value: number) => {
    if (value % 10 === bad) throw new Error('bad');
    return value;
  });

const cases: Record<string, (input: Numbers, kit: Kit) => rx.Observable<unknown>> = {
  observeOn: (input, { o, on }) => input.pipe(o.observeOn(on, 3.3)),
  'observeOn at once': (input, { o, on }) => input.pipe(o.observeOn(on)),
  subscribeOn: (input, { o, on }) => input.pipe(o.subscribeOn(on, 6.3)),
  repeat: (input, { o }) => input.pipe(rx.take(3), o.repeat(2)),
  'repeat with a delay': (input, { o, delay }) => input.pipe(rx.take(3), o.repeat({ count: 3, delay: delay(4.3) })),
  retry: (input, { o }) => input.pipe(failsAt(1), o.retry()),
  'retry with a delay': (input, { o, delay }) => input.pipe(failsAt(1), o.retry({ count: 2, delay: delay(5.3) })),
  'raceWith a timer': (input, { o, timer }) => input.pipe(o.raceWith(timer(5.3))),
  concatWith: (input, { o, timer }) => input.pipe(o.concatWith(timer(3.3), timer(1.7))),
  'catchError by a timer': (input, { o, timer }) =>
    input.pipe(
      failsAt(2),
      o.catchError(() => timer(3.3)),
    ),
  'catchError by the source': (input, { o }) =>
    input.pipe(
      failsAt(2),
      o.catchError((_thrown, caught) => caught),
    ),
  onErrorResumeNextWith: (input, { o, timer }) => input.pipe(failsAt(2), o.onErrorResumeNextWith(timer(3.3))),
  skipUntil: (input, { o, timer }) => input.pipe(o.skipUntil(timer(12.3))),
  combineLatestWith: (input, { o, interval }) => input.pipe(o.combineLatestWith(interval(7.3).pipe(rx.take(3)))),
  shareReplay: (input, { o, timer }) => {
    const shared = input.pipe(o.shareReplay({ bufferSize: 2, refCount: true }));
    return rx.merge(shared, timer(15.3).pipe(rx.switchMap(() => shared)));
  },
  'timeoutWith by a timer': (input, { o, timer, scheduler }) => input.pipe(o.timeoutWith(6.3, timer(1.1), scheduler)),
  timeout: (input, { o, scheduler }) => input.pipe(o.timeout({ each: 9.3, ...(scheduler && { scheduler }) })),
  window: (input, kit) => windowed(input.pipe(kit.o.window(kit.interval(7.3))), kit),
  windowToggle: (input, kit) => {
    const { o, interval, timer } = kit;
    return windowed(input.pipe(o.windowToggle(interval(5.3), () => timer(7.1))), kit);
  },
  windowWhen: (input, kit) => windowed(input.pipe(kit.o.windowWhen(() => kit.timer(6.3))), kit),
  windowCount: (input, kit) => windowed(input.pipe(kit.o.windowCount(3, 2)), kit),
};

const inputs = fc.array(fc.record({ waitMs: fc.integer({ min: 0, max: 9 }), value: fc.integer({ min: 0, max: 99 }) }), {
  maxLength: 20,
});

describe('a twin gives what the original gives, at the same times, and holds nothing at the end:', () => {
  it.each(Object.entries(cases))('%s', async (_name, build) => {
    await fc.assert(
      fc.asyncProperty(inputs, async (elements) => {
        const plain = new Plain((input, given) => build(input, plainKit(given)));
        const clock = new VirtualClock();
        const twin = (input: Numbers): rx.Observable<unknown> => build(input, twinKit(plainScheduler(clock)));
        const rig = new Rig({ twin: op(twin) }, undefined, clock);
        for (const { waitMs, value } of elements) {
          await Promise.all([plain.pass(waitMs), rig.pass(waitMs)]);
          plain.input.next(value as never);
          rig.push(value);
        }
        plain.input.complete();
        rig.island.complete();
        await Promise.all([plain.passAll(1_000), rig.passAll(1_000)]);
        expect(rig.out.map(({ value, atMs }) => ({ value, atMs }))).toEqual(plain.out);
        expect(rig.completed + rig.closedEarly).toBe(plain.completed);
        expect(rig.failures.length).toBe(plain.error === undefined ? 0 : 1);
        expect(rig.island.held.now).toBe(0);
        expect(unaccounted(rig.island.stages)).toEqual({});
      }),
      { numRuns: proofRuns(15) },
    );
  });
});

describe('a queue of 1,024 inners that end at once, behind one that does not', () => {
  const work = (n: number): Numbers => (n === 0 ? twins.timer(10) : rx.of(n));
  it.each([
    ['concatMap', twins.concatMap(work)],
    ['mergeMap', twins.mergeMap(work, 1)],
    ['mergeScan', twins.mergeScan((_total: number, n: number) => work(n), 0, 1)],
    ['each', twins.each(work)],
  ])('is given in order by %s, and overflows no stack', async (_name, operator) => {
    const rig = new Rig({ queue: op(operator) });
    const numbers = Array.from({ length: 1_024 }, (_, index) => index);
    rig.push(...numbers);
    rig.island.complete();
    await rig.passAll();
    expect(rig.values).toEqual(numbers);
    expect(rig.completed).toBe(1);
    expect(rig.stage('queue')).toMatchObject({ in: 1_024, emitted: 1_024, held: 0 });
  });
});

describe('what an operator makes or keeps', () => {
  it('is bounded for expand: an iterable is pulled, so 4 elements become 4,000 with few held', async () => {
    const grow = op(
      rx.pipe(
        twins.expand((n: number) => (n < 1 ? Array.from({ length: 999 }, (_, index) => index + 1) : [])),
        twins.concatMap((n: number) => twins.timer(1).pipe(rx.map(() => n))),
      ),
    );
    const rig = new Rig({ grow }, 8);
    rig.push(0, 0, 0, 0);
    rig.island.complete();
    await rig.passAll(1e9);
    expect(rig.out).toHaveLength(4_000);
    expect(rig.island.held.highest).toBeLessThanOrEqual(4 * 8);
    expect(rig.island.held.now).toBe(0);
    expect(unaccounted(rig.island.stages)).toEqual({});
  });

  it('is bounded for expand with a concurrency by a limit, for what it makes waits behind itself', async () => {
    const grow = (made: number) => op(twins.expand((n: number) => (n < 1 ? rx.range(1, made) : []), 1));
    const some = new Rig({ grow: grow(2_000) }, 8);
    some.push(0);
    some.island.complete();
    await some.passAll(1e9);
    expect(some).toMatchObject({ completed: 1, failures: [] });
    expect(some.out).toHaveLength(2_001);
    const tooMany = new Rig({ grow: grow(20_000) }, 8);
    tooMany.push(0);
    expect(tooMany.failures).toMatchObject([{ code: 'OperatorOverflow', stage: 'grow' }]);
    expect(tooMany.failures[0]!.message).toBe(
      "stage 'grow': expand reached its limit, elements that wait for their turn: 10000. Leave its concurrency out, so that " +
        'iterables are pulled, or let it make fewer elements',
    );
    expect(unaccounted(tooMany.island.stages)).toEqual({});
  });

  it('is bounded for share: the slow branch holds the fast one back', async () => {
    const both = op((input: Numbers) => {
      const shared = input.pipe(rx.share());
      return rx.merge(
        shared.pipe(rx.map((n) => n)),
        shared.pipe(twins.concatMap((n) => twins.timer(5).pipe(rx.map(() => -n)))),
      );
    });
    const rig = new Rig({ both }, 8);
    for (let n = 1; n <= 200; n += 1) {
      while (rig.full) expect(rig.clock.fireNext(1e9)).toBe(true);
      rig.push(n);
    }
    expect(rig.values.filter((value) => Number(value) < 0).length).toBeGreaterThanOrEqual(200 - 8);
    rig.island.complete();
    await rig.passAll(1e9);
    expect(rig.out).toHaveLength(400);
    expect(rig.island.held).toEqual({ now: 0, highest: 8 });
    expect(unaccounted(rig.island.stages)).toEqual({});
  });

  it('is bounded for zipWith on both sides: the source stops, the other fails the stage with what to do', async () => {
    const slow = new Rig({ pairs: op(twins.zipWith(rx.defer(() => twins.interval(3)))) }, 8);
    for (let n = 1; n <= 100; n += 1) {
      while (slow.full) expect(slow.clock.fireNext(1e9)).toBe(true);
      slow.push(n);
    }
    expect(slow.island.held.highest).toBe(8);
    const fast = new Rig({ pairs: op(twins.zipWith(rx.defer(() => twins.interval(3)))) });
    await fast.pass(3 * 1_024);
    expect(fast.failures).toEqual([]);
    fast.push(1);
    await fast.pass(3);
    expect(fast.failures).toEqual([]);
    await fast.pass(3);
    expect(fast.failures).toMatchObject([{ code: 'OperatorOverflow', stage: 'pairs' }]);
    expect(fast.failures[0]!.message).toBe(
      "stage 'pairs': zipWith reached its limit, elements of the other observable that wait for a partner: 1024. It cannot " +
        'be told to wait: make it a source, and join the two by f.zip(a, b)',
    );
    expect(unaccounted(fast.island.stages)).toEqual({});
  });
});

import * as rx from 'rxjs';
import { describe, expect, it } from 'vitest';
import * as twins from '../../src/streams/rx/index.ts';
import { type Operator, Rig } from './rx/rig.ts';

const op = (operator: unknown): Operator => operator as Operator;
const slow = new rx.Observable<number>((subscriber) => subscriber.add(rx.timer(5).subscribe(subscriber)));

describe('a plain operator that always waits', () => {
  const cases: Record<string, rx.MonoTypeOperatorFunction<never>> = {
    auditTime: rx.auditTime(1),
    bufferTime: rx.bufferTime(1) as never,
    debounceTime: rx.debounceTime(1),
    observeOn: rx.observeOn(rx.asapScheduler),
    sampleTime: rx.sampleTime(1),
    throttleTime: rx.throttleTime(1),
    timeout: rx.timeout(1),
    windowTime: rx.windowTime(1) as never,
  };
  it.each(Object.entries(cases))('%s is refused before the first element, by its name', (name, operator) => {
    const rig = new Rig({
      plain: op(
        rx.pipe(
          rx.map((n: never) => n),
          operator,
          twins.mergeMap(async (n) => n),
        ),
      ),
    });
    expect(rig.failures).toMatchObject([{ code: 'AsyncOperator', stage: 'plain' }]);
    const typed = name.replace(/^(audit|sample|throttle)Time$/, '$1 or $1Time');
    expect(rig.failures[0]!.message).toContain(`waits for time or I/O (${typed})`);
    expect(rig.failures[0]!.message).toContain(`import { ${typed.split(' ')[0]} } from 'troupe/streams/rx'`);
  });

  it('is refused in every branch of a pipeline, beside twins', () => {
    const build = (input: rx.Observable<number>): rx.Observable<unknown> =>
      rx.merge(input.pipe(twins.delay(1), twins.debounceTime(3)), input.pipe(twins.delay(1), rx.debounceTime(1)));
    expect(new Rig({ plain: op(build) }).failures[0]?.message).toContain('(debounceTime)');
  });

  it('that subscribes later is refused when it does', async () => {
    const rig = new Rig({ plain: op(rx.subscribeOn(rx.asapScheduler)) });
    await new Promise((resolve) => setImmediate(resolve));
    expect(rig.failures[0]?.message).toContain('(subscribeOn)');
  });
});

describe('what is not refused', () => {
  const one = rx.of(1);
  const cases: Record<string, rx.OperatorFunction<number, unknown>> = {
    'mergeMap of what is there': rx.mergeMap((n) => rx.of(n)),
    'concatMap of nothing': rx.concatMap(() => rx.EMPTY),
    startWith: rx.startWith(1),
    endWith: rx.endWith(1),
    groupBy: rx.groupBy((n) => n),
    share: rx.share(),
    connect: rx.connect((shared) => rx.merge(shared, shared)),
  };
  it.each(Object.entries(cases))('%s', (_name, operator) => {
    const rig = new Rig({ plain: op(operator) });
    rig.push(1, 2);
    rig.island.complete();
    expect(rig.failures).toEqual([]);
    expect(rig.completed).toBe(1);
  });

  const metered: Record<string, rx.OperatorFunction<number, unknown>> = {
    audit: twins.audit(() => slow),
    auditTime: twins.auditTime(1),
    batch: twins.batch({ ms: 5 }),
    buffer: twins.buffer(slow, { max: 10 }),
    bufferTime: twins.bufferTime(1),
    bufferToggle: twins.bufferToggle(slow, () => slow, { max: 10 }),
    bufferWhen: twins.bufferWhen(() => slow, { max: 10 }),
    catchError: twins.catchError(() => slow),
    combineLatestWith: twins.combineLatestWith(slow),
    concatAll: rx.pipe(
      rx.map(() => one),
      twins.concatAll(),
    ),
    concatMap: twins.concatMap(() => one),
    concatWith: twins.concatWith(slow),
    debounce: twins.debounce(() => slow),
    debounceTime: twins.debounceTime(1),
    delay: twins.delay(1),
    delayWhen: twins.delayWhen(() => slow),
    distinct: twins.distinct((n: number) => n, { maxKeys: 5 }),
    each: twins.each((n: number) => rx.of(n)),
    exhaustMap: twins.exhaustMap(() => one),
    expand: twins.expand(() => rx.EMPTY),
    groupBy: twins.groupBy((n: number) => n, { maxKeys: 5 }),
    lookup: twins.lookup({ by: (n: number) => n, load: (n) => n, cache: { entries: 1 } }),
    mergeMap: twins.mergeMap(() => one),
    mergeScan: twins.mergeScan(() => one, 0),
    mergeWith: twins.mergeWith(slow),
    'meter around plain operators': twins.meter(rx.pipe(rx.debounceTime(1), rx.delay(1))),
    observeOn: twins.observeOn(rx.asapScheduler),
    raceWith: twins.raceWith(slow),
    rateLimit: twins.rateLimit({ elements: 1, perMs: 1 }),
    repeat: twins.repeat(2),
    retry: twins.retry(2),
    sample: twins.sample(slow),
    sampleTime: twins.sampleTime(1),
    shareReplay: twins.shareReplay({ bufferSize: 1, refCount: true }),
    skipUntil: twins.skipUntil(slow),
    subscribeOn: twins.subscribeOn(rx.asapScheduler),
    switchMap: twins.switchMap(() => one),
    switchScan: twins.switchScan(() => one, 0),
    takeUntil: twins.takeUntil(slow),
    throttle: twins.throttle(() => slow),
    throttleTime: twins.throttleTime(1),
    timeInterval: twins.timeInterval(),
    timeout: twins.timeout(5),
    timestamp: twins.timestamp(),
    toArray: twins.toArray({ max: 10 }),
    window: twins.window(slow),
    windowTime: twins.windowTime(1),
    windowToggle: twins.windowToggle(slow, () => slow),
    windowWhen: twins.windowWhen(() => slow),
    withLatestFrom: twins.withLatestFrom(slow),
    zipWith: twins.zipWith(slow),
  };
  it.each(Object.entries(metered))(
    '%s of troupe/streams/rx, whose own operators are its affair',
    async (_name, operator) => {
      const rig = new Rig({ metered: op(rx.pipe(operator, twins.delay(1), operator as never)) });
      await new Promise((resolve) => setImmediate(resolve));
      expect(rig.failures).toEqual([]);
      rig.island.dispose();
    },
  );
});

describe('a plain operator that may wait', () => {
  it.each([
    ['mergeMap', rx.mergeMap(async (n: number) => n), '(mergeMap (or concatMap, mergeAll, concatAll, delay, delayWhen'],
    ['switchMap', rx.switchMap(async (n: number) => n), '(switchMap or switchAll)'],
    [
      'exhaustMap before scan',
      rx.pipe(
        rx.exhaustMap(async (n: number) => n),
        rx.scan((a, b) => a + b),
      ),
      '(exhaustMap or',
    ],
  ])('%s is named when it emits late', async (_name, operator, named) => {
    const rig = new Rig({ plain: op(operator) });
    expect(rig.failures).toEqual([]);
    rig.push(1);
    await rig.pass(1);
    expect(rig.failures[0]?.message).toContain(named);
  });

  it('is named when it does not complete', () => {
    const rig = new Rig({
      plain: op(
        rx.pipe(
          rx.mergeMap(() => rx.NEVER),
          rx.startWith(0),
        ),
      ),
    });
    rig.push(1);
    rig.island.complete();
    expect(rig.failures[0]?.message).toContain('did not complete');
    expect(rig.failures[0]?.message).toContain('(mergeMap (or');
  });
});

it('leaves the stack traces of the program as they were', () => {
  const prepare = (): string => 'mine';
  const before = Error.prepareStackTrace;
  Error.prepareStackTrace = prepare;
  Error.stackTraceLimit = 7;
  try {
    expect(new Rig({ plain: op(rx.debounceTime(1)) }).failures).toHaveLength(1);
    expect([Error.prepareStackTrace, Error.stackTraceLimit]).toEqual([prepare, 7]);
  } finally {
    Error.prepareStackTrace = before;
    Error.stackTraceLimit = 10;
  }
});

/** Random chains of operators, as twins in an island and as plain RxJS, on virtual clocks: the same comes out. */
import fc from 'fast-check';
import * as rx from 'rxjs';
import { describe, expect, it } from 'vitest';
import * as twins from '../../../src/streams/rx/index.ts';
import { proofRuns, proofTimeoutMs } from '../../support/proof-runs.ts';
import { type Operator, Plain, Rig, unaccounted } from './rig.ts';

type Numbers = rx.OperatorFunction<number, number>;
interface Step {
  readonly name: string;
  /** @param given the scheduler that plain RxJS needs to be told; the twins find theirs. */
  readonly plain: (given: rx.SchedulerLike) => Numbers;
  readonly twin: () => Numbers;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, values.length / 100);
/**
 * Durations have odd fractions, so that timers of different operators never fall due together: whose comes first then
 * depends on which was set first, and stages are subscribed from the last to the first.
 */
const odd = fc.nat({ max: 1_000_000 }).map((fraction) => Math.sqrt(fraction + 2) / 1_009);
const ms = fc.tuple(fc.integer({ min: 0, max: 30 }), odd).map(([whole, fraction]) => whole + fraction);
const some = fc.tuple(fc.integer({ min: 1, max: 30 }), odd).map(([whole, fraction]) => whole + fraction);
const few = fc.integer({ min: 1, max: 4 });

/** A latency that depends on the element, as I/O has. */
const latency = (value: number, most: number): number =>
  (Math.abs(Math.trunc(value * 7)) % (most + 1)) + 1 + (most % 1);

const sync: fc.Arbitrary<Step>[] = [
  fc.constant(same('map', () => rx.map((value: number) => value + 1))),
  fc.constant(same('filter', () => rx.filter((value: number) => Math.trunc(value) % 3 !== 0))),
  fc.constant(same('scan', () => rx.scan((total: number, value: number) => (total + value) % 1_000, 0))),
  fc.constant(same('distinct', () => rx.distinctUntilChanged())),
  fc.constant(
    same('pairwise', () =>
      rx.pipe(
        rx.pairwise(),
        rx.map(([one, other]) => one + other),
      ),
    ),
  ),
  few.map((count) => same(`bufferCount ${count}`, () => rx.pipe(rx.bufferCount(count), rx.map(sum)))),
  fc.tuple(few, fc.option(few)).map(([count, every]) => ({
    name: `own bufferCount ${count} ${every}`,
    plain: () => rx.pipe(rx.bufferCount(count, every), rx.map(sum)),
    twin: () => rx.pipe(twins.bufferCount(count, every), rx.map(sum)),
  })),
];

function same(name: string, operator: () => Numbers): Step {
  return { name, plain: operator, twin: operator };
}

type Flattener = (project: (value: number) => rx.ObservableInput<number>) => Numbers;

function flattening(name: string, most: number, plain: Flattener, twin: Flattener): Step {
  return {
    name: `${name} ${most}`,
    plain: (given) => plain((value) => rx.timer(latency(value, most), given).pipe(rx.map(() => value + 0.5))),
    twin: () => twin((value) => twins.timer(latency(value, most)).pipe(rx.map(() => value + 0.5))),
  };
}

const asynchronous: fc.Arbitrary<Step>[] = [
  fc.tuple(ms, few).map(([most, at]) =>
    flattening(
      `mergeMap(${at})`,
      most,
      (project) => rx.mergeMap(project, at),
      (project) => twins.mergeMap(project, at),
    ),
  ),
  ms.map((most) =>
    flattening(
      'concatMap',
      most,
      (project) => rx.concatMap(project),
      (project) => twins.concatMap(project),
    ),
  ),
  ms.map((most) =>
    flattening(
      'switchMap',
      most,
      (project) => rx.switchMap(project),
      (project) => twins.switchMap(project),
    ),
  ),
  ms.map((most) =>
    flattening(
      'exhaustMap',
      most,
      (project) => rx.exhaustMap(project),
      (project) => twins.exhaustMap(project),
    ),
  ),
  few.map((count) => ({
    name: `mergeMap to ${count}`,
    plain: () => rx.mergeMap((value: number) => Array.from({ length: count }, (_, index) => value + index)),
    twin: () => twins.mergeMap((value: number) => Array.from({ length: count }, (_, index) => value + index)),
  })),
  fc.tuple(ms, few).map(([most, at]) => ({
    name: `mergeScan(${at}) ${most}`,
    plain: (given) =>
      rx.mergeScan(
        (total: number, value: number) =>
          rx.timer(latency(value, most), given).pipe(rx.map(() => (total + value) % 997)),
        0,
        at,
      ),
    twin: () =>
      twins.mergeScan(
        (total: number, value: number) => twins.timer(latency(value, most)).pipe(rx.map(() => (total + value) % 997)),
        0,
        at,
      ),
  })),
  ms.map((most) => ({
    name: `switchScan ${most}`,
    plain: (given) =>
      rx.switchScan(
        (total: number, value: number) =>
          rx.timer(latency(value, most), given).pipe(rx.map(() => (total + value) % 997)),
        0,
      ),
    twin: () =>
      twins.switchScan(
        (total: number, value: number) => twins.timer(latency(value, most)).pipe(rx.map(() => (total + value) % 997)),
        0,
      ),
  })),
  fc.tuple(ms, few).map(([most, at]) => ({
    name: `expand(${at}) ${most}`,
    plain: (given) =>
      rx.expand(
        (value: number) =>
          value % 1 > 0.2 ? rx.EMPTY : rx.timer(latency(value, most), given).pipe(rx.map(() => value + 0.25)),
        at,
      ),
    twin: () =>
      twins.expand(
        (value: number) =>
          value % 1 > 0.2 ? rx.EMPTY : twins.timer(latency(value, most)).pipe(rx.map(() => value + 0.25)),
        at,
      ),
  })),
  ms.map((due) => ({ name: `delay ${due}`, plain: (given) => rx.delay(due, given), twin: () => twins.delay(due) })),
  ms.map((most) => ({
    name: `delayWhen ${most}`,
    plain: (given) => rx.delayWhen((value: number) => rx.timer(latency(value, most), given)),
    twin: () => twins.delayWhen((value: number) => twins.timer(latency(value, most))),
  })),
  ms.map((due) => ({
    name: `debounceTime ${due}`,
    plain: (given) => rx.debounceTime(due, given),
    twin: () => twins.debounceTime(due),
  })),
  ms.map((most) => ({
    name: `debounce ${most}`,
    plain: (given) => rx.debounce((value: number) => rx.timer(latency(value, most), given)),
    twin: () => twins.debounce((value: number) => twins.timer(latency(value, most))),
  })),
  ms.map((due) => ({
    name: `auditTime ${due}`,
    plain: (given) => rx.auditTime(due, given),
    twin: () => twins.auditTime(due),
  })),
  fc.tuple(ms, fc.boolean(), fc.boolean()).map(([due, leading, trailing]) => ({
    name: `throttleTime ${due} ${leading} ${trailing}`,
    plain: (given) => rx.throttleTime(due, given, { leading, trailing }),
    twin: () => twins.throttleTime(due, undefined, { leading, trailing }),
  })),
  some.map((due) => ({
    name: `sampleTime ${due}`,
    plain: (given) => rx.sampleTime(due, given),
    twin: () => twins.sampleTime(due),
  })),
  fc.tuple(some, fc.option(some), few).map(([span, every, most]) => ({
    name: `bufferTime ${span} ${every} ${most}`,
    plain: (given) => rx.pipe(rx.bufferTime(span, every, most, given), rx.map(sum)),
    twin: () => rx.pipe(twins.bufferTime(span, every, most), rx.map(sum)),
  })),
  some.map((span) => ({
    name: `buffer ${span}`,
    plain: (given) => rx.pipe(rx.buffer(rx.interval(span, given)), rx.map(sum)),
    twin: () =>
      rx.pipe(
        twins.buffer(
          rx.defer(() => twins.interval(span)),
          { max: 1_000 },
        ),
        rx.map(sum),
      ),
  })),
  some.map((span) => ({
    name: `bufferWhen ${span}`,
    plain: (given) =>
      rx.pipe(
        rx.bufferWhen(() => rx.timer(span, given)),
        rx.map(sum),
      ),
    twin: () =>
      rx.pipe(
        twins.bufferWhen(() => twins.timer(span), { max: 1_000 }),
        rx.map(sum),
      ),
  })),
  fc.tuple(some, ms).map(([every, open]) => ({
    name: `bufferToggle ${every} ${open}`,
    plain: (given) =>
      rx.pipe(
        rx.bufferToggle(rx.interval(every, given), () => rx.timer(open, given)),
        rx.map(sum),
      ),
    twin: () =>
      rx.pipe(
        twins.bufferToggle(
          rx.defer(() => twins.interval(every)),
          () => twins.timer(open),
          { max: 1_000 },
        ),
        rx.map(sum),
      ),
  })),
  some.map((span) => ({
    name: `windowTime ${span}`,
    plain: (given) =>
      rx.pipe(
        rx.windowTime(span, given),
        rx.concatMap((window: rx.Observable<number>) => window.pipe(rx.toArray(), rx.map(sum))),
      ),
    twin: () =>
      rx.pipe(
        twins.windowTime(span) as rx.OperatorFunction<number, rx.Observable<number>>,
        twins.concatMap((window) => window.pipe(twins.toArray({ max: 1_000 }), rx.map(sum))),
      ),
  })),
  ms.map((due) => ({
    name: `groupBy delay ${due}`,
    plain: (given) =>
      rx.pipe(
        rx.groupBy((value: number) => Math.trunc(value) % 3),
        rx.mergeMap((group) => group.pipe(rx.delay(due + group.key, given))),
      ),
    twin: () =>
      rx.pipe(
        twins.groupBy((value: number) => Math.trunc(value) % 3, { maxKeys: 5 }),
        twins.mergeMap((group) => group.pipe(twins.delay(due + group.key))),
      ),
  })),
  ms.map((due) => ({
    name: `zipWith ${due}`,
    plain: (given) =>
      rx.pipe(
        rx.zipWith(rx.interval(due, given).pipe(rx.take(8))),
        rx.map(([value, tick]: [number, number]) => value + tick),
      ),
    twin: () =>
      rx.pipe(
        twins.zipWith(rx.defer(() => twins.interval(due)).pipe(rx.take(8))),
        rx.map(([value, tick]: [number, number]) => value + tick),
      ),
  })),
  ms.map((due) => ({
    name: `mergeWith ${due}`,
    plain: (given) => rx.mergeWith(rx.timer(due, given)),
    twin: () => twins.mergeWith(rx.defer(() => twins.timer(due))),
  })),
  ms.map((due) => ({
    name: `withLatestFrom ${due}`,
    plain: (given) =>
      rx.pipe(
        rx.withLatestFrom(rx.interval(due + 1, given)),
        rx.map(([value, tick]: [number, number]) => value + tick),
      ),
    twin: () =>
      rx.pipe(
        twins.withLatestFrom(rx.defer(() => twins.interval(due + 1))),
        rx.map(([value, tick]: [number, number]) => value + tick),
      ),
  })),
  ms.map((due) => ({
    name: `takeUntil ${due}`,
    plain: (given) => rx.takeUntil(rx.timer(due * 5 + 1, given)),
    twin: () => twins.takeUntil(rx.defer(() => twins.timer(due * 5 + 1))),
  })),
  ms.map((due) => ({
    name: `timeout ${due}`,
    plain: (given) => rx.timeout({ each: due + 1, scheduler: given, with: () => rx.timer(3, given) }),
    twin: () => twins.timeout({ each: due + 1, with: () => twins.timer(3) }),
  })),
  fc.constant({
    name: 'toArray',
    plain: () => rx.pipe(rx.toArray(), rx.map(sum)),
    twin: () => rx.pipe(twins.toArray<number>({ max: 10_000 }), rx.map(sum)),
  }),
  few.map((count) => same(`take ${count * 4}`, () => rx.take(count * 4))),
];

const step = fc.oneof({ weight: 1, arbitrary: fc.oneof(...sync) }, { weight: 3, arbitrary: fc.oneof(...asynchronous) });
const chain = fc.array(step, { minLength: 1, maxLength: 4 });
const inputs = fc.array(
  fc.record({ waitMs: fc.integer({ min: 0, max: 12 }), value: fc.integer({ min: 0, max: 200 }) }),
  {
    maxLength: 30,
  },
);

function pipeAll(steps: readonly Numbers[]): Operator {
  return ((input: rx.Observable<number>) => steps.reduce((stream, operator) => operator(stream), input)) as Operator;
}

describe('random chains of operators', () => {
  it('give what plain RxJS gives, at the same times, and hold nothing at the end', {
    timeout: proofTimeoutMs(60),
  }, async () => {
    await fc.assert(
      fc.asyncProperty(chain, inputs, fc.boolean(), async (steps, elements, inOneStage) => {
        const plain = new Plain((input, given) => pipeAll(steps.map((one) => one.plain(given)))(input));
        const vias: Record<string, Operator> = inOneStage
          ? { all: ((input: rx.Observable<never>) => pipeAll(steps.map((one) => one.twin()))(input)) as Operator }
          : Object.fromEntries(
              steps.map((one, index) => [
                `${index}`,
                ((input: rx.Observable<never>) => (one.twin() as unknown as Operator)(input)) as Operator,
              ]),
            );
        const rig = new Rig(vias);
        for (const { waitMs, value } of elements) {
          await Promise.all([plain.pass(waitMs), rig.pass(waitMs)]);
          plain.input.next(value as never);
          rig.push(value);
        }
        plain.input.complete();
        rig.island.complete();
        await Promise.all([plain.passAll(), rig.passAll()]);
        const context = JSON.stringify({ steps: steps.map(({ name }) => name), elements, inOneStage });
        expect(rig.failures, context).toEqual([]);
        expect(
          rig.out.map(({ value, atMs }) => ({ value, atMs })),
          context,
        ).toEqual(plain.out);
        expect(rig.completed + rig.closedEarly, context).toBe(plain.completed);
        expect(rig.island.held.now, context).toBe(0);
        expect(
          rig.island.stages.map(({ held }) => held),
          context,
        ).toEqual(steps.map(() => 0).slice(0, inOneStage ? 1 : undefined));
        expect(unaccounted(rig.island.stages), context).toEqual({});
      }),
      { numRuns: proofRuns(60) },
    );
  });

  it('are set free by time alone when they hold all that they may, and hold no more', {
    timeout: proofTimeoutMs(60),
  }, async () => {
    const heldMaxes = fc.integer({ min: 1, max: 6 });
    await fc.assert(
      fc.asyncProperty(chain, inputs, heldMaxes, async (given, elements, heldMax) => {
        const steps = given.filter(({ name }) => !ticks.test(name));
        const vias = steps.map((one, index) => [
          `${index}`,
          ((input) => (one.twin() as unknown as Operator)(input)) as Operator,
        ]);
        const rig = new Rig(Object.fromEntries(vias), heldMax);
        const context = JSON.stringify({ steps: steps.map(({ name }) => name), elements, heldMax });
        for (const { waitMs, value } of elements) {
          await rig.pass(waitMs);
          for (let timers = 0; rig.full && rig.closedEarly === 0; timers += 1) {
            expect(timers < 10_000 && rig.clock.fireNext(1e9), context).toBe(true);
          }
          rig.push(value);
        }
        rig.island.complete();
        await rig.passAll(1_000_000);
        expect(rig.failures, context).toEqual([]);
        expect(rig.completed + rig.closedEarly, context).toBe(1);
        expect(rig.island.held.now, context).toBe(0);
        expect(unaccounted(rig.island.stages), context).toEqual({});
        // On its way from one operator to the next an element counts at both.
        const most = heldMax + steps.length;
        if (!steps.some(({ name }) => multiplies.test(name))) {
          expect(rig.island.held.highest, context).toBeLessThanOrEqual(most);
        }
      }),
      { numRuns: proofRuns(60) },
    );
  });
});

/** Steps that give something by their own clock, full or not, as fast as the next may ever take it. */
const ticks = /^(buffer |bufferWhen|bufferToggle|bufferTime|windowTime)/;
/** Steps in which one element counts several times: with what was made of it. */
const multiplies = /^(mergeMap to|expand)/;

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { custom } from '../../../src/streams/windows/aggregate.ts';
import { collect, first, last } from '../../../src/streams/windows/elements.ts';
import { makeWindowing } from '../../../src/streams/windows/make-windowing.ts';
import { count, max, mean, min, sum } from '../../../src/streams/windows/numbers.ts';
import { onClose, onWatermark, type Trigger } from '../../../src/streams/windows/trigger.ts';
import {
  countWindow,
  globalWindow,
  session,
  sliding,
  tumbling,
  type WindowSpec,
} from '../../../src/streams/windows/window.ts';
import type { Windowing } from '../../../src/streams/windows/windowing.ts';
import { proofRuns, proofTimeoutMs } from '../../support/proof-runs.ts';
import {
  alignedOracle,
  countOracle,
  type Early,
  type Element,
  type Event,
  type Expected,
  type Given,
  globalOracle,
  sessionOracle,
} from './oracle.ts';

const aggregates = {
  n: count<Element>(),
  big: count<Element>(({ value }) => value > 5),
  sum: sum<Element>(({ value }) => value),
  mean: mean<Element, number>(({ value }) => value),
  least: min<Element, number>(({ value }) => value),
  most: max<Element, number>(({ value }) => value),
  first: first<Element, number>(({ at }) => at),
  last: last<Element, number>(({ at }) => at),
  all: collect<Element, number>(({ at }) => at),
  text: custom<Element, string, number>({
    create: () => '',
    add: (text, { at }) => `${text}${at},`,
    merge: (into, from) => into + from,
    result: (text) => text.length,
  }),
} as const;

/** What the aggregates come to over a list, without them. `first` and `last` are by time, ties by arrival. */
function aggregatesOf(items: readonly Element[]) {
  const values = items.map(({ value }) => value);
  const arrived = [...items].sort((a, b) => a.at - b.at);
  const lowest = Math.min(...items.map(({ timeMs }) => timeMs));
  const highest = Math.max(...items.map(({ timeMs }) => timeMs));
  const total = values.reduce((a, b) => a + b, 0);
  return {
    n: values.length,
    big: values.filter((value) => value > 5).length,
    sum: total,
    mean: total / values.length,
    least: Math.min(...values),
    most: Math.max(...values),
    first: arrived.find(({ timeMs }) => timeMs === lowest)!.at,
    last: arrived.filter(({ timeMs }) => timeMs === highest).at(-1)!.at,
    all: arrived.map(({ at }) => at),
    text: arrived.map(({ at }) => `${at},`).join('').length,
  };
}

const flat = (given: Given) => ({
  key: given.key,
  window: { startMs: given.startMs, endMs: given.endMs },
  value: aggregatesOf(given.items),
  pane: given.pane,
});

/** Runs events through the code under test, taking results as a segment does. */
function run(windowing: Windowing, events: readonly Event[]) {
  const given: ReturnType<typeof flat>[] = [];
  const late: number[] = [];
  const take = (): void => {
    for (;;) {
      const result = windowing.next();
      if (result === undefined) return;
      if (result === 'working') continue;
      const { key, window, value, pane } = result;
      const { replaces, ...said } = pane ?? {};
      const spans = replaces?.map(({ startMs, endMs }) => `${startMs}-${endMs}`);
      given.push({
        key,
        window: { ...window },
        value: {
          ...(value as ReturnType<typeof aggregatesOf>),
          all: [...(value.all as number[])].sort((a, b) => a - b),
        },
        pane: pane && ({ ...said, ...(spans && { replaces: spans }) } as Given['pane']),
      });
      expect(Number.isNaN(windowing.resultTimeMs)).toBe(false);
    }
  };
  for (const event of [...events, { kind: 'watermark', ms: Infinity } as const]) {
    if (event.kind === 'watermark') windowing.advance(event.ms);
    else if (!windowing.add(event, event.timeMs)) late.push(event.at);
    if (event.kind === 'watermark' || windowing.due) take();
  }
  return { given, late };
}

function check(events: readonly Event[], spec: WindowSpec, trigger: Trigger, latenessMs: number, expected: Expected) {
  const options = {
    stage: 'window',
    allowedLatenessMs: latenessMs,
    keyOf: (item: unknown) => (item as Element).key,
    aggregates: aggregates as never,
  };
  const windowing = makeWindowing(spec, trigger, options);
  const { given, late } = run(windowing, events);
  expect(given).toEqual(expected.given.map(flat));
  expect(late).toEqual(expected.late);
  const elements = events.filter(({ kind }) => kind === 'element').length;
  expect(windowing.windowed + windowing.late).toBe(elements);
  expect([windowing.late, windowing.results]).toEqual([expected.late.length, expected.given.length]);
  expect(windowing.held).toMatchObject({ windows: 0, keys: 0 });
}

const keys = fc.constantFrom<string | number>('a', 'b', '1', 1, 2);
const element = fc.record({
  kind: fc.constant('element' as const),
  timeMs: fc.integer({ min: -20, max: 80 }),
  key: keys,
  value: fc.integer({ min: -10, max: 10 }),
});
const mark = fc.record({ kind: fc.constant('watermark' as const), ms: fc.integer({ min: -30, max: 90 }) });
/** Watermarks in random places, some of them lower than those before: these say nothing. */
const events = fc
  .array(fc.oneof({ weight: 5, arbitrary: element }, { weight: 1, arbitrary: mark }), { maxLength: 60 })
  .map((list): Event[] => list.map((event, at) => (event.kind === 'element' ? { ...event, at } : event)));
const lateness = fc.constantFrom(0, 0, 3, 15, 40);
const early: fc.Arbitrary<Early> = fc.record({
  everyMs: fc.constantFrom(Infinity, 1, 7, 20),
  everyCount: fc.constantFrom(Infinity, 1, 2, 5),
  late: fc.boolean(),
});
const triggerOf = (given: Early | undefined): Trigger =>
  given === undefined
    ? onClose()
    : onWatermark({ early: { everyMs: given.everyMs, everyCount: given.everyCount }, late: given.late });

const runs = 400;
const settings = { numRuns: proofRuns(runs) };

describe('windows of random input, with late, doubled and idle times, agree with an oracle', () => {
  it('tumbling and sliding, for every trigger and lateness', { timeout: proofTimeoutMs(runs) }, () => {
    const spec = fc.oneof(
      fc
        .record({ sizeMs: fc.integer({ min: 1, max: 30 }), offsetMs: fc.integer({ min: -9, max: 40 }) })
        .map((given) => tumbling(given)),
      fc
        .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 30 }))
        .map(([slideMs, more]) => sliding({ sizeMs: slideMs + more, slideMs })),
    );
    fc.assert(
      fc.property(events, spec, lateness, fc.option(early, { nil: undefined }), (input, window, latenessMs, given) => {
        check(input, window, triggerOf(given), latenessMs, alignedOracle(input, window, latenessMs, given));
      }),
      settings,
    );
  });

  // Each takes as long as some of the others: there is more in it.
  it('sliding of few keys that are in every slice', { timeout: proofTimeoutMs(runs) }, () => {
    const spec = fc
      .tuple(fc.integer({ min: 2, max: 20 }), fc.integer({ min: 0, max: 30 }))
      .map(([slideMs, more]) => sliding({ sizeMs: slideMs + more, slideMs }));
    const dense = fc
      .array(fc.record({ timeMs: fc.integer({ min: -20, max: 80 }), key: fc.constantFrom('a', 'b', 'c') }), {
        minLength: 60,
        maxLength: 90,
      })
      .map((list) => list.map((one, at): Element => ({ kind: 'element', value: 1, ...one, at })));
    fc.assert(
      fc.property(dense, spec, lateness, (input, window, latenessMs) => {
        check(input, window, onClose(), latenessMs, alignedOracle(input, window, latenessMs, undefined));
      }),
      { numRuns: proofRuns(100) },
    );
  });

  it('sessions that grow, join out of order and end, for every trigger and lateness', {
    timeout: proofTimeoutMs(runs),
  }, () => {
    const spec = fc
      .tuple(fc.integer({ min: 1, max: 20 }), fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined }))
      .map(([gapMs, more]) => session({ gapMs, ...(more === undefined ? {} : { maxMs: gapMs + more }) }));
    fc.assert(
      fc.property(events, spec, lateness, fc.option(early, { nil: undefined }), (input, window, latenessMs, given) => {
        check(input, window, triggerOf(given), latenessMs, sessionOracle(input, window, latenessMs, given));
      }),
      settings,
    );
  });

  it('windows by count', { timeout: proofTimeoutMs(runs) }, () => {
    const spec = fc
      .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 8 }))
      .map(([slide, more]) => countWindow({ size: slide + more, slide }));
    fc.assert(
      fc.property(events, spec, (input, window) => {
        check(input, window, onClose(), 0, countOracle(input, window));
      }),
      settings,
    );
  });

  it('the global window', { timeout: proofTimeoutMs(runs) }, () => {
    fc.assert(
      fc.property(events, early, (input, given) => {
        check(input, globalWindow(), triggerOf(given), 0, globalOracle(input, given));
      }),
      settings,
    );
  });

  it('sessions are the runs of sorted times without a gap, whatever the order of arrival', () => {
    fc.assert(
      fc.property(fc.array(element, { maxLength: 40 }), fc.integer({ min: 1, max: 20 }), (list, gapMs) => {
        const input = list.map((one, at): Element => ({ ...one, at }));
        const expected: string[] = [];
        for (const key of new Set(input.map((one) => one.key))) {
          const times = input.filter((one) => one.key === key).map((one) => one.timeMs);
          times.sort((a, b) => a - b);
          const cuts = times.flatMap((time, n) => (n === 0 || time - times[n - 1]! >= gapMs ? [n] : []));
          cuts.forEach((cut, n) => {
            const run = times.slice(cut, cuts[n + 1]);
            expected.push(JSON.stringify([key, run[0], run.at(-1)! + gapMs, run.length]));
          });
        }
        const options = {
          stage: 'window',
          allowedLatenessMs: 0,
          keyOf: (item: unknown) => (item as Element).key,
          aggregates: aggregates as never,
        };
        const { given } = run(makeWindowing(session({ gapMs }), onClose(), options), input);
        const got = given.map(({ key, window, value }) => JSON.stringify([key, window.startMs, window.endMs, value.n]));
        expect(got.sort()).toEqual(expected.sort());
      }),
      settings,
    );
  });
});

it('keys that share the slices of a sliding window have one result each, where windows end between the beginnings of others', () => {
  const window = sliding({ sizeMs: 30, slideMs: 20 });
  const keysAt = [
    ['a', 21],
    ['b', 22],
    ['a', 31],
    ['b', 32],
    ['c', 33],
  ] as const;
  const input = keysAt.map(([key, timeMs], at): Element => ({ kind: 'element', key, timeMs, value: 1, at }));
  check(input, window, onClose(), 0, alignedOracle(input, window, 0, undefined));
});

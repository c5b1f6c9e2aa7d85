/** Windows of every kind in whole flows, on several partitions, against the oracle that knows neither. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import * as z from 'zod';
import {
  collect,
  count,
  countWindow,
  flow,
  forEach,
  globalWindow,
  onClose,
  onWatermark,
  type Source,
  session,
  sliding,
  sum,
  type Trigger,
  tumbling,
  type WindowSpec,
} from '../../../src/streams/index.ts';
import { proofRuns, proofTimeoutMs } from '../../support/proof-runs.ts';
import { runLocally } from '../local-run.ts';
import {
  alignedOracle,
  countOracle,
  type Early,
  type Element,
  type Event,
  type Expected,
  globalOracle,
  sessionOracle,
} from './oracle.ts';

const none = z.object({});
const runs = 40;

interface Result {
  readonly key: string | number;
  readonly window: { readonly startMs: number; readonly endMs: number };
  readonly value: { readonly n: number; readonly sum: number; readonly all: readonly number[] };
  readonly pane?: {
    readonly index: number;
    readonly timing: string;
    readonly final: boolean;
    readonly replaces?: unknown;
  };
}

const batches = fc
  .array(
    fc.array(
      fc.record({
        key: fc.constantFrom<string | number>('a', 'b', 'c', 1, '1'),
        timeMs: fc.integer({ min: -20, max: 80 }),
        value: fc.integer({ min: -9, max: 9 }),
      }),
      { maxLength: 12 },
    ),
    { maxLength: 10 },
  )
  .map((given) => {
    let at = 0;
    return given.map((batch) => batch.map((one): Element => ({ kind: 'element', ...one, at: at++ })));
  });

/** What the windows see: a watermark behind each batch. */
function eventsOf(given: readonly (readonly Element[])[], outOfOrderMs: number): Event[] {
  let latestMs = -Infinity;
  return given.flatMap((batch): Event[] => {
    for (const { timeMs } of batch) latestMs = Math.max(latestMs, timeMs);
    return latestMs === -Infinity ? [] : [...batch, { kind: 'watermark', ms: latestMs - outOfOrderMs }];
  });
}

const sourceOf = (given: readonly (readonly Element[])[]): Source<Element> => ({
  name: 'elements',
  bounded: true,
  async *open() {
    yield* given;
  },
});

interface Case {
  readonly window: WindowSpec;
  readonly trigger: Trigger;
  readonly latenessMs: number;
  readonly expected: (events: readonly Event[]) => Expected;
}

async function check(given: readonly (readonly Element[])[], outOfOrderMs: number, one: Case, parallelism: number) {
  const results: Result[] = [];
  const windows = flow('windows', { args: none }, (f) =>
    f
      .from(sourceOf(given), { time: ({ timeMs }) => timeMs, outOfOrderMs })
      .keyBy(({ key }) => key, { parallelism })
      .window(one.window, { trigger: one.trigger, allowedLatenessMs: one.latenessMs, late: 'late' })
      .aggregate({ n: count(), sum: sum(({ value }) => value), all: collect(({ at }) => at) })
      .to(forEach((result) => void results.push(result as Result))),
  );
  const run = await runLocally(windows, {});
  await run.done;
  const { given: expected, late } = one.expected(eventsOf(given, outOfOrderMs));
  // Between keys the partitions decide the order, within a key nobody does.
  for (const key of new Set([...expected, ...results].map((result) => result.key))) {
    expect(results.filter((result) => result.key === key).map(plain)).toEqual(
      expected
        .filter((result) => result.key === key)
        .map(({ startMs, endMs, items, pane }) => ({
          window: { startMs, endMs },
          n: items.length,
          sum: items.reduce((total, { value }) => total + value, 0),
          all: items.map(({ at }) => at).sort((a, b) => a - b),
          pane,
        })),
    );
  }
  const byNumber = (a: number, b: number): number => a - b;
  expect((run.late as Element[]).map(({ at }) => at).sort(byNumber)).toEqual([...late].sort(byNumber));
  const counted = { in: given.flat().length, out: expected.length, dropped: 0, late: late.length };
  expect(run.stage('window')).toEqual(counted);
}

function plain({ window, value: { n, sum: total, all }, pane }: Result) {
  const { replaces, ...said } = pane ?? {};
  const spans = (replaces as { startMs: number; endMs: number }[] | undefined)?.map(
    ({ startMs, endMs }) => `${startMs}-${endMs}`,
  );
  const given = pane && { ...said, ...(spans && { replaces: spans }) };
  return { window: { ...window }, n, sum: total, all: [...all].sort((a, b) => a - b), pane: given };
}

const lateness = fc.constantFrom(0, 0, 5, 30);
const early: fc.Arbitrary<Early> = fc.record({
  everyMs: fc.constantFrom(Infinity, 7, 20),
  everyCount: fc.constantFrom(Infinity, 1, 3),
  late: fc.boolean(),
});
const triggers = fc.option(early, { nil: undefined });
const triggerOf = (given: Early | undefined): Trigger =>
  given === undefined
    ? onClose()
    : onWatermark({ early: { everyMs: given.everyMs, everyCount: given.everyCount }, late: given.late });

const aligned = fc.tuple(
  fc.oneof(
    fc.record({ sizeMs: fc.integer({ min: 1, max: 40 }), offsetMs: fc.integer({ min: -9, max: 40 }) }).map(tumbling),
    fc
      .tuple(fc.integer({ min: 2, max: 20 }), fc.integer({ min: 0, max: 30 }))
      .map(([slideMs, more]) => sliding({ sizeMs: slideMs + more, slideMs })),
  ),
  triggers,
  lateness,
);
const cases: Record<string, fc.Arbitrary<Case>> = {
  'tumbling and sliding': aligned.map(([window, given, latenessMs]) => ({
    window,
    trigger: triggerOf(given),
    latenessMs,
    expected: (events) => alignedOracle(events, window, latenessMs, given),
  })),
  session: fc.tuple(fc.integer({ min: 1, max: 20 }), triggers, lateness).map(([gapMs, given, latenessMs]) => ({
    window: session({ gapMs }),
    trigger: triggerOf(given),
    latenessMs,
    expected: (events) => sessionOracle(events, { gapMs, maxMs: Infinity }, latenessMs, given),
  })),
  count: fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 5 })).map(([slide, more]) => ({
    window: countWindow({ size: slide + more, slide }),
    trigger: onClose(),
    latenessMs: 0,
    expected: (events) => countOracle(events, { size: slide + more, slide }),
  })),
  global: early
    .filter(({ everyMs, everyCount }) => everyMs !== Infinity || everyCount !== Infinity)
    .map((given) => ({
      window: globalWindow(),
      trigger: triggerOf(given),
      latenessMs: 0,
      expected: (events) => globalOracle(events, given),
    })),
};

for (const [name, settings] of Object.entries(cases)) {
  it(`${name} windows agree with an oracle on 1, 2 and 4 partitions`, { timeout: proofTimeoutMs(runs) }, async () => {
    await fc.assert(
      fc.asyncProperty(batches, fc.constantFrom(0, 10, 40), settings, async (given, outOfOrderMs, one) => {
        for (const parallelism of [1, 2, 4]) await check(given, outOfOrderMs, one, parallelism);
      }),
      { numRuns: proofRuns(runs) },
    );
  });
}

/** Elements joined with a broadcast table, against a plain lookup in all rows. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import {
  type Change,
  count,
  type FlowBuilder,
  flow,
  fromIterable,
  type Source,
  tumbling,
} from '../../../src/streams/index.ts';
import { streamLimits } from '../../../src/streams/limits.ts';
import { proofRuns, proofTimeoutMs } from '../../support/proof-runs.ts';
import { type LocalRun, runLocally } from '../local-run.ts';

const none = z.object({});
const hows = ['inner', 'left', 'anti'] as const;

interface Item {
  readonly id: number;
  readonly key: number | string | undefined | null;
}
interface Row {
  readonly id: number | string;
  readonly text: string;
}

/** Gives a batch whenever it is told to, and counts what was asked for. */
class Told<T> implements Source<T> {
  readonly name = 'told';
  asked = 0;
  readonly #given: { items: readonly T[]; caughtUp?: boolean }[] = [];
  #over = false;
  #wake: () => void = () => undefined;
  readonly #repeat: readonly T[] | undefined;

  /** @param repeat what is given again and again, for as long as it is asked for. */
  constructor(repeat?: readonly T[]) {
    this.#repeat = repeat;
  }

  give(items: readonly T[], options: { caughtUp?: boolean } = {}): void {
    this.#given.push({ items, ...options });
    this.#wake();
  }

  end(): void {
    this.#over = true;
    this.#wake();
  }

  async *open({ signal }: { signal: AbortSignal }): AsyncGenerator<{ items: readonly T[]; caughtUp?: boolean }> {
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    while (!signal.aborted) {
      this.asked += 1;
      if (this.#repeat !== undefined) {
        // The local run would work on without a pass of the event loop for as long as there is something to do.
        await new Promise((resolve) => setImmediate(resolve));
        yield { items: this.#repeat };
      } else if (this.#given.length > 0) yield this.#given.shift()!;
      else if (this.#over) return;
      else await Promise.race([aborted, new Promise<void>((resolve) => (this.#wake = resolve))]);
    }
  }
}

/** Waits until `holds`, for as long as the test may take. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

/** Until the run has come to rest: nothing was taken in for many turns of the loop. */
async function atRest(run: LocalRun, asked: () => number): Promise<void> {
  const seen = (): string => JSON.stringify([asked(), run.counts().map(({ stages }) => stages.map((one) => one.in))]);
  for (let quiet = 0, before = seen(); quiet < 200; ) {
    await new Promise((resolve) => setImmediate(resolve));
    const now = seen();
    quiet = now === before ? quiet + 1 : 0;
    before = now;
  }
}

const key = fc.constantFrom<number | string>(0, 1, 2, 3, '1', '2', 'a');
const item = fc.record({ id: fc.nat(1_000), key: fc.oneof(key, fc.constantFrom(undefined, null)) });
const row = fc.record({ id: key, text: fc.string({ maxLength: 3 }) });

function expectedOf(items: readonly Item[], rows: ReadonlyMap<unknown, unknown>, how: (typeof hows)[number]) {
  return items.flatMap((one): unknown[] => {
    const found = rows.get(one.key);
    if (how === 'anti') return found === undefined ? [one] : [];
    if (found === undefined) return how === 'left' ? [[one, undefined]] : [];
    return [[one, found]];
  });
}
const sorted = (given: readonly unknown[]): string[] => given.map((one) => JSON.stringify(one) ?? 'undefined').sort();

describe('elements with their rows of a table', () => {
  test.each(hows)(
    '%s: are as a plain lookup gives them, on 1, 2 and 4 instances, in order on one',
    async (how) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(item, { maxLength: 80 }),
          fc.array(row, { maxLength: 20 }),
          fc.constantFrom(1, 2, 4),
          async (items, rows, parallelism) => {
            const run = await runLocally(
              flow('enriched', { args: none }, (f) =>
                f
                  .from(fromIterable(items))
                  .withTable(
                    f.from(fromIterable(rows)).keyBy((one) => one.id),
                    { by: (one) => one.key, how, parallelism },
                  )
                  .output('enriched'),
              ),
              {},
            );
            await run.done;
            const expected = expectedOf(items, new Map(rows.map((one) => [one.id, one])), how);
            if (parallelism === 1) expect(run.outputs).toEqual(expected);
            else expect(sorted(run.outputs)).toEqual(sorted(expected));
            const counts = run.stage('with-table');
            expect(counts).toMatchObject({ in: items.length + parallelism * rows.length, out: expected.length });
          },
        ),
        { numRuns: proofRuns(25) },
      );
    },
    proofTimeoutMs(25),
  );

  test('of a table of changes: what is removed is not found, and a partitioned left looks up by its own key', async () => {
    const change = fc.record({ id: key, text: fc.option(fc.string({ maxLength: 3 }), { nil: undefined }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(item, { maxLength: 60 }),
        fc.array(change, { maxLength: 30 }),
        fc.constantFrom(1, 2, 4),
        async (items, changes, parallelism) => {
          const keyed = items.map((one) => ({ ...one, key: one.key ?? 'a' }));
          const given = changes.map(
            ({ id, text }): Change<number | string, string | undefined> => ({
              key: id,
              value: text,
              previous: undefined,
            }),
          );
          const run = await runLocally(
            flow('enriched', { args: none }, (f) =>
              f
                .from(fromIterable(keyed))
                .keyBy((one) => one.key, { parallelism })
                .withTable(f.from(fromIterable(given)), { how: 'left' })
                .output('enriched'),
            ),
            {},
          );
          await run.done;
          const rows = new Map<unknown, unknown>();
          for (const { id, text } of changes) {
            if (text === undefined) rows.delete(id);
            else rows.set(id, text);
          }
          expect(sorted(run.outputs)).toEqual(sorted(expectedOf(keyed, rows, 'left')));
        },
      ),
      { numRuns: proofRuns(25) },
    );
  });

  test('take the latest row by event time, and of several of one time the one that came last', async () => {
    const rows = [
      { id: 1, at: 10, text: 'first' },
      { id: 1, at: 30, text: 'latest' },
      { id: 1, at: 20, text: 'older' },
      { id: 1, at: 30, text: 'as late' },
    ];
    const run = await runLocally(
      flow('enriched', { args: none }, (f) =>
        f
          .from(fromIterable([{ id: 7, key: 1 }]))
          .withTable(
            f.from(fromIterable(rows), { time: (one) => one.at, outOfOrderMs: 100 }).keyBy((one) => one.id),
            { by: (one) => one.key },
          )
          .via('text', ($) => $)
          .output('enriched'),
      ),
      {},
    );
    await run.done;
    expect(run.outputs).toEqual([[{ id: 7, key: 1 }, rows[3]]]);
    expect(run.stage('with-table').late).toBe(1);
  });
});

describe('a table that is not loaded', () => {
  test.each([1, 2, 4])(
    'holds %i instances back, so that their source is asked for no more than a window',
    async (n) => {
      const items = new Told<Item>(Array.from({ length: 100 }, (_, id) => ({ id, key: 1 })));
      const rows = new Told<Row>();
      const run = await runLocally(
        flow('held', { args: none }, (f) =>
          f
            .from(items)
            .withTable(
              f.from(rows).keyBy((one) => one.id),
              { by: (one) => one.key, parallelism: n },
            )
            .output('enriched'),
        ),
        {},
      );
      rows.give([{ id: 1, text: 'early' }]);
      await atRest(run, () => items.asked);
      expect(run.outputs.length).toBe(0);
      const heldMax = n * (streamLimits.edgeWindow + streamLimits.outletHighWater);
      expect(items.asked * 100).toBeGreaterThan(streamLimits.edgeWindow);
      expect(items.asked * 100).toBeLessThan(heldMax + 300);
      rows.give([{ id: 1, text: 'loaded' }], { caughtUp: true });
      await until(() => run.outputs.length > 2 * heldMax);
      expect(run.outputs.slice(0, heldMax).every((one) => (one as [Item, Row])[1].text === 'loaded')).toBe(true);
      run.cancel();
    },
  );

  test('is updated while it is used, and let go of when the elements have ended', async () => {
    const [items, rows] = [new Told<Item>(), new Told<Row>()];
    const run = await runLocally(
      flow('live', { args: none }, (f) =>
        f
          .from(items)
          .withTable(
            f.from(rows).keyBy((one) => one.id),
            { by: (one) => one.key, how: 'left' },
          )
          .output('enriched'),
      ),
      {},
    );
    const texts = (): (string | undefined)[] => (run.outputs as [Item, Row | undefined][]).map(([, one]) => one?.text);
    rows.give([], { caughtUp: true });
    items.give([{ id: 1, key: 1 }]);
    await until(() => run.outputs.length === 1);
    for (const text of ['a', 'b']) {
      const before = run.stage('with-table').in;
      rows.give([{ id: 1, text }]);
      await until(() => run.stage('with-table').in > before);
      items.give([{ id: 2, key: 1 }]);
      await until(() => texts().at(-1) === text);
    }
    expect(texts()).toEqual([undefined, 'a', 'b']);
    items.end();
    await run.done;
  });

  test('is waited for by elements that have all come, and given up by none', async () => {
    const rows = new Told<Row>();
    const run = await runLocally(
      flow('late-table', { args: none }, (f) =>
        f
          .from(fromIterable([{ id: 1, key: 1 }]))
          .withTable(
            f.from(rows).keyBy((one) => one.id),
            { by: (one) => one.key },
          )
          .output('enriched'),
      ),
      {},
    );
    rows.give([{ id: 1, text: 'a' }]);
    await atRest(run, () => rows.asked);
    expect(run.outputs).toEqual([]);
    rows.end();
    await run.done;
    expect(run.outputs).toEqual([
      [
        { id: 1, key: 1 },
        { id: 1, text: 'a' },
      ],
    ]);
  });
});

describe('event time', () => {
  test('of a table that is loaded and says nothing more does not hold windows back', async () => {
    const times = Array.from({ length: 50 }, (_, at) => ({ id: 1, key: 1, at }));
    const items = new Told<(typeof times)[number]>();
    const rows = new Told<Row>();
    const run = await runLocally(
      flow('windows', { args: none }, (f) =>
        f
          .from(items, { time: (one) => one.at })
          .withTable(
            f.from(rows, { time: () => -5, idleMs: false }).keyBy((one) => one.id),
            { by: (one) => one.key },
          )
          .keyBy(([one]) => one.key)
          .window(tumbling({ sizeMs: 10 }))
          .aggregate({ flights: count() })
          .output('windows'),
      ),
      {},
    );
    rows.give([{ id: 1, text: 'a' }], { caughtUp: true });
    // A table that goes on, and whose event time is far behind.
    items.give(times);
    await until(() => run.stage('window').in === 50);
    rows.give([{ id: 2, text: 'b' }]);
    await until(() => run.outputs.length === 4);
    items.end();
    await run.done;
    expect(run.outputs).toHaveLength(5);
  });
});

describe('a graph that would wait for ever, or makes no sense', () => {
  const refused = (build: (f: FlowBuilder) => unknown): (() => unknown) => {
    const built = flow('refused', { args: none }, (f) => build(f) as never);
    return () => built.bounds({});
  };
  const rows: readonly Row[] = [];
  const items: readonly Item[] = [];

  test('is refused where elements and table come from one fan-out, unless the elements may be lost', () => {
    const joined =
      (lossy: 'items' | 'rows' | undefined) =>
      (f: FlowBuilder): unknown => {
        const { left, right } = f.from(fromIterable(items)).broadcast('left', 'right');
        const strategy = { strategy: 'drop-oldest', capacity: 10 } as const;
        const one = lossy === 'items' ? left.overflow(strategy) : left;
        const other = lossy === 'rows' ? right.overflow(strategy) : right;
        return one
          .withTable(
            other.via('rows', ($) => $).keyBy((item) => item.id),
            { by: ({ id }) => id },
          )
          .output('joined');
      };
    expect(refused(joined(undefined))).toThrow(/joins a branch of 'broadcast' with a table .* wait for ever/);
    // What the table loses on its way does not help: it is the elements that hold the fan-out back.
    expect(refused(joined('rows'))).toThrow(/would wait for ever/);
    expect(refused(joined('items'))).not.toThrow();
  });

  test.each<[string, (f: FlowBuilder) => unknown, RegExp]>([
    ['no table', (f) => f.from(fromIterable(items)).withTable({} as never, { by: ({ key }) => key }), /no table/],
    [
      'no key',
      (f) =>
        f.from(fromIterable(items)).withTable(
          f.from(fromIterable(rows)).keyBy(({ id }) => id),
          {} as never,
        ),
      /tells withTable\(…\) no key/,
    ],
    [
      'an unknown how',
      (f) =>
        f.from(fromIterable(items)).withTable(
          f.from(fromIterable(rows)).keyBy(({ id }) => id),
          { by: ({ key }) => key, how: 'outer' as 'left' },
        ),
      /how: "outer"; it is 'inner', 'left' or 'anti'/,
    ],
    [
      'a partitioned table',
      (f) =>
        f.from(fromIterable(items)).withTable(
          f.from(fromIterable(rows)).keyBy(({ id }) => id, { parallelism: 2 }),
          { by: ({ key }) => key },
        ),
      /every instance has all of it/,
    ],
    [
      'a parallelism that is none',
      (f) =>
        f.from(fromIterable(items)).withTable(
          f.from(fromIterable(rows)).keyBy(({ id }) => id),
          { by: ({ key }) => key, parallelism: 0 },
        ),
      /parallelism 0; it is 1 to 128/,
    ],
  ])('is refused with %s', (_what, build, message) => {
    expect(refused(build)).toThrow(message);
  });

  test('fails with the stage where a key is neither a string nor a number', async () => {
    const run = await runLocally(
      flow('bad-key', { args: none }, (f) =>
        f
          .from(fromIterable([{ key: {} as never }]))
          .withTable(
            f.from(fromIterable(rows)).keyBy((one) => one.id),
            { by: (one) => one.key },
          )
          .output('joined'),
      ),
      {},
    );
    await expect(run.done).rejects.toMatchObject({ code: 'StageFailed', stage: 'with-table' });
  });
});

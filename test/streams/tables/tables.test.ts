/** Tables that are asked while their flow runs, against what the input says of the point that an answer is as of. */
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { seededRandom } from '../../../src/base/platform/seeded-random.ts';
import { actor, ask, protocol } from '../../../src/index.ts';
import {
  count,
  flow,
  fromIterable,
  type Source,
  SourceFailed,
  sum,
  type Table,
  tableAddress,
  tableAt,
} from '../../../src/streams/index.ts';
import { compareKeys } from '../../../src/streams/tables/sorted-keys.ts';
import { type TestSystem, testSystem } from '../../../src/testing/index.ts';
import { proofRuns, proofTimeoutMs } from '../../support/proof-runs.ts';

const none = z.object({});
interface Row {
  readonly id: number;
  readonly at: number;
  readonly amount: number;
}

let system: TestSystem;
afterEach(() => system?.shutdown());

/** Gives what it is told to, at once. */
class Told implements Source<Row> {
  readonly name = 'told';
  readonly #given: { items: readonly Row[]; fails?: boolean }[] = [];
  #over = false;
  #wake: () => void = () => undefined;

  give(...items: Row[]): void {
    this.#given.push({ items });
    this.#wake();
  }

  fail(): void {
    this.#given.push({ items: [], fails: true });
    this.#wake();
  }

  end(): void {
    this.#over = true;
    this.#wake();
  }

  async *open({ signal }: { signal: AbortSignal }): AsyncGenerator<readonly Row[]> {
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    while (!signal.aborted) {
      const given = this.#given.shift();
      if (given?.fails) throw new SourceFailed('unreachable', 'gone');
      if (given !== undefined) yield given.items;
      else if (this.#over) return;
      else await Promise.race([aborted, new Promise<void>((resolve) => (this.#wake = resolve))]);
    }
  }
}

/** Until nothing in the system is ready any more; nothing in it waits for time or files. */
async function settled(): Promise<void> {
  for (let pass = 0; pass < 60; pass += 1) await new Promise((resolve) => setImmediate(resolve));
}

interface Question {
  readonly asOfMs: number;
  readonly asked: string;
  readonly answer: unknown;
  expected(asOfMs: number): unknown;
}

/** Rows that come in time, given by and by; in between a table is asked, at random, and what it says is compared. */
async function askedAtRandom<V>(
  seed: number,
  options: { readonly rows: readonly Row[]; readonly outOfOrderMs: number; readonly questions: number },
  begin: (source: Source<Row>) => Promise<Table<number, V>>,
  comesTo: (rows: readonly Row[]) => V | undefined,
): Promise<number> {
  const random = seededRandom(seed).fork('questions');
  const nat = (below: number): number => Math.floor(random.fraction() * below);
  const source = new Told();
  const table = await begin(source);
  const asking: Promise<Question>[] = [];
  const valueAt = (id: number, asOfMs: number): V | undefined =>
    comesTo(options.rows.filter((row) => row.id === id && row.at < asOfMs));
  const ids = [...new Set(options.rows.map(({ id }) => id))].sort(compareKeys);
  const askGet = (id: number): Promise<Question> =>
    table.get(id).then((answer) => ({
      asked: `get ${id}`,
      asOfMs: answer?.asOfMs ?? -Infinity,
      answer: answer?.value,
      expected: (asOfMs) => (answer === undefined ? undefined : valueAt(id, asOfMs)),
    }));
  const askRange = (): Promise<Question> => {
    const [from, to] = [nat(3) === 0 ? undefined : nat(40), nat(3) === 0 ? undefined : nat(40)];
    const [limit, reverse] = [1 + nat(30), nat(2) === 0];
    const given = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }), limit, reverse };
    return table.range(given).then(({ entries, asOfMs }) => ({
      asked: `range ${JSON.stringify(given)}`,
      asOfMs,
      answer: entries,
      expected: () => {
        const within = ids.filter((id) => id >= (from ?? -Infinity) && id < (to ?? Infinity));
        const all = within.flatMap((key) => {
          const value = valueAt(key, asOfMs);
          return value === undefined ? [] : [{ key, value }];
        });
        return (reverse ? all.reverse() : all).slice(0, limit);
      },
    }));
  };
  for (let at = 0; at < options.rows.length || asking.length < options.questions; ) {
    const batch = options.rows.slice(at, at + 1 + nat(12));
    at += batch.length;
    if (batch.length > 0) source.give(...batch);
    for (let n = nat(6); n > 0; n -= 1) asking.push(nat(2) === 0 ? askRange() : askGet(nat(45)));
    // Sometimes the questions come while the rows are on their way.
    if (nat(3) > 0) await settled();
  }
  source.end();
  for (let n = 0; n < 10; n += 1) asking.push(nat(2) === 0 ? askRange() : askGet(nat(45)));
  await settled();
  const answered = await Promise.all(asking);
  for (const { asked, asOfMs, answer, expected } of answered) {
    expect({ asked, asOfMs, answer }).toEqual({ asked, asOfMs, answer: expected(asOfMs) });
  }
  // They are of all times, and not of the end alone.
  expect(new Set(answered.map(({ asOfMs }) => asOfMs)).size).toBeGreaterThan(3);
  return answered.length;
}

const outOfOrderMs = 60;
const randomRows = (seed: number, disorderMs: number): Row[] => {
  const random = seededRandom(seed).fork('rows');
  const nat = (below: number): number => Math.floor(random.fraction() * below);
  return Array.from({ length: 200 }, (_, n) => ({ id: nat(40), at: n * 10 - nat(disorderMs + 1), amount: nat(100) }));
};
const latestOf = (rows: readonly Row[]): Row | undefined => {
  let latest: Row | undefined;
  for (const row of rows) if (latest === undefined || row.at >= latest.at) latest = row;
  return latest;
};

describe.each([1, 2, 4])('a table of %i partitions, asked while it is written', (parallelism) => {
  test(
    'says the latest row of each key as of the watermark that it names, rows out of order',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.nat(1_000_000), async (seed) => {
          system = await testSystem({ seed });
          await askedAtRandom(
            seed,
            { rows: randomRows(seed, outOfOrderMs), outOfOrderMs, questions: 100 },
            async (source) => {
              const job = flow('latest', { args: none }, (f) =>
                f
                  .from(source, { time: (row) => row.at, outOfOrderMs, idleMs: false })
                  .keyBy((row) => row.id, { parallelism })
                  .table('rows'),
              );
              return (await system.run(job, { args: {} })).table('rows');
            },
            latestOf,
          );
          await system.shutdown();
        }),
        { numRuns: proofRuns(4) },
      );
    },
    proofTimeoutMs(400),
  );

  test(
    'says what the changes before that watermark came to',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.nat(1_000_000), async (seed) => {
          system = await testSystem({ seed });
          await askedAtRandom(
            seed,
            { rows: randomRows(seed, 0), outOfOrderMs: 0, questions: 100 },
            async (source) => {
              const job = flow('totals', { args: none }, (f) =>
                f
                  .from(source, { time: (row) => row.at, idleMs: false })
                  .keyBy((row) => row.id, { parallelism })
                  .aggregate({ rows: count(), total: sum((row) => row.amount) })
                  .table('totals', { parallelism }),
              );
              return (await system.run(job, { args: {} })).table('totals');
            },
            (rows) =>
              rows.length === 0
                ? undefined
                : { rows: rows.length, total: rows.reduce((all, { amount }) => all + amount, 0) },
          );
          await system.shutdown();
        }),
        { numRuns: proofRuns(4) },
      );
    },
    proofTimeoutMs(400),
  );
});

const Reader = protocol('reader', {
  rowOf: ask({
    input: z.object({ table: tableAddress(), id: z.number() }),
    output: z.object({ amount: z.number().nullable() }),
  }),
});
const reader = actor(
  Reader,
  { args: none, state: () => ({}) },
  {
    rowOf: async (_state, { table, id }) => {
      const found = await tableAt<number, Row>(table).get(id);
      return { amount: found?.value.amount ?? null };
    },
  },
);

describe('a table', () => {
  const job = (source: Source<Row>, parallelism = 2) =>
    flow('job', { args: none }, (f) =>
      f
        .from(source)
        .keyBy((row) => row.id, { parallelism })
        .table('rows'),
    );
  const row = (id: number, amount = id): Row => ({ id, at: 0, amount });

  test('says the latest without event time, is read by any actor, and outlives its run until that is closed', async () => {
    system = await testSystem();
    const source = new Told();
    const run = await system.run(job(source), { args: {} });
    const table = run.table('rows');
    source.give(row(1), row(2), row(1, 7));
    await settled();
    expect(await table.get(1)).toEqual({ value: row(1, 7), asOfMs: Infinity });
    expect(await table.get(3)).toBe(undefined);
    const actorRef = await system.spawn(reader);
    expect(await actorRef.rowOf({ table: table.address(), id: 2 })).toEqual({ amount: 2 });
    source.end();
    await run.done;
    const { entries } = await table.range({ reverse: true });
    expect(entries.map(({ key, value }) => [key, value.amount])).toEqual([
      [2, 2],
      [1, 7],
    ]);
    await run.cancel();
    await expect(table.get(1)).rejects.toMatchObject({ code: 'TableUnavailable', reason: 'ended', retryable: false });
    await run.done;
  });

  test('reads a range of many pages, as of one time, whatever its entries weigh', async () => {
    system = await testSystem();
    const rows = Array.from({ length: 5_000 }, (_, id) => ({
      ...row(id),
      text: 'x'.repeat(id % 100 === 0 ? 20_000 : 10),
    }));
    const run = await system.run(job(fromIterable(rows), 3), { args: {} });
    await run.done;
    const all = await run.table('rows').range({ limit: 10_000 });
    expect(all.entries.map(({ key }) => key)).toEqual(rows.map(({ id }) => id));
    const some = await run.table('rows').range({ from: 4_000, limit: 2_500, reverse: true });
    expect(some.entries.map(({ key }) => key)).toEqual(
      rows
        .slice(4_000)
        .map(({ id }) => id)
        .reverse(),
    );
  });

  test('says that its run begins anew, and is empty then', async () => {
    system = await testSystem();
    const source = new Told();
    const restart = { max: 1, withinMs: 10_000, backoff: { minMs: 100, maxMs: 100 } };
    const run = await system.run(job(source), { args: {}, restart });
    const table = run.table('rows');
    source.give(row(1));
    await settled();
    expect((await table.get(1))?.value).toEqual(row(1));
    source.fail();
    await settled();
    await expect(table.get(1)).rejects.toMatchObject({ reason: 'restarting', retryable: true });
    void system.time.advance(1_000, { leaveOpen: true });
    while (run.statistics().attempts < 2) await settled();
    expect(await table.get(1)).toBe(undefined);
    source.give(row(1, 2));
    await settled();
    expect((await table.get(1))?.value).toEqual(row(1, 2));
    await run.cancel();
  });

  test('refuses what cannot be asked', async () => {
    system = await testSystem();
    const run = await system.run(job(fromIterable([row(1)])), { args: {} });
    expect(() => run.table('others' as 'rows')).toThrow(/has no table "others"; it has "rows"/);
    const table = run.table('rows');
    await expect(table.range({ limit: 10_001 })).rejects.toThrow(/limit: 10001; it is 1 to 10000/);
    await expect(table.get({} as number)).rejects.toThrow(/a key is a string or a number/);
    await run.done;
  });

  test('fails its run with TableOverflow when there are more keys than it may keep', async () => {
    system = await testSystem();
    const small = flow('small', { args: none }, (f) =>
      f
        .from(fromIterable([row(1), row(2), row(3)]))
        .keyBy(({ id }) => id)
        .table('rows', { entriesMax: 2 }),
    );
    const run = await system.run(small, { args: {} });
    await expect(run.done).rejects.toMatchObject({ code: 'TableOverflow', stage: 'table' });
    await expect(run.table('rows').get(1)).rejects.toMatchObject({ reason: 'ended' });
  });
});

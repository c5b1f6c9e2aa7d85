import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest';
import * as z from 'zod';
import { flow } from '../../../src/streams/flow.ts';
import type { Keyed, Stage } from '../../../src/streams/flow-types.ts';
import { fromIterable } from '../../../src/streams/from-iterable.ts';
import { always, asOf, during, type JoinHow, within } from '../../../src/streams/joins/join-spec.ts';
import { sliding, type TimeWindow, tumbling } from '../../../src/streams/windows/window.ts';
import { proofRuns, proofTimeoutMs } from '../../support/proof-runs.ts';
import { runLocally } from '../local-run.ts';

interface Auction {
  readonly id: number;
  readonly at: number;
  readonly openMs: number;
  readonly n: number;
}
interface Bid {
  readonly auction: number;
  readonly at: number;
  readonly n: number;
}
const none = z.object({});
const hows: readonly JoinHow[] = ['inner', 'left', 'anti'];

let connection: DuckDBConnection;
beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:')).connect();
});
afterAll(() => connection.closeSync());

/** What DuckDB says of the same rows. */
async function ask(sql: string, auctions: readonly Auction[], bids: readonly Bid[]): Promise<string[]> {
  await connection.run('CREATE OR REPLACE TABLE auctions (id INT, ms INT, openMs INT, n INT)');
  await connection.run('CREATE OR REPLACE TABLE bids (auction INT, ms INT, n INT)');
  const auctionRows = auctions.map(({ id, at, openMs, n }) => `(${id}, ${at}, ${openMs}, ${n})`);
  const bidRows = bids.map(({ auction, at, n }) => `(${auction}, ${at}, ${n})`);
  if (auctionRows.length > 0) await connection.run(`INSERT INTO auctions VALUES ${auctionRows.join()}`);
  if (bidRows.length > 0) await connection.run(`INSERT INTO bids VALUES ${bidRows.join()}`);
  const rows = (await connection.runAndReadAll(sql)).getRowsJson();
  return rows.map((row) => row.map((value) => value ?? '').join(' ')).sort();
}

const auction = fc.record({ id: fc.nat(3), at: fc.nat(60), openMs: fc.integer({ min: 0, max: 30 }) });
const bid = fc.record({ auction: fc.nat(3), at: fc.nat(60) });
const input = fc.record({
  auctions: fc.array(auction, { maxLength: 25 }).map((rows) => rows.map((row, n) => ({ ...row, n }))),
  bids: fc.array(bid, { maxLength: 40 }).map((rows) => rows.map((row, n) => ({ ...row, n }))),
  parallelism: fc.constantFrom(1, 2, 4),
});

type Joining = (
  left: Keyed<Auction, number, {}>,
  right: Keyed<Bid, number, {}>,
  how: JoinHow,
  // biome-ignore lint/suspicious/noExplicitAny: results of all joins.
) => Stage<any>;

async function run(
  joining: Joining,
  how: JoinHow,
  { auctions, bids, parallelism }: { auctions: readonly Auction[]; bids: readonly Bid[]; parallelism: number },
): Promise<string[]> {
  const joined = flow('joined', { args: none }, (f) => {
    const left = f.from(fromIterable(auctions), { time: (row) => row.at, outOfOrderMs: 1_000 });
    const right = f.from(fromIterable(bids), { time: (row) => row.at, outOfOrderMs: 1_000 });
    const byId = left.keyBy((row) => row.id, { parallelism });
    return joining(
      byId,
      right.keyBy((row) => row.auction),
      how,
    ).output('joined');
  });
  const local = await runLocally(joined, {});
  await local.done;
  return local.outputs.map((value) => textOf(value)).sort();
}

function textOf(value: unknown): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.map(textOf).join(' ');
  const one = value as Partial<TimeWindow> & Partial<Auction>;
  return String(one.startMs ?? one.n);
}

/** The joins, and the condition that pairs auctions `a` and bids `b` in SQL. */
const joins: readonly (readonly [string, Joining, string])[] = [
  [
    'within an interval of each left',
    (left, right, how) => left.join(right, within({ beforeMs: 0, afterMs: (row) => row.openMs }), { how }),
    'b.ms BETWEEN a.ms AND a.ms + a.openMs',
  ],
  [
    'within a fixed interval',
    (left, right, how) => left.join(right, within({ beforeMs: -2, afterMs: 15 }), { how }),
    'b.ms BETWEEN a.ms + 2 AND a.ms + 15',
  ],
  ['always', (left, right, how) => left.join(right, always({ leftTtlMs: 1_000_000 }), { how }), 'true'],
];

describe.each(hows)('how: %s', (how) => {
  const columns = how === 'anti' ? 'a.n' : 'a.n, b.n';
  const joiner = { inner: 'JOIN', left: 'LEFT JOIN', anti: 'ANTI JOIN' }[how];

  test.each(joins)(
    '%s is as DuckDB joins, at every parallelism',
    async (_, joining, condition) => {
      const sql = `SELECT ${columns} FROM auctions a ${joiner} bids b ON a.id = b.auction AND ${condition}`;
      await fc.assert(
        fc.asyncProperty(input, async (given) => {
          expect(await run(joining, how, given)).toEqual(await ask(sql, given.auctions, given.bids));
        }),
        { numRuns: proofRuns(12) },
      );
    },
    proofTimeoutMs(500),
  );

  test(
    'asOf is as the ASOF join of DuckDB, where versions have times of their own',
    async () => {
      const asOfSql = `SELECT a.n, b.n FROM auctions a ASOF ${how === 'left' ? 'LEFT ' : ''}JOIN bids b
        ON a.id = b.auction AND a.ms >= b.ms`;
      const sql =
        how === 'anti' ? `SELECT a.n FROM auctions a WHERE a.n NOT IN (SELECT q.n FROM (${asOfSql}) q(n, m))` : asOfSql;
      await fc.assert(
        fc.asyncProperty(input, async (given) => {
          const bids = given.bids.filter(
            (one, n) => given.bids.findIndex((other) => other.at === one.at && other.auction === one.auction) === n,
          );
          const rows = await run((left, right) => left.join(right, asOf(), { how }), how, { ...given, bids });
          expect(rows).toEqual(await ask(sql, given.auctions, bids));
        }),
        { numRuns: proofRuns(12) },
      );
    },
    proofTimeoutMs(500),
  );

  test.each([
    ['tumbling', tumbling({ sizeMs: 10 }), 10, 10],
    ['sliding', sliding({ sizeMs: 12, slideMs: 5 }), 12, 5],
  ] as const)(
    'during %s windows is as DuckDB joins the windows of each row',
    async (_, window, sizeMs, slideMs) => {
      const cut = (table: string): string => `(SELECT t.*, unnest(range(
        CAST(floor((t.ms - ${sizeMs}) / ${slideMs}.0) + 1 AS BIGINT) * ${slideMs}, t.ms + 1, ${slideMs})) AS w
        FROM ${table} t)`;
      const sql = `SELECT ${how === 'anti' ? 'a.n' : 'a.n, b.n'}, a.w FROM ${cut('auctions')} a ${joiner}
        ${cut('bids')} b ON a.id = b.auction AND a.w = b.w`;
      await fc.assert(
        fc.asyncProperty(input, async (given) => {
          const rows = await run((left, right) => left.join(right, during(window), { how }), how, given);
          expect(rows).toEqual(await ask(sql, given.auctions, given.bids));
        }),
        { numRuns: proofRuns(12) },
      );
    },
    proofTimeoutMs(500),
  );
});

test('what a join gives is known by its type', () => {
  flow('types', { args: none }, (f) => {
    const left = f.from(fromIterable<Auction>([]), { time: (row) => row.at }).keyBy((row) => row.id);
    const right = f.from(fromIterable<Bid>([]), { time: (row) => row.at }).keyBy((row) => row.auction);
    const inner = (): unknown => {
      const pairs = left.join(right, within({ beforeMs: 0, afterMs: (row) => row.openMs - row.at }));
      expectTypeOf(pairs).toEqualTypeOf<Stage<readonly [Auction, Bid]>>();
      const some = left.join(right, asOf(), { how: 'left', late: 'late' });
      expectTypeOf(some).toEqualTypeOf<Stage<readonly [Auction, Bid | undefined], { readonly late: Auction | Bid }>>();
      expectTypeOf(left.join(right, always({ leftTtlMs: 1 }), { how: 'anti' })).toEqualTypeOf<Stage<Auction>>();
      const window = tumbling({ sizeMs: 1 });
      expectTypeOf(left.join(right, during(window))).toEqualTypeOf<Stage<readonly [Auction, Bid, TimeWindow]>>();
      expectTypeOf(left.join(right, during(window), { how: 'anti' })).toEqualTypeOf<
        Stage<readonly [Auction, TimeWindow]>
      >();
      return undefined;
    };
    return inner() as never;
  });
});

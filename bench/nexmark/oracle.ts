/**
 * The oracle: a query's SQL over the same events in DuckDB, beside what a run of its flow came to.
 *
 * Events that were late are left out of the tables. The rows are compared by their number and the sum of their hashes,
 * and one by one where the run wrote them down.
 */
import { readFile } from 'node:fs/promises';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { type Arguments, outOfOrderMs, someAreLate } from './arguments.ts';
import type { NexmarkEvent } from './events.ts';
import type { Execution } from './execute.ts';
import { Generator } from './generator.ts';
import { type Fields, LateCheck } from './late-check.ts';
import { type Kind, kindOf, OracleTable } from './oracle-tables.ts';
import type { LateRule, Query } from './query.ts';
import type { WrittenRow } from './results.ts';
import { checksumSql, type Row } from './row-hash.ts';

/** What SQL says of a run. */
export interface Verdict {
  /** Rows that the SQL gives. */
  readonly rows: number;
  /** What differs, in words; none where all is equal. */
  readonly differences: readonly string[];
}

/** Events that are in the database at a time, of a query that takes each for itself. */
const partEvents = 1_000_000;
const differencesShown = 5;
const kinds = ['person', 'auction', 'bid'] as const;

export async function verdictOn(query: Query, args: Arguments, ran: Execution): Promise<Verdict> {
  const { perEvent, late = {}, lateSql } = query;
  const sql = someAreLate(args) && lateSql !== undefined ? lateSql : query.sql;
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  const checks = Object.entries(late).flatMap(([output, rule]) => checksOf(output, rule, ran.late[output] ?? []));
  const sum = { rows: 0, checksum: 0 };
  const expected: Row[] = [];
  const arrivals = new Arrivals(args);
  try {
    while (!arrivals.ended) {
      await fill(connection, arrivals, perEvent ? partEvents : args.events, sql, checks);
      const { rows, checksum } = await checksumOf(connection, sql);
      sum.rows += rows;
      sum.checksum = (sum.checksum + checksum) % 0x1_0000_0000;
      if (args.rows !== null) expected.push(...(await rowsOf(connection, sql)));
    }
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
  const differences = checks.flatMap(({ check }) => check.differences());
  if (ran.rows !== sum.rows) differences.push(`${ran.rows} rows where SQL gives ${sum.rows}`);
  else if (ran.checksum !== sum.checksum) differences.push(`other values in some of ${sum.rows} rows`);
  if (args.rows !== null) differences.push(...differencesOf(await writtenRows(args.rows), expected));
  return { rows: sum.rows, differences };
}

/** The events in the order in which they come, and the watermark then. */
class Arrivals {
  readonly #args: Arguments;
  readonly #generator: Generator;
  #latestMs = -Infinity;
  /** Of the event that was taken last. Before there is a watermark it is below all times. */
  readonly at = { seq: -1, watermark: Number.MIN_SAFE_INTEGER };

  constructor(args: Arguments) {
    this.#args = args;
    this.#generator = new Generator(args);
  }

  get ended(): boolean {
    return this.at.seq + 1 === this.#args.events;
  }

  take(): NexmarkEvent {
    const { at } = this;
    at.seq += 1;
    if (at.seq > 0 && at.seq % this.#args.batch === 0) at.watermark = this.#latestMs - outOfOrderMs;
    const event = this.#generator.arrival(at.seq);
    this.#latestMs = Math.max(this.#latestMs, event.dateTime);
    return event;
  }
}

interface Checked {
  /** The table that misses them. */
  readonly name: string;
  readonly kind: Kind;
  readonly check: LateCheck;
}

/** For each kind of events in an output for late ones. */
function checksOf(output: string, { from, when }: LateRule, given: readonly Fields[]): Checked[] {
  return (Object.entries(from) as [Kind, string][]).map(([kind, name]) => {
    const ofKind = given.filter((event) => kindOf(event) === kind);
    return { name, kind, check: new LateCheck(`${output} (${kind})`, ofKind, when) };
  });
}

/** Makes the tables anew, with the next events, as many as `count`. */
async function fill(
  connection: DuckDBConnection,
  arrivals: Arrivals,
  count: number,
  sql: string,
  checks: readonly Checked[],
): Promise<void> {
  const whole = kinds.filter((kind) => checks.every(({ name }) => name !== kind));
  const targets = [...whole.map((kind) => ({ name: kind, kind, check: undefined })), ...checks];
  const used = targets.filter(({ name }) => new RegExp(`\\b(?:from|join) ${name}\\b`).test(sql));
  const tables = await Promise.all(
    used.map(async (target) => ({
      ...target,
      table: await OracleTable.create(connection, target.name, target.kind, sql),
    })),
  );
  for (let left = count; left > 0 && !arrivals.ended; left -= 1) {
    const event = arrivals.take();
    const { at } = arrivals;
    for (const { kind, check, table } of tables) {
      if (kind === event.type && check?.isLate(event, at.watermark) !== true) table.add(event, at);
    }
  }
  for (const { table } of tables) table.close();
}

async function checksumOf(connection: DuckDBConnection, sql: string): Promise<{ rows: number; checksum: number }> {
  const described = await connection.runAndReadAll(`describe ${sql}`);
  const columns = described.getRowObjects().map(({ column_name, column_type }) => {
    return { name: String(column_name), isText: column_type === 'VARCHAR' };
  });
  const [row] = (await connection.runAndReadAll(checksumSql(sql, columns))).getRowObjects();
  return row as unknown as { rows: number; checksum: number };
}

async function rowsOf(connection: DuckDBConnection, sql: string): Promise<Row[]> {
  const rows = (await connection.runAndReadAll(sql)).getRowObjects();
  return rows.map((row) => {
    const values = Object.entries(row).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : Number(value),
    ]);
    return Object.fromEntries(values) as Row;
  });
}

async function writtenRows(file: string): Promise<WrittenRow[]> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as WrittenRow);
}

/** Row by row, in no order; a row that was taken back is as if it had not been given. */
function differencesOf(written: readonly WrittenRow[], expected: readonly Row[]): string[] {
  const counts = new Map<string, number>();
  const count = (row: Row, times: number): void => {
    const key = JSON.stringify(Object.entries(row).sort(([one], [other]) => (one < other ? -1 : 1)));
    counts.set(key, (counts.get(key) ?? 0) + times);
  };
  for (const [times, row] of written) count(row, times);
  for (const row of expected) count(row, -1);
  const wrong = [...counts].filter(([, times]) => times !== 0).sort();
  const shown = wrong.slice(0, differencesShown);
  return shown.map(([row, times]) => `${times > 0 ? 'not in SQL' : 'missing'}: ${row} × ${Math.abs(times)}`);
}

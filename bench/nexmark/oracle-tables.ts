/** The same events as tables in DuckDB, with the columns that a query's SQL speaks of. */
import { DOUBLE, type DuckDBAppender, type DuckDBConnection, DuckDBDataChunk, VARCHAR } from '@duckdb/node-api';
import type { NexmarkEvent } from './events.ts';

export type Kind = NexmarkEvent['type'];

const chunkRows = 2_048;
const texts = [
  'name',
  'emailAddress',
  'creditCard',
  'city',
  'state',
  'itemName',
  'description',
  'channel',
  'url',
  'extra',
];
/** What number it had among the events that came, and the watermark then. */
const arrival = ['seq', 'watermark'];
const columnsOf: { readonly [K in Kind]: readonly string[] } = {
  person: ['id', 'name', 'emailAddress', 'creditCard', 'city', 'state', 'dateTime', 'extra'],
  auction: 'id,itemName,description,initialBid,reserve,dateTime,expires,seller,category,extra'.split(','),
  bid: ['auction', 'bidder', 'price', 'channel', 'url', 'dateTime', 'extra'],
};

/** What kind of event these fields are of, which need not be all of them. */
export function kindOf(fields: object): Kind | undefined {
  const names = Object.keys(fields).filter((name) => name !== 'type');
  return (Object.keys(columnsOf) as Kind[]).find((kind) => names.every((name) => columnsOf[kind].includes(name)));
}

/** One table that is being filled. Beside the event's own columns it has what is known of its arrival. */
export class OracleTable {
  readonly #appender: DuckDBAppender;
  readonly #columns: readonly string[];
  #values: unknown[][];
  #rows = 0;

  private constructor(appender: DuckDBAppender, columns: readonly string[]) {
    this.#appender = appender;
    this.#columns = columns;
    this.#values = columns.map(() => []);
  }

  static async create(connection: DuckDBConnection, name: string, kind: Kind, sql: string): Promise<OracleTable> {
    const columns = [...arrival, ...columnsOf[kind]].filter((column) => new RegExp(`\\b${column}\\b`).test(sql));
    const declared = columns.map((column) => `${column} ${texts.includes(column) ? 'varchar' : 'bigint'}`);
    await connection.run(`create or replace table ${name} (${declared.join(', ')})`);
    return new OracleTable(await connection.createAppender(name), columns);
  }

  add(event: NexmarkEvent, at: { readonly seq: number; readonly watermark: number }): void {
    for (const [index, column] of this.#columns.entries()) {
      const from = arrival.includes(column) ? at : event;
      this.#values[index]!.push((from as unknown as Record<string, unknown>)[column]);
    }
    this.#rows += 1;
    if (this.#rows === chunkRows) this.#append();
  }

  close(): void {
    if (this.#rows > 0) this.#append();
    this.#appender.closeSync();
  }

  #append(): void {
    const types = this.#columns.map((column) => (texts.includes(column) ? VARCHAR : DOUBLE));
    const chunk = DuckDBDataChunk.create(types);
    chunk.setColumns(this.#values as never);
    this.#appender.appendDataChunk(chunk);
    this.#values = this.#columns.map(() => []);
    this.#rows = 0;
  }
}

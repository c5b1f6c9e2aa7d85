/** A sink that writes a Parquet file, row group by row group. It needs the package `hyparquet-writer`. */
import { type FileHandle, rename, rm } from 'node:fs/promises';
import type { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { describeThrown, UsageError } from '../../base/errors.ts';
import { SinkFailed } from '../errors.ts';
import { connectLimits } from '../limits.ts';
import type { Sink, SinkWriter } from '../sink.ts';
import { checkPath, onDisk, openForWriting, syncAndClose } from './file-failures.ts';

/**
 * What a column holds: `BOOLEAN`; `INT32` and `DOUBLE` numbers; `INT64` whole numbers or bigints; `STRING`; `TIMESTAMP` Dates,
 * in ms; `JSON` whatever JSON holds. Every column may hold null.
 */
export type ParquetColumnType = 'BOOLEAN' | 'INT32' | 'INT64' | 'DOUBLE' | 'STRING' | 'TIMESTAMP' | 'JSON';

/** Where to write, and which columns. */
export interface ParquetFileOptions<T extends object> {
  /** Path of the file. */
  file: string;
  /** The columns in their order, by the keys of the elements. */
  columns: { readonly [K in keyof T & string]?: ParquetColumnType };
  /** Rows of a row group, which is held until it is full: 65,536 unless given. */
  rowGroupRows?: number;
}

const types: readonly string[] = [
  'BOOLEAN',
  'INT32',
  'INT64',
  'DOUBLE',
  'STRING',
  'TIMESTAMP',
  'JSON',
] satisfies ParquetColumnType[];

/**
 * Writes the elements as rows of a Parquet file, compressed with Snappy.
 *
 * A Parquet file without its end cannot be read, so it is written beside its place, as `<file>.partial`, and moved there,
 * replacing what was there, when all is written and synced. A run that fails or is cancelled removes it. It holds one row
 * group at most. Counts `rows` and `bytes`.
 *
 * The run does not start with {@link SinkFailed} where the file may not be written or `hyparquet-writer` is not installed,
 * and fails with it where the disk is full or broken, and with `value` for what does not fit its column.
 *
 * @throws UsageError for options that are none.
 */
export function parquetFile<T extends object>(options: ParquetFileOptions<T>): Sink<T> {
  const { file, rowGroupRows = connectLimits.rowGroupRows } = options;
  const columns = Object.entries(options.columns ?? {}) as [string, ParquetColumnType][];
  checkPath('parquetFile({ file })', file);
  if (columns.length === 0 || columns.some(([, type]) => !types.includes(type)))
    throw new UsageError(`parquetFile({ columns }) takes a type for each column: ${types.join(', ')}`);
  if (!Number.isSafeInteger(rowGroupRows) || rowGroupRows < 1)
    throw new UsageError(`parquetFile takes rowGroupRows from 1 on; it was given ${String(rowGroupRows)}`);
  return { name: 'parquet-file', open: () => ParquetFile.open<T>(file, columns, rowGroupRows) };
}

class ParquetFile<T extends object> implements SinkWriter<T> {
  readonly #file: string;
  readonly #handle: FileHandle;
  readonly #bytes: ByteWriter;
  readonly #writer: ParquetWriter;
  readonly #columns: readonly [string, ParquetColumnType][];
  readonly #rowGroupRows: number;
  #rows: T[] = [];
  #written = 0;

  static async open<T extends object>(
    file: string,
    columns: readonly [string, ParquetColumnType][],
    rowGroupRows: number,
  ): Promise<ParquetFile<T>> {
    const { ByteWriter, ParquetWriter, schemaFromColumnData } = await loadWriter();
    const handle = await openForWriting(partial(file));
    const bytes = new ByteWriter();
    const schema = schemaFromColumnData({
      columnData: columns.map(([name, type]) => ({ name, type, data: [], nullable: true })),
    });
    const writer = new ParquetWriter({ writer: bytes, schema, createdBy: 'troupe' });
    return new ParquetFile<T>(file, handle, bytes, writer, columns, rowGroupRows);
  }

  constructor(
    file: string,
    handle: FileHandle,
    bytes: ByteWriter,
    writer: ParquetWriter,
    columns: readonly [string, ParquetColumnType][],
    rowGroupRows: number,
  ) {
    this.#file = file;
    this.#handle = handle;
    this.#bytes = bytes;
    this.#writer = writer;
    this.#columns = columns;
    this.#rowGroupRows = rowGroupRows;
  }

  async write(batch: readonly T[]): Promise<void> {
    for (let at = 0; at < batch.length; ) {
      const room = this.#rowGroupRows - this.#rows.length;
      const part = batch.slice(at, at + room);
      for (const row of part) this.#rows.push(row);
      at += part.length;
      if (this.#rows.length === this.#rowGroupRows) await this.#writeGroup();
    }
  }

  async finish(): Promise<void> {
    try {
      if (this.#rows.length > 0) await this.#writeGroup();
      this.#writer.finish();
      await this.#flush();
    } catch (thrown) {
      await this.abort();
      throw thrown;
    }
    await syncAndClose(partial(this.#file), this.#handle);
    await onDisk(this.#file, () => rename(partial(this.#file), this.#file));
  }

  async abort(): Promise<void> {
    await onDisk(this.#file, async () => {
      await this.#handle.close();
      await rm(partial(this.#file), { force: true });
    });
  }

  counts(): Readonly<Record<string, number>> {
    return { rows: this.#written, bytes: this.#bytes.offset - this.#bytes.index };
  }

  async #writeGroup(): Promise<void> {
    const rows = this.#rows;
    this.#rows = [];
    const columnData = this.#columns.map(([name, type]) => ({
      name,
      data: rows.map((row, index) => this.#value(row, name, type, index)),
    }));
    try {
      await this.#writer.write({ columnData, rowGroupSize: rows.length });
    } catch (thrown) {
      const text = `rows ${this.#written} to ${this.#written + rows.length - 1} of '${this.#file}' cannot be written`;
      throw new SinkFailed(
        'value',
        `${text}: ${describeThrown(thrown)}. Make each value what its column holds`,
        thrown,
      );
    }
    await this.#flush();
    this.#written += rows.length;
  }

  /** Writes what was made, and gives its memory back. */
  async #flush(): Promise<void> {
    const bytes = Buffer.from(this.#bytes.getBytes());
    this.#bytes.index = 0;
    await onDisk(this.#file, () => this.#handle.appendFile(bytes));
  }

  #value(row: T, name: string, type: ParquetColumnType, index: number): unknown {
    const value: unknown = (row as Record<string, unknown>)[name];
    if (value === null || value === undefined) return undefined;
    if (fits(value, type)) return type === 'INT64' ? BigInt(value as number | bigint) : value;
    const where = `column '${name}' of row ${this.#written + index} of '${this.#file}'`;
    throw new SinkFailed(
      'value',
      `${where} holds ${type}, and was given a ${typeof value} that is none; shape it with a via`,
    );
  }
}

function fits(value: unknown, type: ParquetColumnType): boolean {
  switch (type) {
    case 'BOOLEAN':
      return typeof value === 'boolean';
    case 'INT32':
      return Number.isInteger(value) && (value as number) >= -(2 ** 31) && (value as number) < 2 ** 31;
    case 'INT64':
      return Number.isSafeInteger(value) || (typeof value === 'bigint' && BigInt.asIntN(64, value) === value);
    case 'DOUBLE':
      return typeof value === 'number';
    case 'STRING':
      return typeof value === 'string';
    case 'TIMESTAMP':
      return value instanceof Date && !Number.isNaN(value.getTime());
    case 'JSON':
      return JSON.stringify(value) !== undefined;
    default:
      return type satisfies never;
  }
}

function partial(file: string): string {
  return `${file}.partial`;
}

async function loadWriter(): Promise<typeof import('hyparquet-writer')> {
  try {
    return await import('hyparquet-writer');
  } catch (thrown) {
    throw new SinkFailed(
      'failed',
      'parquetFile needs the package hyparquet-writer; install it: npm install hyparquet-writer',
      thrown,
    );
  }
}

/**
 * A source that reads a Parquet file, row group by row group. Entry point `troupe/streams/parquet`; needs the packages
 * `hyparquet` and `hyparquet-compressors`.
 *
 * One row group is decoded at a time, into columns, and only the columns that the row schema names; rows are made from
 * them batch by batch as the flow has room. So a run holds one row group, however slow its sink is.
 */
import type { FileHandle } from 'node:fs/promises';
import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync, parquetRead } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type * as z from 'zod';
import { describeThrown, UsageError } from '../../base/errors.ts';
import { SourceFailed } from '../errors.ts';
import { streamLimits } from '../limits.ts';
import { onlySplit, type Source, type SourceBatch, type SourceContext } from '../source.ts';
import { checkPath, openForReading, readFailure } from './file-failures.ts';

export { type ParquetFileOptions, parquetFile } from './parquet-sink.ts';

/** Which file, and which of its columns. */
export interface ParquetOptions<R extends z.ZodObject> {
  /** Path of the file. */
  file: string;
  /**
   * The columns to read, by name, and what their values must be. A `z.number()` or `z.int()` takes INT64 columns (as
   * far as they are exact, up to 2^53) and timestamps (as ms since the epoch), `z.date()` takes timestamps, which
   * Parquet says are UTC, `z.bigint()` takes INT64 as it is. A null in the file is null where the schema admits it,
   * else undefined.
   */
  row: R;
}

/**
 * Reads the rows of a Parquet file in their order. Equal timestamps of a row group may be one and the same Date.
 * Several instances read every so-many-th row group each. Position: the row behind the last one, counted from 0.
 *
 * The run fails with {@link SourceFailed}: `missing`, `unreadable`, `corrupt`, `schema` where a column is not in the
 * file, `row` where a row does not fit the schema, `position`.
 *
 * @throws UsageError for a row schema that is not a `z.object`.
 */
export function parquet<R extends z.ZodObject>(options: ParquetOptions<R>): Source<z.output<R>> {
  const { file, row } = options;
  checkPath('parquet({ file })', file);
  if (row?._zod?.def.type !== 'object')
    throw new UsageError('parquet({ row }) takes a z.object({ column: schema, … })');
  return { name: 'parquet', bounded: true, parallel: true, open: (context) => readFile(file, row, context) };
}

async function* readFile<R extends z.ZodObject>(
  file: string,
  row: R,
  { signal, from, part = { index: 0, of: 1 } }: SourceContext,
): AsyncGenerator<SourceBatch<z.output<R>>> {
  if (signal.aborted) return;
  const handle = await openForReading(file);
  try {
    const buffer = await bufferOf(file, handle);
    const metadata = await metadataOf(file, buffer);
    const columns = columnsOf(file, row, metadata);
    const split = part.of === 1 ? onlySplit : `row groups ${part.index} of ${part.of}`;
    const first = firstRow(file, from?.get(split), Number(metadata.num_rows));
    let rowStart = 0;
    for (const [index, group] of metadata.row_groups.entries()) {
      if (signal.aborted) return;
      const rowEnd = rowStart + Number(group.num_rows);
      if (rowEnd <= first || index % part.of !== part.index) {
        rowStart = rowEnd;
        continue;
      }
      const read = await readRowGroup(file, buffer, metadata, columns, rowStart, rowEnd);
      const rows = new RowReader<R>(file, row, columns, read, rowStart);
      for (let at = Math.max(0, first - rowStart); at < rowEnd - rowStart; at += streamLimits.sourceBatch) {
        const end = Math.min(at + streamLimits.sourceBatch, rowEnd - rowStart);
        yield { items: rows.batch(at, end), split, position: rowStart + end };
      }
      rowStart = rowEnd;
    }
  } finally {
    await handle.close();
  }
}

/** @throws SourceFailed `position` */
function firstRow(file: string, position: unknown, rows: number): number {
  if (position === undefined) return 0;
  if (Number.isSafeInteger(position) && (position as number) >= 0 && (position as number) <= rows)
    return position as number;
  const text = `'${file}' has ${rows} rows and cannot go on at ${JSON.stringify(position)}: it is another file than it was`;
  throw new SourceFailed('position', `${text}. Put the file back, or start without a position`);
}

/** One field of the row schema and how its column's values are brought to it. */
interface Column {
  readonly name: string;
  readonly toNumber: boolean;
  readonly missing: null | undefined;
}

/** Rows out of decoded columns, validated. */
class RowReader<R extends z.ZodObject> {
  readonly #file: string;
  readonly #row: R;
  readonly #columns: readonly Column[];
  readonly #values: readonly ArrayLike<unknown>[];
  readonly #rowStart: number;

  constructor(
    file: string,
    row: R,
    columns: readonly Column[],
    values: readonly ArrayLike<unknown>[],
    rowStart: number,
  ) {
    this.#file = file;
    this.#row = row;
    this.#columns = columns;
    this.#values = values;
    this.#rowStart = rowStart;
  }

  batch(start: number, end: number): z.output<R>[] {
    const rows: z.output<R>[] = new Array(end - start);
    for (let at = start; at < end; at += 1) rows[at - start] = this.#read(at);
    return rows;
  }

  #read(at: number): z.output<R> {
    const columns = this.#columns;
    const raw: Record<string, unknown> = {};
    for (let index = 0; index < columns.length; index += 1) {
      const column = columns[index]!;
      const value = this.#values[index]![at];
      if (value === undefined || value === null) raw[column.name] = column.missing;
      else raw[column.name] = column.toNumber && typeof value !== 'number' ? numberOf(value) : value;
    }
    let parsed: z.ZodSafeParseResult<z.output<R>>;
    try {
      parsed = this.#row.safeParse(raw);
    } catch (thrown) {
      const text = `the row schema of '${this.#file}' cannot be used: ${describeThrown(thrown)}`;
      throw new SourceFailed('schema', `${text}; it must be synchronous`, thrown);
    }
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0]!;
    throw new SourceFailed(
      'row',
      `row ${this.#rowStart + at} of '${this.#file}' does not fit the row schema at ${issue.path.join('.')}: ` +
        `${issue.message}. Widen that field (.nullable()?), or drop such rows before`,
      parsed.error,
    );
  }
}

/** A bigint beyond 2^53 stays as it is, so that the schema refuses it instead of a rounded number passing. */
function numberOf(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  return value instanceof Date ? value.getTime() : value;
}

function columnsOf(file: string, row: z.ZodObject, metadata: FileMetaData): readonly Column[] {
  const known = topLevelColumns(metadata);
  return Object.entries(row.shape).map(([name, field]) => {
    if (!known.includes(name)) {
      const text = `'${file}' has no column '${name}'; it has ${known.join(', ')}`;
      throw new SourceFailed('schema', `${text}. Name its columns in the row schema`);
    }
    const acceptsNull = (field as z.ZodType).safeParse(null).success;
    return { name, toNumber: innerType(field as z.ZodType) === 'number', missing: acceptsNull ? null : undefined };
  });
}

function topLevelColumns(metadata: FileMetaData): string[] {
  return [...new Set(metadata.row_groups.flatMap((group) => group.columns.map(nameOf)))];
}

function nameOf(column: { readonly meta_data?: { readonly path_in_schema: string[] } }): string {
  return column.meta_data?.path_in_schema[0] ?? '';
}

/** What a field comes to below `nullable`, `optional`, `default` and the like. */
function innerType(field: z.ZodType): string {
  let { def } = field._zod as { def: { type: string; innerType?: z.ZodType } };
  while (def.innerType !== undefined) def = def.innerType._zod.def as typeof def;
  return def.type;
}

async function readRowGroup(
  file: string,
  buffer: AsyncBuffer,
  metadata: FileMetaData,
  columns: readonly Column[],
  rowStart: number,
  rowEnd: number,
): Promise<readonly ArrayLike<unknown>[]> {
  const chunks = new Map<string, ArrayLike<unknown>[]>(columns.map((column) => [column.name, []]));
  try {
    await parquetRead({
      file: buffer,
      metadata,
      compressors,
      columns: columns.map((column) => column.name),
      rowStart,
      rowEnd,
      onChunk: (chunk) => chunks.get(chunk.columnName)?.push(chunk.columnData),
    });
  } catch (thrown) {
    throw corrupt(file, thrown);
  }
  return columns.map(({ name }) => {
    const values = joined(chunks.get(name) ?? []);
    if (values.length === rowEnd - rowStart) return values;
    throw corrupt(file, new Error(`column '${name}' has ${values.length} of ${rowEnd - rowStart} values`));
  });
}

function joined(chunks: readonly ArrayLike<unknown>[]): ArrayLike<unknown> {
  if (chunks.length === 1) return chunks[0]!;
  return chunks.flatMap((chunk) => Array.from(chunk));
}

async function bufferOf(file: string, handle: FileHandle): Promise<AsyncBuffer> {
  let byteLength: number;
  try {
    ({ size: byteLength } = await handle.stat());
  } catch (thrown) {
    throw readFailure(file, thrown);
  }
  return {
    byteLength,
    async slice(start, end = byteLength) {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, byteLength) - start));
      let filled = 0;
      while (filled < bytes.length) {
        const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled);
        if (bytesRead === 0) throw new Error(`the file ends at byte ${start + filled}, before byte ${end}`);
        filled += bytesRead;
      }
      return bytes.buffer;
    },
  };
}

async function metadataOf(file: string, buffer: AsyncBuffer): Promise<FileMetaData> {
  try {
    return await parquetMetadataAsync(buffer);
  } catch (thrown) {
    throw corrupt(file, thrown);
  }
}

/** The content is at fault, unless the operating system is. */
function corrupt(file: string, thrown: unknown): SourceFailed {
  if (typeof (thrown as NodeJS.ErrnoException).errno === 'number') return readFailure(file, thrown);
  const text = `'${file}' is not a Parquet file, or is damaged: ${describeThrown(thrown)}`;
  return new SourceFailed('corrupt', `${text}. Fetch or write the file again`, thrown);
}

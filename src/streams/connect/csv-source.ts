/** A source that reads a CSV file, parsed by `csv-parse` a piece at a time. */

import { once } from 'node:events';
import type { FileHandle } from 'node:fs/promises';
import { type CsvError, type InfoRecord, type Options, type Parser, parse } from 'csv-parse';
import type * as z from 'zod';
import { describeThrown, UsageError } from '../../base/errors.ts';
import { SourceFailed } from '../errors.ts';
import { connectLimits, streamLimits } from '../limits.ts';
import { onlySplit, type Source, type SourceBatch, type SourceContext } from '../source.ts';
import { checkPath, openForReading, readFailure } from './file-failures.ts';
import { readAt, refuseCompressed, shrunk, startOf } from './jsonl-source.ts';
import { checkOnBadRow, checkRow, type OnBadRow, Rows } from './rows.ts';

/** Which CSV file, how it is written, and what its rows must be. */
export interface CsvOptions<R extends z.ZodType> {
  /** Path of the file. */
  file: string;
  /** What each row must be: an object of texts by column, so a number is `z.coerce.number()`. */
  row: R;
  /** The names of the columns where the file does not say them; else its first record does. */
  columns?: readonly string[];
  /** What stands between fields: `,` unless given. */
  delimiter?: string;
  /** What stands around fields, doubled inside of them: `"` unless given, none where null. */
  quote?: string | null;
  /** Whether a record that does not fit fails the run, or is left out and counted as dropped. Default `fail`. */
  onBadRow?: OnBadRow;
  /** The longest record, in bytes: 1 MiB unless given. */
  recordBytesMax?: number;
}

/**
 * Reads the records of a CSV file (RFC 4180) in their order. A BOM is left out, and so are empty lines. Position: the byte
 * behind the last record.
 *
 * The run fails with {@link SourceFailed}: `missing`, `unreadable`, `corrupt` where it is no UTF-8, compressed, or was cut
 * while it was read, `position`, and `row` for a record that has too few or too many fields, is quoted wrongly, is too
 * long or does not fit, unless `onBadRow: 'skip'`.
 *
 * @throws UsageError for options that are none.
 */
export function csv<R extends z.ZodType>(options: CsvOptions<R>): Source<z.output<R>> {
  const { columns, delimiter, quote } = options;
  checkPath('csv({ file })', options.file);
  checkRow('csv({ row })', options.row);
  checkOnBadRow('csv', options.onBadRow);
  if (columns !== undefined && !(Array.isArray(columns) && columns.every((name) => typeof name === 'string')))
    throw new UsageError('csv({ columns }) takes the names of the columns');
  if ((delimiter !== undefined && delimiter === '') || (quote !== undefined && quote !== null && quote.length !== 1))
    throw new UsageError('csv takes a delimiter of at least one character, and one character as quote');
  return new CsvSource(options as CsvOptions<z.ZodType<z.output<R>>>);
}

/** What was parsed and not given yet. */
interface Parsed {
  readonly record: unknown;
  readonly info: InfoRecord;
}

class CsvSource<T> implements Source<T> {
  readonly name: string = 'csv';
  readonly bounded: boolean = true;
  readonly #options: CsvOptions<z.ZodType<T>>;
  readonly #rows: Rows<T>;
  #malformed = 0;

  constructor(options: CsvOptions<z.ZodType<T>>) {
    this.#options = options;
    this.#rows = new Rows<T>(options.row, options.onBadRow);
  }

  dropped(): number {
    return this.#rows.dropped + this.#malformed;
  }

  async *open({ signal, from }: SourceContext): AsyncGenerator<SourceBatch<T>> {
    if (signal.aborted) return;
    const { file } = this.#options;
    const handle = await openForReading(file);
    try {
      const { size } = await handle.stat();
      const start = startOf(file, from?.get(onlySplit), size);
      const columns = start === 0 ? this.#options.columns : await this.#columnsOf(handle);
      yield* this.#read(handle, { start, size, columns, signal });
    } finally {
      await handle.close();
    }
  }

  async *#read(
    handle: FileHandle,
    {
      start,
      size,
      columns,
      signal,
    }: { start: number; size: number; columns: readonly string[] | undefined; signal: AbortSignal },
  ): AsyncGenerator<SourceBatch<T>> {
    const { file } = this.#options;
    const waiting: Parsed[] = [];
    const parser = this.#parser(columns, start, waiting);
    const failure = once(parser, 'error').then(
      ([error]) => error as CsvError,
      () => undefined,
    );
    const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    try {
      for (let offset = start; ; ) {
        if (signal.aborted) return;
        const bytes = await readAt(file, handle, offset);
        if (offset === 0) refuseCompressed(file, bytes);
        if (bytes.length === 0 && offset < size) throw shrunk(file, offset, size);
        checkUtf8(utf8, file, bytes, offset);
        offset += bytes.length;
        const error = await given(parser, bytes, failure);
        // What stands before the fault is given first.
        for (let at = 0; at < waiting.length; at += streamLimits.sourceBatch)
          yield this.#batchOf(waiting.slice(at, at + streamLimits.sourceBatch), start);
        waiting.length = 0;
        if (error !== undefined) throw malformed(file, error, start);
        if (bytes.length === 0) return;
      }
    } finally {
      parser.destroy();
    }
  }

  #parser(columns: readonly string[] | undefined, start: number, waiting: Parsed[]): Parser {
    const options: Options = {
      ...this.#syntax(),
      columns: columns === undefined ? true : [...columns],
      skip_records_with_error: this.#rows.isSkipping,
      on_skip: () => {
        this.#malformed += 1;
        return undefined;
      },
      // Taken here, so that its stream has nothing to hold back.
      on_record: (record, info) => {
        waiting.push({ record, info });
        return null;
      },
    };
    return parse(start === 0 ? { ...options, bom: true } : options);
  }

  #syntax(): Options {
    const { delimiter = ',', quote = '"', recordBytesMax = connectLimits.lineBytesMax } = this.#options;
    return {
      delimiter,
      quote: quote ?? false,
      escape: quote ?? false,
      skip_empty_lines: true,
      max_record_size: recordBytesMax,
    };
  }

  /** What the first record calls the columns, for who begins behind it. */
  async #columnsOf(handle: FileHandle): Promise<readonly string[]> {
    const { columns, file } = this.#options;
    if (columns !== undefined) return columns;
    const found: string[][] = [];
    const parser = parse({
      ...this.#syntax(),
      bom: true,
      to: 1,
      on_record: (record: string[]) => {
        found.push(record);
        return null;
      },
    });
    const failure = once(parser, 'error').then(
      ([error]) => error as CsvError,
      () => undefined,
    );
    try {
      for (let offset = 0; found.length === 0; ) {
        const bytes = await readAt(file, handle, offset);
        offset += bytes.length;
        const error = await given(parser, bytes, failure);
        if (error !== undefined) throw malformed(file, error, 0);
        if (bytes.length === 0) break;
      }
    } finally {
      parser.destroy();
    }
    return found[0] ?? [];
  }

  #batchOf(parsed: readonly Parsed[], start: number): SourceBatch<T> {
    const items: T[] = [];
    const { file } = this.#options;
    for (const { record, info } of parsed) {
      const where = (): string =>
        start === 0
          ? `the record at line ${info.lines} of '${file}'`
          : `the record before byte ${start + info.bytes} of '${file}'`;
      this.#rows.add(items, record, where);
    }
    return { items, position: start + parsed.at(-1)!.info.bytes };
  }
}

/** Resolves when the parser has worked off the bytes, or its end where there are none; with its error if it has one. */
async function given(
  parser: Parser,
  bytes: Buffer,
  failure: Promise<CsvError | undefined>,
): Promise<CsvError | undefined> {
  const taken = new Promise<undefined>((resolve) => {
    const done = (error?: Error | null): void => {
      // An error is said by its event too.
      if (error === undefined || error === null) resolve(undefined);
    };
    if (bytes.length === 0) parser.end(done);
    else parser.write(bytes, done);
  });
  return Promise.race([failure, taken]);
}

function checkUtf8(utf8: InstanceType<typeof TextDecoder>, file: string, bytes: Buffer, offset: number): void {
  try {
    utf8.decode(bytes, { stream: bytes.length > 0 });
  } catch (thrown) {
    const text = `'${file}' is not UTF-8 between the bytes ${offset} and ${offset + bytes.length}; convert it first`;
    throw new SourceFailed('corrupt', text, thrown);
  }
}

function malformed(file: string, error: CsvError, start: number): SourceFailed {
  if (!('code' in error) || !String(error.code).startsWith('CSV_')) return readFailure(file, error);
  const text = `'${file}' is not well-formed${start === 0 ? '' : ` behind byte ${start}`}: ${describeThrown(error)}`;
  const advice = "Mend it, say how it is written (delimiter, quote), or leave such records out with onBadRow: 'skip'";
  return new SourceFailed('row', `${text}. ${advice}`, error);
}

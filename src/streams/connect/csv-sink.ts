/** A sink that writes a CSV file. */
import type { FileHandle } from 'node:fs/promises';
import { UsageError } from '../../base/errors.ts';
import { SinkFailed } from '../errors.ts';
import type { Sink, SinkWriter } from '../sink.ts';
import { checkPath, onDisk, openForWriting, syncAndClose } from './file-failures.ts';

/** Where to write, and how. */
export interface CsvFileOptions<T extends object> {
  /** Path of the file; what it held is replaced. */
  file: string;
  /** The columns, in their order: keys of the elements. */
  columns: readonly (keyof T & string)[];
  /** Whether the first record says the columns. Default true. */
  header?: boolean;
  /** What stands between fields: `,` unless given. */
  delimiter?: string;
}

/**
 * Writes each element as one record (RFC 4180, but that lines end with LF), in UTF-8. A text with the delimiter, a quote
 * or a line end is quoted, null and undefined are an empty field, a Date is written in ISO 8601. Texts are written as they
 * are: one that a spreadsheet would take for a formula is not changed.
 *
 * A batch is one write, and the flow waits for it. At the end the file is synced and closed; a run that fails or is
 * cancelled leaves what was written. Counts `records` and `bytes`. Fails with {@link SinkFailed} as `jsonl` does, `value`
 * for a field that is an object, a function or a symbol.
 *
 * @throws UsageError for options that are none.
 */
export function csvFile<T extends object>(options: CsvFileOptions<T>): Sink<T> {
  const { file, columns, header = true, delimiter = ',' } = options;
  checkPath('csvFile({ file })', file);
  if (!Array.isArray(columns) || columns.length === 0)
    throw new UsageError('csvFile({ columns }) takes at least one column');
  if (delimiter.length !== 1 || '"\r\n'.includes(delimiter))
    throw new UsageError('csvFile takes one character as delimiter, and no quote or line end');
  return {
    name: 'csv-file',
    async open() {
      const handle = await openForWriting(file);
      const writer = new CsvWriter<T>(file, handle, columns, delimiter);
      if (header) await writer.writeHeader();
      return writer;
    },
  };
}

class CsvWriter<T extends object> implements SinkWriter<T> {
  readonly #file: string;
  readonly #handle: FileHandle;
  readonly #columns: readonly (keyof T & string)[];
  readonly #delimiter: string;
  #records = 0;
  #bytes = 0;

  constructor(file: string, handle: FileHandle, columns: readonly (keyof T & string)[], delimiter: string) {
    this.#file = file;
    this.#handle = handle;
    this.#columns = columns;
    this.#delimiter = delimiter;
  }

  async writeHeader(): Promise<void> {
    try {
      await this.#append(`${this.#columns.map((column) => this.#quoted(column)).join(this.#delimiter)}\n`);
    } catch (thrown) {
      await this.#handle.close();
      throw thrown;
    }
  }

  async write(batch: readonly T[]): Promise<void> {
    let text = '';
    for (let index = 0; index < batch.length; index += 1) text += this.#recordOf(batch[index]!, index);
    await this.#append(text);
    this.#records += batch.length;
  }

  finish(): Promise<void> {
    return syncAndClose(this.#file, this.#handle);
  }

  async abort(): Promise<void> {
    await onDisk(this.#file, () => this.#handle.close());
  }

  counts(): Readonly<Record<string, number>> {
    return { records: this.#records, bytes: this.#bytes };
  }

  async #append(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    await onDisk(this.#file, () => this.#handle.appendFile(bytes));
    this.#bytes += bytes.length;
  }

  #recordOf(item: T, index: number): string {
    const fields = this.#columns.map((column) => {
      const value: unknown = item[column];
      switch (typeof value) {
        case 'string':
          return this.#quoted(value);
        case 'number':
        case 'bigint':
        case 'boolean':
          return String(value);
        default:
          if (value === null || value === undefined) return '';
          if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
      }
      const where = `field '${column}' of record ${this.#records + index + 1} of '${this.#file}'`;
      const text = `${where} cannot be written as CSV: it is a ${typeof value}`;
      throw new SinkFailed('value', `${text}. Make it a text or a number with a via before to(csvFile(…))`);
    });
    // A record of one empty field would be an empty line, which is no record.
    const record = fields.join(this.#delimiter);
    return record === '' ? '""\n' : `${record}\n`;
  }

  #quoted(text: string): string {
    const isPlain = !text.includes(this.#delimiter) && !/["\r\n]/.test(text);
    return isPlain ? text : `"${text.replaceAll('"', '""')}"`;
  }
}

/** A sink that writes one JSON value a line. */
import type { FileHandle } from 'node:fs/promises';
import { describeThrown } from '../../base/errors.ts';
import { SinkFailed } from '../errors.ts';
import type { Sink, SinkWriter } from '../sink.ts';
import { checkPath, onDisk, openForWriting, syncAndClose } from './file-failures.ts';

/** @throws UsageError */
export function jsonLinesSink<T>({ file }: { file: string }): Sink<T> {
  checkPath('jsonl({ file })', file);
  return { name: 'jsonl', open: async () => new JsonLinesWriter<T>(file, await openForWriting(file)) };
}

class JsonLinesWriter<T> implements SinkWriter<T> {
  readonly #file: string;
  readonly #handle: FileHandle;
  #lines = 0;
  #bytes = 0;

  constructor(file: string, handle: FileHandle) {
    this.#file = file;
    this.#handle = handle;
  }

  async write(batch: readonly T[]): Promise<void> {
    const bytes = Buffer.from(this.#linesOf(batch));
    await onDisk(this.#file, () => this.#handle.appendFile(bytes));
    this.#lines += batch.length;
    this.#bytes += bytes.length;
  }

  finish(): Promise<void> {
    return syncAndClose(this.#file, this.#handle);
  }

  async abort(): Promise<void> {
    await onDisk(this.#file, () => this.#handle.close());
  }

  counts(): Readonly<Record<string, number>> {
    return { lines: this.#lines, bytes: this.#bytes };
  }

  #linesOf(batch: readonly T[]): string {
    let lines = '';
    for (let index = 0; index < batch.length; index += 1) {
      const where = (): string => `line ${this.#lines + index + 1} of '${this.#file}'`;
      lines += `${jsonOf(batch[index], where, 'to(jsonl(…))')}\n`;
    }
    return lines;
  }
}

/** An element as JSON on one line. @throws SinkFailed `value` where it has no JSON form */
export function jsonOf(item: unknown, where: () => string, to: string): string {
  let json: string | undefined;
  let why = `a ${typeof item} has no JSON form`;
  let cause: unknown;
  try {
    json = JSON.stringify(item);
  } catch (thrown) {
    why = describeThrown(thrown);
    cause = thrown;
  }
  if (json !== undefined) return json;
  const text = `${where()} cannot be written as JSON: ${why}. Shape the elements with a via before ${to}`;
  throw new SinkFailed('value', text, cause);
}

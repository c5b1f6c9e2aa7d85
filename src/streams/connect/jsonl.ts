/** A sink that writes one JSON value a line. */
import { type FileHandle, open } from 'node:fs/promises';
import { describeThrown, UsageError } from '../../base/errors.ts';
import { SinkFailed } from '../errors.ts';
import type { Sink, SinkWriter } from '../sink.ts';

/**
 * Writes each element as one line of JSON into `file`, in UTF-8, replacing what the file held.
 *
 * A batch is one write, and the flow waits for it, so a slow disk slows the source. At the end the file is synced and
 * closed; a run that fails or is cancelled leaves what was written. Counts `lines` and `bytes`.
 *
 * The run does not start with {@link SinkFailed} where the folder is missing or the file may not be written, and fails
 * with it where the disk is full or broken, and for an element that JSON cannot hold.
 */
export function jsonl<T>(options: { file: string }): Sink<T> {
  const { file } = options;
  if (typeof file !== 'string' || file === '') {
    throw new UsageError(`jsonl({ file }) takes the path of a file; it was given ${String(file)}`);
  }
  return { name: 'jsonl', open: async () => new JsonLinesWriter<T>(file, await openFile(file)) };
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
    await this.#onDisk(() => this.#handle.appendFile(bytes));
    this.#lines += batch.length;
    this.#bytes += bytes.length;
  }

  async finish(): Promise<void> {
    await this.#onDisk(async () => {
      try {
        await this.#handle.sync();
      } catch (thrown) {
        // A pipe or a terminal has nothing to sync.
        if ((thrown as { code?: string }).code !== 'EINVAL') throw thrown;
      } finally {
        await this.#handle.close();
      }
    });
  }

  async abort(): Promise<void> {
    await this.#onDisk(() => this.#handle.close());
  }

  counts(): Readonly<Record<string, number>> {
    return { lines: this.#lines, bytes: this.#bytes };
  }

  #linesOf(batch: readonly T[]): string {
    let lines = '';
    for (let index = 0; index < batch.length; index += 1) lines += `${this.#lineOf(batch[index]!, index)}\n`;
    return lines;
  }

  #lineOf(item: T, index: number): string {
    let line: string | undefined;
    try {
      line = JSON.stringify(item);
    } catch (thrown) {
      throw this.#noJson(index, describeThrown(thrown), thrown);
    }
    if (line === undefined) throw this.#noJson(index, `a ${typeof item} has no JSON form`);
    return line;
  }

  #noJson(index: number, why: string, cause?: unknown): SinkFailed {
    const lineNumber = this.#lines + index + 1;
    const text = `line ${lineNumber} of '${this.#file}' cannot be written as JSON: ${why}. Shape the elements with a via`;
    return new SinkFailed('value', `${text} before to(jsonl(…))`, cause);
  }

  async #onDisk(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      throw failureOf(this.#file, thrown);
    }
  }
}

async function openFile(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'w');
  } catch (thrown) {
    throw failureOf(file, thrown);
  }
}

function failureOf(file: string, thrown: unknown): SinkFailed {
  const { code } = thrown as { code?: string };
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new SinkFailed('folder-missing', `the folder of '${file}' does not exist; create it first`, thrown);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'EISDIR':
      return new SinkFailed(
        'forbidden',
        `'${file}' cannot be written (${code}); name a file in a folder that this process may write to`,
        thrown,
      );
    default:
      return new SinkFailed(
        'disk',
        `writing '${file}' failed: ${describeThrown(thrown)}. Look at the free space and the disk, and run it again`,
        thrown,
      );
  }
}

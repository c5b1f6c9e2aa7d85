/** A source that reads a file of JSON Lines: one JSON value a line. */
import type { FileHandle } from 'node:fs/promises';
import type * as z from 'zod';
import { SourceFailed } from '../errors.ts';
import { connectLimits, streamLimits } from '../limits.ts';
import { onlySplit, type Source, type SourceBatch, type SourceContext } from '../source.ts';
import { checkPath, openForReading, readFailure } from './file-failures.ts';
import { type Line, LineCutter } from './line-cutter.ts';
import { checkOnBadRow, checkRow, type OnBadRow, Rows } from './rows.ts';

/** Which file of JSON lines, and what its rows must be. */
export interface JsonLinesOptions<R extends z.ZodType> {
  /** Path of the file. */
  file: string;
  /** What each line must be. */
  row: R;
  /** Whether a line that does not fit fails the run, or is left out and counted as dropped. Default `fail`. */
  onBadRow?: OnBadRow;
  /** The longest line, in bytes: 1 MiB unless given. */
  lineBytesMax?: number;
}

/** @throws UsageError */
export function jsonLinesSource<R extends z.ZodType>(options: JsonLinesOptions<R>): Source<z.output<R>> {
  checkPath('jsonl({ file })', options.file);
  checkRow('jsonl({ row })', options.row);
  checkOnBadRow('jsonl', options.onBadRow);
  return new JsonLinesSource(options as JsonLinesOptions<z.ZodType<z.output<R>>>);
}

class JsonLinesSource<T> implements Source<T> {
  readonly name: string = 'jsonl';
  readonly bounded: boolean = true;
  readonly #file: string;
  readonly #rows: Rows<T>;
  readonly #lineBytesMax: number;

  constructor({ file, row, onBadRow, lineBytesMax }: JsonLinesOptions<z.ZodType<T>>) {
    this.#file = file;
    this.#rows = new Rows<T>(row, onBadRow);
    this.#lineBytesMax = lineBytesMax ?? connectLimits.lineBytesMax;
  }

  dropped(): number {
    return this.#rows.dropped;
  }

  async *open({ signal, from }: SourceContext): AsyncGenerator<SourceBatch<T>> {
    if (signal.aborted) return;
    const handle = await openForReading(this.#file);
    try {
      const size = await sizeOf(this.#file, handle);
      const start = startOf(this.#file, from?.get(onlySplit), size);
      const cutter = new LineCutter(start, this.#lineBytesMax);
      // After a position the numbers of the lines are not known: then only their bytes are said.
      let lineNumber = start === 0 ? 0 : Number.NaN;
      for (let offset = start; ; ) {
        if (signal.aborted) return;
        const bytes = await readAt(this.#file, handle, offset);
        if (offset === 0) refuseCompressed(this.#file, bytes);
        offset += bytes.length;
        const lines = cutter.push(bytes);
        if (cutter.isTooLong && !this.#rows.isSkipping)
          lines.push({ text: undefined, problem: 'too long', end: offset });
        if (bytes.length === 0) {
          if (offset < size) throw shrunk(this.#file, offset, size);
          const rest = cutter.rest();
          if (rest !== undefined) lines.push(rest);
        }
        for (let at = 0; at < lines.length; at += streamLimits.sourceBatch) {
          const part = lines.slice(at, at + streamLimits.sourceBatch);
          yield this.#batchOf(part, lineNumber);
          lineNumber += part.length;
        }
        if (bytes.length === 0) return;
      }
    } finally {
      await handle.close();
    }
  }

  #batchOf(lines: readonly Line[], linesBefore: number): SourceBatch<T> {
    const items: T[] = [];
    let number = linesBefore;
    for (const line of lines) {
      number += 1;
      const at = number;
      this.#rows.addLine(
        items,
        line,
        () => `${Number.isNaN(at) ? `the line before byte ${line.end}` : `line ${at}`} of '${this.#file}'`,
      );
    }
    return { items, position: lines.at(-1)!.end };
  }
}

async function sizeOf(file: string, handle: FileHandle): Promise<number> {
  try {
    return (await handle.stat()).size;
  } catch (thrown) {
    throw readFailure(file, thrown);
  }
}

/** The bytes at `offset`, at most a read's worth; none at the end. They belong to the caller. */
export async function readAt(file: string, handle: FileHandle, offset: number): Promise<Buffer> {
  try {
    const bytes = Buffer.allocUnsafe(connectLimits.readBytes);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, offset);
    return bytes.subarray(0, bytesRead);
  } catch (thrown) {
    throw readFailure(file, thrown);
  }
}

/** Where to begin in a file of `size` bytes. @throws SourceFailed `position` */
export function startOf(file: string, position: unknown, size: number): number {
  if (position === undefined) return 0;
  if (Number.isSafeInteger(position) && (position as number) >= 0 && (position as number) <= size)
    return position as number;
  const text = `'${file}' has ${size} bytes and cannot go on at ${JSON.stringify(position)}: it is another file than it was`;
  throw new SourceFailed('position', `${text}. Put the file back, or start without a position`);
}

export function shrunk(file: string, offset: number, size: number): SourceFailed {
  const text = `'${file}' had ${size} bytes when it was opened and ends at byte ${offset} now: it was cut while it was read`;
  return new SourceFailed('corrupt', `${text}. Write a new file and move it into place instead`);
}

export function refuseCompressed(file: string, bytes: Buffer): void {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return;
  throw new SourceFailed('corrupt', `'${file}' is compressed with gzip, and is read as text; unpack it first`);
}

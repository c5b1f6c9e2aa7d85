/**
 * A source that follows a file as it grows, such as a log: the lines that are there, then those that are appended.
 *
 * A line is given when its end has been written. A file that was moved away and begun anew (rotated) is read to its end
 * before the new one; a file that became shorter is read from its beginning again.
 */
import type { FileHandle } from 'node:fs/promises';
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type * as z from 'zod';
import { UsageError } from '../../base/errors.ts';
import { SourceFailed } from '../errors.ts';
import { connectLimits, streamLimits } from '../limits.ts';
import { onlySplit, type Source, type SourceBatch, type SourceContext } from '../source.ts';
import { checkPath, openForReading, readFailure } from './file-failures.ts';
import { FileWatch } from './file-watch.ts';
import { readAt } from './jsonl-source.ts';
import { type Line, LineCutter } from './line-cutter.ts';
import { checkOnBadRow, checkRow, type OnBadRow, Rows } from './rows.ts';

/** Which file to follow, and where to begin. */
export interface TailOptions {
  /** Path of the file. It must be there when the run starts. */
  file: string;
  /** `start`, `end` (the default: only what is appended from now on), or the byte at which a line begins. */
  from?: 'start' | 'end' | number;
  /** Whether a line that does not fit fails the run, or is left out and counted as dropped. Default `fail`. */
  onBadRow?: OnBadRow;
  /** The longest line, in bytes: 1 MiB unless given. */
  lineBytesMax?: number;
  /** How often the file is looked at where the system does not say that it changed: every 500 ms unless given. */
  pollMs?: number;
}

/**
 * Follows a file, and gives its lines as texts, or with `row` what they say in JSON. It never ends by itself, and says
 * when it has caught up. Position: which file it was, and the byte behind the last line; where the file is another one
 * by then, it goes on at the beginning of that.
 *
 * It notices that the file was cut by its length: a file that is cut and grows beyond where it was read between two
 * looks is read on as if it had only grown.
 *
 * The run fails with {@link SourceFailed}: `missing` and `unreadable` at the start, `row` as with `jsonl`.
 *
 * @throws UsageError for options that are none.
 */
export function tail(options: TailOptions): Source<string>;
export function tail<R extends z.ZodType>(options: TailOptions & { row: R }): Source<z.output<R>>;
export function tail(options: TailOptions & { row?: z.ZodType }): Source<unknown> {
  const { file, from, row } = options;
  checkPath('tail({ file })', file);
  if ('row' in options) checkRow('tail({ row })', row);
  checkOnBadRow('tail', options.onBadRow);
  if (from !== undefined && from !== 'start' && from !== 'end' && !(Number.isSafeInteger(from) && from >= 0))
    throw new UsageError(`tail takes from: 'start', 'end' or a byte from 0 on; it was given ${String(from)}`);
  return new TailSource(options);
}

/** A file that is open, and how far it was read. */
interface Followed {
  readonly handle: FileHandle;
  readonly inode: number;
  offset: number;
  cutter: LineCutter;
}

class TailSource implements Source<unknown> {
  readonly name: string = 'tail';
  readonly #options: TailOptions;
  readonly #rows: Rows<unknown>;
  readonly #lineBytesMax: number;

  constructor(options: TailOptions & { row?: z.ZodType }) {
    this.#options = options;
    this.#lineBytesMax = options.lineBytesMax ?? connectLimits.lineBytesMax;
    this.#rows = new Rows<unknown>(options.row, options.onBadRow);
  }

  dropped(): number {
    return this.#rows.dropped;
  }

  async *open(context: SourceContext): AsyncGenerator<SourceBatch<unknown>> {
    const { signal, from } = context;
    if (signal.aborted) return;
    const { file, pollMs = connectLimits.pollMs } = this.#options;
    const watch = new FileWatch(dirname(file), basename(file), pollMs, context);
    let followed: Followed | undefined;
    let hasSaid = false;
    try {
      followed = await this.#begin(from?.get(onlySplit));
      while (!signal.aborted) {
        const bytes = await readAt(file, followed.handle, followed.offset);
        if (bytes.length > 0) {
          followed.offset += bytes.length;
          hasSaid = false;
          yield* this.#batches(followed, followed.cutter.push(bytes));
          continue;
        }
        const next = await this.#successor(followed);
        if (next === 'more') continue;
        if (next === 'none') {
          if (!hasSaid) yield { items: [], position: positionOf(followed), caughtUp: true };
          hasSaid = true;
          await watch.next();
          continue;
        }
        if (next === 'cut') {
          followed.offset = 0;
          followed.cutter = new LineCutter(0, this.#lineBytesMax);
          continue;
        }
        // Nobody appends to a file that was moved away: what it ends with is its last line.
        const rest = followed.cutter.rest();
        if (rest !== undefined) yield* this.#batches(followed, [rest]);
        await followed.handle.close();
        followed = next;
      }
    } finally {
      watch.close();
      await followed?.handle.close();
    }
  }

  async #begin(position: unknown): Promise<Followed> {
    const { file, from = 'end' } = this.#options;
    const followed = await this.#follow();
    const { size } = await followed.handle.stat();
    if (position !== undefined) followed.offset = offsetIn(file, position, followed.inode, size);
    else if (from === 'end') followed.offset = await lineStartBefore(file, followed.handle, size);
    else if (typeof from === 'number') followed.offset = Math.min(from, size);
    followed.cutter = new LineCutter(followed.offset, this.#lineBytesMax);
    return followed;
  }

  async #follow(): Promise<Followed> {
    const handle = await openForReading(this.#options.file);
    try {
      const { ino } = await handle.stat();
      // A folder can be opened, and only reading it says what it is.
      await readAt(this.#options.file, handle, 0);
      return { handle, inode: ino, offset: 0, cutter: new LineCutter(0, this.#lineBytesMax) };
    } catch (thrown) {
      await handle.close();
      throw thrown;
    }
  }

  /** What has become of a file that was read to its end. */
  async #successor(followed: Followed): Promise<'none' | 'more' | 'cut' | Followed> {
    const { file } = this.#options;
    try {
      const { ino } = await stat(file);
      const { size } = await followed.handle.stat();
      if (size < followed.offset) return 'cut';
      // What was written between the last look and the move is read first.
      if (size > followed.offset) return 'more';
      if (ino === followed.inode) return 'none';
      return await this.#follow();
    } catch (thrown) {
      const failure = thrown instanceof SourceFailed ? thrown : readFailure(file, thrown);
      // Between being moved away and being begun anew it is not there.
      if (failure.reason === 'missing') return 'none';
      throw failure;
    }
  }

  *#batches(followed: Followed, lines: readonly Line[]): Generator<SourceBatch<unknown>> {
    const { file } = this.#options;
    if (followed.cutter.isTooLong && !this.#rows.isSkipping)
      this.#rows.refuse(() => `the line at byte ${followed.cutter.lineStart} of '${file}'`, 'is too long');
    for (let at = 0; at < lines.length; at += streamLimits.sourceBatch) {
      const items: unknown[] = [];
      const part = lines.slice(at, at + streamLimits.sourceBatch);
      for (const line of part) {
        const where = (): string => `the line before byte ${line.end} of '${file}'`;
        this.#rows.addLine(items, line, where);
      }
      yield { items, position: `${followed.inode}:${part.at(-1)!.end}` };
    }
  }
}

/** Behind the last whole line: what has come of the next is read again. */
function positionOf(followed: Followed): string {
  return `${followed.inode}:${followed.cutter.lineStart}`;
}

function offsetIn(file: string, position: unknown, inode: number, size: number): number {
  const [, ofInode, offset] = /^(\d+):(\d+)$/.exec(String(position)) ?? [];
  if (offset === undefined)
    throw new SourceFailed('position', `${JSON.stringify(position)} is no position in '${file}'; start without one`);
  return Number(ofInode) === inode && Number(offset) <= size ? Number(offset) : 0;
}

/** Where the line begins that byte `end` is in: a line that is half written at the start is given once it is whole. */
async function lineStartBefore(file: string, handle: FileHandle, end: number): Promise<number> {
  for (let before = end; before > 0; ) {
    const from = Math.max(0, before - connectLimits.readBytes);
    const bytes = (await readAt(file, handle, from)).subarray(0, before - from);
    const lineFeed = bytes.lastIndexOf(0x0a);
    if (lineFeed >= 0) return from + lineFeed + 1;
    before = from;
  }
  return 0;
}

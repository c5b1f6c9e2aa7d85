/** A source that reads the files of a folder, one after another: those that are there, or also those that come. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../base/errors.ts';
import { connectLimits } from '../limits.ts';
import {
  batchOf,
  isSource,
  onlySplit,
  type Position,
  type Source,
  type SourceBatch,
  type SourceContext,
} from '../source.ts';
import { checkPath, readFailure } from './file-failures.ts';
import { FileWatch } from './file-watch.ts';

/** Which folder, which of its files, and how each is read. */
export interface DirectoryOptions<T> {
  /** Path of the folder. */
  path: string;
  /** Which names of files to take; all unless given. */
  match?: RegExp;
  /** A source for one file, such as `(file) => jsonl({ file, row })`. It should end by itself. */
  read: (file: string) => Source<T>;
  /** Goes on with files that come later, for ever. Default false: the run ends with the last file that is there. */
  watch?: boolean;
  /** How often the folder is looked at where the system does not say that it changed: every 500 ms unless given. */
  pollMs?: number;
}

/**
 * Reads the files of a folder, sorted by their names, each once, and one after another; those that come while others are
 * read are next. Each file is a split, named as the file is, and its positions are those of its source.
 *
 * Move files into the folder whole: one is read as it is when its turn comes. Its subfolders are not read.
 *
 * The run fails with SourceFailed: `missing` or `unreadable` for the folder, and with what the source of a file fails with.
 *
 * @throws UsageError for options that are none.
 */
export function directory<T>(options: DirectoryOptions<T>): Source<T> {
  checkPath('directory({ path })', options.path);
  if (typeof options.read !== 'function')
    throw new UsageError('directory({ read }) takes a function from a path to a Source');
  if (options.match !== undefined && !(options.match instanceof RegExp))
    throw new UsageError('directory({ match }) takes a regular expression for the names of files');
  return new DirectorySource(options);
}

class DirectorySource<T> implements Source<T> {
  readonly name: string = 'directory';
  readonly bounded: boolean;
  readonly #options: DirectoryOptions<T>;
  #droppedBefore = 0;
  #current: Source<T> | undefined;

  constructor(options: DirectoryOptions<T>) {
    this.#options = options;
    this.bounded = options.watch !== true;
  }

  dropped(): number {
    return this.#droppedBefore + (this.#current?.dropped?.() ?? 0);
  }

  async *open(context: SourceContext): AsyncGenerator<SourceBatch<T>> {
    const { signal } = context;
    const { path, watch: isWatching = false, pollMs = connectLimits.pollMs } = this.#options;
    if (signal.aborted) return;
    const watch = isWatching ? new FileWatch(path, undefined, pollMs, context) : undefined;
    let read = new Set<string>();
    let hasSaid = false;
    try {
      while (!signal.aborted) {
        const names = await this.#names();
        // What is gone is forgotten, so that what is remembered is no more than the folder holds.
        read = new Set(names.filter((name) => read.has(name)));
        const next = names.find((name) => !read.has(name));
        if (next !== undefined) {
          read.add(next);
          hasSaid = false;
          yield* this.#read(next, context);
        } else if (watch === undefined) return;
        else {
          if (!hasSaid) yield { items: [], caughtUp: true };
          hasSaid = true;
          await watch.next();
        }
      }
    } finally {
      watch?.close();
    }
  }

  async *#read(name: string, context: SourceContext): AsyncGenerator<SourceBatch<T>> {
    const source = this.#options.read(join(this.#options.path, name));
    if (!isSource(source)) throw new UsageError(`directory({ read }) must answer a Source; for '${name}' it did not`);
    this.#current = source;
    let position = context.from?.get(name);
    const from = position === undefined ? undefined : new Map<string, Position>([[onlySplit, position]]);
    try {
      for await (const given of source.open({ ...context, from })) {
        const batch = batchOf(given);
        position = batch.position ?? position;
        yield {
          items: batch.items,
          split: name,
          ...(batch.position === undefined ? {} : { position: batch.position }),
        };
        if (context.signal.aborted) return;
      }
      yield { items: [], split: name, splitEnded: true, ...(position === undefined ? {} : { position }) };
    } finally {
      this.#droppedBefore += source.dropped?.() ?? 0;
      this.#current = undefined;
    }
  }

  async #names(): Promise<string[]> {
    const { path, match } = this.#options;
    try {
      const entries = await readdir(path, { withFileTypes: true });
      const names = entries.filter((entry) => entry.isFile() || entry.isSymbolicLink()).map(({ name }) => name);
      // A pattern with the flag `g` would remember where it was.
      return names.filter((name) => match === undefined || name.search(match) >= 0).sort();
    } catch (thrown) {
      throw readFailure(path, thrown);
    }
  }
}

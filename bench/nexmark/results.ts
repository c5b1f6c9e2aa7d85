/** The ends of the queries: sinks that count the rows and sum their hashes, and write them down where that is wanted. */
import { writeFile } from 'node:fs/promises';
import type { Change, Sink, SinkWriter } from 'troupe/streams';
import type { Arguments } from './arguments.ts';
import { type Row, rowHash, sumOfHashes } from './row-hash.ts';

/** A row that was given so often; one that was taken back counts as -1. */
export type WrittenRow = readonly [times: number, row: Row];

/**
 * The rows of an append stream.
 *
 * @param options.of what of a row is compared; all of it unless given.
 * @param options.times how many rows it stands for; 1 unless given.
 */
export function results<R extends Row>(
  { rows }: Arguments,
  options: { of?: (row: R) => Row; times?: (row: R) => number } = {},
): Sink<R> {
  const { of, times } = options;
  return counted<R>(rows, (row, add) => add(of === undefined ? row : of(row), times === undefined ? 1 : times(row)));
}

/** The stage of the sink in a run's statistics. */
export const resultStage = 'sink';

/** The table that a stream of updates comes to. @param rowOf what a key and its value are in it */
export function finalTable<K, V>(
  { rows }: Arguments,
  rowOf: (value: NonNullable<V>, key: K) => Row,
): Sink<Change<K, V>> {
  return counted<Change<K, V>>(rows, ({ key, value, previous }, add) => {
    if (previous !== undefined && previous !== null) add(rowOf(previous, key), -1);
    if (value !== undefined && value !== null) add(rowOf(value, key), 1);
  });
}

type Take<T> = (item: T, add: (row: Row, times: number) => void) => void;

function counted<T>(file: string | null, take: Take<T>): Sink<T> {
  return { name: 'results', open: () => new RowCounter(file, take) };
}

class RowCounter<T> implements SinkWriter<T> {
  readonly #file: string | null;
  readonly #take: Take<T>;
  readonly #written: string[] = [];
  #hashOf: ((row: Row) => number) | undefined;
  #rows = 0;
  #checksum = 0;

  constructor(file: string | null, take: Take<T>) {
    this.#file = file;
    this.#take = take;
  }

  write(batch: readonly T[]): void {
    for (const item of batch) this.#take(item, this.#add);
  }

  counts(): Readonly<Record<string, number>> {
    return { rows: this.#rows, checksum: this.#checksum };
  }

  async finish(): Promise<void> {
    if (this.#file !== null) await writeFile(this.#file, this.#written.join(''));
  }

  readonly #add = (row: Row, times: number): void => {
    this.#hashOf ??= rowHash(row);
    this.#rows += times;
    this.#checksum = sumOfHashes(this.#checksum, this.#hashOf(row), times);
    if (this.#file !== null) this.#written.push(`${JSON.stringify([times, row] satisfies WrittenRow)}\n`);
  };
}

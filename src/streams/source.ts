/**
 * Sources: where a flow's elements come from.
 *
 * To write one, give it a name and an `open` that answers batches:
 *
 * ```ts
 * const ticks: Source<number> = {
 *   name: 'ticks',
 *   async *open({ signal }) {
 *     const connection = await connect({ signal })
 *     try {
 *       while (!signal.aborted) yield await connection.nextBatch()   // asked for only when the flow has room
 *     } finally {
 *       await connection.close()                                     // runs however the run ends
 *     }
 *   },
 * }
 * ```
 *
 * The next batch is asked for when the one before has been pushed into the flow, so a source is never ahead of it by
 * more than it chooses to be. A batch may have any size from 1 on; some hundred to some thousand elements are best,
 * and watermarks are given between batches. The flow owns a batch once it was given. A source that throws fails the
 * run: with its own error if that is a `SourceFailed`, else with one that wraps it.
 */

import type { Clock } from '../base/environment/clock.ts';
import type { Random } from '../base/environment/random.ts';

/** Where a split goes on: a byte offset, a row, an id. It means something only to the source that gave it. */
export type Position = number | string;

/** Which of the instances that read a source together one is. Each takes the splits that are its own by these numbers. */
export interface SourcePart {
  /** From 0 on, below `of`. */
  readonly index: number;
  /** How many there are. */
  readonly of: number;
}

/** What a source is given when it is opened. */
export interface SourceContext {
  /** Aborts when no more is wanted: the run failed, was cancelled, or has enough. */
  readonly signal: AbortSignal;
  /** Time of the run's environment: for whatever waits, retries or polls. */
  readonly clock: Clock;
  /** Chance of the run's environment: for spreading retries. */
  readonly random: Random;
  /** Where to go on, by split; {@link onlySplit} in a source that names none. Absent: from the beginning. */
  readonly from?: ReadonlyMap<string, Position> | undefined;
  /** Where several instances read the source, which are asked to read different parts of it. Absent: all of it. */
  readonly part?: SourcePart | undefined;
}

/** What the one split of a source is called that names none. */
export const onlySplit = '';

/** A batch with what its source knows about it. A bare array is a batch of a source with one split. */
export interface SourceBatch<out T> {
  /** May be empty. */
  readonly items: readonly T[];
  /** The part of the source that they are from (a file, a partition). Each has a watermark of its own. */
  readonly split?: string;
  /** Where the split goes on behind these items: a byte offset, a row, whatever `open` could begin from. */
  readonly position?: Position;
  /** There is nothing more for now, so silence that follows is idleness and no slowness. */
  readonly caughtUp?: boolean;
  /** Nothing more will come from this split. */
  readonly splitEnded?: boolean;
}

/** Where elements come from: a name, and batches that are asked for when there is room. See the example above. */
export interface Source<out T> {
  /** What statistics and errors call it. */
  readonly name: string;
  /** True where the input ends by itself, as a file does: its silence is slowness, and event time waits for it. */
  readonly bounded?: boolean;
  /**
   * True where several instances may read it: each reads the splits that are its own by `context.part`, and names them
   * so that no two instances name one alike.
   */
  readonly parallel?: boolean;
  /**
   * The most elements that it has given or keeps ready before the flow has room for them: a batch and what is read ahead
   * of it, for `flow.bounds`. 1,024 unless given.
   */
  readonly ahead?: number;
  /**
   * Opened once per run and instance, on the place that the run was started on unless `from` said another. A source whose
   * batches say a `position` must be able to begin from it, with `context.from`.
   */
  open(context: SourceContext): AsyncIterable<readonly T[] | SourceBatch<T>>;
  /** How many elements it lost so far, where it may lose any. */
  dropped?(): number;
}

/** True for what `open` can be called on. */
export function isSource(value: unknown): value is Source<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as Source<unknown>).open === 'function';
}

/** What a source gave, as a batch: a bare array has no split, no position, and says nothing of what follows. */
export function batchOf<T>(given: readonly T[] | SourceBatch<T>): SourceBatch<T> {
  return Array.isArray(given) ? { items: given } : (given as SourceBatch<T>);
}

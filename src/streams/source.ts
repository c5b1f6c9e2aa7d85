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

/** What a source is given when it is opened. */
export interface SourceContext {
  /** Aborts when no more is wanted: the run failed, was cancelled, or has enough. */
  readonly signal: AbortSignal;
}

/** Where elements come from: a name, and batches that are asked for when there is room. See the example above. */
export interface Source<out T> {
  /** What statistics and errors call it. */
  readonly name: string;
  /** Opened once per run, on the place that the run was started on. */
  open(context: SourceContext): AsyncIterable<readonly T[]>;
  /** How many elements it lost so far, where it may lose any. */
  dropped?(): number;
}

/** True for what `open` can be called on. */
export function isSource(value: unknown): value is Source<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as Source<unknown>).open === 'function';
}

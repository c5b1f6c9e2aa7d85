/**
 * Sinks: where a flow's elements go.
 *
 * To write one, give it a name and an `open` that answers a writer:
 *
 * ```ts
 * const table: Sink<Row> = {
 *   name: 'table',
 *   async open({ signal }) {
 *     const client = await connect({ signal })
 *     return {
 *       write: (rows) => client.insert(rows),          // the flow waits for this promise: that is the backpressure
 *       finish: () => client.commit(),                 // all was written
 *       abort: () => client.rollback(),                // the run failed or was cancelled
 *     }
 *   },
 * }
 * ```
 *
 * One `write` is under way at a time. What it is given holds at most 1,024 elements and what the last push made beyond
 * that, and is the writer's own. A sink that throws fails the run: with its own error if that is a `SinkFailed`, else
 * with the failure of the stage `sink`, which has the sink's error as its cause.
 */
import type { Clock } from '../base/environment/clock.ts';
import type { Random } from '../base/environment/random.ts';

/** Where elements go: a name, and a writer that is waited for. See the example above. */
export interface Sink<in T> {
  /** What statistics and errors call it. */
  readonly name: string;
  /** Opened once per run, on the place that the run was started on, before the first element is read. */
  open(options: SinkOptions): SinkWriter<T> | Promise<SinkWriter<T>>;
}

/** What a sink is given when it is opened. */
export interface SinkOptions {
  /**
   * Aborts when the run has failed or is cancelled. A write that may take long should give up then: `abort` is called
   * when its promise has settled, and a run waits for that for 5 s at most.
   */
  readonly signal: AbortSignal;
  /** Time of the run's environment: for whatever waits or retries. */
  readonly clock: Clock;
  /** Chance of the run's environment: for spreading retries. */
  readonly random: Random;
}

/** What a sink writes with, for one run. */
export interface SinkWriter<in T> {
  /** Writes a batch. The next one is given when the promise has resolved, or at once where there is none. */
  write(batch: readonly T[]): Promise<void> | void;
  /** Called once, after the last write, if all went well. */
  finish?(): Promise<void> | void;
  /** Called once instead of `finish` if the run failed or was cancelled, when no write is under way. */
  abort?(): Promise<void> | void;
  /** Figures of its own for the run's statistics, such as bytes written. */
  counts?(): Readonly<Record<string, number>>;
}

/** True for what `open` can be called on. */
export function isSink(value: unknown): value is Sink<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as Sink<unknown>).open === 'function';
}

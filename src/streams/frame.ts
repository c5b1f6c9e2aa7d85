/**
 * What passes between two segments of a flow: the one edge protocol, the same within a thread, between threads and
 * between machines.
 *
 * Down go frames of elements, then one `end` or `fail`, each with the count of elements sent before it, so that a lost
 * or doubled frame is noticed. Up go grants and `cancel`. A grant is cumulative ("elements that may be sent in all"),
 * hence harmless to repeat and to lose; so is `cancel`. The idea is Reactive Streams' `request`, made cumulative as in
 * Pekko's StreamRefs.
 */
import type { TroupeError } from '../base/errors.ts';

/** A batch of elements. Its arrays belong to the receiver. */
export interface DataFrame<T> {
  /** Elements sent on this edge before this frame. */
  readonly sequence: number;
  /** Empty where only the watermark moved. */
  readonly items: readonly T[];
  /** The event time of each item, in ms since the epoch; absent where the flow has no event time. */
  readonly times: readonly number[] | undefined;
  /** Given after the last item: no element below this time is expected any more; -Infinity says that the input is idle. */
  readonly watermark: number | undefined;
  /** What the items weigh, by `element-weight.ts`: about their bytes. */
  readonly weight: number;
}

/** The way to the reader of an edge, as its outlet sees it. */
export interface Downstream<T> {
  data(frame: DataFrame<T>): void;
  /** All `sequence` elements were sent, and no more will come. */
  end(sequence: number): void;
  /** The same, because of `error`. */
  fail(sequence: number, error: TroupeError): void;
}

/** The way to the writer of an edge, as its inlet sees it. */
export interface Upstream {
  /** `upTo` elements may be sent in all, and `weightUpTo` of weight: whichever is reached first. */
  grant(upTo: number, weightUpTo: number): void;
  /** Nothing more is wanted. */
  cancel(): void;
}

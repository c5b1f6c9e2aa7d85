/** Where a segment's elements go: over edges to the segments behind it, or into a sink. */
import type { FlowError } from './errors.ts';

export interface Delivery {
  /** Takes one element, always. */
  write(item: unknown, timeMs: number): void;
  /** Event time has gone to `watermarkMs` after what was written so far. */
  watermark(watermarkMs: number): void;
  /** Lets go of what is gathered in a batch that is not full. */
  flush(): void;
  /** Nothing more will be written. */
  end(): void;
  /** The same, because of `error`, which follows what was written. */
  fail(error: FlowError): void;
  /** Drops what is queued: nobody wants it any more. */
  abort(): void;
  /** Elements written so far; those of them that wait; those that nobody took. The rest is delivered. */
  readonly written: number;
  readonly queued: number;
  readonly discarded: number;
}

export interface DeliveryEvents {
  /** A queue of the delivery reached its high water, or is below it again. */
  readonly full: (full: boolean) => void;
  /** All is delivered, or nobody wants it. Said once. */
  readonly closed: () => void;
}

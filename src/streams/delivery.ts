/** Where elements go: over edges to other segments, into a sink, or through operators to one or several of these. */
import type { ConditionParts } from './condition.ts';
import type { FlowError } from './errors.ts';
import type { StageCounts } from './stage-counts.ts';

export interface Delivery {
  /** Begins, where there is anything to begin. */
  open?(): void;
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
  /** Says again what idle edges may have lost. */
  repeat(): void;
  /** Whether it has no room. Whoever writes to it stops until it has some again. */
  readonly full: boolean;
  /** Of its stages, in the order of the flow. */
  counts(): readonly StageCounts[];
  /** Adds what is held and written in it. */
  describe(parts: ConditionParts): void;
}

export interface DeliveryEvents {
  /** `full` has changed. */
  readonly full: (full: boolean) => void;
  /** It wants nothing more: its readers left, or an operator has had enough. What is written from now on is dropped. */
  readonly unwanted: () => void;
  /** All is delivered, or nobody wants it. Said once, and nothing is said after it. */
  readonly closed: () => void;
  readonly failed: (error: FlowError) => void;
}

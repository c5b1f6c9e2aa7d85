/** Where a segment's elements come from, in batches: from a source, or from the segments before it. */
import type { FlowError } from './errors.ts';

/** Elements to be worked on. They count as taken until the batch is released. */
export interface Batch {
  readonly items: readonly unknown[];
  /** Their event times, where the flow has event time. */
  readonly times: readonly number[] | undefined;
  /** What holds behind the last item: how far event time has gone, that the input is idle, both in this order, or nothing. */
  readonly marks: readonly number[];
  /** Where there are several ports, the one it came by, and what holds for that behind the last item. */
  readonly port?: number;
  readonly portMarks?: readonly number[];
}

export interface Intake {
  /** The next batch; undefined when none is there yet, in which case `IntakeEvents.ready` follows. */
  take(): Batch | undefined;
  /** The batch that was taken last is done with. */
  release(): void;
  /** True when nothing is left to take and nothing will come. */
  readonly ended: boolean;
  /** Nothing more is wanted. */
  cancel(): void;
}

export interface IntakeEvents {
  /** Something changed: there is a batch, or the end. */
  readonly ready: () => void;
  readonly failed: (error: FlowError) => void;
}

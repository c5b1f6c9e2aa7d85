/** What the stages of a segment have done so far. */

/** Of one stage, in elements. Every element in is out, held, late or dropped; a window gives one out for many in. */
export interface StageCounts {
  readonly name: string;
  readonly in: number;
  readonly out: number;
  /** Lost by a hot source's strategy, or given to a reader that had left. */
  readonly dropped: number;
  /** Came after their window had closed. */
  readonly late: number;
  /** A sink's own figures. */
  readonly counts: Readonly<Record<string, number>>;
}

export interface SegmentCounts {
  readonly stages: readonly StageCounts[];
  /** How often the segment stood still for want of room behind it, and for how long in all. */
  readonly creditWaits: number;
  readonly creditWaitMs: number;
  /** How long it worked. */
  readonly busyMs: number;
  /** How far event time has gone in it; -Infinity before the first watermark, Infinity at the end. */
  readonly watermarkMs: number;
}

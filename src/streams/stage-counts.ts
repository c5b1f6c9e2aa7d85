/** What the stages of a segment have done so far. */
import type { Condition } from './condition.ts';
import type { SegmentPlan } from './plan.ts';
import { PortsIntake } from './ports-intake.ts';
import type { GroupHeld, StateHeld } from './processor.ts';
import type { AnyIntake } from './segment-parts.ts';
import { SourceIntake } from './source-intake.ts';
import type { StageFates } from './stage-account.ts';

/** How the elements of a via ended; see `StageFates`. */
export type Fates = Omit<StageFates, 'name' | 'in' | 'out' | 'oldest' | 'droppedBy'> & {
  /** `dropped` by its reasons. */
  readonly droppedBy: Readonly<Record<string, number>>;
};

/** Of one stage, in elements. Every element in is out, held, late or dropped; a window gives one out for many in. */
export interface StageCounts {
  /** The name of the stage. */
  readonly name: string;
  /** Elements that it was given. */
  readonly in: number;
  /** Elements, or results, that it gave on. */
  readonly out: number;
  /** Let go unused: by a hot source's or a lossy edge's strategy, by an operator, or since its reader had left. */
  readonly dropped: number;
  /** Came after their window had closed, or too late for a join. */
  readonly late: number;
  /** Of a via: how each element ended. `in` is the sum of all but `droppedBy`, `restarts` and `heldAtEnd`. */
  readonly fates: Fates | undefined;
  /** A sink's own figures; of state, how many keys have some, what is kept of them, and its bytes by an estimate. */
  readonly counts: Readonly<Record<string, number>>;
  /** Of state by key: what each key group holds that holds something, in their order. */
  readonly groups: readonly GroupHeld[];
}

/** What one instance of a segment has done. */
export interface SegmentCounts {
  /** Its stages, in the order of the flow. */
  readonly stages: readonly StageCounts[];
  /** How often the segment stood still for want of room behind it, and for how long in all. */
  readonly creditWaits: number;
  /** How long it stood still for want of room behind it, in ms. */
  readonly creditWaitMs: number;
  /** How long it worked. */
  readonly busyMs: number;
  /** How far event time has gone in it; -Infinity before the first watermark, Infinity at the end. */
  readonly watermarkMs: number;
  /** What it is waiting for. */
  readonly condition: Condition;
}

export function stageCounts(name: string, counts: Partial<StageCounts>): StageCounts {
  return { name, in: 0, out: 0, dropped: 0, late: 0, fates: undefined, counts: {}, groups: [], ...counts };
}

/** What a processor has done. */
export interface ProcessorCounts {
  readonly taken: number;
  readonly given: number;
  readonly late: number;
  readonly held: StateHeld;
  readonly groups: readonly GroupHeld[];
}

/** Of what a segment begins with. */
export function headCounts(
  { head }: SegmentPlan,
  intake: AnyIntake,
  processing: ProcessorCounts | undefined,
): StageCounts[] {
  if (intake instanceof SourceIntake) {
    const { taken, dropped } = intake;
    return [stageCounts(head.stage, { in: taken + dropped, out: taken, dropped })];
  }
  if (processing !== undefined) {
    const { taken, given, late, held, groups } = processing;
    return [stageCounts(head.stage, { in: taken, out: given, late, counts: { ...held }, groups })];
  }
  if (head.kind !== 'ports' || head.ports === 1) return [];
  const { taken } = intake;
  const dropped = intake instanceof PortsIntake ? intake.dropped : 0;
  return [stageCounts(head.stage, { in: taken, out: intake instanceof PortsIntake ? intake.given : taken, dropped })];
}

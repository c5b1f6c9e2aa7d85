/** What the stages of a run have done, by stage and by instance. */
import { noCondition } from './condition.ts';
import type { SegmentPlan } from './plan.ts';
import type { Fates, SegmentCounts, StageCounts } from './stage-counts.ts';

/** One instance of a segment, on its place. */
export interface InstanceStatistics extends SegmentCounts {
  /** Which segment of the flow, from 0, the one with the source. */
  readonly segment: number;
  /** Which of its partitions, from 0. */
  readonly partition: number;
  /** Path of the actor that it runs in, which names the place. */
  readonly path: string;
}

/** What a run has done so far, as its stages last reported it. */
export interface RunStatistics {
  /** How often the run has begun: 1, and more where it was begun anew. */
  readonly attempts: number;
  /** By name, summed over the instances. */
  readonly stages: Readonly<Record<string, StageCounts>>;
  /** Each instance of each segment by itself. */
  readonly instances: readonly InstanceStatistics[];
  /** Every element that the sources gave is accounted for: the sums over all sources and windows. */
  readonly ledger: {
    /** Elements that the sources gave. */
    readonly read: number;
    /** Elements that went into windows. */
    readonly windowed: number;
    /** Elements that came after their window had closed. */
    readonly late: number;
    /** Results of windows. */
    readonly windows: number;
    /** Elements that operators gave up; see `run.deadLetters()`. */
    readonly deadLettered: number;
    /** Elements that stages took along when they failed and were begun anew. */
    readonly lost: number;
    /** Elements that operators hold now. */
    readonly held: number;
    /** Elements of all vias that ended in no way that is known: 0. */
    readonly unaccounted: number;
  };
}

/** Before the first report. */
export const emptyCounts: SegmentCounts = {
  stages: [],
  creditWaits: 0,
  creditWaitMs: 0,
  busyMs: 0,
  watermarkMs: -Infinity,
  condition: noCondition,
};

interface Reported {
  readonly segment: SegmentPlan;
  readonly partition: number;
  readonly path: string;
  readonly counts: SegmentCounts;
}

export function statisticsOf(reported: readonly Reported[], attempts: number): RunStatistics {
  const stages: Record<string, StageCounts> = {};
  const ledger = { read: 0, windowed: 0, late: 0, windows: 0, deadLettered: 0, lost: 0, held: 0, unaccounted: 0 };
  for (const { segment, counts } of reported) {
    for (const stage of counts.stages) {
      stages[stage.name] = sum(stages[stage.name], stage);
      ledger.deadLettered += stage.fates?.deadLettered ?? 0;
      ledger.lost += stage.fates?.lost ?? 0;
      ledger.held += stage.fates?.held ?? 0;
      ledger.unaccounted += unaccounted(stage);
    }
    const head = counts.stages[0];
    if (head === undefined) continue;
    if (segment.head.kind === 'source') ledger.read += head.out;
    if (segment.head.kind === 'processor' && segment.head.spec.kind === 'window') {
      ledger.windowed += head.in - head.late;
      ledger.late += head.late;
      ledger.windows += head.out;
    }
  }
  const instances = reported.map(({ segment, partition, path, counts }) => ({
    ...counts,
    segment: segment.index,
    partition,
    path,
  }));
  return { stages, instances, ledger, attempts };
}

function sum(before: StageCounts | undefined, more: StageCounts): StageCounts {
  if (before === undefined) return more;
  const counts: Record<string, number> = { ...before.counts };
  for (const [name, value] of Object.entries(more.counts)) counts[name] = (counts[name] ?? 0) + value;
  return {
    name: more.name,
    in: before.in + more.in,
    out: before.out + more.out,
    dropped: before.dropped + more.dropped,
    late: before.late + more.late,
    fates: before.fates && more.fates ? sumOfFates(before.fates, more.fates) : more.fates,
    counts,
    // Each group is of one instance.
    groups: [...before.groups, ...more.groups].sort((a, b) => a.group - b.group),
  };
}

function sumOfFates(before: Fates, more: Fates): Fates {
  const droppedBy: Record<string, number> = { ...before.droppedBy };
  for (const [reason, count] of Object.entries(more.droppedBy)) droppedBy[reason] = (droppedBy[reason] ?? 0) + count;
  return {
    emitted: before.emitted + more.emitted,
    absorbed: before.absorbed + more.absorbed,
    dropped: before.dropped + more.dropped,
    droppedBy,
    deadLettered: before.deadLettered + more.deadLettered,
    lost: before.lost + more.lost,
    held: before.held + more.held,
    restarts: before.restarts + more.restarts,
    heldAtEnd: before.heldAtEnd + more.heldAtEnd,
  };
}

/** Elements of a via that ended in no way that is known: 0, or something is wrong with an operator. */
export function unaccounted({ in: taken, fates }: StageCounts): number {
  if (fates === undefined) return 0;
  const { emitted, absorbed, dropped, deadLettered, lost, held } = fates;
  return taken - emitted - absorbed - dropped - deadLettered - lost - held;
}

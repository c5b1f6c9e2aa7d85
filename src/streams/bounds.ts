/**
 * What a run may hold at most, known before it starts: for each edge, buffer and sink, in elements and in weight.
 *
 * What user code keeps (operators such as `scan`, and the state of windows and other processors, which grows with the keys) is
 * named, and has no number here.
 */
import { streamLimits } from './limits.ts';
import { type BranchPlan, type Plan, type SegmentPlan, sidesOf } from './plan.ts';

/** One place where elements wait. */
export interface Bound {
  /** The stage that they wait for, or in. */
  readonly stage: string;
  /**
   * A batch of a source or of what a join made, what operators have taken and hold, an edge between segments, the buffer
   * of a lossy edge, a sink, a side output, state by key.
   */
  readonly what: 'batch' | 'operators' | 'edge' | 'overflow' | 'sink' | 'side-output' | 'state';
  /** The most elements, over all instances; Infinity for state, which depends on the keys. */
  readonly elements: number;
  /** What they may weigh together, about their bytes; Infinity where elements alone are bounded. */
  readonly weight: number;
}

/** All of it. */
export interface Bounds {
  /** In the order of the segments, and the edges behind them. */
  readonly parts: readonly Bound[];
  /** The sum of what is bounded. */
  readonly elements: number;
  /** About the bytes of what is bounded by them. */
  readonly weight: number;
  /** As a table, for people. */
  toString(): string;
}

export function boundsOf(plan: Plan): Bounds {
  const parts = [
    ...plan.segments.flatMap(partsOf),
    ...plan.edges.map(({ from, to }): Bound => {
      const joints = plan.segments[from]!.parallelism * plan.segments[to]!.parallelism;
      const { edgeWindow, outletHighWater, edgeWindowWeight, frameWeightMax } = streamLimits;
      return {
        stage: plan.segments[to]!.head.stage,
        what: 'edge',
        elements: joints * (edgeWindow + outletHighWater),
        // The last frame may go beyond the window, and as much waits in the outlet.
        weight: joints * (edgeWindowWeight + 2 * frameWeightMax),
      };
    }),
  ];
  const sum = (of: (part: Bound) => number): number =>
    parts.map(of).reduce((total, one) => (Number.isFinite(one) ? total + one : total), 0);
  const [elements, weight] = [sum((part) => part.elements), sum((part) => part.weight)];
  return { parts, elements, weight, toString: () => tableOf(parts, elements, weight) };
}

function partsOf(segment: SegmentPlan): Bound[] {
  const { head, trunk, parallelism } = segment;
  const parts: Bound[] = [];
  if (head.kind === 'source') {
    const elements = parallelism * (head.source.ahead ?? streamLimits.sourceBatch);
    parts.push({ stage: head.stage, what: 'batch', elements, weight: Infinity });
  }
  if (head.kind === 'ports' && head.how !== 'merge') {
    parts.push({ stage: head.stage, what: 'batch', elements: streamLimits.frameElementsMax, weight: Infinity });
  }
  if (head.kind === 'processor') {
    parts.push({ stage: head.stage, what: 'state', elements: Infinity, weight: Infinity });
  }
  const { edgeWindow, outletHighWater, sideOutputKept } = streamLimits;
  const side = parallelism * (edgeWindow + outletHighWater) + sideOutputKept;
  for (const { name } of sidesOf(segment)) {
    parts.push({ stage: name, what: 'side-output', elements: side, weight: Infinity });
  }
  return [...parts, ...branchParts(trunk, parallelism)];
}

function branchParts({ vias, tail }: BranchPlan, instances: number): Bound[] {
  const behind = tailParts(tail, instances);
  if (vias.length === 0) return behind;
  const stage = vias.map(({ name }) => name).join(', ');
  return [{ stage, what: 'operators', elements: instances * streamLimits.heldMax, weight: Infinity }, ...behind];
}

function tailParts(tail: BranchPlan['tail'], instances: number): Bound[] {
  switch (tail.kind) {
    case 'sink':
      // One write under way, and as much behind it.
      return [
        { stage: tail.stage, what: 'sink', elements: 2 * instances * streamLimits.outletHighWater, weight: Infinity },
      ];
    case 'output':
    case 'table':
      return [];
    case 'edge': {
      if (tail.overflow === undefined) return [];
      const { stage, strategy } = tail.overflow;
      return [{ stage, what: 'overflow', elements: instances * (strategy.capacity ?? 1), weight: Infinity }];
    }
    case 'fan':
      return tail.branches.flatMap((branch) => branchParts(branch, instances));
    default:
      return tail satisfies never;
  }
}

function tableOf(parts: readonly Bound[], elements: number, weight: number): string {
  const rows = [
    ['stage', 'what', 'elements', 'MiB'],
    ...parts.map((part) => [part.stage, part.what, countText(part.elements), weightText(part.weight)]),
    ['all', '', countText(elements), weightText(weight)],
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))),
    )
    .map((cells) => cells.join('  ').trimEnd())
    .join('\n');
}

function countText(elements: number): string {
  return Number.isFinite(elements) ? elements.toLocaleString('en-US') : 'by keys';
}

function weightText(weight: number): string {
  return Number.isFinite(weight) ? (weight / 1_048_576).toFixed(0) : '';
}

/** How the instances of a plan are joined: which output of one leads to which input of another. */
import { streamLimits } from './limits.ts';
import type { EdgePlan, Plan } from './plan.ts';

/** The other end of an input or an output. */
export interface Joint {
  /** Of the plan. */
  readonly edge: EdgePlan;
  readonly segment: number;
  readonly partition: number;
  /** Which output of the writer, or which input of the reader, it is over there. */
  readonly number: number;
  /**
   * Inputs that are idle together. Instances of one segment are, since they hear of the same writers; those that read a
   * source are not, since each reads another part of it.
   */
  readonly group: number;
}

/** What one instance is joined to. An input or output is known by its place in the list. */
export interface Wiring {
  /** Which of the instances of its segment it is. */
  readonly partition: number;
  readonly inputs: readonly Joint[];
  readonly outputs: readonly Joint[];
}

export function wiringOf(plan: Plan, segment: number, partition: number): Wiring {
  const inputs: Joint[] = [];
  const outputs: Joint[] = [];
  for (const edge of plan.edges) {
    const [writers, readers] = [plan.segments[edge.from]!.parallelism, plan.segments[edge.to]!.parallelism];
    const apart = plan.segments[edge.from]!.head.kind === 'source';
    const groupOf = (writer: number): number => edge.group * streamLimits.keyGroups + (apart ? writer : 0);
    if (edge.to === segment) {
      const number = firstNumber(plan, edge, 'from') + partition;
      for (let writer = 0; writer < writers; writer += 1) {
        inputs.push({ edge, segment: edge.from, partition: writer, number, group: groupOf(writer) });
      }
    }
    if (edge.from === segment) {
      const number = firstNumber(plan, edge, 'to') + partition;
      for (let reader = 0; reader < readers; reader += 1) {
        outputs.push({ edge, segment: edge.to, partition: reader, number, group: groupOf(partition) });
      }
    }
  }
  return { partition, inputs, outputs };
}

/** How many outputs (of its `from`) or inputs (of its `to`) come before those of `edge`. */
function firstNumber(plan: Plan, edge: EdgePlan, side: 'from' | 'to'): number {
  const other = side === 'from' ? 'to' : 'from';
  let count = 0;
  for (const one of plan.edges) {
    if (one === edge) return count;
    if (one[side] === edge[side]) count += plan.segments[one[other]]!.parallelism;
  }
  return count;
}

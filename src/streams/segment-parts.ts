/** What a segment is made of, from its plan: where its elements come from, its windows, where they go. */
import { Branch, type BranchEvents } from './branch.ts';
import type { Delivery, DeliveryEvents } from './delivery.ts';
import { EdgeDelivery } from './edge-delivery.ts';
import { FanDelivery } from './fan-delivery.ts';
import type { Downstream, Upstream } from './frame.ts';
import { Inlet } from './inlet.ts';
import type { IntakeEvents } from './intake.ts';
import type { LedgerEnvironment } from './ledger.ts';
import { streamLimits } from './limits.ts';
import { MergeIntake } from './merge-intake.ts';
import type { Outlet } from './outlet.ts';
import { OverflowDelivery } from './overflow-delivery.ts';
import { type BranchPlan, type EdgeTail, type SegmentPlan, sidesOf } from './plan.ts';
import { PortsIntake } from './ports-intake.ts';
import { SideDelivery } from './side-delivery.ts';
import type { SinkWriter } from './sink.ts';
import { SinkDelivery } from './sink-delivery.ts';
import { SourceIntake } from './source-intake.ts';
import { TableDelivery } from './tables/table-delivery.ts';
import type { Wiring } from './wiring.ts';

/** What a segment is joined to. */
export interface SegmentEdges {
  readonly wiring: Wiring;
  /** The ways back to the writers of its inputs, as in `wiring.inputs`. */
  readonly upstreams: readonly Upstream[];
  /** The ways to its readers, as in `wiring.outputs`. */
  readonly downstreams: readonly Downstream<unknown>[];
  /** The ways to the side outputs, in the order of `sidesOf`. */
  readonly sides: readonly Downstream<unknown>[];
  /** The writers of its sinks, opened, in the order of `sinksOf`. */
  readonly sinks: readonly SinkWriter<unknown>[];
  /** Elements that one input may have on its way. */
  readonly window: number;
}

export type AnyIntake = SourceIntake | MergeIntake | PortsIntake;

/** Where a segment's elements come from, with the inlets behind it: none where it reads a source. */
export function makeIntake(
  { head, parallelism }: SegmentPlan,
  edges: SegmentEdges,
  { clock, random }: LedgerEnvironment,
  events: IntakeEvents,
): { readonly intake: AnyIntake; readonly inlets: readonly Inlet<unknown>[] } {
  if (head.kind === 'source') {
    const { stage, time } = head;
    const part = parallelism === 1 ? undefined : { index: edges.wiring.partition, of: parallelism };
    return { intake: new SourceIntake(head.source, { stage, time, part, clock, random, events }), inlets: [] };
  }
  const inlets = edges.upstreams.map(
    (upstream) => new Inlet<unknown>(edges.window, streamLimits.edgeWindowWeight, upstream),
  );
  if (head.kind === 'processor' || head.how === 'merge') {
    const groups = edges.wiring.inputs.map(({ group }) => group);
    const ports = edges.wiring.inputs.map(({ edge }) => edge.port);
    if (head.kind !== 'processor' || head.ports === 1) return { intake: new MergeIntake(inlets, groups), inlets };
    const aligned = head.timed && head.broadcast === undefined;
    return { intake: new MergeIntake(inlets, groups, ports, { aside: head.broadcast, aligned }), inlets };
  }
  const ports = Array.from({ length: head.ports }, (_, port) => {
    const own = [...edges.wiring.inputs.entries()].filter(([, { edge }]) => edge.port === port);
    return new MergeIntake(
      own.map(([input]) => inlets[input]!),
      own.map(([, { group }]) => group),
    );
  });
  const groups = ports.map((_, port) => edges.wiring.inputs.find(({ edge }) => edge.port === port)!.edge.group);
  return { intake: new PortsIntake(head.how, ports, groups), inlets };
}

/**
 * The tree of branches behind a segment's head, with the outlets that it ends in: as in `wiring.outputs`, and behind
 * them, with gaps for what is no end of the flow, as in `sidesOf`.
 */
export function makeTrunk(
  plan: SegmentPlan,
  edges: SegmentEdges,
  environment: LedgerEnvironment,
  events: BranchEvents,
): { readonly trunk: Branch; readonly outlets: Outlet<unknown>[] } {
  const outlets: Outlet<unknown>[] = new Array(edges.downstreams.length + edges.sides.length);
  const sides = sidesOf(plan);
  const sinks = edges.sinks.values();
  const makeEdge = (tail: EdgeTail, told: DeliveryEvents): EdgeDelivery => {
    const joints = [...edges.wiring.outputs.entries()].filter(([, joint]) => joint.edge.index === tail.edge);
    const { timed } = joints[0]![1].edge;
    const delivery = new EdgeDelivery(
      joints.map(([output]) => edges.downstreams[output]!),
      { route: tail.route, timed, events: told },
    );
    joints.forEach(([output], reader) => {
      outlets[output] = delivery.outlets[reader]!;
    });
    return delivery;
  };
  const makeDelivery = (tail: BranchPlan['tail'], told: BranchEvents): Delivery => {
    switch (tail.kind) {
      case 'sink':
        return new SinkDelivery(sinks.next().value!, tail, environment.clock, told);
      case 'output': {
        const side = sides.findIndex(({ name }) => name === tail.name);
        const delivery = new SideDelivery(tail.stage, edges.sides[side]!, told);
        outlets[edges.downstreams.length + side] = delivery.outlet;
        return delivery;
      }
      case 'edge': {
        const { overflow } = tail;
        if (overflow === undefined) return makeEdge(tail, told);
        return new OverflowDelivery(overflow.stage, overflow.strategy, told, (inner) => makeEdge(tail, inner));
      }
      case 'table':
        return new TableDelivery(told);
      case 'fan':
        return new FanDelivery(tail, told, (index, inner) => makeBranch(tail.branches[index]!, inner));
      default:
        return tail satisfies never;
    }
  };
  const makeBranch = (branch: BranchPlan, told: BranchEvents): Branch =>
    new Branch(branch.vias, environment, told, (inner) => makeDelivery(branch.tail, { ...told, ...inner }));
  return { trunk: makeBranch(plan.trunk, events), outlets };
}

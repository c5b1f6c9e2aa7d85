/** What a segment is made of, from its plan: where its elements come from, its windows, where they go. */
import type { Clock } from '../base/environment/clock.ts';
import type { DeliveryEvents } from './delivery.ts';
import { byKey, EdgeDelivery, toOnly } from './edge-delivery.ts';
import type { Downstream, Upstream } from './frame.ts';
import { Inlet } from './inlet.ts';
import type { IntakeEvents } from './intake.ts';
import { streamLimits } from './limits.ts';
import { MergeIntake } from './merge-intake.ts';
import { Outlet } from './outlet.ts';
import type { SegmentPlan } from './plan.ts';
import type { SinkWriter } from './sink.ts';
import { SinkDelivery, type SinkEvents } from './sink-delivery.ts';
import { SourceIntake } from './source-intake.ts';
import { WindowedState } from './windowed-state.ts';

/** What a segment is joined to. */
export interface SegmentEdges {
  /** The ways back to the writers of its inputs, in the order of its inputs. None for a source. */
  readonly upstreams: readonly Upstream[];
  /** The ways to its readers, in the order of their partitions. None where a sink is behind. */
  readonly downstreams: readonly Downstream<unknown>[];
  /** The way of elements that are late, where they have a named output. */
  readonly late: Downstream<unknown> | undefined;
  /** The writer of its sink, opened; where a sink is behind. */
  readonly sink: SinkWriter<unknown> | undefined;
  /** Elements that one input may have on its way. */
  readonly window: number;
}

/** Where a segment's elements come from, with the inlets behind it: none where it reads a source. */
export function makeIntake(
  { head }: SegmentPlan,
  edges: SegmentEdges,
  clock: Clock,
  events: IntakeEvents,
): { readonly intake: SourceIntake | MergeIntake; readonly inlets: readonly Inlet<unknown>[] } {
  if (head.kind === 'source') {
    const { stage, time } = head;
    return { intake: new SourceIntake(head.source, { stage, time, clock, events }), inlets: [] };
  }
  const inlets = edges.upstreams.map((upstream) => new Inlet<unknown>(edges.window, upstream));
  return { intake: new MergeIntake(inlets), inlets };
}

export function makeWindows({ head }: SegmentPlan): WindowedState | undefined {
  if (head.kind !== 'window') return undefined;
  const { stage, window, allowedLatenessMs, keyOf, aggregates } = head;
  return new WindowedState({ stage, sizeMs: window.sizeMs, allowedLatenessMs, keyOf, aggregates });
}

export function makeDelivery(
  { tail }: SegmentPlan,
  { downstreams, sink }: SegmentEdges,
  events: SinkEvents,
): EdgeDelivery | SinkDelivery {
  switch (tail.kind) {
    case 'sink':
      return new SinkDelivery(sink!, tail.stage, events);
    case 'forward':
      return new EdgeDelivery(downstreams, { timed: false, route: toOnly, events });
    case 'key': {
      const route = byKey(tail.stage, tail.keyOf, tail.parallelism);
      return new EdgeDelivery(downstreams, { timed: true, route, events });
    }
    default:
      return tail satisfies never;
  }
}

export function makeLateOutlet(late: Downstream<unknown>, events: DeliveryEvents): Outlet<unknown> {
  return new Outlet<unknown>(late, {
    highWater: streamLimits.outletHighWater,
    frameElementsMax: streamLimits.frameElementsMax,
    frameWeightMax: streamLimits.frameWeightMax,
    timed: false,
    onFull: events.full,
    onClosed: events.closed,
  });
}

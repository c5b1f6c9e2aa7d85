/**
 * The actor that hosts one instance of a segment: what arrives as tells goes to the segment, what it sends goes out as
 * tells, and it works in turns that it asks for by telling itself.
 */
import * as z from 'zod';
import { type ActorDefinition, actor } from '../actors/actor.ts';
import { Run as ActorRun } from '../actors/run.ts';
import { opaque } from '../actors/schema/opaque.ts';
import { StreamReader } from '../actors/stream-reader.ts';
import { pathOf } from '../actors/verbs.ts';
import { describeThrown, TroupeError } from '../base/errors.ts';
import { asStageFailure, EdgeBroken, type FlowError } from './errors.ts';
import { type FlowErrorWire, flowErrorFromWire, flowErrorToWire } from './flow-error-codec.ts';
import type { DataFrame, Downstream, Upstream } from './frame.ts';
import { streamLimits } from './limits.ts';
import { type Plan, type SegmentPlan, sidesOf, sinksOf } from './plan.ts';
import { Segment } from './segment.ts';
import { SideFrames } from './side-frames.ts';
import type { SinkWriter } from './sink.ts';
import { Stage, type StageProtocol, type StageRef, type StageReport } from './stage-protocol.ts';
import { type Wiring, wiringOf } from './wiring.ts';

type StageArgs = z.ZodObject<{
  args: z.ZodType<unknown, unknown>;
  segment: z.ZodInt;
  partition: z.ZodInt;
  signature: z.ZodString;
}>;
const stageArgs: StageArgs = z.object({
  args: opaque(),
  segment: z.int().min(0),
  partition: z.int().min(0),
  /** Of the graph that the run was started with. */
  signature: z.string(),
});
export type StageDefinition = ActorDefinition<StageProtocol, StageArgs>;

/** The stages of one flow, under a name of their own, so that every place finds the flow's code with them. */
export function stageActor(flowName: string, planOf: (args: unknown) => Plan): StageDefinition {
  return actor(
    Stage,
    {
      name: `${flowName}.stage`,
      args: stageArgs,
      state: ({ args, segment, partition, signature }) => {
        const plan = planOf(args);
        if (plan.signature === signature) return new StageInstance(plan, segment, partition);
        throw new TroupeError(
          'FlowDiffers',
          `flow "${flowName}" is built differently here: ${plan.signature}, where the run has ${signature}; run the same code on every place`,
        );
      },
      // A stage cannot begin again in the middle of its run: the run fails instead.
      supervise: { directive: () => 'stop', restartsMax: 0 },
      signals: { stopping: (stage) => stage.stop() },
    },
    {
      connect: async (stage, { upstreams, downstreams }, ctx) => {
        const { clock, random } = ActorRun.environmentOf(ctx);
        const sinks: SinkWriter<unknown>[] = [];
        const signal = AbortSignal.any([ctx.signal, stage.givenUp.signal]);
        for (const { sink, stage: name } of sinksOf(stage.plan.trunk)) {
          try {
            sinks.push(await sink.open({ signal, clock, random }));
          } catch (thrown) {
            // Those that are open would stay so.
            await Promise.allSettled(sinks.map((opened) => opened.abort?.()));
            ctx.fail('refused', flowErrorToWire(asStageFailure(name, thrown)));
          }
        }
        const edges = {
          wiring: stage.wiring,
          upstreams: upstreams.map(({ ref, number }) => upstreamOf(ref, number)),
          downstreams: downstreams.map(({ ref, number }) => downstreamOf(ref, number)),
          sides: stage.sides.map(({ downstream }) => downstream),
          sinks,
          window: streamLimits.edgeWindow,
        };
        const { self } = ctx;
        stage.segment = new Segment(stage.plan, edges, {
          clock,
          random,
          wake: () => stage.wake(self),
          failed: (error) => {
            stage.report('failed', error);
            stage.givenUp.abort(error);
          },
          restarted: (name, error, lost) => stage.reportRestart(name, error, lost),
          finished: () => stage.finish(),
        });
      },
      open: (stage, _message, ctx) => {
        stage.segment?.open();
        ctx.every(streamLimits.reportMs, ctx.self.tick);
      },
      pump: (stage) => {
        stage.pumping = false;
        stage.segment?.turn();
      },
      query: async (stage, { question }) => stage.segment?.query(question),
      tick: (stage) => {
        stage.segment?.repeat();
        stage.report('counts');
      },
      data: (stage, { input, frame }) => stage.segment?.data(input, frame as DataFrame<unknown>),
      end: (stage, { input, sequence }) => stage.segment?.end(input, sequence),
      fail: (stage, { input, error }) => stage.segment?.failInput(input, flowErrorFromWire(error as FlowErrorWire)),
      grant: (stage, { output, upTo, weightUpTo }) => stage.segment?.grant(output, upTo, weightUpTo),
      cancelOutput: (stage, { output }) => stage.segment?.cancelOutput(output),
      cancel: (stage) => {
        stage.cancel();
        // Nothing to end: it was cancelled before it was connected.
        if (stage.segment === undefined) stage.finish();
      },
      leave: (stage, _message, ctx) => {
        stage.cancel();
        ctx.stop();
      },
      reports: (stage, _message, ctx) => {
        const { self } = ctx;
        // Nobody else would end it when the place of the run is lost.
        stage.reports.open(() => ({ consumed: () => undefined, cancel: () => stage.abandoned(self) }));
        return iterable(stage.reports);
      },
      side: (stage, { name }) => iterable(stage.sides.find((side) => side.name === name)!.frames),
    },
  );
}

/** One instance of a segment, and what it has to say. */
class StageInstance {
  readonly plan: SegmentPlan;
  readonly wiring: Wiring;
  readonly reports: StreamReader<StageReport> = new StreamReader<StageReport>();
  readonly sides: readonly SideFrames[];
  segment: Segment | undefined = undefined;
  /** Tells the sink that nobody wants its work any more. */
  readonly givenUp: AbortController = new AbortController();
  pumping = false;
  #finished = false;
  #stopping = false;

  constructor(plan: Plan, segment: number, partition: number) {
    this.plan = plan.segments[segment]!;
    this.wiring = wiringOf(plan, segment, partition);
    const first = this.wiring.outputs.length;
    this.sides = sidesOf(this.plan).map(
      ({ name }, side) => new SideFrames(name, () => this.segment?.cancelOutput(first + side)),
    );
  }

  wake(self: StageRef): void {
    if (this.pumping) return;
    this.pumping = true;
    self.pump();
  }

  report(kind: StageReport['kind'], error?: FlowError): void {
    if (this.segment === undefined || this.#finished) return;
    // Counts are worth nothing when newer ones follow.
    if (kind === 'counts' && this.reports.buffered > 0) return;
    const counts = this.segment.counts();
    this.reports.push(error === undefined ? { kind, counts } : { kind, counts, error: flowErrorToWire(error) });
  }

  reportRestart(stage: string, error: FlowError, lost: number): void {
    if (this.segment === undefined || this.#finished) return;
    const restarted = { stage, lost };
    this.reports.push({ kind: 'restarted', counts: this.segment.counts(), error: flowErrorToWire(error), restarted });
  }

  finish(): void {
    this.report('finished');
    this.#finished = true;
    this.reports.end();
    for (const { frames } of this.sides) frames.end();
  }

  cancel(): void {
    this.segment?.cancel();
    this.givenUp.abort();
  }

  /** Its run reads no reports any more. */
  abandoned(self: StageRef): void {
    if (!this.#stopping) self.leave();
  }

  stop(): void {
    this.#stopping = true;
    if (!this.#finished) this.cancel();
  }
}

/** The writer of an input, which is its output number `output`. */
function upstreamOf(writer: StageRef, output: number): Upstream {
  return {
    grant: (upTo, weightUpTo) => void writer.grant({ output, upTo, weightUpTo }),
    cancel: () => void writer.cancelOutput({ output }),
  };
}

/** A reader, whose input number `input` this is. */
function downstreamOf(reader: StageRef, input: number): Downstream<unknown> {
  return {
    data: (frame) => {
      try {
        reader.data({ input, frame });
      } catch (thrown) {
        const what = `${frame.items.length} elements cannot be sent to ${pathOf(reader)}: ${describeThrown(thrown)}`;
        throw new EdgeBroken(`${what}. Make them smaller or plainer with a via before keyBy`, thrown);
      }
    },
    end: (sequence) => void reader.end({ input, sequence }),
    fail: (_sequence, error) => void reader.fail({ input, error: flowErrorToWire(error) }),
  };
}

function iterable<T>(reader: StreamReader<T>): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: () => reader };
}

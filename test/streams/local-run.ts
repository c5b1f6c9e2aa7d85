/** Runs a flow's segments in one thread without actors: messages between them go through one run queue, as by tells. */
import { setImmediate as pass } from 'node:timers/promises';
import type * as z from 'zod';
import type { Cancel, Clock } from '../../src/base/environment/clock.ts';
import type { Runnable } from '../../src/base/environment/scheduler.ts';
import { Dispatcher } from '../../src/base/platform/dispatcher.ts';
import { realRandom } from '../../src/base/platform/real-random.ts';
import type { FlowError } from '../../src/streams/errors.ts';
import type { Flow, FlowDefinition } from '../../src/streams/flow.ts';
import type { Outputs } from '../../src/streams/flow-types.ts';
import type { DataFrame, Downstream, Upstream } from '../../src/streams/frame.ts';
import { type Plan, type SegmentPlan, sidesOf, sinksOf } from '../../src/streams/plan.ts';
import { Segment } from '../../src/streams/segment.ts';
import type { SegmentCounts } from '../../src/streams/stage-counts.ts';
import { type Joint, wiringOf } from '../../src/streams/wiring.ts';

export const realClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  timer: (delayMs, fire) => cancelOf(setTimeout(fire, delayMs)),
  wake: (delayMs, fire) => cancelOf(setTimeout(fire, delayMs)),
};

function cancelOf(timer: NodeJS.Timeout): Cancel {
  return () => clearTimeout(timer);
}

/** One segment instance with an inbox, as an actor would have. */
class Instance implements Runnable {
  readonly #dispatcher: Dispatcher;
  readonly #inbox: ((segment: Segment) => void)[] = [];
  #queued = false;
  #wantsTurn = false;
  segment!: Segment;

  constructor(dispatcher: Dispatcher) {
    this.#dispatcher = dispatcher;
  }

  tell(message: (segment: Segment) => void): void {
    this.#inbox.push(message);
    this.#ready();
  }

  readonly wake = (): void => {
    this.#wantsTurn = true;
    this.#ready();
  };

  run(): void {
    this.#queued = false;
    for (const message of this.#inbox.splice(0)) message(this.segment);
    if (!this.#wantsTurn) return;
    this.#wantsTurn = false;
    this.segment.turn();
  }

  #ready(): void {
    if (this.#queued) return;
    this.#queued = true;
    this.#dispatcher.ready(this);
  }
}

export interface LocalRun {
  readonly done: Promise<void>;
  readonly late: unknown[];
  readonly deadLetters: unknown[];
  /** What processors gave to their side outputs. */
  readonly side: unknown[];
  /** Of all ends that are read by name. */
  readonly outputs: unknown[];
  counts(): SegmentCounts[];
  /** The counts of the stage, summed over its partitions. */
  stage(name: string): { in: number; out: number; dropped: number; late: number };
  cancel(): void;
}

export async function runLocally<A extends z.ZodType, O extends Outputs>(
  flow: Flow<A, O>,
  args: z.input<A>,
  options: { window?: number; clock?: Clock } = {},
): Promise<LocalRun> {
  const definition = flow as FlowDefinition<A, O>;
  const plan: Plan = definition.plan(definition.args.parse(args));
  const { window = 8_192, clock = realClock } = options;
  const dispatcher = new Dispatcher(() => performance.now());
  const instances = plan.segments.map((segment) =>
    Array.from({ length: segment.parallelism }, () => new Instance(dispatcher)),
  );
  const all = instances.flat();
  const late: unknown[] = [];
  const deadLetters: unknown[] = [];
  const side: unknown[] = [];
  const outputs: unknown[] = [];
  let left = all.length;
  let resolve!: () => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  const run: LocalRun = {
    done: promise,
    late,
    deadLetters,
    side,
    outputs,
    counts: () => all.map(({ segment }) => segment.counts()),
    stage(name) {
      const sum = { in: 0, out: 0, dropped: 0, late: 0 };
      for (const stage of run.counts().flatMap((counts) => counts.stages)) {
        if (stage.name !== name) continue;
        sum.in += stage.in;
        sum.out += stage.out;
        sum.dropped += stage.dropped;
        sum.late += stage.late;
      }
      return sum;
    },
    cancel: () => {
      for (const { segment } of all) segment.cancel();
      reject(new Error('cancelled'));
    },
  };
  const failed = (error: FlowError): void => {
    // Before the last of them says that it has finished.
    reject(error);
    for (const { segment } of all) segment.cancel();
  };
  const build = async (segmentPlan: SegmentPlan, partition: number): Promise<Segment> => {
    const wiring = wiringOf(plan, segmentPlan.index, partition);
    const instanceAt = (joint: Joint): Instance => instances[joint.segment]![joint.partition]!;
    const self = (): Instance => instances[segmentPlan.index]![partition]!;
    const upstreams = wiring.inputs.map((joint): Upstream => {
      const writer = instanceAt(joint);
      return {
        grant: (upTo, weightUpTo) => writer.tell((segment) => segment.grant(joint.number, upTo, weightUpTo)),
        cancel: () => writer.tell((segment) => segment.cancelOutput(joint.number)),
      };
    });
    const downstreams = wiring.outputs.map((joint): Downstream<unknown> => {
      const reader = instanceAt(joint);
      return {
        data: (frame: DataFrame<unknown>) => reader.tell((segment) => segment.data(joint.number, frame)),
        end: (sequence) => reader.tell((segment) => segment.end(joint.number, sequence)),
        fail: (_sequence, error) => reader.tell((segment) => segment.failInput(joint.number, error as FlowError)),
      };
    });
    const sides = sidesOf(segmentPlan).map(({ kind }, index): Downstream<unknown> => {
      const list = { late, 'dead-letters': deadLetters, side, end: outputs }[kind];
      return {
        data: ({ sequence, items }) => {
          list.push(...items);
          const upTo = sequence + items.length + window;
          self().tell((segment) => segment.grant(wiring.outputs.length + index, upTo, Infinity));
        },
        end: () => undefined,
        fail: () => undefined,
      };
    });
    const sinks = await Promise.all(
      sinksOf(segmentPlan.trunk).map(({ sink }) =>
        sink.open({ signal: new AbortController().signal, clock, random: realRandom() }),
      ),
    );
    return new Segment(
      segmentPlan,
      { wiring, upstreams, downstreams, sides, sinks, window },
      {
        clock,
        random: realRandom(),
        wake: self().wake,
        failed,
        restarted: () => undefined,
        finished: () => {
          left -= 1;
          if (left === 0) resolve();
        },
      },
    );
  };
  for (const segmentPlan of plan.segments) {
    for (const [partition, instance] of instances[segmentPlan.index]!.entries()) {
      instance.segment = await build(segmentPlan, partition);
    }
  }
  for (const { segment } of all) segment.open();
  for (const segmentPlan of plan.segments) {
    for (const [partition, { segment }] of instances[segmentPlan.index]!.entries()) {
      const first = wiringOf(plan, segmentPlan.index, partition).outputs.length;
      sidesOf(segmentPlan).forEach((_, side) => void segment.grant(first + side, window, Infinity));
    }
  }
  run.done.catch(() => undefined);
  await pass();
  return run;
}

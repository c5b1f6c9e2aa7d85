/**
 * One attempt of a run: its instances as actors on their places, joined to each other, followed to their end.
 *
 * It ends when every instance has finished; the first that fails, or is lost with its place, ends all the others.
 */
import type * as z from 'zod';
import { kill, pathOf, stop } from '../actors/verbs.ts';
import type { Cancel } from '../base/environment/clock.ts';
import { describeThrown, UsageError } from '../base/errors.ts';
import type { ActorSystem } from '../runtime/actor-system.ts';
import { here } from '../runtime/placement.ts';
import { type FlowError, StageLost } from './errors.ts';
import { type Explanation, explain } from './explain.ts';
import type { FlowDefinition } from './flow.ts';
import { type FlowErrorWire, flowErrorFromWire } from './flow-error-codec.ts';
import type { Outputs } from './flow-types.ts';
import { streamLimits } from './limits.ts';
import { type Plan, type SegmentPlan, sidesOf } from './plan.ts';
import { emptyCounts, type RunStatistics, statisticsOf } from './run-statistics.ts';
import { SideIntake } from './side-intake.ts';
import type { SideOutput } from './side-output.ts';
import type { SegmentCounts } from './stage-counts.ts';
import type { StageRef, StageReport } from './stage-protocol.ts';
import { StallWatch } from './stall-watch.ts';
import { type Joint, wiringOf } from './wiring.ts';

/** One instance of a segment. */
interface Instance {
  readonly segment: SegmentPlan;
  readonly partition: number;
  readonly ref: StageRef;
  readonly sides: readonly SideIntake[];
  counts: SegmentCounts;
  ended: boolean;
}

export interface AttemptOptions {
  readonly name: string;
  readonly system: ActorSystem;
  readonly plan: Plan;
  /** Where the elements of side outputs go, by name. */
  readonly outputs: ReadonlyMap<string, SideOutput>;
  /** An instance has reported. */
  readonly reported: () => void;
}

export class RunAttempt {
  readonly #options: AttemptOptions;
  readonly #instances: readonly Instance[];
  #error: FlowError | undefined = undefined;
  #tellFailed: () => void = () => undefined;
  /** Resolves when there is an error. */
  readonly #failed: Promise<void> = new Promise((resolve) => {
    this.#tellFailed = resolve;
  });
  /** True once the error, or that there is none, is final. */
  #over = false;

  private constructor(options: AttemptOptions, instances: readonly Instance[]) {
    this.#options = options;
    this.#instances = instances;
  }

  /**
   * Starts every instance, joins them, and opens them when all are joined.
   *
   * @returns the attempt, and the error that it ended with, if any, when all actors have stopped.
   * @throws whatever kept an instance from being started, or a sink from being opened; then nothing is left of it.
   */
  static async begin<A extends z.ZodType, O extends Outputs>(
    definition: FlowDefinition<A, O>,
    args: unknown,
    options: AttemptOptions,
  ): Promise<{ readonly attempt: RunAttempt; readonly ended: Promise<FlowError | undefined> }> {
    const attempt = new RunAttempt(options, await spawnAll(definition, options, args));
    try {
      const watching = attempt.#instances.map((instance) => attempt.#watch(instance));
      await Promise.all(attempt.#instances.map((instance) => attempt.#connect(instance)));
      for (const { ref, sides } of attempt.#instances) {
        ref.open();
        for (const side of sides) side.open();
      }
      return { attempt, ended: attempt.#conclude(watching) };
    } catch (thrown) {
      await attempt.#abandon();
      throw thrown;
    }
  }

  /** Ends it because of `error`, unless it has one. */
  fail(error: FlowError): void {
    if (this.#error !== undefined || this.#over) return;
    this.#error = error;
    this.#tellFailed();
    for (const { ref, ended } of this.#instances) if (!ended) ref.cancel();
  }

  /** The instances of a segment, which can be asked until the attempt is closed; undefined where it failed. */
  instancesOf(segment: number): readonly StageRef[] | undefined {
    if (this.#error !== undefined) return undefined;
    return this.#instances.filter((one) => one.segment.index === segment).map(({ ref }) => ref);
  }

  /** Ends what was left to be asked. */
  close(): Promise<void> {
    return this.#abandon(keepsTable);
  }

  statistics(attempts: number): RunStatistics {
    const reported = this.#instances.map(({ segment, partition, ref, counts }) => ({
      segment,
      partition,
      path: pathOf(ref),
      counts,
    }));
    return statisticsOf(reported, attempts);
  }

  explain(): readonly Explanation[] {
    const situations = this.#instances.map(({ segment, partition, ref, counts }) => ({
      stage: segment.head.stage,
      segment: segment.index,
      partition,
      path: pathOf(ref),
      condition: counts.condition,
    }));
    return explain(this.#options.plan, situations);
  }

  async #connect({ segment, partition, ref }: Instance): Promise<void> {
    const { inputs, outputs } = wiringOf(this.#options.plan, segment.index, partition);
    const joints = (given: readonly Joint[]): { ref: StageRef; number: number }[] =>
      given.map((joint) => ({ ref: this.#instanceAt(joint.segment, joint.partition).ref, number: joint.number }));
    const connected = await ref.connect.outcome(
      { upstreams: joints(inputs), downstreams: joints(outputs) },
      { timeoutMs: streamLimits.connectMs },
    );
    if (connected.ok) return;
    const { error } = connected;
    throw error.code === 'refused' ? flowErrorFromWire(error.data as FlowErrorWire) : error;
  }

  #instanceAt(segment: number, partition: number): Instance {
    return this.#instances.find((one) => one.segment.index === segment && one.partition === partition)!;
  }

  /** Follows an instance to its end. */
  async #watch(instance: Instance): Promise<void> {
    const sides = instance.sides.map((side) => side.drain((error) => this.fail(error)));
    try {
      for await (const report of instance.ref.reports() as AsyncIterable<StageReport>) {
        instance.counts = report.counts;
        for (const side of instance.sides) side.repeat();
        this.#options.reported();
        if (report.kind === 'failed') this.fail(flowErrorFromWire(report.error!));
        if (report.kind === 'restarted') this.#tellRestart(instance, report);
        if (report.kind === 'finished') instance.ended = true;
      }
      if (!instance.ended) throw new UsageError('its reports ended early');
    } catch (thrown) {
      instance.ended = true;
      if (this.#error === undefined) this.fail(lostOf(instance, thrown));
    }
    for (const side of instance.sides) side.close();
    await Promise.all(sides);
  }

  #tellRestart({ ref }: Instance, { restarted, error }: StageReport): void {
    const { name: flow, system } = this.#options;
    const { stage, lost } = restarted!;
    const cause = describeThrown(flowErrorFromWire(error!));
    system.log.warn(
      { event: 'flow-stage-restarted', flow, stage, path: pathOf(ref), lost, error: cause },
      `stage "${stage}" of flow "${flow}" was begun anew, and lost ${lost} elements and what its operators kept: ${cause}`,
    );
  }

  /** Waits for the end of every instance, and ends their actors. */
  async #conclude(watching: readonly Promise<void>[]): Promise<FlowError | undefined> {
    const { clock } = this.#options.system;
    const stalls = this.#watchStalls();
    // An instance that cannot even be cancelled must not hold back the news.
    let deadline: Cancel | undefined;
    const stuck = this.#failed.then(
      () =>
        new Promise<void>((resolve) => {
          deadline = clock.wake(streamLimits.cancelMs, resolve);
        }),
    );
    await Promise.race([Promise.all(watching), stuck]);
    this.#over = true;
    stalls.stop();
    deadline?.();
    // Tables are asked after the end too.
    await this.#abandon((instance) => this.#error !== undefined || !keepsTable(instance));
    return this.#error;
  }

  #watchStalls(): StallWatch {
    const { name: flow, system } = this.#options;
    return new StallWatch({
      clock: system.clock,
      progress: () =>
        this.#instances.reduce(
          (sum, { counts }) => counts.stages.reduce((all, stage) => all + stage.in + stage.out, sum),
          0,
        ),
      explain: () => this.explain(),
      stalled: (explanations, forMs) => {
        for (const { kind, text, steps } of explanations) {
          system.log.warn(
            { event: 'flow-stalled', flow, kind, steps, forMs },
            `flow "${flow}" has stood still for ${Math.round(forMs / 1_000)} s: ${text}`,
          );
        }
      },
    });
  }

  /** Ends the actors. */
  async #abandon(which: (instance: Instance) => boolean = () => true): Promise<void> {
    const deadlineMs = streamLimits.cancelMs;
    const ending = this.#instances.filter(which);
    await Promise.all(ending.map(({ ref }) => stop(ref, { deadlineMs }).catch(() => undefined)));
  }
}

function keepsTable({ segment }: Instance): boolean {
  return segment.trunk.tail.kind === 'table';
}

async function spawnAll<A extends z.ZodType, O extends Outputs>(
  definition: FlowDefinition<A, O>,
  { system, plan, outputs }: AttemptOptions,
  args: unknown,
): Promise<Instance[]> {
  const { segments, signature } = plan;
  // All at once, in the order of the partitions: threads start side by side, and `spread` goes around in order.
  const spawning = segments.flatMap((segment) =>
    Array.from({ length: segment.parallelism }, async (_, partition): Promise<Instance> => {
      const ref = await system.spawn(definition.stage, {
        args: { args, segment: segment.index, partition, signature },
        on: segment.on ?? here(),
      });
      const first = wiringOf(plan, segment.index, partition).outputs.length;
      const sides = sidesOf(segment).map(
        ({ name }, side) => new SideIntake(name, ref, first + side, outputs.get(name)!),
      );
      return { segment, partition, ref, sides, counts: emptyCounts, ended: false };
    }),
  );
  const settled = await Promise.allSettled(spawning);
  const started = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = settled.find((one) => one.status === 'rejected');
  if (failed === undefined) return started;
  await Promise.all(started.map(({ ref }) => kill(ref)));
  throw failed.reason;
}

function lostOf({ segment, ref }: Instance, thrown: unknown): StageLost {
  const { stage } = segment.head;
  const what = `stage "${stage}" at ${pathOf(ref)} was lost: ${describeThrown(thrown)}`;
  return new StageLost(stage, `${what}. What it held is lost; start the run again`, thrown);
}

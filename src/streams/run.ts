/**
 * A run of a flow: its stages as actors on their places, what they report, and its end.
 *
 * The run starts every instance, joins them, and opens them when all are joined. It ends when every instance has
 * finished; the first that fails, or is lost with its place, ends all the others.
 */
import type * as z from 'zod';
import type { Stream } from '../actors/protocol.ts';
import { type StreamReader, streamOf } from '../actors/stream-reader.ts';
import { kill, pathOf, stop } from '../actors/verbs.ts';
import type { Cancel } from '../base/environment/clock.ts';
import { describeThrown, UsageError } from '../base/errors.ts';
import type { ActorSystem } from '../runtime/actor-system.ts';
import { here } from '../runtime/placement.ts';
import { type Bounds, boundsOf } from './bounds.ts';
import { FlowCancelled, type FlowError, StageLost } from './errors.ts';
import { type Explanation, explain } from './explain.ts';
import type { FlowDefinition } from './flow.ts';
import { type FlowErrorWire, flowErrorFromWire } from './flow-error-codec.ts';
import type { Outputs } from './flow-types.ts';
import { streamLimits } from './limits.ts';
import { deadLettersName, type Plan, type SegmentPlan, sidesOf } from './plan.ts';
import { emptyCounts, type RunStatistics, statisticsOf } from './run-statistics.ts';
import type { DeadElement } from './segment.ts';
import { SideOutput } from './side-output.ts';
import type { SegmentCounts } from './stage-counts.ts';
import type { StageRef, StageReport } from './stage-protocol.ts';
import { StallWatch } from './stall-watch.ts';
import { type Joint, wiringOf } from './wiring.ts';

/** A flow that runs. Disposing of it cancels what has not ended. */
export interface Run<O extends Outputs = {}> extends AsyncDisposable {
  /** Resolves when everything was delivered. Rejects with the first {@link FlowError}, when all stages have stopped. */
  readonly done: Promise<void>;
  /** What the stages have done, as of their last reports; complete once `done` is settled. */
  statistics(): RunStatistics;
  /** The same, whenever a stage has reported. A slow reader misses some. */
  stats(): Stream<RunStatistics>;
  /**
   * A side output. Reading it holds the run back as any reader does. Unread, the last 1,024 elements that came late are
   * kept; an end of the flow, made with `output(name)`, is waited for, and dropped once all its readers have left.
   */
  output<N extends keyof O & string>(name: N): Stream<O[N]>;
  /** Elements that operators gave up, with the stage and the error. Unread, the last 1,024 are kept. */
  deadLetters(): Stream<DeadElement>;
  /**
   * Why it does not go faster, or not at all: for each source, the way along what is full to the stage that holds it, as
   * of the last reports.
   */
  explain(): readonly Explanation[];
  /** The most elements that each part of it may hold. */
  bounds(): Bounds;
  /** Stops all stages and drops what is on its way. Resolves when they have stopped; `done` rejects. */
  cancel(): Promise<void>;
}

/** One instance of a segment. */
interface Instance {
  readonly segment: SegmentPlan;
  readonly partition: number;
  readonly ref: StageRef;
  counts: SegmentCounts;
  ended: boolean;
}

export async function startRun<A extends z.ZodType, O extends Outputs>(
  definition: FlowDefinition<A, O>,
  system: ActorSystem,
  given: unknown,
): Promise<Run<O>> {
  const parsed = definition.args.safeParse(given);
  if (!parsed.success) {
    throw new UsageError(`arguments of flow "${definition.name}" do not fit: ${parsed.error.message}`, {
      cause: parsed.error,
    });
  }
  const plan = definition.plan(parsed.data);
  const instances = await spawnAll(definition, system, plan, parsed.data);
  const run = new FlowRun<O>(definition.name, system, plan, instances);
  try {
    await run.connect();
  } catch (error) {
    await run.abandon();
    throw error;
  }
  return run;
}

async function spawnAll<A extends z.ZodType, O extends Outputs>(
  definition: FlowDefinition<A, O>,
  system: ActorSystem,
  plan: Plan,
  args: unknown,
): Promise<Instance[]> {
  const { signature } = plan;
  // All at once, in the order of the partitions: threads start side by side, and `spread` goes around in order.
  const spawning = plan.segments.flatMap((segment) =>
    Array.from({ length: segment.parallelism }, async (_, partition): Promise<Instance> => {
      const ref = await system.spawn(definition.stage, {
        args: { args, segment: segment.index, partition, signature },
        on: segment.on ?? here(),
      });
      return { segment, partition, ref, counts: emptyCounts, ended: false };
    }),
  );
  const settled = await Promise.allSettled(spawning);
  const started = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = settled.find((one) => one.status === 'rejected');
  if (failed === undefined) return started;
  await Promise.all(started.map(({ ref }) => kill(ref)));
  throw failed.reason;
}

class FlowRun<O extends Outputs> implements Run<O> {
  readonly #name: string;
  readonly #system: ActorSystem;
  readonly #plan: Plan;
  readonly #instances: readonly Instance[];
  readonly #outputs = new Map<string, SideOutput>();
  readonly #statsReaders = new Set<StreamReader<RunStatistics>>();
  readonly #done: Promise<void>;
  #settle: { resolve(): void; reject(error: unknown): void } | undefined;
  #error: FlowError | undefined = undefined;
  #tellFailed: () => void = () => undefined;
  /** Resolves when there is an error. */
  readonly #failed: Promise<void> = new Promise((resolve) => {
    this.#tellFailed = resolve;
  });
  /** True once the error, or that there is none, is final. */
  #over = false;
  #observed = false;
  #stallWatch: StallWatch | undefined = undefined;

  constructor(name: string, system: ActorSystem, plan: Plan, instances: readonly Instance[]) {
    this.#name = name;
    this.#system = system;
    this.#plan = plan;
    this.#instances = instances;
    for (const { name, kind } of plan.outputs) {
      if (!this.#outputs.has(name)) this.#outputs.set(name, new SideOutput({ waits: kind === 'end' }));
    }
    this.#done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#done.catch((error: unknown) => {
      if (this.#observed || error instanceof FlowCancelled) return;
      this.#system.log.error(
        { flow: this.#name, error: describeThrown(error) },
        `flow "${this.#name}" failed and nobody awaited run.done: ${describeThrown(error)}`,
      );
    });
  }

  get done(): Promise<void> {
    this.#observed = true;
    return this.#done;
  }

  /** Joins the instances to each other, and begins. @throws FlowError of a sink that could not be opened */
  async connect(): Promise<void> {
    const watching = this.#instances.map((instance) => this.#watch(instance));
    await Promise.all(this.#instances.map((instance) => this.#connect(instance)));
    for (const { ref } of this.#instances) ref.open();
    this.#stallWatch = new StallWatch({
      clock: this.#system.clock,
      progress: () => this.#progress(),
      explain: () => this.explain(),
      stalled: (explanations, forMs) => this.#tellStall(explanations, forMs),
    });
    void this.#conclude(watching);
  }

  async #connect({ segment, partition, ref }: Instance): Promise<void> {
    const { inputs, outputs } = wiringOf(this.#plan, segment.index, partition);
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
    const sides = sidesOf(instance.segment).map(({ name }) => this.#drain(instance, name));
    try {
      for await (const report of instance.ref.reports() as AsyncIterable<StageReport>) {
        instance.counts = report.counts;
        this.#reported();
        if (report.kind === 'failed') this.#fail(flowErrorFromWire(report.error!));
        if (report.kind === 'restarted') this.#tellRestart(instance, report);
        if (report.kind === 'finished') instance.ended = true;
      }
      if (!instance.ended) throw new UsageError('its reports ended early');
    } catch (thrown) {
      instance.ended = true;
      if (this.#error === undefined) this.#fail(this.#lost(instance, thrown));
    }
    await Promise.all(sides);
  }

  #tellRestart({ ref }: Instance, { restarted, error }: StageReport): void {
    const { stage, lost } = restarted!;
    const cause = flowErrorFromWire(error!);
    this.#system.log.warn(
      { event: 'flow-stage-restarted', flow: this.#name, stage, path: pathOf(ref), lost, error: describeThrown(cause) },
      `stage "${stage}" of flow "${this.#name}" was begun anew, and lost ${lost} elements and what its operators kept: ${describeThrown(cause)}`,
    );
  }

  #lost({ segment, ref }: Instance, thrown: unknown): StageLost {
    const { stage } = segment.head;
    const what = `stage "${stage}" at ${pathOf(ref)} was lost: ${describeThrown(thrown)}`;
    return new StageLost(stage, `${what}. What it held is lost; start the run again`, thrown);
  }

  async #drain({ ref }: Instance, name: string): Promise<void> {
    const output = this.#outputs.get(name)!;
    try {
      for await (const batch of ref.side({ name }) as AsyncIterable<readonly unknown[]>) {
        // Nobody wants the rest: whatever holds it may go on without it.
        if (!(await output.push(batch))) return;
      }
    } catch {
      // The instance is lost; its reports say so.
      output.end();
    }
  }

  #fail(error: FlowError): void {
    if (this.#error !== undefined || this.#over) return;
    this.#error = error;
    this.#tellFailed();
    for (const { ref, ended } of this.#instances) if (!ended) ref.cancel();
  }

  /** Waits for the end of every instance, and settles. */
  async #conclude(watching: readonly Promise<void>[]): Promise<void> {
    const { clock } = this.#system;
    const all = Promise.all(watching);
    // An instance that cannot even be cancelled must not hold back the news.
    let deadline: Cancel | undefined;
    const stuck = this.#failed.then(
      () =>
        new Promise<void>((resolve) => {
          deadline = clock.wake(streamLimits.cancelMs, resolve);
        }),
    );
    await Promise.race([all, stuck]);
    this.#over = true;
    this.#stallWatch?.stop();
    deadline?.();
    await this.abandon();
    const error = this.#error;
    for (const output of this.#outputs.values()) output.end(error === undefined ? undefined : { thrown: error });
    this.#reported();
    for (const reader of this.#statsReaders) reader.end();
    if (error === undefined) this.#settle?.resolve();
    else this.#settle?.reject(error);
  }

  /** Ends all actors of the run. */
  async abandon(): Promise<void> {
    await Promise.all(
      this.#instances.map(({ ref }) => stop(ref, { deadlineMs: streamLimits.cancelMs }).catch(() => undefined)),
    );
  }

  statistics(): RunStatistics {
    return statisticsOf(
      this.#instances.map(({ segment, partition, ref, counts }) => ({ segment, partition, path: pathOf(ref), counts })),
    );
  }

  stats(): Stream<RunStatistics> {
    return streamOf((reader) => {
      this.#statsReaders.add(reader);
      return {
        consumed(): void {
          // A slow reader gets the newest.
        },
        cancel: () => void this.#statsReaders.delete(reader),
      };
    });
  }

  explain(): readonly Explanation[] {
    const situations = this.#instances.map(({ segment, partition, ref, counts }) => ({
      stage: segment.head.stage,
      segment: segment.index,
      partition,
      path: pathOf(ref),
      condition: counts.condition,
    }));
    return explain(this.#plan, situations);
  }

  #progress(): number {
    let sum = 0;
    for (const { counts } of this.#instances) for (const stage of counts.stages) sum += stage.in + stage.out;
    return sum;
  }

  #tellStall(explanations: readonly Explanation[], forMs: number): void {
    for (const { kind, text, steps } of explanations) {
      this.#system.log.warn(
        { event: 'flow-stalled', flow: this.#name, kind, steps, forMs },
        `flow "${this.#name}" has stood still for ${Math.round(forMs / 1_000)} s: ${text}`,
      );
    }
  }

  bounds(): Bounds {
    return boundsOf(this.#plan);
  }

  #reported(): void {
    if (this.#statsReaders.size === 0) return;
    const statistics = this.statistics();
    for (const reader of this.#statsReaders) {
      if (reader.buffered > 0) reader.dropOldest();
      reader.push(statistics);
    }
  }

  deadLetters(): Stream<DeadElement> {
    const output = this.#outputs.get(deadLettersName) ?? new SideOutput({ waits: false });
    if (!this.#outputs.has(deadLettersName)) output.end();
    return output.stream() as Stream<DeadElement>;
  }

  output<N extends keyof O & string>(name: N): Stream<O[N]> {
    const output = name === deadLettersName ? undefined : this.#outputs.get(name);
    if (output !== undefined) return output.stream() as Stream<O[N]>;
    const names = new Set(
      this.#plan.outputs.filter(({ kind }) => kind !== 'dead-letters').map((one) => `"${one.name}"`),
    );
    const known = [...names].join(', ');
    throw new UsageError(`flow "${this.#name}" has no output "${name}"; it has ${known === '' ? 'none' : known}`);
  }

  async cancel(): Promise<void> {
    this.#fail(new FlowCancelled(this.#name));
    await this.#done.catch(() => undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cancel();
  }
}

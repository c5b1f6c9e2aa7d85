/**
 * A run of a flow, as whoever started it sees it: its end, its outputs, its counts, why it does not go faster.
 *
 * What is read of it outlives a restart: a run that begins anew goes on with the same outputs and readers.
 */
import type * as z from 'zod';
import type { Stream } from '../actors/protocol.ts';
import { backoffMs, RestartBudget } from '../actors/restart-budget.ts';
import { type StreamReader, streamOf } from '../actors/stream-reader.ts';
import { describeThrown, TroupeError, UsageError } from '../base/errors.ts';
import { isA } from '../base/thrown.ts';
import type { ActorSystem } from '../runtime/actor-system.ts';
import type { RunRestarts } from '../runtime/flow-definition.ts';
import { type Bounds, boundsOf } from './bounds.ts';
import { FlowCancelled, type FlowError, TableUnavailable } from './errors.ts';
import type { Explanation } from './explain.ts';
import type { FlowDefinition } from './flow.ts';
import type { Outputs } from './flow-types.ts';
import { streamLimits } from './limits.ts';
import { deadLettersName, type Plan, tablesOf } from './plan.ts';
import { RunAttempt } from './run-attempt.ts';
import type { RunStatistics } from './run-statistics.ts';
import type { DeadElement } from './segment.ts';
import { SideOutput } from './side-output.ts';
import type { StageRef } from './stage-protocol.ts';
import { PartitionedTable, type TableHandle, type TableNames } from './tables/table.ts';

/** A flow that runs. Disposing of it cancels what has not ended. */
export interface Run<O extends Outputs = {}> extends AsyncDisposable {
  /**
   * Resolves when everything was delivered. Rejects with the first {@link FlowError}, or where the run may begin anew with
   * that of its last attempt, when all stages have stopped.
   */
  readonly done: Promise<void>;
  /** What the stages have done, as of their last reports; complete once `done` is settled. Of the last attempt. */
  statistics(): RunStatistics;
  /** The same, whenever a stage has reported. A slow reader misses some. */
  stats(): Stream<RunStatistics>;
  /**
   * A side output. Reading it holds the run back as any reader does. Unread, the last 1,024 elements that came late are
   * kept; an end of the flow, made with `output(name)`, is waited for, and dropped once all its readers have left.
   */
  output<N extends keyof O & string>(name: N): Stream<O[N]>;
  /**
   * A table of the flow, made with `table(name)`. It answers from the start of the run until this is closed, by `cancel`
   * or by disposing of it: after the end too. A run that begins anew begins with an empty one.
   *
   * @throws UsageError for a name that is none of a table.
   */
  table<N extends TableNames<O>>(name: N): TableHandle<O, N>;
  /** Elements that operators gave up, with the stage and the error. Unread, the last 1,024 are kept. */
  deadLetters(): Stream<DeadElement>;
  /**
   * Why it does not go faster, or not at all: for each source, the way along what is full to the stage that holds it, as
   * of the last reports.
   */
  explain(): readonly Explanation[];
  /** The most elements that each part of it may hold. */
  bounds(): Bounds;
  /**
   * Stops all stages and drops what is on its way. Resolves when they have stopped; `done` rejects, if it had not
   * resolved. Ends the tables.
   */
  cancel(): Promise<void>;
}

export async function startRun<A extends z.ZodType, O extends Outputs>(
  definition: FlowDefinition<A, O>,
  system: ActorSystem,
  given: unknown,
  restart: RunRestarts | undefined,
): Promise<Run<O>> {
  const parsed = definition.args.safeParse(given);
  if (!parsed.success) {
    throw new UsageError(`arguments of flow "${definition.name}" do not fit: ${parsed.error.message}`, {
      cause: parsed.error,
    });
  }
  const plan = definition.plan(parsed.data);
  const run = new FlowRun<O>(definition.name, system, plan);
  const begin: Begin = () =>
    RunAttempt.begin(definition, parsed.data, {
      name: definition.name,
      system,
      plan,
      outputs: run.outputs,
      reported: run.reported,
    });
  // The first attempt fails at the call: a flow that cannot begin is better known at once.
  run.follow(await begin(), begin, restart);
  return run;
}

type Begun = Awaited<ReturnType<typeof RunAttempt.begin>>;
type Begin = () => Promise<Begun>;

class FlowRun<O extends Outputs> implements Run<O> {
  readonly #name: string;
  readonly #system: ActorSystem;
  readonly #plan: Plan;
  readonly outputs: ReadonlyMap<string, SideOutput>;
  readonly #statsReaders = new Set<StreamReader<RunStatistics>>();
  readonly #done: Promise<void>;
  #settle: { resolve(): void; reject(error: unknown): void } | undefined;
  #attempt: RunAttempt | undefined = undefined;
  #attempts = 0;
  #cancelled = false;
  #cutBackoff: () => void = () => undefined;
  #observed = false;
  #failed = false;

  constructor(name: string, system: ActorSystem, plan: Plan) {
    this.#name = name;
    this.#system = system;
    this.#plan = plan;
    this.outputs = new Map(plan.outputs.map(({ name, kind }) => [name, new SideOutput({ waits: kind === 'end' })]));
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

  /** Sees an attempt to its end, and begins others where the policy has it. */
  follow(first: Begun, begin: Begin, restart: RunRestarts | undefined): void {
    const budget = new RestartBudget({
      restartsMax: restart?.max ?? 0,
      withinMs: restart?.withinMs ?? streamLimits.restartWithinMs,
    });
    void (async () => {
      let error: Error | undefined = await this.#through(first);
      while (error !== undefined && this.#mayRestart(error, budget)) {
        await this.#backOff(error, budget, restart!);
        if (this.#cancelled) break;
        try {
          error = await this.#through(await begin());
        } catch (thrown) {
          error = thrown as Error;
        }
      }
      this.#end(this.#cancelled && error !== undefined ? new FlowCancelled(this.#name) : error);
    })();
  }

  #through({ attempt, ended }: Begun): Promise<FlowError | undefined> {
    this.#attempt = attempt;
    this.#attempts += 1;
    if (this.#cancelled) attempt.fail(new FlowCancelled(this.#name));
    return ended;
  }

  #mayRestart(error: Error, budget: RestartBudget): boolean {
    const retryable = isA(error, TroupeError) && error.retryable;
    return !this.#cancelled && retryable && budget.allows(this.#system.clock.monotonicMs());
  }

  async #backOff(
    error: Error,
    budget: RestartBudget,
    { backoff = streamLimits.restartBackoff }: RunRestarts,
  ): Promise<void> {
    const { clock, log, random } = this.#system;
    const delayMs = backoffMs(backoff, budget.used(clock.monotonicMs()), random.fraction());
    log.warn(
      { event: 'flow-restarts', flow: this.#name, attempts: this.#attempts, delayMs, error: describeThrown(error) },
      `flow "${this.#name}" begins anew in ${Math.round(delayMs)} ms, from the start of its sources: ${describeThrown(error)}`,
    );
    await new Promise<void>((resolve) => {
      const cancel = clock.wake(delayMs, resolve);
      this.#cutBackoff = () => {
        cancel();
        resolve();
      };
    });
    budget.spend(clock.monotonicMs());
  }

  #end(error: Error | undefined): void {
    for (const output of this.outputs.values()) output.end(error === undefined ? undefined : { thrown: error });
    this.#failed = error !== undefined;
    this.reported();
    for (const reader of this.#statsReaders) reader.end();
    if (error === undefined) this.#settle?.resolve();
    else this.#settle?.reject(error);
  }

  statistics(): RunStatistics {
    return this.#attempt!.statistics(this.#attempts);
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

  readonly reported = (): void => {
    if (this.#statsReaders.size === 0 || this.#attempt === undefined) return;
    const statistics = this.statistics();
    for (const reader of this.#statsReaders) {
      if (reader.buffered > 0) reader.dropOldest();
      reader.push(statistics);
    }
  };

  explain(): readonly Explanation[] {
    return this.#attempt!.explain();
  }

  bounds(): Bounds {
    return boundsOf(this.#plan);
  }

  deadLetters(): Stream<DeadElement> {
    const output = this.outputs.get(deadLettersName) ?? new SideOutput({ waits: false });
    if (!this.outputs.has(deadLettersName)) output.end();
    return output.stream() as Stream<DeadElement>;
  }

  output<N extends keyof O & string>(name: N): Stream<O[N]> {
    const output = name === deadLettersName ? undefined : this.outputs.get(name);
    if (output !== undefined) return output.stream() as Stream<O[N]>;
    const known = [...this.outputs.keys()].filter((one) => one !== deadLettersName).map((one) => `"${one}"`);
    const has = known.length === 0 ? 'none' : known.join(', ');
    throw new UsageError(`flow "${this.#name}" has no output "${name}"; it has ${has}`);
  }

  table<N extends TableNames<O>>(name: N): TableHandle<O, N> {
    const tables = tablesOf(this.#plan);
    const segment = tables.get(name);
    if (segment === undefined) {
      const has = tables.size === 0 ? 'none' : [...tables.keys()].map((one) => `"${one}"`).join(', ');
      throw new UsageError(`flow "${this.#name}" has no table "${name}"; it has ${has}`);
    }
    const partitions = (): readonly StageRef[] => this.#partitionsOf(name, segment);
    return new PartitionedTable(this.#name, name, partitions) as unknown as TableHandle<O, N>;
  }

  #partitionsOf(table: string, segment: number): readonly StageRef[] {
    if (this.#cancelled || this.#failed) throw new TableUnavailable(this.#name, table, 'ended');
    const partitions = this.#attempt!.instancesOf(segment);
    if (partitions === undefined) throw new TableUnavailable(this.#name, table, 'restarting');
    return partitions;
  }

  async cancel(): Promise<void> {
    this.#cancelled = true;
    this.#cutBackoff();
    this.#attempt?.fail(new FlowCancelled(this.#name));
    await this.#done.catch(() => undefined);
    await this.#attempt?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cancel();
  }
}

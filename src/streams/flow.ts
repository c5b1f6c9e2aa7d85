/**
 * Flows: typed, backpressured dataflow from a source to a sink, over the threads and machines of a system.
 *
 * A flow stands in the registry like an actor: every place loads the same module and builds its own part of the same
 * graph, so no closure crosses a thread (as in Timely Dataflow).
 */
import type * as z from 'zod';
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { ActorSystem } from '../runtime/actor-system.ts';
import type { RunnableFlow, RunOptions, RunRestarts } from '../runtime/flow-definition.ts';
import { type Bounds, boundsOf } from './bounds.ts';
import { buildPlan } from './builder.ts';
import type { FlowBuilder, FlowEnd, Outputs, outputsOf } from './flow-types.ts';
import type { Plan } from './plan.ts';
import { type Run, startRun } from './run.ts';
import { type StageDefinition, stageActor } from './stage-actor.ts';

/** What `flow` makes: for the registry, and for `system.run`. */
export interface Flow<A extends z.ZodType, O extends Outputs = {}> extends RunnableFlow<A, Run<O>> {
  readonly [outputsOf]?: O;
  /**
   * The most elements that each part of a run with these arguments may hold, and about what they may weigh.
   *
   * @throws UsageError where the arguments do not fit, or the graph makes no sense.
   */
  bounds(args: z.input<A>): Bounds;
}

/**
 * Declares a flow.
 *
 * @param name How it is found in other places: letters, digits, `-`, `_`, `.`; at most 128 characters.
 * @param options.args the schema of its arguments.
 * @param build makes the graph from the arguments. It runs on every place that takes part and must make the same graph
 *   each time, so it depends on its arguments alone; it opens nothing.
 * @throws UsageError for a bad name. A graph that makes no sense is refused when the flow is run.
 */
export function flow<const N extends string, A extends z.ZodType, O extends Outputs>(
  name: N,
  options: { args: A },
  build: (builder: FlowBuilder, args: z.output<A>) => FlowEnd<O>,
): Flow<A, O> {
  return new FlowDefinition<A, O>(name, options.args, build);
}

/** A flow with its code. */
export class FlowDefinition<A extends z.ZodType, O extends Outputs> implements Flow<A, O> {
  readonly kind = 'flow' as const;
  readonly name: string;
  readonly args: A;
  /** The actor that each instance of a segment runs in. */
  readonly stage: StageDefinition;
  /** What the registry holds beside the flow. */
  readonly actors: readonly StageDefinition[];
  readonly #build: (builder: FlowBuilder, args: z.output<A>) => FlowEnd<O>;

  constructor(name: string, args: A, build: (builder: FlowBuilder, args: z.output<A>) => FlowEnd<O>) {
    if (typeof name !== 'string' || !/^[\w.-]+$/.test(name) || name.length > limits.nameCharactersMax) {
      const rule = `letters, digits, '-', '_' and '.', at most ${limits.nameCharactersMax}`;
      throw new UsageError(`flow(${JSON.stringify(name)}, …): a name has ${rule}`);
    }
    if (typeof build !== 'function') throw new UsageError(`flow '${name}' needs a function that builds it`);
    this.name = name;
    this.args = args;
    this.#build = build;
    this.stage = stageActor(name, (given) => this.plan(args.parse(given)));
    this.actors = [this.stage];
  }

  start(system: ActorSystem, given: unknown, { restart }: RunOptions = {}): Promise<Run<O>> {
    if (restart !== undefined) checkRestarts(this.name, restart);
    return startRun(this, system, given, restart);
  }

  bounds(args: z.input<A>): Bounds {
    const parsed = this.args.safeParse(args);
    if (!parsed.success) throw new UsageError(`arguments of flow "${this.name}" do not fit: ${parsed.error.message}`);
    return boundsOf(this.plan(parsed.data));
  }

  /** The graph for arguments that the schema has parsed. */
  plan(args: z.output<A>): Plan {
    return buildPlan(this.name, (builder) => this.#build(builder, args));
  }
}

function checkRestarts(flowName: string, { max, withinMs = 1, backoff = { minMs: 1, maxMs: 1 } }: RunRestarts): void {
  const { minMs, maxMs } = backoff;
  const good = Number.isSafeInteger(max) && max >= 1 && withinMs > 0 && minMs > 0 && maxMs >= minMs && maxMs < Infinity;
  if (good) return;
  const rule = '{ max: 1 or more, withinMs?: above 0, backoff?: { minMs, maxMs } }';
  throw new UsageError(`a run of flow "${flowName}" is given a restart that is none; it is ${rule}`);
}

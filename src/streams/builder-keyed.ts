/** What can stand behind `keyBy`: each step that keeps state adds a processor to the graph. */
import { checkKeys } from '../actors/given.ts';
import type { UsageError } from '../base/errors.ts';
import type { Key } from '../base/hash-key.ts';
import type { TableOptions, WithTableOptions } from './builder-tables.ts';
import type { AnyStage, EmitOptions, FlowEnd, Keyed, Outputs, ViaOptions } from './flow-types.ts';
import type { KeyNode, ProcessorNode } from './graph.ts';
import type { Via } from './island.ts';
import { joinProcessor } from './joins/join-processor.ts';
import type { JoinHow, JoinSpec } from './joins/join-spec.ts';
import { checkTtl } from './keyed/expiry.ts';
import { firstOfKey } from './keyed/first-of-key.ts';
import { processSpec } from './keyed/process.ts';
import type { AnyProcessHandlers } from './keyed/process-types.ts';
import { runningAggregates } from './keyed/running-aggregates.ts';
import { runningValue } from './keyed/running-value.ts';
import type { StateSpecs } from './keyed/state.ts';
import type { ProcessorSpec } from './processor.ts';
import { type Aggregate, retractingForms } from './windows/aggregate.ts';
import { windowMisfit } from './windows/make-windowing.ts';
import { onClose, type Trigger } from './windows/trigger.ts';
import type { WindowSpec } from './windows/window.ts';
import { windowProcessor } from './windows/window-processor.ts';

/** The graph, as the steps see it. */
export interface KeyedGraph {
  via(before: KeyNode, name: string, operator: Via['operator'], options: ViaOptions | undefined): AnyStage;
  /** @param inputs what the ports of the processor are. */
  processor(inputs: readonly KeyNode[], spec: ProcessorSpec, options?: ProcessorOptions): AnyStage;
  table(node: KeyNode, name: string, options: TableOptions | undefined): FlowEnd<Outputs>;
  withTable(left: KeyNode, table: unknown, options: WithTableOptions | undefined): AnyStage;
  /** What another `keyBy` of the flow added; undefined for anything else. */
  keyNode(keyed: unknown): KeyNode | undefined;
  checkDuration(option: string, valueMs: number): void;
  wrong(what: string): UsageError;
}

/** What a processor has beside its spec, unless it has it not. */
export type ProcessorOptions = Partial<Pick<ProcessorNode, 'late' | 'sides'>> & {
  /** What the stage is called; after its kind unless given. */
  readonly name?: string;
};

interface WindowOptions {
  readonly allowedLatenessMs?: number;
  readonly late?: string;
  readonly trigger?: Trigger;
}

interface JoinOptions {
  readonly how?: JoinHow;
  readonly late?: string;
}

type Aggregates = Readonly<Record<string, Aggregate<unknown, unknown>>>;

/** @param revised whether the elements are revisions of values; see `regroup`. */
export function keyedSteps(node: KeyNode, graph: KeyedGraph, revised = false): Keyed<unknown, Key, Outputs> {
  const steps = {
    via: (name: string, operator: Via['operator'], options?: ViaOptions) => graph.via(node, name, operator, options),
    window: (window: WindowSpec, options: WindowOptions = {}) => {
      const { allowedLatenessMs = 0, late, trigger = onClose() } = options;
      if (!node.timed) throw graph.wrong('has windows but no event time; give from(source, { time: (item) => … })');
      graph.checkDuration('allowedLatenessMs', allowedLatenessMs);
      const misfit = windowMisfit(window, trigger, allowedLatenessMs);
      if (misfit !== undefined) throw graph.wrong(misfit);
      return {
        aggregate: (aggregates: Aggregates) =>
          graph.processor([node], windowProcessor({ window, trigger, allowedLatenessMs, aggregates }), { late }),
      };
    },
    table: (name: string, options?: TableOptions) => graph.table(node, name, options),
    withTable: (table: unknown, options?: WithTableOptions) => graph.withTable(node, table, options),
    aggregate: (aggregates: Aggregates, { emit = 'each', ...options }: TtlOptions & EmitOptions = {}) => {
      const forms = revised ? retractingForms('regroup(…).aggregate(…)', aggregates) : aggregates;
      if (emit !== 'each' && emit !== 'watermark') {
        throw graph.wrong(`gives aggregate(…) emit: ${JSON.stringify(emit)}; it is 'each' or 'watermark'`);
      }
      if (emit === 'watermark' && !node.timed) {
        throw graph.wrong(
          "gives aggregate(…) emit: 'watermark' but no event time; give from(source, { time: (item) => … })",
        );
      }
      // A group whose values went without being taken back would come to less than is there.
      if (revised) checkKeys(options, [], 'regroup(…).aggregate(…, options)');
      const ttlMs = ttlOf('aggregate(…, options)', options);
      return graph.processor([node], runningAggregates(forms, { revised, ttlMs, emit }));
    },
    reduce: (reducer: (value: unknown, item: unknown) => unknown, options?: TtlOptions) => {
      if (typeof reducer !== 'function') throw graph.wrong('gives reduce(…) no function');
      return graph.processor(
        [node],
        runningValue({
          kind: 'reduce',
          first: (item) => item,
          next: reducer,
          newestOnly: false,
          ttlMs: ttlOf('reduce(…, options)', options),
        }),
      );
    },
    scanBy: (
      scanner: (value: unknown, item: unknown, key: Key) => unknown,
      seed: (key: Key) => unknown,
      options?: TtlOptions,
    ) => {
      if (typeof scanner !== 'function' || typeof seed !== 'function') {
        throw graph.wrong('gives scanBy(…) no functions: scanBy((sum, item) => sum + item.price, () => 0)');
      }
      const first = (item: unknown, key: Key): unknown => scanner(seed(key), item, key);
      const ttlMs = ttlOf('scanBy(…, options)', options);
      return graph.processor([node], runningValue({ kind: 'scan-by', first, next: scanner, newestOnly: false, ttlMs }));
    },
    latest: (options?: TtlOptions) => {
      const first = (item: unknown): unknown => item;
      const next = (_value: unknown, item: unknown): unknown => item;
      const ttlMs = ttlOf('latest(options)', options);
      return graph.processor([node], runningValue({ kind: 'latest', first, next, newestOnly: node.timed, ttlMs }));
    },
    first: (options?: TtlOptions) => graph.processor([node], firstOfKey(ttlOf('first(options)', options))),
    state: (states: StateSpecs) => {
      checkStates(states, graph);
      return {
        process: (name: string, handlers: AnyProcessHandlers) => {
          checkHandlers(name, handlers, graph);
          return graph.processor([node], processSpec({ states, handlers }), { name, sides: handlers.outputs ?? [] });
        },
      };
    },
    join: (other: unknown, spec: JoinSpec<unknown>, options: JoinOptions = {}) => {
      const right = graph.keyNode(other);
      const misfit = right === undefined ? notKeyed : joinMisfit(node, right, spec, options);
      if (misfit !== undefined) throw graph.wrong(misfit);
      const { how = 'inner', late } = options;
      return graph.processor([node, right!], joinProcessor(spec, how), { late });
    },
  };
  return (revised ? { aggregate: steps.aggregate } : steps) as unknown as Keyed<unknown, Key, Outputs>;
}

const notKeyed = 'gives join(…) something that is not split by key: left.keyBy(…).join(right.keyBy(…), within({ … }))';

/** Why two streams cannot be joined so; undefined where they can. */
function joinMisfit(
  left: KeyNode,
  right: KeyNode,
  spec: JoinSpec<unknown>,
  { how = 'inner', late }: JoinOptions,
): string | undefined {
  const kind = (spec as JoinSpec<unknown> | undefined)?.kind;
  if (kind === undefined || !joinKinds.includes(kind)) {
    return 'gives join(…) no way to join: during(…), within(…), asOf(…) or always(…)';
  }
  if (!joinHows.includes(how)) return `joins with how: ${JSON.stringify(how)}; it is 'inner', 'left' or 'anti'`;
  if (right.parallelism !== left.parallelism && right.parallelism !== 1) {
    return `joins ${left.parallelism} partitions with ${right.parallelism}; leave the right side's parallelism out`;
  }
  if (right.on !== undefined && right.on !== left.on) {
    return "says twice where a join runs; leave 'on' out of the right side's keyBy(…)";
  }
  if (spec.kind === 'always') {
    if (late !== undefined) return 'gives always(…) an output for what is late; nothing is late for it';
    if (how === 'inner' || spec.leftTtlMs !== Infinity) return undefined;
    return `joins always with how: '${how}' and no leftTtlMs: a match may come at any time, so no left would ever be without one; give always({ leftTtlMs })`;
  }
  if (left.timed && right.timed) return undefined;
  const side = left.timed ? 'right' : 'left';
  return `joins by event time, but the ${side} side has none; give from(source, { time: (item) => … }), or join always(…)`;
}

const joinKinds: readonly string[] = ['during', 'within', 'as-of', 'always'] satisfies JoinSpec<unknown>['kind'][];
const joinHows: readonly string[] = ['inner', 'left', 'anti'] satisfies JoinHow[];
/** How long keys stay without an element. */
interface TtlOptions {
  readonly ttlMs?: number;
}

function ttlOf(what: string, options: TtlOptions = {}): number {
  checkKeys(options, ['ttlMs'], what);
  const { ttlMs = Infinity } = options;
  checkTtl(what, ttlMs);
  return ttlMs;
}

function checkStates(states: StateSpecs, graph: KeyedGraph): void {
  const kinds = ['value', 'list', 'map', 'sorted'];
  if (typeof states !== 'object' || states === null)
    throw graph.wrong('gives state(…) no states: state({ n: valueState(0) })');
  for (const [name, spec] of Object.entries(states)) {
    if (kinds.includes((spec as Partial<typeof spec> | null | undefined)?.kind ?? '')) continue;
    throw graph.wrong(
      `gives state(…) '${name}' which is none; it is what valueState, listState, mapState or sortedState returned`,
    );
  }
}

function checkHandlers(name: string, handlers: AnyProcessHandlers, graph: KeyedGraph): void {
  checkKeys(handlers, ['outputs', 'onElement', 'onTimer'], `process('${name}', …)`);
  const { onElement, onTimer, outputs = [] } = handlers;
  if (typeof onElement !== 'function') throw graph.wrong(`gives process('${name}', …) no onElement(item, context)`);
  if (onTimer !== undefined && typeof onTimer !== 'function') {
    throw graph.wrong(`gives process('${name}', …) an onTimer that is no function`);
  }
  if (!Array.isArray(outputs)) throw graph.wrong(`gives process('${name}', …) outputs that are no list of names`);
}

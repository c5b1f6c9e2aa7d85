/** The builder behind `flow`: each call adds a node to the graph, which is then cut into segments. */
import type { Observable } from 'rxjs';
import { checkKeys } from '../actors/given.ts';
import type { Where } from '../actors/placed/where.ts';
import type { Accepts, Subscribable } from '../actors/protocol.ts';
import { UsageError } from '../base/errors.ts';
import type { Key } from '../base/hash-key.ts';
import { limits } from '../base/limits.ts';
import { keyedSteps } from './builder-keyed.ts';
import { joinWithTable, type TableOptions, tableSpec, type WithTableOptions } from './builder-tables.ts';
import type { ProcessingTime, TimeOptions } from './event-time.ts';
import type { AnyStage, FlowBuilder, FlowEnd, Keyed, Outputs, SourceOptions, ViaOptions } from './flow-types.ts';
import { toOperation } from './for-each.ts';
import { fromIterable } from './from-iterable.ts';
import {
  type Fanning,
  type GraphNode,
  heldBackBy,
  type Joining,
  type KeyNode,
  leadingTo,
  type SourceNode,
} from './graph.ts';
import { fromObservable, type HotOptions } from './hot-source.ts';
import type { Via } from './island.ts';
import { type Change, groupOfRevision, toRevisions } from './keyed/change.ts';
import { streamLimits } from './limits.ts';
import { checkOverflow, type OverflowStrategy } from './overflow.ts';
import { deadLettersName, type Plan, planOf } from './plan.ts';
import type { ProcessorSpec } from './processor.ts';
import { isSink, type Sink } from './sink.ts';
import { isSource, type Source } from './source.ts';

/**
 * Runs a flow's build function and cuts what it built.
 *
 * @throws UsageError where the graph makes no sense; whatever `build` throws.
 */
export function buildPlan(flowName: string, build: (builder: FlowBuilder) => FlowEnd<Outputs>): Plan {
  const graph = new Graph(flowName);
  const join =
    (how: Joining) =>
    (...stages: AnyStage[]) =>
      graph.join(how, stages);
  const builder = {
    from: (source: Source<unknown>, time?: TimeOptions<unknown> | ProcessingTime, placed?: SourceOptions) =>
      graph.source(sourceOf(source), time, placed),
    fromHot: (source: Observable<unknown>, options: HotOptions & (Partial<TimeOptions<unknown>> | ProcessingTime)) => {
      const { time, outOfOrderMs, split, idleMs } = options as Partial<TimeOptions<unknown>>;
      const timed = time === undefined ? undefined : { time, ...defined({ outOfOrderMs, split, idleMs }) };
      return graph.source(fromObservable(source, options), timed);
    },
    merge: join('merge'),
    concat: join('concat'),
    zip: join('zip'),
    combineLatest: join('combineLatest'),
    ends: (...ends: FlowEnd<Outputs>[]) => graph.ends(ends),
  };
  return graph.finish(build(builder as unknown as FlowBuilder));
}

type ReadableStreamOf<T> = AsyncIterable<T> & Subscribable<T>;

function sourceOf(given: Source<unknown> | ReadableStreamOf<unknown>): Source<unknown> {
  if (isSource(given)) return given;
  if (Symbol.asyncIterator in Object(given)) return fromIterable(given as AsyncIterable<unknown>, { name: 'stream' });
  throw new UsageError(
    'from(…) takes a Source (fromIterable(…), parquet(…)) or the stream of an actor (ref.changes()); an Observable ' +
      'cannot be told to wait, so it needs fromHot(…, { overflow, capacity })',
  );
}

type NodeOf<K extends GraphNode['kind']> = Extract<GraphNode, { kind: K }>;
/** What a node is made of beside what the graph adds. */
type Given<K extends GraphNode['kind']> = Omit<NodeOf<K>, 'next' | 'before' | 'timed' | 'stage' | 'kind'>;

class Graph {
  readonly #flowName: string;
  readonly #nodes: GraphNode[] = [];
  readonly #stages = new Map<unknown, GraphNode>();
  readonly #keys = new Map<unknown, KeyNode>();
  readonly #ends = new Map<FlowEnd<Outputs>, readonly GraphNode[]>();
  /** Names of stages and of side outputs that are taken. */
  readonly #names = new Set<string>();
  readonly #outputs = new Set<string>();

  constructor(flowName: string) {
    this.#flowName = flowName;
  }

  source(
    source: Source<unknown>,
    time: TimeOptions<unknown> | ProcessingTime | undefined,
    { on, parallelism = 1 }: SourceOptions = {},
  ): AnyStage {
    if (time !== undefined) this.#checkTime(time);
    this.#checkParallelism(`source '${source.name}'`, parallelism);
    if (parallelism > 1 && source.parallel !== true) {
      throw this.#wrong(
        `asks source '${source.name}' for parallelism ${parallelism}, but it can be read by one instance only; ` +
          'join several sources by merge, or spread the stages behind it',
      );
    }
    return this.#stageOf(this.#add('source', 'source', [], { source, time, on, parallelism }, time !== undefined));
  }

  join(how: Joining, stages: readonly unknown[]): AnyStage {
    const before = stages.map((stage) => {
      const node = this.#stages.get(stage);
      if (node === undefined) throw this.#wrong(`gives ${how}(…) something that is no stage of this flow`);
      return node;
    });
    if (before.length < 2) throw this.#wrong(`gives ${how}(…) ${before.length} stages; it joins two or more`);
    if (how === 'concat') this.#checkConcat(before);
    return this.#stageOf(this.#add('join', how, before, { how }));
  }

  ends(ends: readonly FlowEnd<Outputs>[]): FlowEnd<Outputs> {
    return this.#endOf(ends.flatMap((end) => this.#sinksOf(end)));
  }

  finish(end: FlowEnd<Outputs>): Plan {
    const returned = new Set(this.#sinksOf(end));
    for (const node of this.#nodes) {
      const isEnd = node.kind === 'sink' || node.kind === 'output' || node.kind === 'table';
      if (isEnd ? returned.has(node) : node.next.length > 0) continue;
      if (isEnd) {
        throw this.#wrong('has an end that the build function does not return; return f.ends(one, another)');
      }
      throw this.#wrong(`has no end behind '${node.stage}'; go on with to(…), and return what it gives`);
    }
    return planOf(this.#nodes.filter((node): node is SourceNode => node.kind === 'source'));
  }

  // ── nodes ──

  #add<K extends GraphNode['kind']>(
    kind: K,
    stage: string,
    before: readonly GraphNode[],
    given: Given<K>,
    timed = before.every((one) => one.timed),
    named = kind === 'via' || kind === 'branch',
  ): NodeOf<K> {
    for (const [index, one] of before.entries()) {
      if ((one.next.length > 0 || before.includes(one, index + 1)) && one.kind !== 'fan') {
        throw this.#wrong(`continues stage '${one.stage}' twice; split it with broadcast, balance or partition`);
      }
    }
    const node = { kind, stage: named ? stage : this.#nameOf(stage), before, next: [], timed, ...given };
    for (const one of before) one.next.push(node as unknown as GraphNode);
    this.#nodes.push(node as unknown as GraphNode);
    return node as unknown as NodeOf<K>;
  }

  #stageOf(node: GraphNode): AnyStage {
    const stage = {
      via: (name: string, operator: Via['operator'], options?: ViaOptions) => this.#via(node, name, operator, options),
      keyBy: (keyOf: (item: unknown) => Key, options?: { parallelism?: number; on?: Where }) =>
        this.#keyBy(node, keyOf, options),
      regroup: (groupOf: (value: unknown) => Key, options?: { parallelism?: number; on?: Where }) =>
        this.#regroup(node, groupOf, options),
      withTable: (table: unknown, options?: WithTableOptions) => this.#withTable(node, table, options),
      withLatestFrom: (...others: unknown[]) => this.join('withLatestFrom', [stage, ...others]),
      overflow: (strategy: OverflowStrategy<unknown>) => {
        checkOverflow(strategy);
        return this.#stageOf(this.#add('overflow', 'overflow', [node], { strategy }));
      },
      broadcast: (...names: string[]) => this.#fan(node, 'broadcast', names),
      balance: (...names: string[]) => this.#fan(node, 'balance', names),
      partition: (predicates: Record<string, (item: unknown) => boolean>) =>
        this.#fan(node, 'partition', Object.keys(predicates), Object.values(predicates)),
      output: (name: string) => {
        this.#checkOutput(name);
        return this.#endOf([this.#add('output', 'output', [node], { name })]);
      },
      table: (name: string, { parallelism, on, ...options }: TableOptions & WithTableOptions = {}) => {
        const placed = { ...(parallelism === undefined ? {} : { parallelism }), ...(on === undefined ? {} : { on }) };
        return this.#table(
          this.#keyNode(node, (change) => (change as Change<Key, unknown>).key, placed),
          name,
          options,
          true,
        );
      },
      to: (given: Sink<unknown> | Accepts<unknown>) => {
        const sink = isSink(given) ? given : toOperation(given);
        return this.#endOf([this.#add('sink', 'sink', [node], { sink })]);
      },
    } as unknown as AnyStage;
    this.#stages.set(stage, node);
    return stage;
  }

  #via(before: GraphNode, name: string, operator: Via['operator'], options: ViaOptions = {}): AnyStage {
    this.#checkName(name);
    if (typeof operator !== 'function') throw this.#wrong(`gives via('${name}', …) no function`);
    checkKeys(options, ['on', 'parallelism', 'onFailure', 'durable'], `via('${name}', …): its options`);
    const { on, parallelism = 1, onFailure = 'fail', durable = false } = options;
    this.#checkParallelism(`via('${name}', …)`, parallelism);
    this.#checkFailure(name, onFailure);
    if (typeof durable !== 'boolean')
      throw this.#wrong(`gives via('${name}', …) durable: ${String(durable)}, no boolean`);
    const placed = on === undefined && parallelism === 1 ? undefined : { on, parallelism };
    return this.#stageOf(this.#add('via', name, [before], { via: { name, operator, onFailure, durable }, placed }));
  }

  #keyBy(
    before: GraphNode,
    keyOf: (item: unknown) => Key,
    options: { parallelism?: number; on?: Where } = {},
  ): Keyed<unknown, Key, Outputs> {
    if (typeof keyOf !== 'function') throw this.#wrong('gives keyBy no function: keyBy((item) => item.id)');
    return this.#keyed(this.#keyNode(before, keyOf, options));
  }

  #keyNode(before: GraphNode, keyOf: KeyNode['keyOf'], options: { parallelism?: number; on?: Where }): KeyNode {
    const { parallelism = 1, on } = options;
    this.#checkParallelism('keyBy', parallelism);
    return this.#add('key', 'key-by', [before], { keyOf, parallelism, on });
  }

  #table(node: KeyNode, name: string, options: TableOptions, changes: boolean): FlowEnd<Outputs> {
    this.#checkOutput(name);
    const spec = tableSpec(name, options, changes, (what) => this.#wrong(what));
    const { on, parallelism } = node;
    const given = { spec, late: undefined, sides: [], on, parallelism, broadcast: undefined };
    const keeper = this.#add('processor', spec.kind, [node], given);
    return this.#endOf([this.#add('table', 'kept', [keeper], { name })]);
  }

  /** Splits changes by a group that their values are in, as revisions of the groups. */
  #regroup(
    before: GraphNode,
    groupOf: (value: unknown) => Key,
    options?: { parallelism?: number; on?: Where },
  ): Keyed<unknown, Key, Outputs> {
    if (typeof groupOf !== 'function')
      throw this.#wrong('gives regroup no function: regroup((value) => value.category)');
    const via: Via = {
      name: this.#nameOf('regroup'),
      operator: toRevisions(groupOf) as Via['operator'],
      onFailure: 'fail',
    };
    const revisions = this.#add('via', via.name, [before], { via, placed: undefined });
    const { parallelism = 1, on } = options ?? {};
    this.#checkParallelism('regroup', parallelism);
    const keyOf = groupOfRevision(groupOf) as (item: unknown) => Key;
    return this.#keyed(this.#add('key', 'key-by', [revisions], { keyOf, parallelism, on }), true);
  }

  #keyed(node: KeyNode, revised = false): Keyed<unknown, Key, Outputs> {
    const keyed = keyedSteps(
      node,
      {
        via: (at, name, operator, options) => this.#via(at, name, operator, options),
        processor: (inputs, spec, { name, late, sides = [] } = {}) => {
          if (name !== undefined) this.#checkName(name);
          for (const output of late === undefined ? sides : [late, ...sides]) this.#checkOutput(output);
          const { on, parallelism } = inputs[0]!;
          const given = { spec, late, sides, on, parallelism, broadcast: undefined };
          const timed = inputs.every((input) => input.timed);
          return this.#stageOf(this.#add('processor', name ?? spec.kind, inputs, given, timed, name !== undefined));
        },
        withTable: (left, table, options) => this.#withTable(left, table, options),
        table: (at, name, options) => this.#table(at, name, options ?? {}, false),
        keyNode: (other) => this.#keys.get(other),
        checkDuration: (option, valueMs) => this.#checkDuration(option, valueMs),
        wrong: (what) => this.#wrong(what),
      },
      revised,
    );
    // Revisions can be counted, and be nothing else.
    if (!revised) this.#keys.set(keyed, node);
    return keyed;
  }

  #withTable(left: GraphNode, table: unknown, options: WithTableOptions | undefined): AnyStage {
    const graph = {
      nodeOf: (given: unknown) => this.#keys.get(given) ?? this.#stages.get(given),
      processor: (
        inputs: readonly GraphNode[],
        spec: ProcessorSpec,
        placed: { on: Where | undefined; parallelism: number; broadcast: number },
      ) => {
        const { on, parallelism, broadcast } = placed;
        const given = { spec, late: undefined, sides: [], on, parallelism, broadcast };
        return this.#stageOf(this.#add('processor', spec.kind, inputs, given, left.timed));
      },
      checkParallelism: (what: string, parallelism: number) => this.#checkParallelism(what, parallelism),
      wrong: (what: string) => this.#wrong(what),
    };
    return joinWithTable(graph, left, table, options);
  }

  #fan(
    before: GraphNode,
    how: Fanning,
    names: readonly string[],
    predicates: readonly ((item: unknown) => boolean)[] = [],
  ): Record<string, AnyStage> {
    if (names.length < 1) throw this.#wrong(`names no branch: ${how}('one', 'another')`);
    if (new Set(names).size < names.length) throw this.#wrong(`names two branches of ${how} '${names.join("', '")}'`);
    const fan = this.#add('fan', how, [before], { how, names, predicates });
    return Object.fromEntries(names.map((name) => [name, this.#stageOf(this.#add('branch', name, [fan], {}))]));
  }

  #endOf(sinks: readonly GraphNode[]): FlowEnd<Outputs> {
    const end: FlowEnd<Outputs> = Object.freeze({});
    this.#ends.set(end, sinks);
    return end;
  }

  #sinksOf(end: FlowEnd<Outputs>): readonly GraphNode[] {
    const sinks = this.#ends.get(end);
    if (sinks !== undefined) return sinks;
    throw this.#wrong('has no end: the build function must return what to(…) returned, as in f.from(…).to(…)');
  }

  // ── checks ──

  /** `window`, then `window-2` and so on. */
  #nameOf(kind: string): string {
    for (let count = 1; ; count += 1) {
      const name = count === 1 ? kind : `${kind}-${count}`;
      if (this.#names.has(name)) continue;
      this.#names.add(name);
      return name;
    }
  }

  #checkName(name: string): void {
    if (typeof name !== 'string' || name === '' || name.length > limits.nameCharactersMax) {
      throw this.#wrong(`names a via ${JSON.stringify(name)}; a name has 1 to ${limits.nameCharactersMax} characters`);
    }
    if (reservedNames.test(name)) {
      throw this.#wrong(`names a via '${name}', which is the name of another kind of stage; choose another`);
    }
    if (this.#names.has(name)) throw this.#wrong(`names two stages '${name}'; names are unique within a flow`);
    this.#names.add(name);
  }

  #checkOutput(name: string): void {
    if (typeof name !== 'string' || name === '' || name.length > limits.nameCharactersMax || name === deadLettersName) {
      const rule = `1 to ${limits.nameCharactersMax} characters, and '${deadLettersName}' is taken`;
      throw this.#wrong(`names a side output ${JSON.stringify(name)}; a name has ${rule}`);
    }
    if (this.#outputs.has(name)) throw this.#wrong(`names two side outputs '${name}'; names are unique within a flow`);
    this.#outputs.add(name);
  }

  /** The second input would fill up while the first is read, and the first would wait for the fan-out that both come from. */
  #checkConcat(inputs: readonly GraphNode[]): void {
    const seen = new Set<GraphNode>();
    for (const input of inputs) {
      const common = [...heldBackBy(input)].find((node) => node.kind === 'fan' && seen.has(node));
      if (common !== undefined) {
        throw this.#wrong(
          `joins two branches of '${common.stage}' by concat, which would wait for ever: the second is read when the ` +
            'first has ended, and holds it back until then. Join them by merge, or give the second overflow(…)',
        );
      }
      for (const node of leadingTo(input)) seen.add(node);
    }
  }

  #checkParallelism(what: string, parallelism: number): void {
    if (Number.isSafeInteger(parallelism) && parallelism >= 1 && parallelism <= streamLimits.keyGroups) return;
    throw this.#wrong(`asks ${what} for parallelism ${String(parallelism)}; it is 1 to ${streamLimits.keyGroups}`);
  }

  #checkFailure(name: string, given: NonNullable<ViaOptions['onFailure']>): void {
    const { max, withinMs } = (given as { restart?: { max: number; withinMs: number } }).restart ?? {};
    if (given === 'fail' || (Number.isSafeInteger(max) && max! >= 1 && Number.isFinite(withinMs) && withinMs! > 0))
      return;
    throw this.#wrong(
      `gives via('${name}', …) onFailure as neither 'fail' nor { restart: { max: 1 or more, withinMs } }`,
    );
  }

  #checkTime(options: TimeOptions<unknown> | ProcessingTime): void {
    if (options.time === 'processing') return;
    const { time, outOfOrderMs = 0, split, idleMs } = options;
    if (typeof time !== 'function') throw this.#wrong('gives its source no time function: { time: (item) => … }');
    if (split !== undefined && typeof split !== 'function')
      throw this.#wrong('gives its source a split that is no function: { split: (item) => item.device }');
    this.#checkDuration('outOfOrderMs', outOfOrderMs);
    if (idleMs === undefined || idleMs === false) return;
    this.#checkDuration('idleMs', idleMs);
    if (idleMs === 0)
      throw this.#wrong('gives idleMs: 0; it takes at least 1, or false for a source that is never idle');
  }

  #checkDuration(option: string, valueMs: number): void {
    if (Number.isFinite(valueMs) && valueMs >= 0) return;
    throw this.#wrong(`gives ${option}: ${String(valueMs)}; it takes milliseconds from 0 on`);
  }

  #wrong(what: string): UsageError {
    return new UsageError(`flow '${this.#flowName}' ${what}`);
  }
}

const reservedNames =
  /^(source|sink|output|gather|key-by|window|overflow|merge|concat|zip|combineLatest|withLatestFrom|broadcast|balance|partition)(-\d+)?$/;

/** The options that were given, so that those that were not stay absent. */
function defined<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}

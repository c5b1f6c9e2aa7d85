/** The builder behind `flow`: each call adds a step to a chain, which is then cut into segments. */
import type { Observable } from 'rxjs';
import type { Where } from '../actors/placed/where.ts';
import type { Accepts, Subscribable } from '../actors/protocol.ts';
import { UsageError } from '../base/errors.ts';
import type { Key } from '../base/hash-key.ts';
import { limits } from '../base/limits.ts';
import type { Aggregate } from './aggregate.ts';
import type { TimeOptions } from './event-time.ts';
import type { FlowBuilder, FlowEnd, Keyed, Outputs, Stage, Windowed } from './flow-types.ts';
import { toOperation } from './for-each.ts';
import { fromIterable } from './from-iterable.ts';
import { fromObservable, type HotOptions } from './hot-source.ts';
import type { Via } from './island.ts';
import { streamLimits } from './limits.ts';
import { type KeyTail, type Plan, planOf, type SourceHead, type Step } from './plan.ts';
import { isSink, type Sink } from './sink.ts';
import { isSource, type Source } from './source.ts';
import type { WindowSpec } from './window.ts';

/**
 * Runs a flow's build function and cuts what it built.
 *
 * @throws UsageError where the graph makes no sense; whatever `build` throws.
 */
export function buildPlan(flowName: string, build: (builder: FlowBuilder) => FlowEnd<Outputs>): Plan {
  const chain = new Chain(flowName);
  const end = build({
    from: (source, time) => chain.begin(sourceOf(source as Source<unknown>), time as TimeOptions<unknown> | undefined),
    fromHot: (source, options) => chain.beginHot(source as Observable<unknown>, options as HotOptions),
  } as FlowBuilder);
  return chain.finish(end);
}

function sourceOf(given: Source<unknown> | (AsyncIterable<unknown> & Subscribable<unknown>)): Source<unknown> {
  if (isSource(given)) return given;
  if (Symbol.asyncIterator in Object(given)) return fromIterable(given as AsyncIterable<unknown>, { name: 'stream' });
  throw new UsageError(
    'from(…) takes a Source (fromIterable(…), parquet(…)) or the stream of an actor (ref.changes()); an Observable ' +
      'cannot be told to wait, so it needs fromHot(…, { overflow, capacity })',
  );
}

/** The steps so far. A flow is one chain: every point of it is continued once. */
class Chain {
  readonly #flowName: string;
  readonly #steps: Step[] = [];
  readonly #viaNames = new Set<string>();
  readonly #end: FlowEnd<Outputs> = Object.freeze({});
  #keyed = 0;
  #timed = false;

  constructor(flowName: string) {
    this.#flowName = flowName;
  }

  begin(source: Source<unknown>, time: TimeOptions<unknown> | undefined): Stage<unknown> {
    if (this.#steps.length > 0) throw this.#wrong('has a second source; a flow has one in this version');
    if (time !== undefined) this.#checkTime(time);
    this.#timed = time !== undefined;
    return this.#add({ kind: 'source', stage: 'source', source, time } satisfies SourceHead);
  }

  beginHot(source: Observable<unknown>, options: HotOptions & Partial<TimeOptions<unknown>>): Stage<unknown> {
    const { time, outOfOrderMs, idleMs } = options;
    const timed = time === undefined ? undefined : { time, ...defined({ outOfOrderMs, idleMs }) };
    return this.begin(fromObservable(source, options), timed);
  }

  finish(end: FlowEnd<Outputs>): Plan {
    if (end !== this.#end || this.#steps.at(-1)?.kind !== 'sink') {
      throw this.#wrong('has no end: the build function must return what to(…) returned, as in f.from(…).to(…)');
    }
    return planOf(this.#steps);
  }

  #add(step: Step): Stage<unknown> {
    this.#steps.push(step);
    const position = this.#steps.length;
    return stageOf({
      via: (name, operator) => {
        this.#expectAt(position);
        this.#checkName(name);
        if (typeof operator !== 'function') throw this.#wrong(`gives via('${name}', …) no function`);
        return this.#add({ kind: 'via', via: { name, operator } });
      },
      keyBy: (keyOf, options) => {
        this.#expectAt(position);
        return this.#keyBy(keyOf, options);
      },
      to: (sink) => {
        this.#expectAt(position);
        this.#steps.push({ kind: 'sink', stage: 'sink', sink: isSink(sink) ? sink : toOperation(sink) });
        return this.#end;
      },
    });
  }

  #keyBy(
    keyOf: (item: unknown) => Key,
    options: { parallelism?: number; on?: Where } = {},
  ): Keyed<unknown, Key, Outputs> {
    const { parallelism = 1, on } = options;
    if (!Number.isSafeInteger(parallelism) || parallelism < 1 || parallelism > streamLimits.keyGroups) {
      throw this.#wrong(`asks keyBy for parallelism ${String(parallelism)}; it is 1 to ${streamLimits.keyGroups}`);
    }
    if (!this.#timed) throw this.#wrong('has windows but no event time; give from(source, { time: (item) => … })');
    this.#keyed += 1;
    const suffix = this.#keyed === 1 ? '' : `-${this.#keyed}`;
    const tail: KeyTail = { kind: 'key', stage: `key-by${suffix}`, keyOf, parallelism };
    return {
      window: (window: WindowSpec, windowOptions: { allowedLatenessMs?: number; late?: string } = {}) => {
        const { allowedLatenessMs = 0, late } = windowOptions;
        this.#checkDuration('allowedLatenessMs', allowedLatenessMs);
        if (late !== undefined) this.#checkOutput(late);
        const aggregate = (aggregates: Record<string, Aggregate<unknown, unknown>>): Stage<unknown> => {
          const stage = `window${suffix}`;
          return this.#add({
            kind: 'key',
            tail,
            on,
            head: { kind: 'window', stage, keyOf, window, allowedLatenessMs, late, aggregates },
          });
        };
        return { aggregate } as unknown as Windowed<unknown, Key, Outputs>;
      },
    } as unknown as Keyed<unknown, Key, Outputs>;
  }

  #expectAt(position: number): void {
    if (this.#steps.length === position) return;
    throw this.#wrong('continues one stage twice; a flow is one chain in this version, so split it into two flows');
  }

  #checkName(name: string): void {
    if (typeof name !== 'string' || name === '' || name.length > limits.nameCharactersMax) {
      throw this.#wrong(`names a via ${JSON.stringify(name)}; a name has 1 to ${limits.nameCharactersMax} characters`);
    }
    if (/^(source|sink|(key-by|window)(-\d+)?)$/.test(name)) {
      throw this.#wrong(`names a via '${name}', which is the name of another kind of stage; choose another`);
    }
    if (this.#viaNames.has(name)) throw this.#wrong(`names two stages '${name}'; names are unique within a flow`);
    this.#viaNames.add(name);
  }

  #checkOutput(name: string): void {
    const taken = this.#steps.some((step) => step.kind === 'key' && step.head.late === name);
    if (taken) throw this.#wrong(`names two side outputs '${name}'; names are unique within a flow`);
  }

  #checkTime({ time, outOfOrderMs = 0, idleMs }: TimeOptions<unknown>): void {
    if (typeof time !== 'function') throw this.#wrong('gives its source no time function: { time: (item) => … }');
    this.#checkDuration('outOfOrderMs', outOfOrderMs);
    if (idleMs === undefined) return;
    this.#checkDuration('idleMs', idleMs);
    if (idleMs === 0) throw this.#wrong('gives idleMs: 0; leave it out, or give at least 1');
  }

  #checkDuration(option: string, valueMs: number): void {
    if (Number.isFinite(valueMs) && valueMs >= 0) return;
    throw this.#wrong(`gives ${option}: ${String(valueMs)}; it takes milliseconds from 0 on`);
  }

  #wrong(what: string): UsageError {
    return new UsageError(`flow '${this.#flowName}' ${what}`);
  }
}

interface StageMethods {
  via(name: string, operator: Via['operator']): Stage<unknown>;
  keyBy(keyOf: (item: unknown) => Key, options?: { parallelism?: number; on?: Where }): Keyed<unknown, Key, Outputs>;
  to(sink: Sink<unknown> | Accepts<unknown>): FlowEnd<Outputs>;
}

function stageOf(methods: StageMethods): Stage<unknown> {
  return methods as unknown as Stage<unknown>;
}

/** The options that were given, so that those that were not stay absent. */
function defined<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}

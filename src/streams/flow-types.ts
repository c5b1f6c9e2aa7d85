/** What a flow is built from, as types: each step knows what the one before it gives. */
import type { Observable } from 'rxjs';
import type { Where } from '../actors/placed/where.ts';
import type { Accepts, Subscribable } from '../actors/protocol.ts';
import type { ProcessingTime, TimeOptions } from './event-time.ts';
import type { HotOptions } from './hot-source.ts';
import type { FailureOptions } from './island.ts';
import type {
  AlwaysSpec,
  AsOfSpec,
  DuringSpec,
  JoinHow,
  JoinResult,
  WindowJoinResult,
  WithinSpec,
} from './joins/join-spec.ts';
import type { HowWithTable } from './joins/table-join.ts';
import type { Change } from './keyed/change.ts';
import type { ProcessHandlers } from './keyed/process-types.ts';
import type { StateSpecs } from './keyed/state.ts';
import type { OverflowStrategy } from './overflow.ts';
import type { Sink } from './sink.ts';
import type { Source } from './source.ts';
import type { TableOf } from './tables/table.ts';
import type { Aggregate, Retractable } from './windows/aggregate.ts';
import type { OnClose, OnWatermark, Pane, Trigger } from './windows/trigger.ts';
import type { TimeWindow, WindowSpec } from './windows/window.ts';

/** Side outputs by name, and what their elements are. */
export type Outputs = { readonly [name: string]: unknown };
type Late<T, L> = L extends string ? { readonly [K in L]: T } : {};
/** Any stage, as one of several that are joined. */
// biome-ignore lint/suspicious/noExplicitAny: a stage takes and gives its elements, so no other type holds all stages.
export type AnyStage = Stage<any, any>;
type ElementOf<S> = S extends Stage<infer T, infer _O> ? T : never;
type ElementsOf<S extends readonly unknown[]> = { [I in keyof S]: ElementOf<S[I]> };
type Both<U> = (U extends unknown ? (given: U) => void : never) extends (given: infer I) => void ? I : never;
type OutputsOfStage<S> = S extends Stage<infer _T, infer O> ? O : never;
type OutputsOfEnd<E> = E extends FlowEnd<infer O> ? O : never;
type Joined<U> = Both<U> extends Outputs ? Both<U> : {};

/** Where a flow begins, and where several of its parts come together. */
export interface FlowBuilder {
  /**
   * Elements of a source, or of an actor's stream, which is read only as fast as the flow goes.
   *
   * @param time gives the flow event time, or {@link processingTime}; needed for windows.
   * @param options where it is read, and by how many instances, between which there is no order then.
   */
  from<T>(
    source: Source<T> | (AsyncIterable<T> & Subscribable<T>),
    time?: TimeOptions<NoInfer<T>> | ProcessingTime,
    options?: SourceOptions,
  ): Stage<T>;
  /** Elements of an Observable that cannot be told to wait, with a bounded buffer and what to lose when it is full. */
  fromHot<T>(
    source: Observable<T>,
    options: HotOptions & (Partial<TimeOptions<NoInfer<T>>> | ProcessingTime),
  ): Stage<T>;
  /** Elements of all, in turns. Event time is as far as on the slowest. */
  merge<const S extends readonly AnyStage[]>(
    ...stages: S
  ): Stage<ElementOf<S[number]>, Joined<OutputsOfStage<S[number]>>>;
  /** All elements of the first, then of the second, and so on. One that has not had its turn is held back. */
  concat<const S extends readonly AnyStage[]>(
    ...stages: S
  ): Stage<ElementOf<S[number]>, Joined<OutputsOfStage<S[number]>>>;
  /** The first of each, then the second of each … until one has ended. One that is ahead is held back. */
  zip<const S extends readonly AnyStage[]>(
    ...stages: S
  ): Stage<Readonly<ElementsOf<S>>, Joined<OutputsOfStage<S[number]>>>;
  /** The latest of each, whenever one of them gives, from when all have given. */
  combineLatest<const S extends readonly AnyStage[]>(
    ...stages: S
  ): Stage<Readonly<ElementsOf<S>>, Joined<OutputsOfStage<S[number]>>>;
  /** All ends of a flow that has several, to be returned. */
  ends<const E extends readonly FlowEnd<Outputs>[]>(...ends: E): FlowEnd<Joined<OutputsOfEnd<E[number]>>>;
}

/** Where and how often a source is read. */
export interface SourceOptions {
  /** Where it is read; on the place that starts the flow unless given. */
  readonly on?: Where;
  /**
   * How many instances read it, from 1 to 128, each another part; 1 unless given. More than 1 only for a source that is
   * `parallel`, as `parquet` is, whose row groups they share.
   */
  readonly parallelism?: number;
}

/** Where and how often a stage runs, and what becomes of it when it fails. */
export interface ViaOptions extends FailureOptions {
  /** Where it runs: a boundary before it, and a frame of elements is handed over at a time. Fused unless given. */
  readonly on?: Where;
  /**
   * How many instances share the elements, from 1 to 128; each takes what it has room for, so the order between
   * elements is lost. 1 unless given.
   */
  readonly parallelism?: number;
}

type Predicates<T> = { readonly [name: string]: (item: T) => boolean };
// biome-ignore lint/suspicious/noExplicitAny: no other type lets a predicate's own type be inferred.
type Taken<T, P> = P extends (item: any) => item is infer U ? U : T;

/** A point in the flow where elements of type `T` come out. It is continued once; a fan-out gives several. */
export interface Stage<T, O extends Outputs = {}> {
  /**
   * Runs the elements through ordinary RxJS operators: synchronous ones from `rxjs`, those that let go of elements
   * later from `troupe/streams/rx`.
   *
   * What an operator keeps (`scan`, `distinct`) is kept per segment instance: per partition behind a `keyBy`.
   *
   * @param name unique within the flow; errors and statistics speak of it.
   */
  via<R>(name: string, operators: (input: Observable<T>) => Observable<R>, options?: ViaOptions): Stage<R, O>;
  /**
   * Splits the flow: all elements of a key go to one partition, in their order.
   *
   * @param options.parallelism how many partitions there are, from 1 to 128; 1 unless given.
   * @param options.on where they run; on the place that starts the flow unless given.
   */
  keyBy<K extends string | number>(key: (item: T) => K, options?: { parallelism?: number; on?: Where }): Keyed<T, K, O>;
  /**
   * Of a stream of updates (changes of keys, and results of windows that may give several): splits it by a group that its values are in. An update that replaces an earlier one takes
   * that back from the group where it was counted. Aggregates behind it must be able to take back.
   */
  regroup<G extends string | number>(
    groupOf: (value: ChangedValue<T>) => G,
    options?: { parallelism?: number; on?: Where },
  ): Regrouped<ChangedValue<T>, G, O>;
  /** Each element with the latest of the others; what comes before all of them have given is dropped, and counted. */
  withLatestFrom<const S extends readonly AnyStage[]>(
    ...others: S
  ): Stage<readonly [T, ...ElementsOf<S>], O & Joined<OutputsOfStage<S[number]>>>;
  /**
   * Each element with its row of a table, which every instance keeps as a whole. A row replaces the one of its key,
   * unless its event time is earlier; a table of changes loses the row of a key whose value is undefined.
   *
   * Elements are held back until the table is loaded: its input has ended, or was idle once (a live source says that it
   * has caught up, or is silent for its `idleMs`). From then on its rows take effect as they come, and event time is
   * that of the elements alone. The state is the rows of the table, in every instance.
   *
   * @param table rows by their keys, `rows.keyBy((row) => row.id)`, or a stage of changes. It may not come from the
   *   fan-out that the elements come from, which would wait for ever.
   * @param options.by the key of an element's row; undefined or null where it has none.
   * @param options.how `inner`, unless given, drops an element without a row; `left` gives it with undefined; `anti`
   *   gives only those, by themselves.
   * @param options.parallelism how many instances share the elements, from 1 to 128; 1 unless given.
   * @param options.on where they run; on the place that starts the flow unless given.
   */
  withTable<R, K extends string | number, P extends Outputs, H extends HowWithTable = 'inner'>(
    table: Keyed<R, K, P>,
    options: WithTable<T, K, H>,
  ): Stage<WithRow<T, R, H>, O & P>;
  withTable<R, K extends string | number, P extends Outputs, H extends HowWithTable = 'inner'>(
    table: Stage<Change<K, R>, P>,
    options: WithTable<T, K, H>,
  ): Stage<WithRow<T, Exclude<R, undefined>, H>, O & P>;
  /** From here on the flow waits for nobody behind: a bounded buffer, and what to lose when it is full, counted. */
  overflow(strategy: OverflowStrategy<T>): Stage<T, O>;
  /** Every branch gets every element. The slowest holds back all, but for those that say `overflow` first. */
  broadcast<const N extends readonly string[]>(...names: N): { readonly [K in N[number]]: Stage<T, O> };
  /** Every element goes to one branch, the next in turn that has room. */
  balance<const N extends readonly string[]>(...names: N): { readonly [K in N[number]]: Stage<T, O> };
  /** Every element goes to the first branch whose predicate takes it; one that none takes is dropped, and counted. */
  partition<const P extends Predicates<T>>(predicates: P): { readonly [K in keyof P]: Stage<Taken<T, P[K]>, O> };
  /**
   * Ends the flow in an output that is read as `run.output(name)`, at the reader's pace; the run waits for one to come.
   *
   * @param name unique among the outputs of the flow.
   */
  output<const N extends string>(name: N): FlowEnd<O & { readonly [K in N]: T }>;
  /**
   * Ends a flow of changes in a table of the value of each key, which is asked for as `run.table(name)` while the flow
   * runs. A key whose value is undefined is not in it.
   *
   * What holds as of a watermark is what the changes before it came to: a change holds once event time has passed all
   * that went into it. The state is the value of each key, and what event time has not passed yet.
   *
   * @param name unique among the outputs of the flow.
   * @param options.parallelism how many partitions it has, from 1 to 128; 1 unless given.
   * @param options.on where they are kept; on the place that starts the flow unless given.
   */
  table<const N extends string, K extends string | number, V>(
    this: Stage<Change<K, V>, O>,
    name: N,
    options?: TableLimits & { readonly parallelism?: number; readonly on?: Where },
  ): FlowEnd<O & { readonly [P in N]: TableOf<K, Exclude<V, undefined>> }>;
  /** Ends the flow in a sink, or in an operation of an actor, which is offered each element. */
  to(sink: Sink<T> | Accepts<T>): FlowEnd<O>;
}

/** A stage split by key. */
export interface Keyed<T, K, O extends Outputs> {
  /** As {@link Stage.via}, in each partition: an operator sees all elements of the keys of its partition. */
  via<R>(name: string, operators: (input: Observable<T>) => Observable<R>, options?: FailureOptions): Stage<R, O>;
  /**
   * Gathers the elements of each key in windows: {@link tumbling}, {@link sliding}, {@link session},
   * {@link countWindow}, {@link globalWindow}.
   *
   * @param options.allowedLatenessMs how long after its end, in event time, a window still takes elements. 0 unless
   *   given.
   * @param options.trigger when results are given: {@link onClose}, once, when the allowed lateness has passed, unless
   *   it is {@link onWatermark}.
   * @param options.late the name of a side output for elements whose windows have all closed. They are counted anyway.
   */
  window<const L extends string | undefined = undefined, G extends Trigger = OnClose>(
    window: WindowSpec,
    options?: { allowedLatenessMs?: number; trigger?: G; late?: L },
  ): Windowed<T, K, O & Late<T, L>, G>;
  /**
   * What is made of all elements of each key, given whenever it becomes something else. Its state is a row of each key,
   * for as long as the run goes on, or until its time to live is over.
   *
   * @param options.emit `each` unless given: with each element that makes it something else. With `watermark` a key
   *   gives one change at most whenever event time goes on, which costs less where many elements are of few keys.
   */
  aggregate<A extends { readonly [name: string]: Aggregate<T, unknown> }>(
    aggregates: A,
    options?: KeyOptions & EmitOptions,
  ): Stage<Change<K, Aggregated<A>>, O>;
  /** The elements of each key made into one: the value so far and the next give the new one. One value a key is kept. */
  reduce(reducer: (value: T, item: T) => T, options?: KeyOptions): Stage<Change<K, T>, O>;
  /** As `scan` in RxJS, with a value for each key. One value a key is kept. */
  scanBy<S>(
    scanner: (value: S, item: T, key: K) => S,
    seed: (key: K) => S,
    options?: KeyOptions,
  ): Stage<Change<K, S>, O>;
  /**
   * The element of each key with the latest event time, of several the one that came last; without event time the one
   * that came last. One element a key is kept.
   */
  latest(options?: KeyOptions): Stage<Change<K, T>, O>;
  /**
   * The first element of each key, as it came: what repeats it is dropped. Its key alone is kept.
   *
   * @param options.ttlMs an element so long or longer after the one that was given is the first again, whatever came
   *   between: by its event time, or by the clock where the flow has none. For ever unless given.
   */
  first(options?: KeyOptions): Stage<T, O>;
  /** What each key keeps for a process: {@link valueState}, {@link listState}, {@link mapState}, {@link sortedState}, by name. */
  state<const S extends StateSpecs>(states: S): Stateful<T, K, O, S>;
  /**
   * Ends the flow in a table of the latest element of each key, which is asked for as `run.table(name)` while the flow
   * runs: that with the latest event time, of several the one that came last; without event time the one that came last.
   *
   * @param name unique among the outputs of the flow.
   */
  table<const N extends string>(name: N, options?: TableLimits): FlowEnd<O & { readonly [P in N]: TableOf<K, T> }>;
  /** As {@link Stage.withTable}, in each partition, by the same key unless another is given. */
  withTable<R, L extends string | number, P extends Outputs, H extends HowWithTable = 'inner'>(
    table: Keyed<R, L, P>,
    options?: Partial<Pick<WithTable<T, L, H>, 'by' | 'how'>>,
  ): Stage<WithRow<T, R, H>, O & P>;
  withTable<R, L extends string | number, P extends Outputs, H extends HowWithTable = 'inner'>(
    table: Stage<Change<L, R>, P>,
    options?: Partial<Pick<WithTable<T, L, H>, 'by' | 'how'>>,
  ): Stage<WithRow<T, Exclude<R, undefined>, H>, O & P>;
  /**
   * Joins the elements of each key with those of the same key of another stage, as `spec` says: {@link during},
   * {@link within}, {@link asOf} or {@link always}.
   *
   * @param right its `parallelism` and `on` are left out, or the same as of this one.
   * @param options.how `inner` unless given: pairs. `left` gives lefts that have no match too, with undefined; `anti`
   *   gives those alone.
   * @param options.late the name of a side output for elements of either side that come too late. They are counted anyway.
   */
  join<R, P extends Outputs, const H extends JoinHow = 'inner', const N extends string | undefined = undefined>(
    right: Keyed<R, K, P>,
    spec: WithinSpec<T> | AsOfSpec | AlwaysSpec,
    options?: { how?: H; late?: N },
  ): Stage<JoinResult<H, T, R>, O & P & Late<T | R, N>>;
  join<R, P extends Outputs, const H extends JoinHow = 'inner', const N extends string | undefined = undefined>(
    right: Keyed<R, K, P>,
    spec: DuringSpec,
    options?: { how?: H; late?: N },
  ): Stage<WindowJoinResult<H, T, R>, O & P & Late<T | R, N>>;
}

/** How long what is kept of a key stays. */
export interface KeyOptions {
  /**
   * A key without an element for so long is forgotten, without a word to those behind, and begins anew with the next: in
   * whole ms of event time, by watermarks, or by the clock where the flow has none. For ever unless given.
   */
  readonly ttlMs?: number;
}

/** Keys with state. */
export interface Stateful<T, K, O extends Outputs, S extends StateSpecs> {
  /**
   * Handlers for the elements of each key and for the timers that they set, with the state of that key. Everything comes
   * one at a time, elements of a key in their order.
   *
   * `process<Alert, { rejected: Item }>(…)` says what is emitted, and what goes to side outputs; without the first
   * nothing can be emitted.
   *
   * @param name unique within the flow; errors and statistics speak of it.
   */
  process<R = never, Sides extends Outputs = {}>(
    name: string,
    handlers: ProcessHandlers<T, K, S, NoInfer<R>, NoInfer<Sides>>,
  ): Stage<R, O & Sides>;
}

/** What a table keeps at most. */
export interface TableLimits {
  /** How many keys each partition keeps; one more fails the run with TableOverflow. 1,000,000 unless given. */
  readonly entriesMax?: number;
  /** How long a key is kept after it was written last, in event time, or by the clock where the flow has none. */
  readonly ttlMs?: number;
}

/** How elements are joined with a table, and where. */
export interface WithTable<T, K, H extends HowWithTable> {
  /** The key of an element's row. */
  readonly by: (item: T) => NoInfer<K> | undefined | null;
  /** What becomes of elements with and without one. */
  readonly how?: H;
  /** How many instances. */
  readonly parallelism?: number;
  /** Where they run. */
  readonly on?: Where;
}

/** An element with its row. */
export type WithRow<T, R, H extends HowWithTable> = H extends 'anti'
  ? T
  : readonly [T, H extends 'left' ? R | undefined : R];

/** The value of an update; never where elements are none. */
export type ChangedValue<T> = T extends Change<unknown, infer V> ? NonNullable<V> : never;

/** Values of a stream of updates, split by the group that they are in. */
export interface Regrouped<V, G, O extends Outputs> {
  /** What is made of the values that are in each group now; undefined of a group that none is left in. */
  aggregate<A extends { readonly [name: string]: Retractable<V, unknown> }>(
    aggregates: A,
    options?: EmitOptions,
  ): Stage<Change<G, Aggregated<A> | undefined>, O>;
}

/** When what a key comes to is given. */
export interface EmitOptions {
  /** With each element that makes it something else, unless it is at watermarks. */
  readonly emit?: 'each' | 'watermark';
}

/** The value of each aggregate of a window, by name. */
export type Aggregated<A> = { readonly [N in keyof A]: A[N] extends Aggregate<never, infer R> ? R : never };

/** What a window of a key came to: for good, or so far, as its `pane` says. */
export type WindowedResult<K, V, G extends Trigger> = {
  /** The key. */
  readonly key: K;
  /** From when to when. */
  readonly window: TimeWindow;
  /** What each aggregate came to. */
  readonly value: V;
} & (G extends OnWatermark
  ? {
      /** Which of the results of its window it is. */
      readonly pane: Pane<V>;
      /** What it takes the place of: the last value given of the same window. */
      readonly previous: V | undefined;
    }
  : {});

/** Windows of a key. */
export interface Windowed<T, K, O extends Outputs, G extends Trigger = OnClose> {
  /** What is made of the elements of a key and window. */
  aggregate<A extends { readonly [name: string]: Aggregate<T, unknown> }>(
    aggregates: A,
  ): Stage<WindowedResult<K, Aggregated<A>, G>, O>;
}

export declare const outputsOf: unique symbol;
/** A flow that has its end. */
export interface FlowEnd<O extends Outputs> {
  readonly [outputsOf]?: O;
}

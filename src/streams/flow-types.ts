/** What a flow is built from, as types: each step knows what the one before it gives. */
import type { Observable } from 'rxjs';
import type { Where } from '../actors/placed/where.ts';
import type { Accepts, Subscribable } from '../actors/protocol.ts';
import type { Aggregate } from './aggregate.ts';
import type { TimeOptions } from './event-time.ts';
import type { HotOptions } from './hot-source.ts';
import type { Sink } from './sink.ts';
import type { Source } from './source.ts';
import type { TimeWindow, WindowSpec } from './window.ts';

/** Side outputs by name, and what their elements are. */
export type Outputs = { readonly [name: string]: unknown };
type Late<T, L> = L extends string ? { readonly [K in L]: T } : {};

/** Where a flow begins. */
export interface FlowBuilder {
  /**
   * Elements of a source, or of an actor's stream, which is read only as fast as the flow goes.
   *
   * @param time gives the flow event time; needed for windows.
   */
  from<T>(source: Source<T> | (AsyncIterable<T> & Subscribable<T>), time?: TimeOptions<NoInfer<T>>): Stage<T>;
  /** Elements of an Observable that cannot be told to wait, with a bounded buffer and what to lose when it is full. */
  fromHot<T>(source: Observable<T>, options: HotOptions & Partial<TimeOptions<NoInfer<T>>>): Stage<T>;
}

/** A point in the flow where elements of type `T` come out. */
export interface Stage<T, O extends Outputs = {}> {
  /**
   * Runs the elements through ordinary RxJS operators, which must be synchronous.
   *
   * What an operator keeps (`scan`, `distinct`) is kept per segment instance: per partition behind a `keyBy`.
   *
   * @param name unique within the flow; errors and statistics speak of it.
   */
  via<R>(name: string, operators: (input: Observable<T>) => Observable<R>): Stage<R, O>;
  /**
   * Splits the flow: all elements of a key go to one partition, in their order.
   *
   * @param options.parallelism how many partitions there are, from 1 to 128; 1 unless given.
   * @param options.on where they run; on the place that starts the flow unless given.
   */
  keyBy<K extends string | number>(key: (item: T) => K, options?: { parallelism?: number; on?: Where }): Keyed<T, K, O>;
  /** Ends the flow in a sink, or in an operation of an actor, which is offered each element. */
  to(sink: Sink<T> | Accepts<T>): FlowEnd<O>;
}

/** A stage split by key. */
export interface Keyed<T, K, O extends Outputs> {
  /**
   * Gathers the elements of each key in windows of event time.
   *
   * @param options.allowedLatenessMs how long after its end, in event time, a window still takes elements; it is
   *   emitted once, when that has passed. 0 unless given.
   * @param options.late the name of a side output for elements whose window has been emitted. They are counted anyway.
   */
  window<const L extends string | undefined = undefined>(
    window: WindowSpec,
    options?: { allowedLatenessMs?: number; late?: L },
  ): Windowed<T, K, O & Late<T, L>>;
}

/** The value of each aggregate of a window, by name. */
export type Aggregated<A> = { readonly [N in keyof A]: A[N] extends Aggregate<never, infer R> ? R : never };

/** Windows of a key. */
export interface Windowed<T, K, O extends Outputs> {
  /** What is made of the elements of a key and window: one result each, when the window closes. */
  aggregate<A extends { readonly [name: string]: Aggregate<T, unknown> }>(
    aggregates: A,
  ): Stage<{ readonly key: K; readonly window: TimeWindow; readonly value: Aggregated<A> }, O>;
}

export declare const outputsOf: unique symbol;
/** A flow that has its end. */
export interface FlowEnd<O extends Outputs> {
  readonly [outputsOf]?: O;
}

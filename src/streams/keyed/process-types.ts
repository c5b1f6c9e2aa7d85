/** What a process is made of, as types: its handlers and what they are given. */
import type { States } from './state.ts';

/** Timers of a key, one of each name: setting it again moves it. Without a name it is the one called `''`. */
export interface ProcessTimers {
  /**
   * Fires when event time reaches `timeMs`: at once where it has, and at the end of the input at the latest.
   *
   * @throws UsageError where the flow has no event time; StateOverflow above 1,024 names of a key.
   */
  at(timeMs: number, name?: string): void;
  /** As `at`, so many ms of event time after the element, or the timer, whose call it is. */
  after(delayMs: number, name?: string): void;
  /** Fires so many ms from now by the clock; at the end of the input at the latest. */
  onClock(delayMs: number, name?: string): void;
  /** Whether it was set. */
  clear(name?: string): boolean;
}

/**
 * What `onElement` is given beside the element. It is one object for all calls: what is taken out of it holds during the
 * call, and using it later throws {@link StateOutsideCall}.
 */
export interface ProcessContext<K, S, R, Sides> {
  /** The key of the element or the timer. */
  readonly key: K;
  /** When the element happened; NaN where the flow has no event time. Of a timer: how far event time has gone. */
  readonly timeMs: number;
  /** How far event time has gone: no element below is in time. -Infinity at the beginning, Infinity at the end. */
  readonly watermarkMs: number;
  /** The state of the key. */
  readonly state: States<S>;
  /** The timers of the key. */
  readonly timers: ProcessTimers;
  /**
   * Gives a result, with the event time of the call. As often as needed, up to 100,000 times a call: what the stages
   * behind have no room for waits here, and the next element with it.
   */
  readonly emit: (value: R) => void;
  /** Gives an element to a side output. */
  readonly output: <N extends keyof Sides & string>(name: N, value: Sides[N]) => void;
}

/** What `onTimer` is given. */
export interface TimerContext<K, S, R, Sides> extends ProcessContext<K, S, R, Sides> {
  /** The name of the timer. */
  readonly name: string;
}

/** What a process does. Handlers are synchronous: what waits (`lookup`, `each`) stands before the process. */
export type ProcessHandlers<T, K, S, R, Sides> = {
  /** An element of a key came. All elements come here, in their order; none is late. */
  onElement(item: T, context: ProcessContext<K, S, R, Sides>): void;
  /**
   * A timer is due.
   *
   * @param timeMs when it was due: event time, or ms since the epoch for one by the clock.
   */
  onTimer?(timeMs: number, context: TimerContext<K, S, R, Sides>): void;
} & ({} extends Sides
  ? {
      /** It has no side outputs. */
      readonly outputs?: readonly [];
    }
  : {
      /** The names of the side outputs, unique within the flow. */
      readonly outputs: readonly (keyof Sides & string)[];
    });

/** Handlers of any types. */
export type AnyProcessHandlers = {
  onElement(item: unknown, context: unknown): unknown;
  onTimer?(timeMs: number, context: unknown): unknown;
  readonly outputs?: readonly string[];
};

/**
 * Operators that split a stream into observables: the originals of RxJS. They hold nothing themselves; what they give
 * is marked as a part of the stream, so that flattening it does not count it as work.
 */

import type {
  BasicGroupByOptions,
  GroupByOptionsWithElement,
  GroupedObservable,
  Observable,
  ObservableInput,
  OperatorFunction,
  SchedulerLike,
} from 'rxjs';
import * as rx from 'rxjs';
import { UsageError } from '../../base/errors.ts';
import { OperatorOverflow } from '../errors.ts';
import { type Here, metered } from './here.ts';
import { structure } from './inner.ts';

type Windows<T> = OperatorFunction<T, Observable<T>>;

function windowing<T>(plain: () => Windows<T>, inFlow: (here: Here) => Windows<T>): Windows<T> {
  return metered(plain, (source, here) => source.pipe(inFlow(here), rx.map(structure)), 'window');
}

export function window<T>(windowBoundaries: ObservableInput<unknown>): Windows<T> {
  return windowing(
    () => rx.window(windowBoundaries),
    (here) => rx.window(here.outside(windowBoundaries)),
  );
}

export function windowCount<T>(windowSize: number, startWindowEvery?: number): Windows<T> {
  const plain = (): Windows<T> => rx.windowCount(windowSize, startWindowEvery);
  return windowing(plain, plain);
}

/** Splits the arguments of `bufferTime` and `windowTime`, whose last one may be a scheduler, at whatever place. */
export function timeArguments(given: readonly unknown[]): { times: unknown[]; scheduler: SchedulerLike | undefined } {
  const last = given.at(-1) as SchedulerLike | undefined;
  if (typeof last?.schedule !== 'function') return { times: [...given], scheduler: undefined };
  return { times: given.slice(0, -1), scheduler: last };
}

type WindowTime = (...given: unknown[]) => Windows<unknown>;

export const windowTime: typeof rx.windowTime = ((...given: unknown[]) => {
  const { times, scheduler } = timeArguments(given);
  return windowing(
    () => (rx.windowTime as WindowTime)(...given),
    (here) => (rx.windowTime as WindowTime)(...times, here.on(scheduler)),
  );
}) as typeof rx.windowTime;

export function windowToggle<T, O>(
  openings: ObservableInput<O>,
  closingSelector: (openValue: O) => ObservableInput<unknown>,
): Windows<T> {
  return windowing(
    () => rx.windowToggle(openings, closingSelector),
    (here) => rx.windowToggle(here.outside(openings), (open: O) => here.outside(closingSelector(open))),
  );
}

export function windowWhen<T>(closingSelector: () => ObservableInput<unknown>): Windows<T> {
  return windowing(
    () => rx.windowWhen(closingSelector),
    (here) => rx.windowWhen(() => here.outside(closingSelector())),
  );
}

/** How many groups may be open at once. */
export interface GroupLimit {
  /** One more fails the stage. */
  readonly maxKeys: number;
}

/**
 * As `groupBy` of RxJS, with a limit: each key keeps a group until the group's `duration` ends.
 *
 * @throws UsageError at its subscription where it has no `maxKeys`; fails the stage as `OperatorOverflow` beyond it.
 */
export const groupBy: {
  <T, K>(
    key: (value: T) => K,
    options: BasicGroupByOptions<K, T> & GroupLimit,
  ): OperatorFunction<T, GroupedObservable<K, T>>;
  <T, K, E>(
    key: (value: T) => K,
    options: GroupByOptionsWithElement<K, E, T> & GroupLimit,
  ): OperatorFunction<T, GroupedObservable<K, E>>;
} = (<T, K>(key: (value: T) => K, options: BasicGroupByOptions<K, T> & Partial<GroupLimit>) =>
  metered<T, GroupedObservable<K, T>>(
    () => rx.groupBy(key, options),
    (source, here) => {
      const max = checkLimit('groupBy', 'maxKeys', options?.maxKeys);
      let open = 0;
      const closing = (group: GroupedObservable<K, T>): ObservableInput<unknown> => {
        const { duration } = options;
        const until = duration === undefined ? rx.NEVER : here.outside(duration(group));
        return until.pipe(
          rx.finalize(() => {
            open -= 1;
          }),
        );
      };
      return source.pipe(
        rx.groupBy(key, { ...options, duration: closing }),
        rx.map((group) => {
          open += 1;
          if (open > max) throw new OperatorOverflow(here.stage.name, 'groupBy', 'maxKeys', max);
          return structure(group);
        }),
      );
    },
    'groupBy',
  )) as never;

/** @throws UsageError unless `value` is a limit. */
export function checkLimit(operator: string, option: string, value: number | undefined): number {
  if (typeof value === 'number' && value >= 1) return value;
  throw new UsageError(
    `${operator} keeps elements without a bound, so in a flow it needs one: ${operator}(…, { ${option}: 1_000 }); ` +
      `it was given ${String(value)}`,
  );
}

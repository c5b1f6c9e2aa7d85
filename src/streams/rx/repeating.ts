/** Operators that subscribe to their source again, or give it up, by time: the originals on the flow's clock. */

import type { MonoTypeOperatorFunction, Observable, ObservableInput, RepeatConfig, RetryConfig } from 'rxjs';
import * as rx from 'rxjs';
import { type Here, metered } from './here.ts';

export function retry<T>(count?: number): MonoTypeOperatorFunction<T>;
export function retry<T>(config: RetryConfig): MonoTypeOperatorFunction<T>;
export function retry<T>(given: number | RetryConfig = Number.POSITIVE_INFINITY): MonoTypeOperatorFunction<T> {
  const config: RetryConfig = typeof given === 'object' ? given : { count: given };
  return metered(
    () => rx.retry(config),
    (source, here) => source.pipe(rx.retry({ ...config, ...delayed(here, config.delay) })),
  );
}

export function repeat<T>(given: number | RepeatConfig = {}): MonoTypeOperatorFunction<T> {
  const config: RepeatConfig = typeof given === 'object' ? given : { count: given };
  return metered(
    () => rx.repeat(config),
    (source, here) => source.pipe(rx.repeat({ ...config, ...delayed(here, config.delay) })),
  );
}

/** The wait as a notifier on the flow's clock. */
function delayed<A extends readonly unknown[]>(
  here: Here,
  delay: number | ((...given: A) => ObservableInput<unknown>) | undefined,
): { delay?: (...given: A) => Observable<unknown> } {
  if (delay === undefined) return {};
  if (typeof delay === 'number') return { delay: () => rx.timer(delay, here.on()) };
  return { delay: (...given) => here.outside(delay(...given)) };
}

type Timeout = (...given: unknown[]) => MonoTypeOperatorFunction<unknown>;
type WithScheduler = {
  readonly scheduler?: rx.SchedulerLike;
  readonly with?: (info: unknown) => ObservableInput<unknown>;
};

export const timeout: typeof rx.timeout = ((given: unknown, scheduler?: rx.SchedulerLike) =>
  metered(
    () => (rx.timeout as Timeout)(given, scheduler),
    (source, here) => {
      if (typeof given !== 'object' || given === null || given instanceof Date) {
        return source.pipe((rx.timeout as Timeout)(given, here.on(scheduler)));
      }
      const { scheduler: own, with: instead, ...config } = given as WithScheduler;
      const other = instead && { with: (info: unknown) => here.outside(instead(info)) };
      return source.pipe((rx.timeout as Timeout)({ ...config, ...other, scheduler: here.on(own) }));
    },
  )) as typeof rx.timeout;

export const timeoutWith: typeof rx.timeoutWith = ((
  due: number | Date,
  to: ObservableInput<unknown>,
  scheduler?: rx.SchedulerLike,
) =>
  timeout({
    ...(due instanceof Date ? { first: due } : { each: due }),
    ...(scheduler && { scheduler }),
    with: () => to,
  })) as typeof rx.timeoutWith;

/** Operators that give each element on later: the originals of RxJS, on the flow's clock unless a scheduler is given. */

import type { MonoTypeOperatorFunction, Observable, ObservableInput, SchedulerLike } from 'rxjs';
import * as rx from 'rxjs';
import { type Here, metered, whereNow } from './here.ts';
import { type Held, Holder } from './holder.ts';

function delaying<T>(
  name: string,
  plain: () => MonoTypeOperatorFunction<T>,
  later: (held: Observable<Held<T>>, here: Here) => Observable<Held<T>>,
): MonoTypeOperatorFunction<T> {
  return metered(plain, (source, here) => {
    const holder = new Holder<T>(here, name);
    return holder.over(holder.departures(later(holder.arrivals(source), here)));
  });
}

export function delay<T>(due: number | Date, scheduler?: SchedulerLike): MonoTypeOperatorFunction<T> {
  return delaying(
    'delay',
    () => rx.delay(due, scheduler),
    (held, here) => held.pipe(rx.delay(due, here.on(scheduler))),
  );
}

export function delayWhen<T>(
  delayDurationSelector: (value: T, index: number) => ObservableInput<unknown>,
  subscriptionDelay?: Observable<unknown>,
): MonoTypeOperatorFunction<T> {
  return delaying(
    'delayWhen',
    () => rx.delayWhen(delayDurationSelector, subscriptionDelay as Observable<unknown>),
    (held, here) => {
      const duration = ({ value }: Held<T>, index: number): Observable<unknown> =>
        here.outside(delayDurationSelector(value, index));
      const start = subscriptionDelay && here.outside(subscriptionDelay);
      return held.pipe(rx.delayWhen(duration, start as Observable<unknown>));
    },
  );
}

export function observeOn<T>(scheduler: SchedulerLike, delayMs = 0): MonoTypeOperatorFunction<T> {
  return delaying(
    'observeOn',
    () => rx.observeOn(scheduler, delayMs),
    (held, here) => held.pipe(rx.observeOn(here.on(scheduler), delayMs)),
  );
}

export function subscribeOn<T>(scheduler: SchedulerLike, delayMs = 0): MonoTypeOperatorFunction<T> {
  return metered(
    () => rx.subscribeOn(scheduler, delayMs),
    (source, here) => source.pipe(rx.subscribeOn(here.on(scheduler), delayMs)),
  );
}

/** As `timer` of RxJS, on the flow's clock where it is called inside of one. */
export const timer: typeof rx.timer = ((due: number | Date, intervalOrScheduler?: unknown, scheduler?: unknown) => {
  const isScheduler = typeof intervalOrScheduler === 'object' && intervalOrScheduler !== null;
  const given = (isScheduler ? intervalOrScheduler : scheduler) as SchedulerLike | undefined;
  const intervalMs = isScheduler ? undefined : (intervalOrScheduler as number | undefined);
  const used = given ?? whereNow()?.on() ?? rx.asyncScheduler;
  return intervalMs === undefined ? rx.timer(due, used) : rx.timer(due, intervalMs, used);
}) as typeof rx.timer;

/** As `interval` of RxJS, on the flow's clock where it is called inside of one. */
export function interval(periodMs: number = 0, scheduler?: SchedulerLike): Observable<number> {
  return rx.interval(periodMs, scheduler ?? whereNow()?.on() ?? rx.asyncScheduler);
}

export function timestamp<T>(timestampProvider?: rx.TimestampProvider): rx.OperatorFunction<T, rx.Timestamp<T>> {
  return metered(
    () => rx.timestamp(timestampProvider),
    (source, here) => source.pipe(rx.timestamp(timestampProvider ?? here.on())),
  );
}

export const timeInterval: typeof rx.timeInterval = (<T>(scheduler?: SchedulerLike) =>
  metered<T, { value: T; interval: number }>(
    () => rx.timeInterval(scheduler),
    (source, here) => source.pipe(rx.timeInterval(here.on(scheduler))),
  )) as typeof rx.timeInterval;

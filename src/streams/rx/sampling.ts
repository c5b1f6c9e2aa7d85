/**
 * Operators that keep the latest element and may let it go unused: the originals of RxJS. They hold one element at
 * most; the one that a later element replaces is dropped as `sampled`.
 */

import type { MonoTypeOperatorFunction, Observable, ObservableInput, SchedulerLike, ThrottleConfig } from 'rxjs';
import * as rx from 'rxjs';
import { type Here, metered } from './here.ts';
import { type Held, Holder } from './holder.ts';

interface SamplingOptions<T> {
  readonly plain: () => MonoTypeOperatorFunction<T>;
  readonly sampled: (held: Observable<Held<T>>, here: Here) => Observable<Held<T>>;
  /** What is not given on at once is never given on. */
  readonly atOnce?: boolean;
}

function sampling<T>(
  name: string,
  { plain, sampled, atOnce = false }: SamplingOptions<T>,
): MonoTypeOperatorFunction<T> {
  return metered(plain, (source, here) => {
    // It waits for time or a notifier, but never for room: one element cannot stop the input.
    const holder = new Holder<T>(here, name, false);
    const latest = new rx.Observable<Held<T>>((subscriber) => {
      holder.arrivals(source).subscribe(new Replacing(subscriber, holder, atOnce));
    });
    return holder.over(holder.departures(sampled(latest, here)));
  });
}

/** Lets the element before go when the next one has been taken. */
class Replacing<T> extends rx.Subscriber<Held<T>> {
  readonly #holder: Holder<T>;
  readonly #atOnce: boolean;
  #before: Held<T> | undefined;

  constructor(destination: rx.Subscriber<Held<T>>, holder: Holder<T>, atOnce: boolean) {
    super(destination);
    this.#holder = holder;
    this.#atOnce = atOnce;
  }

  protected override _next(held: Held<T>): void {
    const before = this.#before;
    this.#before = held;
    super._next(held);
    if (before !== undefined) this.#holder.release(before, 'sampled');
    if (this.#atOnce) this.#holder.release(held, 'sampled');
  }

  /** The original gives the last one on now, later, or never; of the latter `Holder.over` learns when it ends. */
  protected override _complete(): void {
    super._complete();
    this.#before = undefined;
  }
}

export function debounce<T>(durationSelector: (value: T) => ObservableInput<unknown>): MonoTypeOperatorFunction<T> {
  return sampling('debounce', {
    plain: () => rx.debounce(durationSelector),
    sampled: (held, here) => held.pipe(rx.debounce(({ value }) => here.outside(durationSelector(value)))),
  });
}

export function debounceTime<T>(dueTime: number, scheduler?: SchedulerLike): MonoTypeOperatorFunction<T> {
  return sampling('debounceTime', {
    plain: () => rx.debounceTime(dueTime, scheduler),
    sampled: (held, here) => held.pipe(rx.debounceTime(dueTime, here.on(scheduler))),
  });
}

export function audit<T>(durationSelector: (value: T) => ObservableInput<unknown>): MonoTypeOperatorFunction<T> {
  return sampling('audit', {
    plain: () => rx.audit(durationSelector),
    sampled: (held, here) => held.pipe(rx.audit(({ value }) => here.outside(durationSelector(value)))),
  });
}

export function auditTime<T>(duration: number, scheduler?: SchedulerLike): MonoTypeOperatorFunction<T> {
  return sampling('auditTime', {
    plain: () => rx.auditTime(duration, scheduler),
    sampled: (held, here) => held.pipe(rx.auditTime(duration, here.on(scheduler))),
  });
}

export function throttle<T>(
  durationSelector: (value: T) => ObservableInput<unknown>,
  config?: ThrottleConfig,
): MonoTypeOperatorFunction<T> {
  return sampling('throttle', {
    plain: () => rx.throttle(durationSelector, config),
    sampled: (held, here) => held.pipe(rx.throttle(({ value }) => here.outside(durationSelector(value)), config)),
    atOnce: config?.trailing !== true,
  });
}

export function throttleTime<T>(
  duration: number,
  scheduler?: SchedulerLike,
  config?: ThrottleConfig,
): MonoTypeOperatorFunction<T> {
  return sampling('throttleTime', {
    plain: () => rx.throttleTime(duration, scheduler, config),
    sampled: (held, here) => held.pipe(rx.throttleTime(duration, here.on(scheduler), config)),
    atOnce: config?.trailing !== true,
  });
}

export function sample<T>(notifier: ObservableInput<unknown>): MonoTypeOperatorFunction<T> {
  return sampling('sample', {
    plain: () => rx.sample(notifier),
    sampled: (held, here) => held.pipe(rx.sample(here.outside(notifier))),
  });
}

export function sampleTime<T>(period: number, scheduler?: SchedulerLike): MonoTypeOperatorFunction<T> {
  return sampling('sampleTime', {
    plain: () => rx.sampleTime(period, scheduler),
    sampled: (held, here) => held.pipe(rx.sampleTime(period, here.on(scheduler))),
  });
}

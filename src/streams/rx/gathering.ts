/**
 * Operators that gather elements into arrays. Each is the window operator of RxJS of the same name with its windows
 * gathered, since a window says at each element which of the arrays it goes into, overlapping or not.
 *
 * What comes out has the time of its latest element, and holds back watermarks as its oldest one does.
 */

import type { Observable, ObservableInput, OperatorFunction } from 'rxjs';
import * as rx from 'rxjs';
import { OperatorOverflow } from '../errors.ts';
import { type Here, metered } from './here.ts';
import { type Held, Holder } from './holder.ts';
import { checkLimit, timeArguments } from './windowing.ts';

type Gathering<T> = OperatorFunction<T, T[]>;

/** How many elements an array may get. */
export interface GatherLimit {
  /** One more fails the stage. */
  readonly max: number;
}

interface GatherOptions<T> {
  readonly plain: () => Gathering<T>;
  readonly windows: (source: Observable<T>, here: Here) => Observable<Observable<T>>;
  /** `timed` where time ends each array, so the ledger bounds it; else the limit that the user gave. */
  readonly bound: 'timed' | GatherLimit | undefined;
}

function gathering<T>(name: string, { plain, windows, bound }: GatherOptions<T>): Gathering<T> {
  return metered(plain, (source, here) => {
    const max = bound === 'timed' ? Number.POSITIVE_INFINITY : checkLimit(name, 'max', bound?.max);
    // More input may be what ends an array that a notifier ends, so such elements must not stop the input.
    const holder = new Holder<T>(here, name, bound === 'timed');
    const gathered = new rx.Observable<T[]>((subscriber) => {
      const gather = (window: Observable<T>): void => {
        const members: Held<T>[] = [];
        const sink = new rx.Subscriber<T>({
          next: (value) => {
            if (members.length < max) members.push(holder.hold(value));
            else subscriber.error(new OperatorOverflow(here.stage.name, name, 'max', max));
          },
          error: (thrown: unknown) => subscriber.error(thrown),
          complete: () => {
            const values = members.map((member) => member.value);
            holder.letGoAll(members, () => subscriber.next(values));
          },
        });
        subscriber.add(sink);
        window.subscribe(sink);
      };
      windows(source, here).subscribe(new Gatherer(subscriber, gather));
    });
    return holder.over(gathered);
  });
}

class Gatherer<T> extends rx.Subscriber<Observable<T>> {
  readonly #gather: (window: Observable<T>) => void;

  constructor(destination: rx.Subscriber<T[]>, gather: (window: Observable<T>) => void) {
    super(destination as rx.Subscriber<unknown>);
    this.#gather = gather;
  }

  protected override _next(window: Observable<T>): void {
    this.#gather(window);
  }
}

type WindowTime = (...given: unknown[]) => OperatorFunction<unknown, Observable<unknown>>;
type BufferTime = (...given: unknown[]) => Gathering<unknown>;

export const bufferTime: typeof rx.bufferTime = ((...given: unknown[]) => {
  const { times, scheduler } = timeArguments(given);
  return gathering('bufferTime', {
    plain: () => (rx.bufferTime as BufferTime)(...given),
    windows: (source, here) => source.pipe((rx.windowTime as WindowTime)(...times, here.on(scheduler))),
    bound: 'timed',
  });
}) as typeof rx.bufferTime;

/** As `buffer` of RxJS, with a limit. */
export function buffer<T>(closingNotifier: ObservableInput<unknown>, limit: GatherLimit): Gathering<T> {
  return gathering<T>('buffer', {
    plain: () => rx.buffer(closingNotifier),
    windows: (source, here) => source.pipe(rx.window(here.outside(closingNotifier))),
    bound: limit,
  });
}

/** As `bufferWhen` of RxJS, with a limit. */
export function bufferWhen<T>(closingSelector: () => ObservableInput<unknown>, limit: GatherLimit): Gathering<T> {
  return gathering<T>('bufferWhen', {
    plain: () => rx.bufferWhen(closingSelector),
    windows: (source, here) => source.pipe(rx.windowWhen(() => here.outside(closingSelector()))),
    bound: limit,
  });
}

/** As `bufferToggle` of RxJS, with a limit for each buffer. */
export function bufferToggle<T, O>(
  openings: ObservableInput<O>,
  closingSelector: (value: O) => ObservableInput<unknown>,
  limit: GatherLimit,
): Gathering<T> {
  return gathering<T>('bufferToggle', {
    plain: () => rx.bufferToggle(openings, closingSelector),
    windows: (source, here) =>
      source.pipe(rx.windowToggle(here.outside(openings), (value: O) => here.outside(closingSelector(value)))),
    bound: limit,
  });
}

/** As `toArray` of RxJS, with a limit. Watermarks wait for it: what it gives comes at the end. */
export function toArray<T>(limit: GatherLimit): Gathering<T> {
  return gathering<T>('toArray', {
    plain: () => rx.toArray(),
    windows: (source) => source.pipe(rx.windowCount(Number.POSITIVE_INFINITY)),
    bound: limit,
  });
}

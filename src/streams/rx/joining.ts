/**
 * Operators that listen to another observable beside their source: the originals of RxJS. What the other one gives
 * comes outside of a push, which is legal here; it has the time that the stage has got to. An other that cannot be
 * told to wait is not bounded by the flow (`interval`, a Subject): join such streams by ports of the flow.
 */

import type { MonoTypeOperatorFunction, Observable, ObservableInput, OperatorFunction } from 'rxjs';
import * as rx from 'rxjs';
import { OperatorOverflow } from '../errors.ts';
import { streamLimits } from '../limits.ts';
import { type Here, metered } from './here.ts';
import { type Held, Holder } from './holder.ts';

type Joined = (...others: unknown[]) => OperatorFunction<unknown, unknown>;

/** @param others the last one may be a function, which stays as it is. */
function outsideAll(here: Here, others: readonly unknown[]): unknown[] {
  const flat = others.length === 1 && Array.isArray(others[0]) ? (others[0] as unknown[]) : others;
  return flat.map((other) => (typeof other === 'function' ? other : here.outside(other as ObservableInput<unknown>)));
}

/** @param keeps its name, where it remembers the latest of its sides. */
function joining(plain: Joined, keeps?: string): Joined {
  return (...others) =>
    metered(
      () => plain(...others),
      (source, here) => source.pipe(plain(...outsideAll(here, others))),
      keeps,
    );
}

export const mergeWith: typeof rx.mergeWith = joining(rx.mergeWith as Joined) as typeof rx.mergeWith;
export const concatWith: typeof rx.concatWith = joining(rx.concatWith as Joined) as typeof rx.concatWith;
export const raceWith: typeof rx.raceWith = joining(rx.raceWith as Joined) as typeof rx.raceWith;
export const combineLatestWith: typeof rx.combineLatestWith = joining(
  rx.combineLatestWith as Joined,
  'combineLatestWith',
) as typeof rx.combineLatestWith;
export const withLatestFrom: typeof rx.withLatestFrom = joining(
  rx.withLatestFrom as Joined,
  'withLatestFrom',
) as typeof rx.withLatestFrom;
export const onErrorResumeNextWith: typeof rx.onErrorResumeNextWith = joining(
  rx.onErrorResumeNextWith as Joined,
) as typeof rx.onErrorResumeNextWith;

/**
 * Elements of the source that wait for a partner are held. The other side cannot be told to wait, so what waits there
 * has a limit: as many elements as the source's side may hold. Beyond it the stage fails as `OperatorOverflow`.
 */
export const zipWith: typeof rx.zipWith = ((...others: unknown[]) =>
  metered(
    () => (rx.zipWith as Joined)(...others),
    (source: Observable<unknown>, here) => {
      const holder = new Holder<unknown>(here, 'zipWith');
      const out = new rx.Observable<unknown[]>((subscriber) => {
        const bounded = outsideAll(here, others).map((other) => waiting(here, other));
        const partners = bounded.map(({ observable }) => observable);
        const zipped = holder.arrivals(source).pipe((rx.zipWith as Joined)(...partners) as never);
        (zipped as Observable<[Held<unknown>, ...unknown[]]>).subscribe(
          new Pairing(subscriber, (held, work) => {
            for (const { taken } of bounded) taken();
            holder.letGo(held, work);
          }),
        );
      });
      return holder.over(out);
    },
  )) as typeof rx.zipWith;

/** An observable whose elements wait for partners. A function, as old signatures have it last, stays as it is. */
function waiting(here: Here, other: unknown): { observable: unknown; taken: () => void } {
  if (typeof other === 'function') return { observable: other, taken: () => undefined };
  const max = streamLimits.heldMax;
  let count = 0;
  const observable = (other as Observable<unknown>).pipe(
    rx.tap(() => {
      count += 1;
      if (count > max) throw new OperatorOverflow(here.stage.name, 'zipWith', otherSide, max, advice);
    }),
  );
  return {
    observable,
    taken: () => {
      count -= 1;
    },
  };
}

const otherSide = 'elements of the other observable that wait for a partner';
const advice = 'It cannot be told to wait: make it a source, and join the two by f.zip(a, b)';

class Pairing extends rx.Subscriber<[Held<unknown>, ...unknown[]]> {
  readonly #letGo: (held: Held<unknown>, work: () => void) => void;

  constructor(destination: rx.Subscriber<unknown[]>, letGo: (held: Held<unknown>, work: () => void) => void) {
    super(destination as rx.Subscriber<unknown>);
    this.#letGo = letGo;
  }

  protected override _next([held, ...others]: [Held<unknown>, ...unknown[]]): void {
    this.#letGo(held, () => this.destination.next([held.value, ...others]));
  }
}

export function takeUntil<T>(notifier: ObservableInput<unknown>): MonoTypeOperatorFunction<T> {
  return metered(
    () => rx.takeUntil(notifier),
    (source, here) => source.pipe(rx.takeUntil(here.outside(notifier))),
  );
}

export function skipUntil<T>(notifier: ObservableInput<unknown>): MonoTypeOperatorFunction<T> {
  return metered(
    () => rx.skipUntil(notifier),
    (source, here) => source.pipe(rx.skipUntil(here.outside(notifier))),
  );
}

/** What the selector answers may emit later. */
export function catchError<T, O extends ObservableInput<unknown>>(
  selector: (thrown: unknown, caught: Observable<T>) => O,
): OperatorFunction<T, T | rx.ObservedValueOf<O>> {
  return metered<T, T | rx.ObservedValueOf<O>>(
    () => rx.catchError(selector),
    (source, here) =>
      source.pipe(
        rx.catchError((thrown, caught) => {
          const next = selector(thrown, caught);
          // Subscribing the source again waits for nothing that the stage would have to know of.
          return (next as unknown) === caught ? caught : (here.outside(next) as Observable<rx.ObservedValueOf<O>>);
        }),
      ),
  );
}

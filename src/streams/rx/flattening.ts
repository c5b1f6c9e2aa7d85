/**
 * Operators that subscribe to an inner observable for each element: the originals of RxJS, with the element held from
 * its arrival, queued or running, to the end of its inner.
 */

import type { Observable, ObservableInput, OperatorFunction, SchedulerLike } from 'rxjs';
import * as rx from 'rxjs';
import { OperatorOverflow } from '../errors.ts';
import { streamLimits } from '../limits.ts';
import { metered } from './here.ts';
import { type Held, Holder } from './holder.ts';
import { holdWork, inner } from './inner.ts';

type Project<T, R> = (value: T, index: number) => ObservableInput<R>;
type ResultSelector = (outer: unknown, inner: unknown, outerIndex: number, innerIndex: number) => unknown;

/** The project function that also does what RxJS's result selectors did. */
function selecting(project: Project<unknown, unknown>, selector: unknown): Project<unknown, unknown> {
  if (typeof selector !== 'function') return project;
  const select = selector as ResultSelector;
  return (outer, index) =>
    rx.from(project(outer, index)).pipe(rx.map((value, innerIndex) => select(outer, value, index, innerIndex)));
}

/** An element that may wait for its turn, with its claim unless it is a group or window. */
interface Queued<T> {
  readonly value: T;
  readonly held: Held<T> | undefined;
}

function queued<T>(holder: Holder<T>, source: Observable<T>): Observable<Queued<T>> {
  return source.pipe(rx.map((value) => ({ value, held: holdWork(holder, value) })));
}

function merging<T, R>(name: string, project: Project<T, R>, concurrent: number): OperatorFunction<T, R> {
  return metered<T, R>(
    () => rx.mergeMap(project, concurrent),
    (source, here) => {
      const holder = new Holder<T>(here, name);
      const work = ({ value, held }: Queued<T>, index: number): Observable<R> =>
        inner(holder, held, () => project(value, index));
      return holder.over(queued(holder, source).pipe(rx.mergeMap(work, concurrent)));
    },
  );
}

function switching<T, R>(name: string, project: Project<T, R>): OperatorFunction<T, R> {
  return metered<T, R>(
    () => rx.switchMap(project),
    (source, here) => {
      const holder = new Holder<T>(here, name);
      const work = (value: T, index: number): Observable<R> =>
        inner(holder, holdWork(holder, value), () => project(value, index), 'switched');
      return holder.over(source.pipe(rx.switchMap(work)));
    },
  );
}

function exhausting<T, R>(name: string, project: Project<T, R>): OperatorFunction<T, R> {
  return metered<T, R>(
    () => rx.exhaustMap(project),
    (source, here) => {
      const holder = new Holder<T>(here, name);
      let started = false;
      const work = (value: T, index: number): Observable<R> => {
        started = true;
        return inner(holder, holdWork(holder, value), () => project(value, index));
      };
      const arriving = new rx.Observable<T>((subscriber) => {
        source.subscribe(
          new Noting<T>(subscriber, () => {
            if (!started) holder.dropHere('exhausted');
            started = false;
          }),
        );
      });
      return holder.over(arriving.pipe(rx.exhaustMap(work)));
    },
  );
}

/** Passes on, and says so after each element. */
class Noting<T> extends rx.Subscriber<T> {
  readonly #passed: () => void;

  constructor(destination: rx.Subscriber<T>, passed: () => void) {
    super(destination);
    this.#passed = passed;
  }

  protected override _next(value: T): void {
    super._next(value);
    this.#passed();
  }
}

export const mergeMap: typeof rx.mergeMap = ((
  project: Project<unknown, unknown>,
  selector?: unknown,
  concurrent = Number.POSITIVE_INFINITY,
) =>
  merging(
    'mergeMap',
    selecting(project, selector),
    typeof selector === 'number' ? selector : concurrent,
  )) as typeof rx.mergeMap;

/** @deprecated the old name of `mergeMap`, as in RxJS. */
export const flatMap: typeof rx.mergeMap = mergeMap;

export const concatMap: typeof rx.concatMap = ((project: Project<unknown, unknown>, selector?: unknown) =>
  merging('concatMap', selecting(project, selector), 1)) as typeof rx.concatMap;

export const switchMap: typeof rx.switchMap = ((project: Project<unknown, unknown>, selector?: unknown) =>
  switching('switchMap', selecting(project, selector))) as typeof rx.switchMap;

export const exhaustMap: typeof rx.exhaustMap = ((project: Project<unknown, unknown>, selector?: unknown) =>
  exhausting('exhaustMap', selecting(project, selector))) as typeof rx.exhaustMap;

/** @deprecated as in RxJS: use `mergeMap(() => inner)`. */
export const mergeMapTo: typeof rx.mergeMapTo = ((
  to: ObservableInput<unknown>,
  selector?: unknown,
  concurrent?: number,
) => mergeMap(() => to, selector as undefined, concurrent)) as typeof rx.mergeMapTo;

/** @deprecated as in RxJS: use `concatMap(() => inner)`. */
export const concatMapTo: typeof rx.concatMapTo = ((to: ObservableInput<unknown>, selector?: unknown) =>
  concatMap(() => to, selector as undefined)) as typeof rx.concatMapTo;

/** @deprecated as in RxJS: use `switchMap(() => inner)`. */
export const switchMapTo: typeof rx.switchMapTo = ((to: ObservableInput<unknown>, selector?: unknown) =>
  switchMap(() => to, selector as undefined)) as typeof rx.switchMapTo;

const itself = (value: unknown): ObservableInput<unknown> => value as ObservableInput<unknown>;

export const mergeAll: typeof rx.mergeAll = ((concurrent = Number.POSITIVE_INFINITY) =>
  merging('mergeAll', itself, concurrent)) as typeof rx.mergeAll;

export const concatAll: typeof rx.concatAll = (() => merging('concatAll', itself, 1)) as typeof rx.concatAll;

export const switchAll: typeof rx.switchAll = (() => switching('switchAll', itself)) as typeof rx.switchAll;

export const exhaustAll: typeof rx.exhaustAll = (() => exhausting('exhaustAll', itself)) as typeof rx.exhaustAll;

export function mergeScan<T, R>(
  accumulator: (acc: R, value: T, index: number) => ObservableInput<R>,
  seed: R,
  concurrent: number = Number.POSITIVE_INFINITY,
): OperatorFunction<T, R> {
  return metered<T, R>(
    () => rx.mergeScan(accumulator, seed, concurrent),
    (source, here) => {
      const holder = new Holder<T>(here, 'mergeScan');
      const work = (acc: R, { value, held }: Queued<T>, index: number): Observable<R> =>
        inner(holder, held, () => accumulator(acc, value, index));
      return holder.over(queued(holder, source).pipe(rx.mergeScan(work, seed, concurrent)));
    },
    'mergeScan',
  );
}

export const switchScan: typeof rx.switchScan = (<T, R>(
  accumulator: (acc: R, value: T, index: number) => ObservableInput<R>,
  seed: R,
) =>
  metered<T, R>(
    () => rx.switchScan(accumulator, seed),
    (source, here) => {
      const holder = new Holder<T>(here, 'switchScan');
      const work = (acc: R, value: T, index: number): Observable<R> =>
        inner(holder, holdWork(holder, value), () => accumulator(acc, value, index), 'switched');
      return holder.over(source.pipe(rx.switchScan(work, seed)));
    },
    'switchScan',
  )) as typeof rx.switchScan;

/**
 * What it makes of an element counts as held like the element itself, for it comes back as one. With a `concurrent` an
 * iterable cannot be pulled, since what it gives would wait for its turn behind itself: it is read at once, and beyond
 * 10,000 elements the stage fails as `OperatorOverflow`.
 */
export const expand: typeof rx.expand = (<T>(
  project: Project<T, T>,
  concurrent = Number.POSITIVE_INFINITY,
  scheduler?: SchedulerLike,
) =>
  metered<T, T>(
    () => rx.expand<T, ObservableInput<T>>(project, concurrent, scheduler) as OperatorFunction<T, T>,
    (source, here) => {
      const holder = new Holder<T>(here, 'expand');
      const queues = concurrent !== Number.POSITIVE_INFINITY;
      const max = streamLimits.expandQueuedMax;
      const hold = (value: T): Held<T> => {
        if (queues && holder.size >= max)
          throw new OperatorOverflow(here.stage.name, 'expand', queuedHere, max, advice);
        return holder.hold(value);
      };
      const work = (held: Held<T>, index: number): Observable<Held<T>> => {
        const make = (): ObservableInput<T> => project(held.value, index);
        return inner(holder, held, queues ? () => rx.from(make()) : make).pipe(rx.map(hold));
      };
      const grown = holder
        .arrivals(source)
        .pipe(rx.expand(work, concurrent, scheduler && (here.on(scheduler) as never))) as Observable<Held<T>>;
      const out = new rx.Observable<T>((subscriber) => {
        const { ledger } = here;
        grown.subscribe(new Emerging<T>(subscriber, (held, work) => ledger.enter(held.claim, held.level, work)));
      });
      return holder.over(out);
    },
  )) as typeof rx.expand;

const queuedHere = 'elements that wait for their turn';
const advice = 'Leave its concurrency out, so that iterables are pulled, or let it make fewer elements';

/** Gives held elements on as themselves, in their own time, and keeps them held. */
class Emerging<T> extends rx.Subscriber<Held<T>> {
  readonly #enter: (held: Held<T>, work: () => void) => void;

  constructor(destination: rx.Subscriber<T>, enter: (held: Held<T>, work: () => void) => void) {
    super(destination as rx.Subscriber<unknown>);
    this.#enter = enter;
  }

  protected override _next(held: Held<T>): void {
    this.#enter(held, () => this.destination.next(held.value));
  }
}

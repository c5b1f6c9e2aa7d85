/**
 * An iterable that an element gives is pulled: asked for its next element only while the queues behind have room and
 * operators behind hold less than they may. So one element may make a million without a queue that grows.
 *
 * What operators behind hold of pulled elements counts at a level of its own. If it counted with the elements that are
 * pulled, as many of these as may be held would wait for each other.
 */
import { isObservable, Observable, type ObservableInput } from 'rxjs';
import type { Ledger } from '../ledger.ts';
import { streamLimits } from '../limits.ts';
import type { Held } from './holder.ts';

type Pulled<R> = Iterable<R> | AsyncIterable<R>;

/** True for iterables and async iterables that are nothing else to RxJS. */
export function isPulled<R>(made: ObservableInput<R>): made is Pulled<R> {
  if (typeof made === 'string') return true;
  if (typeof made !== 'object' || made === null || isObservable(made) || '@@observable' in made) return false;
  const observable = (Symbol as { observable?: symbol }).observable;
  if (observable !== undefined && observable in made) return false;
  return !('then' in made) && (Symbol.iterator in made || Symbol.asyncIterator in made);
}

export function pulled<R>(iterable: Pulled<R>, ledger: Ledger, { claim, level }: Held<unknown>): Observable<R> {
  return new Observable<R>((subscriber) => {
    const isAsync = Symbol.asyncIterator in Object(iterable);
    const iterator: Iterator<R> | AsyncIterator<R> = isAsync
      ? (iterable as AsyncIterable<R>)[Symbol.asyncIterator]()
      : (iterable as Iterable<R>)[Symbol.iterator]();
    const behind = level + 1;
    let done = false;
    let forget: (() => void) | undefined;

    const enter = (work: () => void): void => ledger.enter(claim, behind, work);
    const fail = (thrown: unknown): void => {
      done = true;
      enter(() => subscriber.error(thrown));
    };
    const take = ({ done: ended, value }: IteratorResult<R>): void => {
      if (ended === true) {
        done = true;
        enter(() => subscriber.complete());
      } else enter(() => subscriber.next(value));
    };
    const wait = (): void => {
      forget = ledger.whenRoom(pull);
    };
    const pull = (): void => {
      forget = undefined;
      for (let count = 0; !subscriber.closed && !done; count += 1) {
        if (!ledger.mayPull(behind)) {
          wait();
          return;
        }
        if (count === streamLimits.pulledPerTurn) {
          forget = ledger.clock.wake(0, pull);
          return;
        }
        let next: IteratorResult<R> | Promise<IteratorResult<R>>;
        try {
          next = iterator.next() as IteratorResult<R> | Promise<IteratorResult<R>>;
        } catch (thrown) {
          fail(thrown);
          return;
        }
        if (isAsync) {
          (next as Promise<IteratorResult<R>>).then((result) => {
            if (subscriber.closed) return;
            take(result);
            pull();
          }, fail);
          return;
        }
        take(next as IteratorResult<R>);
      }
    };
    subscriber.add(() => {
      forget?.();
      if (done) return;
      // What it says to being stopped concerns nobody any more.
      const returned = iterator.return?.() as unknown;
      if (isAsync) (returned as Promise<unknown> | undefined)?.then(undefined, () => undefined);
    });
    pull();
  });
}

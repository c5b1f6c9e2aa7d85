/** Inner observables: what an operator subscribes to for an element, and how what comes of it is the element's. */
import { from, isObservable, Observable, type ObservableInput, Subscriber } from 'rxjs';
import type { DropReason } from '../stage-account.ts';
import { Entering } from './here.ts';
import type { Held, Holder } from './holder.ts';
import { isPulled, pulled } from './pulled.ts';

/** Observables that are parts of a stream (groups, windows). They end when their stream goes on, so nothing waits for them. */
const structures = new WeakSet<object>();

/** Says that `part` is a part of a stream and no work for an element. */
export function structure<O extends object>(part: O): O {
  structures.add(part);
  return part;
}

/** True for groups and windows. A group of RxJS's own `groupBy` is known by its key. */
export function isStructure(value: unknown): boolean {
  return isObservable(value) && (structures.has(value) || 'key' in value);
}

/** The element in the operator's hands; undefined for a group or window, which is not held. */
export function holdWork<T>(holder: Holder<T>, value: T): Held<T> | undefined {
  return isStructure(value) ? undefined : holder.hold(value);
}

/**
 * What `make` answers for an element, subscribed and emitting as the element's own; the element is released at its end.
 *
 * @param unsubscribed what became of the element if it is unsubscribed before.
 */
export function inner<T, R>(
  holder: Holder<T>,
  held: Held<T> | undefined,
  make: () => ObservableInput<R>,
  unsubscribed?: DropReason,
): Observable<R> {
  const { here } = holder;
  if (held === undefined) {
    return new Observable<R>((subscriber) => here.outside(make()).subscribe(subscriber));
  }
  return new Observable<R>((subscriber) => {
    const enter = (work: () => void): void => here.ledger.enter(held.claim, held.level, work);
    const entering = new InnerSubscriber<R>(subscriber, enter);
    subscriber.add(() => {
      const stopped = holder.closed || unsubscribed === undefined ? here.stage.unsubscribedFate : unsubscribed;
      holder.release(held, entering.ended ? undefined : stopped);
    });
    const start = (): void => {
      try {
        const made = make();
        if (isPulled(made)) pulled(made, here.ledger, held).subscribe(entering.unwrapped());
        else from(made).subscribe(entering);
      } catch (thrown) {
        subscriber.error(thrown);
      }
    };
    holder.begin(subscriber, () => enter(start));
  });
}

class InnerSubscriber<R> extends Entering<R> {
  ended = false;

  protected override _error(error: unknown): void {
    this.ended = true;
    super._error(error);
  }

  protected override _complete(): void {
    this.ended = true;
    super._complete();
  }

  /** For what enters by itself. */
  unwrapped(): Subscriber<R> {
    return new Ending<R>(this.destination as Subscriber<R>, this);
  }
}

class Ending<R> extends Subscriber<R> {
  readonly #inner: InnerSubscriber<R>;

  constructor(destination: Subscriber<R>, innerSubscriber: InnerSubscriber<R>) {
    super(destination);
    this.#inner = innerSubscriber;
  }

  protected override _error(error: unknown): void {
    this.#inner.ended = true;
    super._error(error);
  }

  protected override _complete(): void {
    this.#inner.ended = true;
    super._complete();
  }
}

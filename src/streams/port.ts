/**
 * Where elements enter a chain of RxJS operators: a Subject without its copying of observers for each element, and
 * with the question whether anybody still listens.
 */
import { Observable, type Subscriber } from 'rxjs';

export class Port<T> {
  readonly observable: Observable<T>;
  /** Replaced, never changed in place, so that a loop over it sees one state. */
  #subscribers: readonly Subscriber<T>[] = [];
  #completed = false;

  /** @param subscribed called by whoever subscribes, before anything else. */
  constructor(subscribed?: () => void) {
    this.observable = new Observable<T>((subscriber) => {
      subscribed?.();
      if (this.#completed) {
        subscriber.complete();
        return undefined;
      }
      this.#subscribers = [...this.#subscribers, subscriber];
      return () => {
        this.#subscribers = this.#subscribers.filter((other) => other !== subscriber);
      };
    });
  }

  next(value: T): void {
    const subscribers = this.#subscribers;
    if (subscribers.length === 1) {
      subscribers[0]!.next(value);
      return;
    }
    for (const subscriber of subscribers) subscriber.next(value);
  }

  complete(): void {
    this.#completed = true;
    for (const subscriber of this.#subscribers) subscriber.complete();
    this.#subscribers = [];
  }
}

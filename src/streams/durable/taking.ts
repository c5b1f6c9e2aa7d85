/** The subscriber of a durable operator: takes each element, and the end; what throws fails the stage. */
import { Subscriber } from 'rxjs';

export class Taking<T> extends Subscriber<T> {
  readonly #take: (value: T) => void;
  readonly #ended: (() => void) | undefined;

  constructor(destination: Subscriber<never>, take: (value: T) => void, ended?: () => void) {
    super(destination as Subscriber<unknown>);
    this.#take = take;
    this.#ended = ended;
  }

  protected override _next(value: T): void {
    try {
      this.#take(value);
    } catch (thrown) {
      this.error(thrown);
    }
  }

  protected override _complete(): void {
    this.#ended?.();
    // What came out may have failed behind, which ends this subscription.
    if (!this.closed) super._complete();
  }
}

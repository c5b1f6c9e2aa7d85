/** `meter`: any operator of another package, with what it holds counted by what comes out of it. */
import { Observable, type OperatorFunction, Subscriber } from 'rxjs';
import { metered } from './here.ts';
import { type Held, Holder } from './holder.ts';

/** How an operator's output says what it let go of. */
export interface MeterOptions<R> {
  /** How many of the elements that it holds longest are let go of with `out`; 1 unless given. */
  readonly releases?: (out: R) => number;
}

/**
 * Makes an operator that lets go later fit for flows: each element that goes in is held until an output releases it,
 * oldest first. The output has the time of the latest element that it releases.
 *
 * What is still held when the operator completes is reported as the stage's `heldAtEnd`: `releases` counts too little.
 */
export function meter<T, R>(operator: OperatorFunction<T, R>, options: MeterOptions<R> = {}): OperatorFunction<T, R> {
  const { releases = () => 1 } = options;
  return metered(
    () => operator,
    (source, here) => {
      const holder = new Holder<T>(here, 'meter');
      const queue: Held<T>[] = [];
      const arriving = new Observable<T>((subscriber) => {
        source.subscribe(
          new Passing<T>(subscriber, (value) => {
            queue.push(holder.hold(value));
            subscriber.next(value);
          }),
        );
      });
      const out = new Observable<R>((subscriber) => {
        here.stage.waits += 1;
        subscriber.add(() => {
          here.stage.waits -= 1;
          here.ledger.changed();
        });
        arriving.pipe(operator).subscribe(
          new Passing<R>(
            subscriber,
            (value) => holder.letGoAll(queue.splice(0, releases(value)), () => subscriber.next(value)),
            () => {
              here.stage.heldAtEnd += queue.length;
              here.enter(() => subscriber.complete());
            },
            (thrown) => here.enter(() => subscriber.error(thrown)),
          ),
        );
      });
      return holder.over(out);
    },
  );
}

/** A subscriber whose three ends are functions, and whose failures go to its destination. */
class Passing<T> extends Subscriber<T> {
  readonly #next: (value: T) => void;
  readonly #ended: (() => void) | undefined;
  readonly #failed: ((thrown: unknown) => void) | undefined;

  constructor(
    destination: Subscriber<unknown>,
    next: (value: T) => void,
    ended?: () => void,
    failed?: (thrown: unknown) => void,
  ) {
    super(destination);
    this.#next = next;
    this.#ended = ended;
    this.#failed = failed;
  }

  protected override _next(value: T): void {
    try {
      this.#next(value);
    } catch (thrown) {
      this.error(thrown);
    }
  }

  protected override _complete(): void {
    if (this.#ended === undefined) super._complete();
    else this.#ended();
  }

  protected override _error(thrown: unknown): void {
    if (this.#failed === undefined) super._error(thrown);
    else this.#failed(thrown);
  }
}

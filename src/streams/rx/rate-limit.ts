/** `rateLimit`: no more than so many elements in so much time, without losing any: the others wait, held. */
import { type MonoTypeOperatorFunction, Observable, Subscriber } from 'rxjs';
import { type Held, Holder } from './holder.ts';
import { onlyInFlow } from './own-here.ts';
import { checkRate, type RateLimitOptions, Turns } from './turns.ts';

/**
 * Each instance of a stage limits by itself, and what goes out of it is no longer limited: where a stage behind tries
 * elements again, give the rate to that, `each(…, { rate })`.
 *
 * @throws UsageError where an option is out of range, or outside of a flow.
 */
export function rateLimit<T>(options: RateLimitOptions<T>): MonoTypeOperatorFunction<T> {
  checkRate('rateLimit(…)', options);
  return onlyInFlow<T, T>('rateLimit', (source, here) => {
    const holder = new Holder<T>(here, 'rateLimit');
    const out = new Observable<T>((subscriber) => {
      const turns = new Turns<T>(here, 'rateLimit(…)', options);
      let ended = false;
      turns.emptied = () => {
        if (ended) subscriber.complete();
      };
      subscriber.add(() => turns.close());
      holder.arrivals(source, options.key).subscribe(
        new Limiting<T>(
          subscriber,
          (held) => turns.wait(held.value, held.key, () => holder.letGo(held, () => subscriber.next(held.value))),
          () => {
            ended = true;
            if (turns.waiting === 0) subscriber.complete();
          },
        ),
      );
    });
    return holder.over(out);
  });
}

class Limiting<T> extends Subscriber<Held<T>> {
  readonly #add: (held: Held<T>) => void;
  readonly #ended: () => void;

  constructor(destination: Subscriber<T>, add: (held: Held<T>) => void, ended: () => void) {
    super(destination as Subscriber<unknown>);
    this.#add = add;
    this.#ended = ended;
  }

  protected override _next(held: Held<T>): void {
    try {
      this.#add(held);
    } catch (thrown) {
      this.error(thrown);
    }
  }

  protected override _complete(): void {
    this.#ended();
  }
}

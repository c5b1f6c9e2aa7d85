/** `bufferCount`: what RxJS gives, and watermarks wait for what is in a buffer. */
import { Observable, type OperatorFunction, bufferCount as plainBufferCount, Subscriber } from 'rxjs';
import { metered } from './here.ts';
import { type Held, Holder } from './holder.ts';

/**
 * As `bufferCount` of RxJS. What it gives has the time of its latest element. Only more input completes a buffer, so what
 * is in one does not count among what the stage may hold, and watermarks wait for it, for as long as nothing comes.
 */
export function bufferCount<T>(bufferSize: number, startBufferEvery?: number | null): OperatorFunction<T, T[]> {
  const every = startBufferEvery ?? bufferSize;
  return metered(
    () => plainBufferCount(bufferSize, startBufferEvery),
    (source, here) => {
      const holder = new Holder<T>(here, 'bufferCount', false);
      const out = new Observable<T[]>((subscriber) => {
        source.subscribe(new Counting<T>(subscriber, { bufferSize, every, holder }));
      });
      return holder.over(out);
    },
    'bufferCount',
  );
}

class Counting<T> extends Subscriber<T> {
  readonly #size: number;
  readonly #every: number;
  readonly #holder: Holder<T>;
  /** From the first of the oldest buffer on: buffers overlap, so an element is held once for all that it is in. */
  readonly #held: Held<T>[] = [];
  /** Which element each open buffer begins with, the oldest first: it is the first to be full. */
  readonly #starts: number[] = [];
  #count = 0;

  constructor(
    destination: Subscriber<T[]>,
    { bufferSize, every, holder }: { bufferSize: number; every: number; holder: Holder<T> },
  ) {
    super(destination as Subscriber<unknown>);
    this.#size = bufferSize;
    this.#every = every;
    this.#holder = holder;
  }

  protected override _next(value: T): void {
    if (this.#count % this.#every === 0) this.#starts.push(this.#count);
    this.#count += 1;
    // Between two buffers there is nothing to hold it for.
    if (this.#starts.length === 0) return;
    this.#held.push(this.#holder.hold(value));
    while (this.#starts.length > 0 && this.#count - this.#starts[0]! >= this.#size) this.#close();
  }

  protected override _complete(): void {
    while (this.#starts.length > 0) this.#close();
    // What was given last may have failed behind it.
    if (!this.closed) super._complete();
  }

  /** Gives the oldest buffer, and keeps what the next one has of it. */
  #close(): void {
    const start = this.#starts.shift()!;
    const members = [...this.#held];
    const values = members.map(({ value }) => value);
    const released = this.#held.splice(0, (this.#starts[0] ?? this.#count) - start);
    this.#holder.letGoAll(members, () => this.destination.next(values), released);
  }
}

/**
 * A source from a hot Observable, which cannot be told to wait: a bounded buffer with a named strategy for what comes
 * when it is full. Every element is counted: in = out + dropped.
 */
import type { Observable } from 'rxjs';
import { UsageError } from '../base/errors.ts';
import { SourceOverflow } from './errors.ts';
import { ReadAhead } from './read-ahead.ts';
import type { Source, SourceContext } from './source.ts';

/**
 * What to lose when the buffer is full: its oldest element, the newest (the one that came), or all but the newest
 * (`latest`); or to lose nothing and fail the run (`error`).
 */
export type Overflow = 'drop-oldest' | 'drop-newest' | 'latest' | 'error';

/** How a hot source is bounded: it cannot be told to wait. */
export interface HotOptions {
  /** What to lose when `capacity` elements wait. */
  overflow: Overflow;
  /** Elements that may wait, from 1 on. `latest` keeps one whatever is given here. */
  capacity: number;
}

const strategies: readonly string[] = ['drop-oldest', 'drop-newest', 'latest', 'error'] satisfies Overflow[];

/** @throws UsageError for an unknown strategy or a capacity below 1. */
export function fromObservable<T>(observable: Observable<T>, options: HotOptions): Source<T> {
  const { overflow, capacity } = options;
  if (!strategies.includes(overflow)) {
    throw new UsageError(`fromHot takes overflow: ${strategies.join(' | ')}; it was given ${String(overflow)}`);
  }
  if (!Number.isSafeInteger(capacity) || capacity < 1) {
    throw new UsageError(`fromHot takes a capacity in whole elements from 1 on; it was given ${String(capacity)}`);
  }
  return new HotSource(observable, overflow, overflow === 'latest' ? 1 : capacity);
}

class HotSource<T> implements Source<T> {
  readonly name: string = 'hot';
  /** A batch, and what waits meanwhile. */
  readonly ahead: number;
  readonly #observable: Observable<T>;
  readonly #overflow: Overflow;
  readonly #capacity: number;
  #dropped = 0;

  constructor(observable: Observable<T>, overflow: Overflow, capacity: number) {
    this.#observable = observable;
    this.#overflow = overflow;
    this.#capacity = capacity;
    this.ahead = 2 * capacity;
  }

  dropped(): number {
    return this.#dropped;
  }

  async *open({ signal }: SourceContext): AsyncGenerator<T[]> {
    const waiting = new ReadAhead<T>();
    const end = (): void => waiting.end();
    signal.addEventListener('abort', end, { once: true });
    const subscription = this.#observable.subscribe({
      next: (item) => this.#take(waiting, item),
      error: (thrown: unknown) => waiting.fail(thrown),
      complete: end,
    });
    try {
      for (;;) {
        const batch = await waiting.take();
        if (batch === undefined) return;
        yield batch;
      }
    } finally {
      signal.removeEventListener('abort', end);
      subscription.unsubscribe();
      this.#dropped += waiting.size;
    }
  }

  #take(waiting: ReadAhead<T>, item: T): void {
    if (waiting.size < this.#capacity) {
      waiting.push(item);
      return;
    }
    switch (this.#overflow) {
      case 'drop-newest':
        this.#dropped += 1;
        return;
      case 'drop-oldest':
      case 'latest':
        this.#dropped += 1;
        waiting.dropOldest();
        waiting.push(item);
        return;
      case 'error':
        waiting.fail(new SourceOverflow(this.#capacity));
        return;
      default:
        this.#overflow satisfies never;
    }
  }
}

/**
 * The reading end of a stream: an AsyncIterable and an Observable over one bounded buffer.
 *
 * Both protocols are implemented, because rxjs's own path for AsyncIterables notices an unsubscribe only at the next
 * value, and a quiet stream would leak. Iterating pulls: values are granted again as they are taken. Subscribing pushes:
 * a subscriber takes each value at once, so backpressure ends there.
 */
import { Ring } from '../base/ring.ts';
import { rejectionAtCaller } from './caller-stack.ts';
import { checkSignal } from './given.ts';
import { Cancelled } from './outcomes.ts';
import type { Stream, Subscribable } from './protocol.ts';

/** The other end, as the reader needs it. */
export interface StreamProducer {
  /** In all, so many values of it have been taken out of the reader's buffer. Cumulative; below 0 while older ones wait. */
  consumed(total: number): void;
  /** Nobody reads any more. */
  cancel(): void;
  /** The reader is about to wait for a value. @throws what it is to end with instead */
  awaited?(): void;
}

/** Opens one stream for `reader`, which is then fed with `push` and ended once. */
export type OpenStream<T> = (reader: StreamReader<T>) => StreamProducer;

type Waiter<T> = { resolve(result: IteratorResult<T> | Promise<never>): void };

export class StreamReader<T> implements AsyncIterator<T, undefined> {
  readonly #buffer = new Ring<T>();
  readonly #waiters = new Ring<Waiter<T>>();
  #producer: StreamProducer | undefined = undefined;
  #consumed = 0;
  /** Values that came from producers before this one. */
  #before = 0;
  #opens = 0;
  #vain = 0;
  #ended = false;
  #error: { readonly thrown: unknown } | undefined = undefined;
  #isPushed = false;
  /** Called once when it ends, for whatever reason. */
  onEnd: (() => void) | undefined = undefined;

  /** Opens it; again where its actor has moved: from then on another producer feeds it, with what follows. */
  open(open: OpenStream<T>): this {
    this.#before = this.received;
    this.#opens += 1;
    this.#vain += 1;
    const opens = this.#opens;
    const producer = open(this);
    // The actor may turn out to have moved while it is opened: then the later one counts.
    if (opens === this.#opens) this.#producer = producer;
    return this;
  }

  /** Values that it has got so far, those that wait to be taken included. */
  get received(): number {
    return this.#consumed + this.#buffer.size;
  }

  /** The producer is told that nobody reads any more. */
  giveUp(): void {
    this.#producer?.cancel();
  }

  /** The values that wait to be taken. */
  get waiting(): readonly T[] {
    return [...this.#buffer.values()];
  }

  /** Values that wait to be taken. */
  get buffered(): number {
    return this.#buffer.size;
  }

  /** True while somebody can do nothing until the next value comes. */
  get isAwaited(): boolean {
    return !this.#isPushed && this.#waiters.size > 0;
  }

  /** What it reads is pushed on to a subscriber, which does not wait for it. */
  pushTo(): this {
    this.#isPushed = true;
    return this;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** How often it was opened again since it got its last value: each time its actor had moved on meanwhile. */
  get opensInVain(): number {
    return this.#vain;
  }

  push(value: T): void {
    if (this.#ended) return;
    this.#vain = 0;
    const waiter = this.#waiters.shift();
    if (waiter === undefined) {
      this.#buffer.push(value);
      return;
    }
    this.#took();
    waiter.resolve({ done: false, value });
  }

  /** Drops the oldest value that waits: for readers that may miss some. */
  dropOldest(): void {
    this.#buffer.shift();
  }

  /** Ends the stream, after what is buffered; with an error when one is given. Later ends are ignored. */
  end(error?: { readonly thrown: unknown }): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.onEnd?.();
    for (let waiter = this.#waiters.shift(); waiter !== undefined; waiter = this.#waiters.shift()) this.#finish(waiter);
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#buffer.size > 0) {
      const value = this.#buffer.shift() as T;
      this.#took();
      return Promise.resolve({ done: false, value });
    }
    return new Promise((resolve) => {
      const waiter: Waiter<T> = { resolve };
      if (!this.#ended) this.#refuseToWaitInVain();
      if (this.#ended) this.#finish(waiter);
      else this.#waiters.push(waiter);
    });
  }

  #refuseToWaitInVain(): void {
    if (this.#isPushed) return;
    try {
      this.#producer?.awaited?.();
    } catch (error) {
      this.end({ thrown: error });
      this.#producer?.cancel();
    }
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.cancel();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Stops reading: what is buffered is dropped, the producer is told. */
  cancel(): void {
    this.#buffer.clear();
    if (this.#ended) return;
    this.end();
    this.#producer?.cancel();
  }

  #took(): void {
    this.#consumed += 1;
    this.#producer?.consumed(this.#consumed - this.#before);
  }

  #finish(waiter: Waiter<T>): void {
    const error = this.#error;
    this.#error = undefined;
    if (error === undefined) waiter.resolve({ done: true, value: undefined });
    else waiter.resolve(rejectionAtCaller(error.thrown));
  }
}

/** A stream that is opened anew by each iteration and each subscription. */
export function streamOf<T>(open: OpenStream<T>, signal?: AbortSignal): Stream<T> {
  const start = (): StreamReader<T> => {
    const reader = new StreamReader<T>();
    const abort = (): void => {
      reader.end({ thrown: new Cancelled(true, 'the stream was aborted by its signal', signal?.reason) });
      reader.giveUp();
    };
    if (signal?.aborted) {
      reader.end({ thrown: new Cancelled(false, 'the stream was aborted before it was opened', signal.reason) });
      return reader;
    }
    if (signal !== undefined) {
      checkSignal(signal, 'a stream');
      signal.addEventListener('abort', abort, { once: true });
      reader.onEnd = () => signal.removeEventListener('abort', abort);
    }
    return reader.open(open);
  };
  const subscribe: Subscribable<T>['subscribe'] = (given) => {
    const observer = typeof given === 'function' ? { next: given } : (given ?? {});
    const reader = start().pushTo();
    let open = true;
    void (async () => {
      try {
        for (let result = await reader.next(); !result.done && open; result = await reader.next()) {
          observer.next?.(result.value);
        }
        if (open) observer.complete?.();
      } catch (error) {
        // It came from the stream, or was thrown by the observer: then nobody reads on.
        reader.cancel();
        if (open) observer.error?.(error);
      }
    })();
    return {
      unsubscribe(): void {
        open = false;
        reader.cancel();
      },
    };
  };
  const result = {
    [Symbol.asyncIterator]: start,
    subscribe,
    '@@observable'(): unknown {
      return this;
    },
  };
  return asObservable(result);
}

/** A stream of whoever it is that `choose` finds when it is read, each time anew. */
export function streamChosenLate<T>(choose: () => Stream<T>): Stream<T> {
  return asObservable({
    [Symbol.asyncIterator]: () => choose()[Symbol.asyncIterator](),
    subscribe: ((given: never) => choose().subscribe(given)) as Subscribable<T>['subscribe'],
    '@@observable'(): unknown {
      return this;
    },
  });
}

function asObservable<T extends object>(stream: T): T {
  const observable = (Symbol as { readonly observable?: symbol }).observable;
  if (observable !== undefined) Object.defineProperty(stream, observable, { value: () => stream });
  return stream;
}

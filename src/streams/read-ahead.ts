/**
 * Turns what comes one by one, at its own pace, into batches: all that has come since the last batch is the next one.
 *
 * A reader waits with one promise per batch, however many elements that holds.
 */
import { streamLimits } from './limits.ts';

export class ReadAhead<T> {
  #items: T[] = [];
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  get size(): number {
    return this.#items.length;
  }

  /** What comes after the end or a failure is not taken. */
  push(item: T): void {
    if (this.#ended || this.#failure !== undefined) return;
    this.#items.push(item);
    this.#notify();
  }

  dropOldest(): void {
    this.#items.shift();
  }

  end(): void {
    this.#ended = true;
    this.#notify();
  }

  /** Given to the reader behind the items that are waiting. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#notify();
  }

  /** What has come since the last call, at least one item; undefined at the end. */
  async take(): Promise<T[] | undefined> {
    while (this.#items.length === 0) {
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const batch = this.#items;
    this.#items = [];
    return batch;
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

/** What gives one element a promise, and is to be closed. */
export interface Pulled<T> {
  next(): Promise<{ readonly done?: boolean | undefined; readonly value?: T | undefined }>;
  /** Called once, when the source ends for whatever reason; a `next` may be under way. */
  close(): Promise<unknown>;
}

/** Makes batches of what gives one element a promise, a bounded number of them ahead. */
export async function* pulledAhead<T>(pulled: Pulled<T>, signal: AbortSignal): AsyncGenerator<T[]> {
  const ahead = new ReadAhead<T>();
  let room: (() => void) | undefined;
  let closed = false;
  const pump = async (): Promise<void> => {
    while (!closed) {
      if (ahead.size >= streamLimits.readAheadMax) {
        await new Promise<void>((resolve) => {
          room = resolve;
        });
        continue;
      }
      const { done, value } = await pulled.next();
      if (done) break;
      ahead.push(value as T);
    }
    ahead.end();
  };
  const stop = (): void => {
    if (closed) return;
    closed = true;
    ahead.end();
    room?.();
    pulled.close().then(undefined, () => undefined);
  };
  if (signal.aborted) return stop();
  signal.addEventListener('abort', stop, { once: true });
  pump().then(undefined, (thrown: unknown) => ahead.fail(thrown));
  try {
    for (;;) {
      const batch = await ahead.take();
      if (batch === undefined) return;
      room?.();
      yield batch;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

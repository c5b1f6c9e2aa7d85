/** Streams of Node as sources and sinks. */
import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream';
import { UsageError } from '../base/errors.ts';
import { streamLimits } from './limits.ts';
import type { Sink, SinkWriter } from './sink.ts';
import type { Source } from './source.ts';

/**
 * A source from a `Readable`: its objects, or its chunks. A stream is read once, so the source can be opened once.
 *
 * Read only as the flow has room: the stream fills to its `highWaterMark`, and holds back what feeds it, be it a pipe, a
 * socket or a file. It is destroyed when the run ends before it.
 *
 * @throws UsageError for what is no Readable.
 */
export function fromReadable<T>(readable: Readable, options: { name?: string } = {}): Source<T> {
  if (typeof readable?.read !== 'function' || typeof readable.on !== 'function')
    throw new UsageError('fromReadable takes a Readable of node:stream; for other iterables there is fromIterable');
  return { name: options.name ?? 'readable', open: ({ signal }) => batchesOf<T>(readable, signal) };
}

async function* batchesOf<T>(readable: Readable, signal: AbortSignal): AsyncGenerator<T[]> {
  let wake: (() => void) | undefined;
  let end: { readonly error: unknown } | undefined;
  const onReadable = (): void => wake?.();
  const stop = (): void => {
    readable.destroy();
    wake?.();
  };
  // Also where it ended, or was destroyed, before it came here.
  const forget = finished(readable, { writable: false }, (error) => {
    end = { error: error ?? undefined };
    wake?.();
  });
  readable.on('readable', onReadable);
  signal.addEventListener('abort', stop, { once: true });
  try {
    while (!signal.aborted) {
      const batch: T[] = [];
      for (
        let item = readable.read();
        item !== null;
        item = batch.length < streamLimits.sourceBatch ? readable.read() : null
      )
        batch.push(item as T);
      if (batch.length > 0) yield batch;
      else if (end === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      } else if (end.error !== undefined) throw end.error;
      else return;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    readable.off('readable', onReadable);
    // A stream that is destroyed with an error nobody listens to would end the process.
    readable.once('error', () => undefined);
    readable.destroy();
    forget();
  }
}

/**
 * A sink into a `Writable`: each element is one `write`. A stream is written once, so the sink can be opened once.
 *
 * When the stream says that it is full, the flow waits for `drain`; so its `highWaterMark` is all that waits in it. At the
 * end the stream is ended, and the run waits until it has finished; a run that fails or is cancelled destroys it.
 *
 * @throws UsageError for what is no Writable.
 */
export function toWritable<T>(writable: Writable, options: { name?: string } = {}): Sink<T> {
  if (typeof writable?.write !== 'function' || typeof writable.once !== 'function')
    throw new UsageError('toWritable takes a Writable of node:stream');
  return { name: options.name ?? 'writable', open: ({ signal }) => new StreamWriter<T>(writable, signal) };
}

class StreamWriter<T> implements SinkWriter<T> {
  readonly #writable: Writable;
  readonly #over: Promise<void>;
  #wake: () => void = () => undefined;
  #end: { readonly error: unknown } | undefined;

  constructor(writable: Writable, signal: AbortSignal) {
    this.#writable = writable;
    this.#over = new Promise((resolve) => {
      finished(writable, { readable: false }, (error) => {
        this.#end = { error: error ?? undefined };
        this.#wake();
        resolve();
      });
    });
    writable.on('drain', () => this.#wake());
    // A write that waits for room would hold back the end of the run.
    signal.addEventListener('abort', () => this.#wake(), { once: true });
  }

  async write(batch: readonly T[]): Promise<void> {
    for (const item of batch) {
      this.#checkOpen();
      if (this.#writable.write(item)) continue;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        if (this.#end !== undefined || !this.#writable.writableNeedDrain) resolve();
      });
      this.#wake = () => undefined;
    }
    this.#checkOpen();
  }

  async finish(): Promise<void> {
    this.#writable.end();
    await this.#over;
    if (this.#end?.error !== undefined) throw this.#end.error;
  }

  async abort(): Promise<void> {
    this.#writable.once('error', () => undefined);
    this.#writable.destroy();
    await this.#over;
  }

  #checkOpen(): void {
    if (this.#end === undefined) return;
    throw this.#end.error ?? new Error('the stream was ended by somebody else');
  }
}

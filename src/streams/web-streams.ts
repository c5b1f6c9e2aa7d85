/** Streams of the web as sources and sinks. */
import type { ReadableStream, WritableStream } from 'node:stream/web';
import { UsageError } from '../base/errors.ts';
import { pulledAhead } from './read-ahead.ts';
import type { Sink, SinkWriter } from './sink.ts';
import type { Source } from './source.ts';

/**
 * A source from a `ReadableStream`. A stream is read once, so the source can be opened once.
 *
 * Up to 256 chunks are taken ahead, and no more than the flow has room for: then the stream fills to its high water mark
 * and pulls no more. It is cancelled when the run ends before it.
 *
 * @throws UsageError for what is no ReadableStream.
 */
export function fromWeb<T>(stream: ReadableStream<T>, options: { name?: string } = {}): Source<T> {
  if (typeof stream?.getReader !== 'function') throw new UsageError('fromWeb takes a ReadableStream');
  return {
    name: options.name ?? 'web-stream',
    open({ signal }) {
      const reader = stream.getReader();
      return pulledAhead<T>({ next: () => reader.read(), close: () => reader.cancel() }, signal);
    },
  };
}

/**
 * A sink into a `WritableStream`: each element is one chunk. A stream is written once, so the sink can be opened once.
 *
 * A chunk is written when the stream is ready for it, so its high water mark is all that waits in it. At the end the
 * stream is closed, and the run waits for that; a run that fails or is cancelled aborts it.
 *
 * @throws UsageError for what is no WritableStream.
 */
export function toWeb<T>(stream: WritableStream<T>, options: { name?: string } = {}): Sink<T> {
  if (typeof stream?.getWriter !== 'function') throw new UsageError('toWeb takes a WritableStream');
  return { name: options.name ?? 'web-stream', open: ({ signal }) => new WebWriter<T>(stream, signal) };
}

class WebWriter<T> implements SinkWriter<T> {
  readonly #writer: ReturnType<WritableStream<T>['getWriter']>;

  constructor(stream: WritableStream<T>, signal: AbortSignal) {
    this.#writer = stream.getWriter();
    // Each write tells the same of itself.
    this.#writer.closed.catch(() => undefined);
    signal.addEventListener('abort', () => void this.abort(), { once: true });
  }

  async write(batch: readonly T[]): Promise<void> {
    let last: Promise<void> = Promise.resolve();
    for (const item of batch) {
      await this.#writer.ready;
      last = this.#writer.write(item);
      last.catch(() => undefined);
    }
    await last;
  }

  finish(): Promise<void> {
    return this.#writer.close();
  }

  async abort(): Promise<void> {
    // A sink of the user that cannot even be aborted has said why to its writes.
    await this.#writer.abort().catch(() => undefined);
  }
}

/** A sink that sends its elements as server-sent events to whoever reads. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SinkFailed } from '../errors.ts';
import type { Sink, SinkWriter } from '../sink.ts';
import { checkListen, type ListenOptions, listen, type Port, refuse } from './http-port.ts';
import { jsonOf } from './jsonl-sink.ts';
import { checkReaders, type ReaderOptions, Readers } from './readers.ts';

/** Where to listen, and how slow readers are treated. */
export interface SseOutOptions extends ListenOptions, ReaderOptions {}

/**
 * Sends each element, as JSON, to everyone who reads `GET` on the path as `text/event-stream`, from when they come: what went
 * before is not sent again, and what comes while nobody reads is counted as `unread`.
 *
 * A reader has a queue of `capacity` elements. One that is slower than the flow is cut off when it is full (`disconnect`, the
 * default), misses the oldest (`drop-oldest`), or holds the flow back (`block`). Counts `readers`, `sent`, `dropped`,
 * `disconnected` and `unread`.
 *
 * The run does not start with {@link SinkFailed} `address` where it cannot listen, and fails with `value` for an element
 * without a JSON form.
 *
 * @throws UsageError for options that are none.
 */
export function sseOut<T>(options: SseOutOptions): Sink<T> {
  checkListen('sseOut', options);
  checkReaders('sseOut', options);
  return {
    name: 'sse-out',
    async open(context) {
      const readers = new Readers(options, context);
      const onRequest = (request: IncomingMessage, response: ServerResponse): void => admit(readers, request, response);
      const failed = (text: string, cause: unknown): SinkFailed => new SinkFailed('address', text, cause);
      const port = await listen(options, { scheme: 'http', clock: context.clock, onRequest }, failed);
      return new Broadcast<T>(readers, port, (json, number) => `id: ${number}\ndata: ${json}\n\n`, 'to(sseOut(…))');
    },
  };
}

function admit(readers: Readers, request: IncomingMessage, response: ServerResponse): void {
  if (request.method !== 'GET') {
    refuse(request, response, 405, 'only GET', { allow: 'GET' });
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.flushHeaders();
  const events = readers.add({
    send: (text) => response.write(text),
    end: () => response.end(),
    cut: () => response.destroy(),
  });
  response.on('drain', () => events.ready());
  response.once('close', () => events.gone());
  response.on('error', () => undefined);
}

/** Writes elements as texts to readers behind a port. */
export class Broadcast<T> implements SinkWriter<T> {
  readonly #readers: Readers;
  readonly #port: Port;
  readonly #textOf: (json: string, number: number) => string;
  readonly #to: string;
  #elements = 0;

  constructor(readers: Readers, port: Port, textOf: (json: string, number: number) => string, to: string) {
    this.#readers = readers;
    this.#port = port;
    this.#textOf = textOf;
    this.#to = to;
  }

  write(batch: readonly T[]): Promise<void> {
    const texts = batch.map((item) => {
      const number = this.#elements;
      this.#elements += 1;
      return this.#textOf(
        jsonOf(item, () => `element ${number}`, this.#to),
        number,
      );
    });
    return this.#readers.write(texts);
  }

  async finish(): Promise<void> {
    await this.#readers.finish();
    await this.#port.close();
  }

  async abort(): Promise<void> {
    this.#readers.abort();
    await this.#port.close();
  }

  counts(): Readonly<Record<string, number>> {
    return this.#readers.counts();
  }
}

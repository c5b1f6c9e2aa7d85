/** A sink that sends its elements as server-sent events to whoever reads. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SinkFailed } from '../errors.ts';
import type { Sink, SinkWriter } from '../sink.ts';
import { Comments } from './comments.ts';
import { checkListen, type ListenOptions, listen, refuse } from './http-port.ts';
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
 * `disconnected` and `unread`. Readers that have taken all get a comment every 30 s, so that they and proxies notice a server
 * that is gone. Nothing comes back from readers, so one that is gone without a word is noticed by TCP alone, on Linux in
 * some 15 minutes, in which `block` waits for it.
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
      const { clock } = context;
      const comments = new Comments(clock);
      const onRequest = (request: IncomingMessage, response: ServerResponse): void =>
        admit(readers, request, response, comments);
      const failed = (text: string, cause: unknown): SinkFailed => {
        comments.stop();
        return new SinkFailed('address', text, cause);
      };
      const port = await listen(options, { scheme: 'http', clock, onRequest }, failed);
      return new Broadcast<T>(readers, {
        textOf: (json, number) => `id: ${number}\ndata: ${json}\n\n`,
        to: 'to(sseOut(…))',
        close: () => {
          comments.stop();
          return port.close();
        },
      });
    },
  };
}

function admit(readers: Readers, request: IncomingMessage, response: ServerResponse, comments: Comments): void {
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
  comments.sendTo(response);
  response.on('drain', () => events.ready());
  response.once('close', () => events.gone());
  response.on('error', () => undefined);
}

interface BroadcastOptions {
  /** An element, and how manieth it is, as it goes to a reader. */
  readonly textOf: (json: string, number: number) => string;
  /** The sink, for errors. */
  readonly to: string;
  /** Ends what readers connect to. */
  readonly close: () => Promise<void>;
}

/** Writes elements as texts to readers behind a port. */
export class Broadcast<T> implements SinkWriter<T> {
  readonly #readers: Readers;
  readonly #options: BroadcastOptions;
  #elements = 0;

  constructor(readers: Readers, options: BroadcastOptions) {
    this.#readers = readers;
    this.#options = options;
  }

  write(batch: readonly T[]): Promise<void> {
    const { textOf, to } = this.#options;
    const texts = batch.map((item) => {
      const number = this.#elements;
      this.#elements += 1;
      return textOf(
        jsonOf(item, () => `element ${number}`, to),
        number,
      );
    });
    return this.#readers.write(texts);
  }

  async finish(): Promise<void> {
    await this.#readers.finish();
    await this.#options.close();
  }

  async abort(): Promise<void> {
    this.#readers.abort();
    await this.#options.close();
  }

  counts(): Readonly<Record<string, number>> {
    return this.#readers.counts();
  }
}

/** A sink that sends its elements through WebSockets: to one server, or to whoever connects. */
import { WebSocket, WebSocketServer } from 'ws';
import { describeThrown, UsageError } from '../../base/errors.ts';
import { SinkFailed } from '../errors.ts';
import { connectLimits } from '../limits.ts';
import type { Sink, SinkOptions, SinkWriter } from '../sink.ts';
import { Heartbeat, silent } from './heartbeat.ts';
import { checkUrl, shownUrl } from './http-client.ts';
import { checkListen, type ListenOptions, listen, refuse } from './http-port.ts';
import { jsonOf } from './jsonl-sink.ts';
import { checkReaders, type ReaderOptions, Readers } from './readers.ts';
import { Broadcast } from './sse-out.ts';
import { webSocketOptions } from './websocket-options.ts';

/** Which server to send to. */
export interface WebSocketToOptions {
  /** `ws://` or `wss://`. */
  url: string;
  /** Sent with the request. */
  headers?: Readonly<Record<string, string>>;
}

/** Where to listen, and how slow readers are treated. */
export interface WebSocketOutOptions extends ListenOptions, ReaderOptions {}

/**
 * With a `url`: connects to that server and sends it each element, JSON in a text. While 64 KiB are on their way the flow
 * waits, so TCP, and a server that reads slowly, hold it back. Nothing is acknowledged: what was sent when the
 * connection breaks may be lost. At the end it is closed with 1000, behind all that was sent. Counts `sent` and `bytes`.
 *
 * With a `port`: listens, and sends each element to everyone who is connected, with readers bounded as those of `sseOut`.
 *
 * Every 30 s the other end is asked whether it lives. One that says nothing for 60 s is cut off: it answers, or, where it
 * reads no further for so long, it says by a ping of its own that it lives, as sources and sinks here do.
 *
 * The run does not start with {@link SinkFailed} `unreachable` or `address`, and fails with `unreachable` where the server
 * closes, cuts off or is cut off, and with `value` for an element without a JSON form.
 *
 * @throws UsageError for options that are none.
 */
export function webSocketOut<T>(options: WebSocketToOptions | WebSocketOutOptions): Sink<T> {
  if ('url' in options === 'port' in options)
    throw new UsageError('webSocketOut takes a url to send to, or a port to listen on');
  if ('url' in options) {
    checkUrl('webSocketOut({ url })', options.url, ['ws:', 'wss:']);
    return { name: 'websocket-out', open: (context) => WebSocketWriter.open<T>(options, context) };
  }
  checkListen('webSocketOut', options);
  checkReaders('webSocketOut', options);
  return { name: 'websocket-out', open: (context) => openBroadcast<T>(options, context) };
}

async function openBroadcast<T>(options: WebSocketOutOptions, context: SinkOptions): Promise<SinkWriter<T>> {
  const readers = new Readers(options, context);
  const heartbeat = new Heartbeat(context.clock);
  const server = new WebSocketServer({
    ...webSocketOptions(connectLimits.headerBytesMax),
    noServer: true,
    clientTracking: false,
  });
  const port = await listen(
    options,
    {
      scheme: 'ws',
      clock: context.clock,
      onRequest: (request, response) =>
        refuse(request, response, 426, 'connect with a WebSocket', { upgrade: 'websocket' }),
      onUpgrade: (request, socket, head) =>
        server.handleUpgrade(request, socket, head, (webSocket) => admit(readers, webSocket, heartbeat)),
    },
    (text, cause) => {
      heartbeat.stop();
      return new SinkFailed('address', text, cause);
    },
  );
  return new Broadcast<T>(readers, {
    textOf: (json) => json,
    to: 'to(webSocketOut(…))',
    close: () => {
      heartbeat.stop();
      return port.close();
    },
  });
}

function admit(readers: Readers, socket: WebSocket, heartbeat: Heartbeat): void {
  heartbeat.watch(socket);
  const events = readers.add({
    send(text) {
      socket.send(text, () => {
        if (socket.bufferedAmount < connectLimits.readerBytesHigh) events.ready();
      });
      return socket.bufferedAmount < connectLimits.readerBytesHigh;
    },
    end: () => socket.close(1000),
    cut: () => socket.terminate(),
  });
  socket.on('error', () => socket.terminate());
  socket.once('close', () => events.gone());
}

class WebSocketWriter<T> implements SinkWriter<T> {
  readonly #url: string;
  readonly #socket: WebSocket;
  readonly #closed: Promise<void>;
  readonly #heartbeat: Heartbeat;
  #failure: SinkFailed | undefined;
  #isEnding = false;
  #wake: () => void = () => undefined;
  #sent = 0;
  #bytes = 0;

  static async open<T>({ url, headers }: WebSocketToOptions, context: SinkOptions): Promise<WebSocketWriter<T>> {
    const options = {
      ...webSocketOptions(connectLimits.headerBytesMax),
      handshakeTimeout: connectLimits.answerMs,
      headers: { ...headers },
    };
    const socket = new WebSocket(url, options);
    const writer = new WebSocketWriter<T>(url, socket, context);
    await new Promise<void>((resolve) => {
      socket.once('open', resolve);
      socket.once('close', () => resolve());
    });
    if (writer.#failure !== undefined) throw writer.#failure;
    return writer;
  }

  constructor(url: string, socket: WebSocket, context: SinkOptions) {
    this.#url = url;
    this.#socket = socket;
    this.#heartbeat = new Heartbeat(context.clock);
    this.#heartbeat.watch(socket, {
      gone: () => {
        this.#fail(silent);
        this.#wake();
      },
    });
    socket.on('error', (thrown) => this.#fail(`cannot be reached: ${describeThrown(thrown)}`, thrown));
    this.#closed = new Promise((resolve) => {
      socket.once('close', (code) => {
        this.#heartbeat.stop();
        if (!this.#isEnding) this.#fail(`closed the connection (${code})`);
        this.#wake();
        resolve();
      });
    });
    context.signal.addEventListener('abort', () => socket.terminate(), { once: true });
  }

  async write(batch: readonly T[]): Promise<void> {
    for (const item of batch) {
      if (this.#failure !== undefined) throw this.#failure;
      const json = jsonOf(item, () => `element ${this.#sent}`, 'to(webSocketOut(…))');
      this.#socket.send(json, () => this.#wake());
      this.#sent += 1;
      this.#bytes += Buffer.byteLength(json);
      while (this.#socket.bufferedAmount >= connectLimits.readerBytesHigh && this.#failure === undefined)
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  async finish(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#isEnding = true;
    this.#socket.close(1000);
    await this.#closed;
  }

  async abort(): Promise<void> {
    this.#isEnding = true;
    this.#socket.terminate();
    await this.#closed;
  }

  counts(): Readonly<Record<string, number>> {
    return { sent: this.#sent, bytes: this.#bytes };
  }

  #fail(why: string, cause?: unknown): void {
    const text = `${shownUrl(this.#url)} ${why}. See that the server runs, and start the run again`;
    this.#failure ??= new SinkFailed('unreachable', text, cause);
    this.#wake();
  }
}

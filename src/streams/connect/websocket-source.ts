/** A source that reads the messages of a WebSocket. */
import { WebSocket } from 'ws';
import type * as z from 'zod';
import { describeThrown } from '../../base/errors.ts';
import { SourceFailed } from '../errors.ts';
import { connectLimits } from '../limits.ts';
import { pause } from '../pause.ts';
import type { Source, SourceBatch, SourceContext } from '../source.ts';
import { Heartbeat, silent } from './heartbeat.ts';
import { checkUrl, shownUrl } from './http-client.ts';
import { retryDelayMs } from './retry.ts';
import { checkOnBadRow, checkRow, type OnBadRow, Rows } from './rows.ts';
import { WebSocketInbox } from './websocket-inbox.ts';
import { webSocketOptions } from './websocket-options.ts';

/** Which WebSocket to read. */
export interface WebSocketSourceOptions<R extends z.ZodType> {
  /** `ws://` or `wss://`. */
  url: string;
  /** What each message, a text in JSON, must be. */
  row: R;
  /** Sent with the request. */
  headers?: Readonly<Record<string, string>>;
  /** Sent as soon as it is open, such as what to subscribe to. */
  hello?: readonly string[];
  /** Connects again where it was cut off. What was sent meanwhile is lost, and nobody counts it. Default false. */
  reconnect?: boolean;
  /** Whether a message that does not fit fails the run, or is left out and counted as dropped. Default `fail`. */
  onBadRow?: OnBadRow;
  /** The longest message, in bytes: 1 MiB unless given. */
  messageBytesMax?: number;
}

/**
 * Connects to a WebSocket and gives its messages, which must be JSON in texts. It ends when the server closes with 1000.
 *
 * At most 256 messages, and what one read of the socket holds beyond, wait here for the flow; then the socket is read no
 * more, and TCP holds the server back. There is no position: WebSockets cannot go on behind a message. A server that says
 * nothing for 60 s, though it is asked every 30 s, counts as one that cuts off.
 *
 * The run fails with {@link SourceFailed}: `unreachable` where the server does not answer or cuts off (with `reconnect`: for
 * the ninth time in a row, with pauses as `sse` has), `row`.
 *
 * @throws UsageError for options that are none.
 */
export function webSocketSource<R extends z.ZodType>(options: WebSocketSourceOptions<R>): Source<z.output<R>> {
  checkUrl('webSocketSource({ url })', options.url, ['ws:', 'wss:']);
  checkRow('webSocketSource({ row })', options.row);
  checkOnBadRow('webSocketSource', options.onBadRow);
  const rows = new Rows<z.output<R>>(options.row as z.ZodType<z.output<R>>, options.onBadRow);
  return { name: 'websocket', dropped: () => rows.dropped, open: (context) => messagesOf(options, rows, context) };
}

async function* messagesOf<R extends z.ZodType>(
  options: WebSocketSourceOptions<R>,
  rows: Rows<z.output<R>>,
  context: SourceContext,
): AsyncGenerator<SourceBatch<z.output<R>>> {
  const { url, reconnect = false } = options;
  const { signal, random } = context;
  for (let retry = 0; !signal.aborted; retry += 1) {
    const connection = new Connection(options, context);
    try {
      for (;;) {
        const messages = connection.inbox.take();
        if (messages.length > 0) {
          retry = -1;
          const items: z.output<R>[] = [];
          for (const { text } of messages) rows.addJson(items, text, () => `a message of ${shownUrl(url)}`);
          yield { items, caughtUp: connection.inbox.size === 0 };
        } else if (connection.end === undefined) await connection.inbox.change();
        else break;
      }
    } finally {
      connection.close();
    }
    if (signal.aborted || connection.end.isClean) return;
    const { why } = connection.end;
    if (!reconnect || connection.end.isOurs || retry >= connectLimits.retriesMax)
      throw new SourceFailed(
        connection.end.isOurs ? 'row' : 'unreachable',
        `${shownUrl(url)} ${why}. See that the server runs, and start the run again`,
      );
    await pause(retryDelayMs(Math.max(0, retry), random), context);
  }
}

class Connection {
  readonly inbox: WebSocketInbox = new WebSocketInbox();
  readonly #socket: WebSocket;
  readonly #signal: AbortSignal;
  readonly #stop: () => void;
  readonly #heartbeat: Heartbeat;
  end: { readonly isClean: boolean; readonly isOurs: boolean; readonly why: string } | undefined;

  constructor(
    { url, headers, hello = [], messageBytesMax }: WebSocketSourceOptions<z.ZodType>,
    { signal, clock }: SourceContext,
  ) {
    const options = {
      ...webSocketOptions(messageBytesMax),
      handshakeTimeout: connectLimits.answerMs,
      headers: { ...headers },
    };
    const socket = new WebSocket(url, options);
    this.#socket = socket;
    this.#signal = signal;
    this.#heartbeat = new Heartbeat(clock);
    this.#heartbeat.watch(socket, {
      isRead: () => !this.inbox.isPaused(socket),
      gone: () => this.#over(false, false, silent),
    });
    this.#stop = () => {
      this.#over(true, false, 'was closed');
      socket.terminate();
    };
    socket.on('open', () => {
      for (const text of hello) socket.send(text);
    });
    socket.on('message', (data, isBinary) => {
      if (isBinary) this.#over(false, true, 'sent a binary message, where JSON in texts is read');
      else if (this.end === undefined) this.inbox.push(socket, data as Buffer);
    });
    socket.on('error', (thrown) => this.#over(false, isOurs(thrown), `cannot be read: ${describeThrown(thrown)}`));
    socket.on('close', (code) => this.#over(code === 1000, false, `cut the connection off (${code})`));
    signal.addEventListener('abort', this.#stop, { once: true });
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#stop);
    this.#heartbeat.stop();
    this.#socket.terminate();
  }

  #over(isClean: boolean, isOurs: boolean, why: string): void {
    this.end ??= { isClean, isOurs, why };
    this.inbox.wake();
  }
}

/** A message that breaks a bound or the protocol: the next connection would bring it again. */
function isOurs(thrown: Error): boolean {
  return String((thrown as { code?: string }).code).startsWith('WS_ERR_');
}

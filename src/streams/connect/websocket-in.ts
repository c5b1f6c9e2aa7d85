/** A source that listens: WebSockets connect, and each of their messages is an element. */
import { type WebSocket, WebSocketServer } from 'ws';
import type * as z from 'zod';
import { SourceFailed } from '../errors.ts';
import type { Source, SourceBatch, SourceContext } from '../source.ts';
import { Heartbeat } from './heartbeat.ts';
import { checkListen, type ListenOptions, listen, refuse } from './http-port.ts';
import { checkRow, Rows } from './rows.ts';
import { WebSocketInbox } from './websocket-inbox.ts';
import { reasonOf, webSocketOptions } from './websocket-options.ts';

/** Where to listen, and what the messages must be. */
export interface WebSocketInOptions<R extends z.ZodType> extends ListenOptions {
  /** What each message, a text in JSON, must be. */
  row: R;
  /** The longest message, in bytes: 1 MiB unless given. */
  messageBytesMax?: number;
}

/**
 * Takes elements from WebSockets that connect: each message is one, JSON in a text.
 *
 * A connection that has 256 messages waiting for the flow, and every one that sends while 16 MiB wait, is read no more until
 * there is room, so TCP holds its sender back. One that sends what is no JSON or does not fit `row` is closed with 1008,
 * and what is binary with 1003; that message, and what waits when the run ends, is counted as dropped. Nothing is acknowledged:
 * where every element counts, let senders post to `httpIn`. Every 30 s each connection is asked whether it lives, and one
 * that is read and says nothing for 60 s is cut off.
 *
 * Whoever reaches the port may send: it is bound to this machine unless `host` says otherwise, and is not encrypted. The run
 * fails with {@link SourceFailed} `address` where it cannot listen; nothing that is sent fails it.
 *
 * @throws UsageError for options that are none.
 */
export function webSocketIn<R extends z.ZodType>(options: WebSocketInOptions<R>): Source<z.output<R>> {
  checkListen('webSocketIn', options);
  checkRow('webSocketIn({ row })', options.row);
  return new WebSocketIn<z.output<R>>(options as WebSocketInOptions<z.ZodType<z.output<R>>>);
}

class WebSocketIn<T> implements Source<T> {
  readonly name: string = 'websocket-in';
  readonly #options: WebSocketInOptions<z.ZodType<T>>;
  readonly #rows: Rows<T>;
  #dropped = 0;

  constructor(options: WebSocketInOptions<z.ZodType<T>>) {
    this.#options = options;
    this.#rows = new Rows<T>(options.row, 'skip');
  }

  dropped(): number {
    return this.#rows.dropped + this.#dropped;
  }

  async *open({ signal, clock }: SourceContext): AsyncGenerator<SourceBatch<T>> {
    if (signal.aborted) return;
    const inbox = new WebSocketInbox();
    const sockets = new Set<WebSocket>();
    const heartbeat = new Heartbeat(clock);
    const server = new WebSocketServer({
      ...webSocketOptions(this.#options.messageBytesMax),
      noServer: true,
      clientTracking: false,
    });
    const handlers = {
      scheme: 'ws' as const,
      clock,
      onRequest: (...[request, response]: Parameters<Parameters<typeof listen>[1]['onRequest']>) =>
        refuse(request, response, 426, 'connect with a WebSocket', { upgrade: 'websocket' }),
      onUpgrade: (...[request, socket, head]: Parameters<NonNullable<Parameters<typeof listen>[1]['onUpgrade']>>) =>
        server.handleUpgrade(request, socket, head, (webSocket) => this.#admit(webSocket, inbox, sockets, heartbeat)),
    };
    const failed = (text: string, cause: unknown): SourceFailed => {
      heartbeat.stop();
      return new SourceFailed('address', text, cause);
    };
    const port = await listen(this.#options, handlers, failed);
    const wake = (): void => inbox.wake();
    signal.addEventListener('abort', wake, { once: true });
    try {
      while (!signal.aborted) {
        const messages = inbox.take();
        const items: T[] = [];
        for (const { from, text } of messages) this.#add(items, from, text);
        if (items.length > 0) yield { items, caughtUp: inbox.size === 0 };
        else if (messages.length === 0) await inbox.change();
      }
    } finally {
      heartbeat.stop();
      signal.removeEventListener('abort', wake);
      this.#dropped += inbox.size;
      for (const socket of sockets) socket.terminate();
      await port.close();
    }
  }

  #admit(socket: WebSocket, inbox: WebSocketInbox, sockets: Set<WebSocket>, heartbeat: Heartbeat): void {
    sockets.add(socket);
    heartbeat.watch(socket, { isRead: () => !inbox.isPaused(socket) });
    socket.on('message', (data, isBinary) => {
      if (isBinary) {
        this.#dropped += 1;
        socket.close(1003, 'send JSON in texts');
      } else if (socket.readyState === socket.OPEN) inbox.push(socket, data as Buffer);
      else this.#dropped += 1;
    });
    // What is hostile ends its own connection.
    socket.on('error', () => socket.terminate());
    socket.on('close', () => {
      sockets.delete(socket);
      inbox.forget(socket);
    });
  }

  #add(items: T[], from: WebSocket, text: string): void {
    const before = this.#rows.dropped;
    this.#rows.addJson(items, text, () => 'a message');
    if (this.#rows.dropped > before)
      from.close(1008, reasonOf('a message is no JSON, or does not fit what is taken here'));
  }
}

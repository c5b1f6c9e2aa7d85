/** Opens a link to the port of another node, or says in one typed error why there is none. */
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { Clock } from '../base/environment/clock.ts';
import { DialFailed } from './errors.ts';
import { subprotocol, type WebSocketLimits, webSocketOptions } from './websocket-limits.ts';
import { WebSocketLink } from './websocket-link.ts';

export interface DialOptions {
  /** `ws://host:port` or `wss://host:port`, with the path that the listener was given. */
  readonly address: string;
  /** Until the WebSocket is open; the node handshake has its own limit. */
  readonly timeoutMs: number;
  /** Ends the attempt with `DialFailed` `aborted`. */
  readonly signal?: AbortSignal | undefined;
  readonly clock: Clock;
  readonly limits: WebSocketLimits;
}

/** @throws DialFailed */
export function dialWebSocket(options: DialOptions): Promise<WebSocketLink> {
  const { address, timeoutMs, signal, clock, limits } = options;
  return new Promise((resolve, reject) => {
    if (!/^wss?:\/\//.test(address) || !URL.canParse(address)) {
      throw new DialFailed('bad-address', `cannot dial ${address}; write it as ws://host:7000`);
    }
    if (signal?.aborted === true) throw aborted(address);
    const url = new URL(address);
    const webSocket = new WebSocket(url, [subprotocol], { ...webSocketOptions(limits), followRedirects: false });
    const cancelTimeout = clock.timer(timeoutMs, () => {
      fail(new DialFailed('timeout', `${address} did not answer within ${timeoutMs} ms; is it a Troupe node?`));
    });
    const onAbort = (): void => fail(aborted(address));
    signal?.addEventListener('abort', onAbort);

    function settle(): void {
      cancelTimeout();
      signal?.removeEventListener('abort', onAbort);
    }

    function fail(error: DialFailed): void {
      settle();
      reject(error);
      webSocket.terminate();
    }

    webSocket.on('error', (error) => fail(explainDialError(error, address)));
    webSocket.once('unexpected-response', (_request, response: IncomingMessage) => {
      response.destroy();
      fail(explainStatus(response.statusCode ?? 0, address));
    });
    webSocket.once('upgrade', (response) => {
      webSocket.once('open', () => {
        settle();
        webSocket.removeAllListeners('error');
        resolve(new WebSocketLink({ webSocket, socket: response.socket, remote: url.host, limits }));
      });
    });
  });
}

function aborted(address: string): DialFailed {
  return new DialFailed('aborted', `the attempt to reach ${address} was aborted by its caller`);
}

function explainStatus(status: number, address: string): DialFailed {
  const hint = status === 404 ? 'its path is another one' : 'it is no Troupe node, or a proxy stands before it';
  return new DialFailed('rejected', `${address} answered with HTTP ${status}; perhaps ${hint}`, { status });
}

function explainDialError(error: Error, address: string): DialFailed {
  // A host with several addresses fails with all of their errors in one.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const cause = first as NodeJS.ErrnoException;
  const code = cause.code ?? '';
  if (code === 'ETIMEDOUT') return new DialFailed('timeout', `${address} did not answer; is it reachable?`, { cause });
  if (code === 'ECONNRESET') {
    const message = `${address} closed the connection before it answered; it may be full, or speak TLS (wss)`;
    return new DialFailed('refused', message, { cause });
  }
  if (cause.syscall !== undefined && !/SSL|EPROTO/.test(code)) {
    return new DialFailed('refused', `${address} cannot be reached (${code}); does the node listen there?`, { cause });
  }
  const scheme = address.startsWith('wss') ? 'try ws:// if it speaks no TLS' : 'try wss:// if it speaks TLS';
  return new DialFailed('not-troupe', `${address} speaks something else (${cause.message}); ${scheme}`, { cause });
}

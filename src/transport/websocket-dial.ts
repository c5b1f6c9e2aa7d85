/** Opens a link to the port of another node, or says in one typed error why there is none. */
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { Clock } from '../base/environment/clock.ts';
import { type Certificates, isTrustProblem } from './certificates.ts';
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
  /** For `wss`: shown to the listener, whose own must be of the same authority. The system's authorities unless given. */
  readonly certificates?: Certificates | undefined;
}

/** @throws DialFailed */
export async function dialWebSocket(options: DialOptions): Promise<WebSocketLink> {
  if (options.address.startsWith('wss:')) await options.certificates?.refresh();
  return dial(options);
}

function dial(options: DialOptions): Promise<WebSocketLink> {
  const { address, timeoutMs, signal, clock, limits, certificates } = options;
  return new Promise((resolve, reject) => {
    if (!/^wss?:\/\//.test(address) || !URL.canParse(address)) {
      throw new DialFailed('bad-address', `cannot dial ${address}; write it as ws://host:7000`);
    }
    if (certificates !== undefined && !address.startsWith('wss:')) {
      const text = `this node has certificates and speaks TLS only: write ${address.replace(/^ws:/, 'wss:')}`;
      throw new DialFailed('bad-address', text);
    }
    if (signal?.aborted === true) throw aborted(address);
    const url = new URL(address);
    const webSocket = new WebSocket(url, [subprotocol], {
      ...webSocketOptions(limits),
      followRedirects: false,
      ...(certificates === undefined ? {} : { ...certificates.material, rejectUnauthorized: true }),
    });
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
  if (isTrustProblem(code)) {
    const help = 'give both nodes certificates of one authority, valid now and for the name in the address';
    return new DialFailed('untrusted', `${address}: ${cause.message} (${code}); ${help}`, { cause });
  }
  if (code === 'ETIMEDOUT') return new DialFailed('timeout', `${address} did not answer; is it reachable?`, { cause });
  if (code === 'ECONNRESET') {
    // In TLS 1.3 a client is not told why its certificate was not accepted.
    const why = address.startsWith('wss')
      ? 'it may not accept our certificate, or be full'
      : 'it may be full, or speak TLS (wss)';
    const message = `${address} closed the connection before it answered; ${why}`;
    return new DialFailed('refused', message, { cause });
  }
  if (cause.syscall !== undefined && !/SSL|EPROTO/.test(code)) {
    return new DialFailed('refused', `${address} cannot be reached (${code}); does the node listen there?`, { cause });
  }
  const scheme = address.startsWith('wss') ? 'try ws:// if it speaks no TLS' : 'try wss:// if it speaks TLS';
  return new DialFailed('not-troupe', `${address} speaks something else (${cause.message}); ${scheme}`, { cause });
}

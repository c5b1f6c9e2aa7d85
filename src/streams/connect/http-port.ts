/**
 * A port of a source or a sink that listens: HTTP on one path, bound to this machine unless told otherwise.
 *
 * Everything that arrives here may be hostile. Headers are small and in time, connections are counted, pages of other
 * origins are refused (a browser sends them along with whatever a page asks for), and so is, where the port is bound to
 * this machine, every other name for it: a page whose name was made to point here could else read and write.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/environment/clock.ts';
import { describeThrown, UsageError } from '../../base/errors.ts';
import { connectLimits } from '../limits.ts';

/** Where a source or a sink listens. */
export interface ListenOptions {
  /** From 0 to 65,535; 0 takes a free one. */
  port: number;
  /** The address to bind; this machine alone, `127.0.0.1`, unless given. There is no encryption and no login. */
  host?: string;
  /** The path that is served: `/` unless given. */
  path?: string;
  /** Origins of pages that may connect, such as `https://example.org`. None unless given. */
  origins?: readonly string[];
  /** How many may be connected at once; 1,024 unless given. One more is refused with 503. */
  connectionsMax?: number;
  /** Told where it listens, once it does. */
  onListening?: (url: string) => void;
}

/** What becomes of a request: a status with a text, or undefined where it is let in. */
type Refusal =
  | { readonly status: number; readonly text: string; readonly headers?: Readonly<Record<string, number>> }
  | undefined;

export interface Port {
  /** Ends what is open, at once or after a moment for what is on its way. */
  close(): Promise<void>;
}

export interface PortHandlers {
  readonly scheme: 'http' | 'ws';
  readonly clock: Clock;
  onRequest(request: IncomingMessage, response: ServerResponse): void;
  onUpgrade?(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** @throws UsageError */
export function checkListen(what: string, options: ListenOptions): void {
  const { port, host, path, origins, connectionsMax = 1, onListening } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new UsageError(`${what} takes a port from 0 to 65535; it was given ${String(port)}`);
  if (host !== undefined && (typeof host !== 'string' || host === ''))
    throw new UsageError(`${what} takes an address as host`);
  if (path !== undefined && !/^\/[^?#]*$/.test(path)) throw new UsageError(`${what} takes a path that begins with /`);
  if (origins !== undefined && !Array.isArray(origins)) throw new UsageError(`${what} takes a list of origins`);
  if (!Number.isSafeInteger(connectionsMax) || connectionsMax < 1)
    throw new UsageError(`${what} takes connectionsMax from 1 on; it was given ${String(connectionsMax)}`);
  if (onListening !== undefined && typeof onListening !== 'function')
    throw new UsageError(`${what} takes a function as onListening`);
}

/** @param failed makes the error of one who cannot listen */
export async function listen(
  options: ListenOptions,
  handlers: PortHandlers,
  failed: (text: string, cause: unknown) => Error,
): Promise<Port> {
  const { port, host = '127.0.0.1', path = '/', connectionsMax = connectLimits.connectionsMax, onListening } = options;
  const server = createServer({
    maxHeaderSize: connectLimits.headerBytesMax,
    headersTimeout: connectLimits.requestMs,
    requestTimeout: connectLimits.requestMs,
    connectionsCheckingInterval: connectLimits.requestCheckMs,
  });
  const refusalOf = admission(server, options, connectionsMax);
  server.on('request', (request, response) => {
    const refusal = refusalOf(request);
    if (refusal === undefined) handlers.onRequest(request, response);
    else refuse(request, response, refusal.status, refusal.text, refusal.headers);
  });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    const refusal = refusalOf(request);
    if (refusal === undefined && handlers.onUpgrade !== undefined) handlers.onUpgrade(request, socket, head);
    else socket.end(`HTTP/1.1 ${refusal?.status ?? 400} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  });
  await bind(server, port, host, failed);
  const shown = host.includes(':') ? `[${host}]` : host;
  onListening?.(`${handlers.scheme}://${shown}:${(server.address() as AddressInfo).port}${path}`);
  return { close: () => close(server, handlers.clock) };
}

/** Answers a request without reading what it still sends. */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  text: string,
  headers: Record<string, string | number> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close', ...headers });
  response.end(`${JSON.stringify({ error: text })}\n`);
  // The rest is thrown away as it comes, so that the answer is not lost with a connection that is cut.
  request.resume();
}

/** Counts connections: those beyond the bound are told so, and where they are too many for that, are dropped unheard. */
function admission(
  server: Server,
  options: ListenOptions,
  connectionsMax: number,
): (request: IncomingMessage) => Refusal {
  let connections = 0;
  const beyond = new WeakSet<Duplex>();
  server.maxConnections = connectionsMax + connectLimits.connectionsRefusedMax;
  server.on('connection', (socket) => {
    connections += 1;
    if (connections > connectionsMax) beyond.add(socket);
    socket.once('close', () => {
      connections -= 1;
    });
  });
  return (request) => {
    if (!beyond.has(request.socket)) return refusalOf(request, options);
    const headers = { 'retry-after': connectLimits.retryAfterSeconds };
    return { status: 503, text: 'too many are connected; come again later', headers };
  };
}

function refusalOf(request: IncomingMessage, { host = '127.0.0.1', path = '/', origins = [] }: ListenOptions): Refusal {
  const { origin, host: asked = '' } = request.headers;
  if (origin !== undefined && !origins.includes(origin))
    return { status: 403, text: 'pages of this origin may not connect' };
  if (isLoopback(host) && !isLoopback(asked.replace(/:\d+$/, '')))
    return { status: 403, text: 'it is not known by this name' };
  if ((request.url ?? '').split('?', 1)[0] !== path) return { status: 404, text: 'there is nothing at this path' };
  return undefined;
}

function isLoopback(name: string): boolean {
  return name === 'localhost' || name === '::1' || name === '[::1]' || /^127(\.\d{1,3}){3}$/.test(name);
}

function bind(
  server: Server,
  port: number,
  host: string,
  failed: (text: string, cause: unknown) => Error,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (thrown) => {
      reject(
        failed(
          `${host}:${port} cannot be listened on: ${describeThrown(thrown)}. Choose another port, or 0 for a free one`,
          thrown,
        ),
      );
    });
    server.listen(port, host, () => {
      // Such as no file descriptor left for one more connection: those that are there live on.
      server.on('error', () => undefined);
      resolve();
    });
  });
}

function close(server: Server, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.wake(connectLimits.closeMs, () => server.closeAllConnections());
    server.close(() => {
      cancel();
      resolve();
    });
    server.closeIdleConnections();
  });
}

/**
 * The port: accepts WebSocket upgrades of other nodes and turns each into a `Link`.
 *
 * Everything that arrives here may be hostile. A connection counts as pending until its owner admits the peer, and the
 * pending ones are few: the oldest of the address that has the most makes room for the next. An address whose peers fail to
 * prove themselves again and again is shut out for a while. Headers are small and in time; browsers, which always send an
 * `Origin`, are refused before the upgrade, but where the port is for clients, and its owner lets them in. Refusals are
 * reported, never thrown. With certificates it speaks TLS 1.3 and lets in only nodes that show one of the same authority.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import type { Cancel, Clock } from '../base/environment/clock.ts';
import type { LinkRequest, Listener, ListenRequest, ServerCertificates } from '../base/environment/network.ts';
import { AddressGuard, bareAddress, isOwnMachine, networkOf } from './address-guard.ts';
import { isTrustProblem } from './certificates.ts';
import { clientSubprotocol, tokenOf } from './client-envelope.ts';
import { clientLimits } from './client-limits.ts';
import { ListenFailed } from './errors.ts';
import { subprotocol, type WebSocketLimits, webSocketOptions } from './websocket-limits.ts';
import { WebSocketLink } from './websocket-link.ts';

/** A connection or request that the port refused, or an address that it takes none from for a while. */
export interface PortRefusal {
  readonly event: 'connection-refused' | 'address-banned';
  readonly remote: string;
  readonly what: string;
}

/** `address` is `ws://host:port`, or `wss://` with certificates, optionally with a path; port 0 takes a free one. */
export interface ListenOptions extends ListenRequest {
  readonly clock: Clock;
  readonly limits: WebSocketLimits;
  readonly certificates?: ServerCertificates | undefined;
  readonly onRefused: (refusal: PortRefusal) => void;
  /** Addresses that are never shut out; those of this machine unless given. */
  readonly isExempt?: ((address: string) => boolean) | undefined;
}

/** A connection whose peer has not proved itself yet. */
interface Pending {
  readonly network: string;
  readonly socket: Socket;
}

/** @throws ListenFailed */
export async function listenWebSocket(options: ListenOptions): Promise<Listener> {
  const url = parseListenAddress(options.address, options.certificates !== undefined);
  const port = new WebSocketPort(options, url.pathname);
  const bound = await port.bind(url, options.address);
  const path = url.pathname === '/' ? '' : url.pathname;
  return { address: `${url.protocol}//${url.hostname}:${bound.port}${path}`, close: () => port.close() };
}

class WebSocketPort {
  readonly #options: ListenOptions;
  readonly #path: string;
  readonly #server: Server | TlsServer;
  readonly #webSockets: WebSocketServer;
  /** Connections whose peer has not proved itself yet, by its address and port: TLS puts a socket above the socket. */
  readonly #pending = new Map<string, Pending>();
  readonly #guard: AddressGuard;
  #cancelRefresh: Cancel | undefined = undefined;
  #forgetCertificates: Cancel = () => undefined;
  readonly #openByAddress = new Map<string, number>();

  constructor(options: ListenOptions, path: string) {
    const { limits, certificates, clock, clients, isExempt = isOwnMachine } = options;
    const proxies = new Set(clients?.proxies.map(bareAddress));
    this.#options = options;
    this.#path = path;
    this.#guard = new AddressGuard({
      clock,
      limits,
      isExempt: (address) => isExempt(address) || proxies.has(bareAddress(address)),
      onBan: (network, failures) => {
        const what = `${failures} peers failed to prove themselves; none is taken from there for ${limits.banMs} ms`;
        options.onRefused({ event: 'address-banned', remote: network, what });
      },
    });
    const wsOptions = { ...webSocketOptions(limits), noServer: true, clientTracking: false };
    this.#webSockets = new WebSocketServer(wsOptions);
    const httpOptions = {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: Math.max(50, limits.headersTimeoutMs / 5),
    };
    const refuse = (request: IncomingMessage, response: ServerResponse): void => this.#refuseRequest(request, response);
    this.#server =
      certificates === undefined ? createServer(httpOptions, refuse) : this.#tls(certificates, httpOptions, refuse);
    this.#server.maxHeadersCount = 0; // all are read, so that none hides behind the count; their bytes are bounded
    this.#server.maxConnections = limits.connectionsMax;
    this.#server.on('connection', (socket) => this.#accept(socket));
    this.#server.on('drop', (data) => this.#report(data?.remoteAddress ?? 'unknown', 'too many connections'));
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket as Socket, head));
  }

  #tls(
    certificates: ServerCertificates,
    httpOptions: object,
    refuse: (request: IncomingMessage, response: ServerResponse) => void,
  ): TlsServer {
    const { clock, limits, clients } = this.#options;
    const isForNodes = clients === undefined;
    const server = createTlsServer(
      {
        ...httpOptions,
        // Without both of these any node gets in; a client shows a token later on.
        requestCert: isForNodes,
        rejectUnauthorized: isForNodes,
        handshakeTimeout: limits.headersTimeoutMs,
        ...certificates.material,
        ALPNProtocols: ['http/1.1'],
      },
      refuse,
    );
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      // Where a certificate was not accepted, Node says so beside the error and not in it.
      const why = String(socket.authorizationError ?? error.code ?? error.message);
      const below = socketBelow(socket);
      this.#report(remoteOf(below), `a TLS handshake that failed: ${why}`);
      // Of a client it is its own trust in us that failed.
      const failsProof = isForNodes && isTrustProblem(why);
      if (failsProof && below.remoteAddress !== undefined) this.#guard.failed(below.remoteAddress);
      socket.destroy();
    });
    // Whoever noticed that they were replaced: a dial looks too.
    this.#forgetCertificates = certificates.onReplaced(() => server.setSecureContext(certificates.material));
    const look = (): void => {
      this.#cancelRefresh = clock.timer(limits.certificatesRefreshMs, () => {
        void certificates.refresh().then(() => {
          if (this.#cancelRefresh !== undefined) look();
        });
      });
    };
    look();
    return server;
  }

  bind(url: URL, address: string): Promise<AddressInfo> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      server.once('error', (error) => reject(explainListenError(error, address)));
      server.once('listening', () => {
        server.removeAllListeners('error');
        server.on('error', (error) => this.#report(address, `accepting failed: ${error.message}`));
        resolve(server.address() as AddressInfo);
      });
      // `URL` drops the port that is the default of its scheme.
      server.listen({
        host: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port === '' ? defaultPorts[url.protocol]! : Number(url.port),
      });
    });
  }

  /** The port is free when this returns. Links live on; what is not a link yet is cut. */
  close(): Promise<void> {
    this.#cancelRefresh?.();
    this.#cancelRefresh = undefined;
    this.#forgetCertificates();
    this.#server.close();
    this.#server.closeAllConnections();
    return Promise.resolve();
  }

  #accept(socket: Socket): void {
    const { limits } = this.#options;
    const address = socket.remoteAddress ?? 'unknown';
    const open = this.#openByAddress.get(address) ?? 0;
    socket.on('error', () => socket.destroy());
    const isBanned = this.#guard.isBanned(address);
    if (isBanned || open >= limits.connectionsPerAddressMax) {
      this.#report(remoteOf(socket), isBanned ? 'its address is shut out' : 'too many from one address');
      socket.destroy();
      return;
    }
    this.#openByAddress.set(address, open + 1);
    const remote = remoteOf(socket);
    this.#pending.set(remote, { network: networkOf(address), socket });
    if (this.#pending.size > limits.pendingMax) this.#cutOldest();
    socket.once('close', () => {
      this.#pending.delete(remote);
      const left = (this.#openByAddress.get(address) ?? 1) - 1;
      if (left > 0) this.#openByAddress.set(address, left);
      else this.#openByAddress.delete(address);
    });
  }

  /** Makes room: of the address that has the most pending connections, the one that came first. */
  #cutOldest(): void {
    const counts = new Map<string, number>();
    for (const { network } of this.#pending.values()) counts.set(network, (counts.get(network) ?? 0) + 1);
    const most = Math.max(...counts.values());
    for (const [remote, { network, socket }] of this.#pending) {
      if (counts.get(network) !== most) continue;
      this.#pending.delete(remote);
      this.#report(remote, 'too many pending connections');
      socket.destroy();
      return;
    }
  }

  #refuseRequest(request: IncomingMessage, response: ServerResponse): void {
    this.#report(remoteOf(request.socket), 'a plain HTTP request');
    response.writeHead(426, { Connection: 'close, Upgrade', Upgrade: 'websocket' }).end();
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const { clients } = this.#options;
    const asked = readRequest(request, socket);
    const status = this.#checkUpgrade(request);
    if (status !== 101 || clients === undefined) {
      this.#answer(status, asked, request, socket, head);
      return;
    }
    // Nothing is read from the socket meanwhile.
    void clients.admit(asked).then((answer) => {
      if (!socket.destroyed) this.#answer(answer, asked, request, socket, head);
    });
  }

  #answer(status: number, asked: LinkRequest, request: IncomingMessage, socket: Socket, head: Buffer): void {
    if (status !== 101) {
      this.#report(remoteOf(socket), `an upgrade that gets ${status} ${STATUS_CODES[status]}`);
      socket.once('finish', () => socket.destroy());
      socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const remote = remoteOf(socket);
      const address = socket.remoteAddress ?? 'unknown';
      const link = new WebSocketLink({
        webSocket,
        socket,
        remote,
        limits: this.#options.limits,
        onAdmit: () => {
          this.#pending.delete(remote);
          // A frame may still come of a socket that is closed already.
          if (!socket.destroyed) socket.once('close', this.#guard.proved(address));
        },
        onBlame: () => this.#guard.failed(address),
        onViolation: (what) => this.#report(remote, what),
      });
      this.#options.onLink(link, asked);
    });
  }

  #checkUpgrade(request: IncomingMessage): 101 | 400 | 403 | 404 | 431 {
    const { headers, rawHeaders } = request;
    const { limits, clients } = this.#options;
    if (rawHeaders.length > 2 * limits.headersMax) return 431;
    const isPage = headers.origin !== undefined || headers['sec-websocket-origin'] !== undefined;
    if (isPage && clients === undefined) return 403;
    if (request.url !== this.#path) return 404;
    if (headers.host === undefined) return 400; // any name will do, but HTTP/1.1 asks for one
    // The first one offered is the one that ws agrees to.
    return protocolsOf(request)[0] === (clients === undefined ? subprotocol : clientSubprotocol) ? 101 : 400;
  }

  #report(remote: string, what: string): void {
    this.#options.onRefused({ event: 'connection-refused', remote, what });
  }
}

function protocolsOf({ headers }: IncomingMessage): readonly string[] {
  return headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
}

function readRequest(request: IncomingMessage, socket: Socket): LinkRequest {
  const { headers } = request;
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  const token = bearer ?? tokenOf(protocolsOf(request));
  return {
    remote: remoteOf(socket),
    address: socket.remoteAddress ?? 'unknown',
    host: headers.host ?? '',
    origin: headers.origin ?? (headers['sec-websocket-origin'] as string | undefined),
    token: token === undefined || token.length <= clientLimits.tokenBytesMax ? token : undefined,
  };
}

const defaultPorts: Readonly<Record<string, number>> = { 'ws:': 80, 'wss:': 443 };

function parseListenAddress(address: string, isSecure: boolean): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const isKnown = url?.protocol === 'ws:' || url?.protocol === 'wss:';
  if (isKnown && (url.protocol === 'wss:') !== isSecure) {
    const remedy = isSecure
      ? `has certificates: write wss:// in place of ws://`
      : `needs auth: mtls({ ca, cert, key })`;
    throw new ListenFailed('bad-address', `cannot listen on ${address}: this node ${remedy}`);
  }
  if (isKnown && url.search === '' && url.hash === '' && url.username === '') return url;
  throw new ListenFailed('bad-address', `cannot listen on ${address}; write it as ws://127.0.0.1:7000`);
}

function explainListenError(error: NodeJS.ErrnoException, address: string): ListenFailed {
  switch (error.code) {
    case 'EADDRINUSE':
      return new ListenFailed('in-use', `${address} is in use; stop what listens there, or use another port`, error);
    case 'EACCES':
      return new ListenFailed('forbidden', `not allowed to listen on ${address}; use a port above 1023`, error);
    default: {
      const message = `cannot listen on ${address} (${error.message}); use an address of this machine`;
      return new ListenFailed('unavailable', message, error);
    }
  }
}

/**
 * The socket that TLS was put upon. Once its handshake has failed a TLS socket knows no address any more, and the one below,
 * which was asked before, still does. Node has no public name for it; where it is not there, the address stays unknown.
 */
function socketBelow(socket: Socket): Socket {
  return (socket as { readonly _parent?: Socket })._parent ?? socket;
}

function remoteOf(socket: Socket): string {
  const host = socket.remoteAddress ?? 'unknown';
  return `${host.includes(':') ? `[${host}]` : host}:${socket.remotePort ?? 0}`;
}

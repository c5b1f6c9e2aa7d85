// npm run example:scrape
/** A forward proxy for HTTP: takes requests in absolute form (RFC 9112, 3.2.2) and passes both ways what comes. */
import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { keepAliveTimeout } from './web.ts';

/** They are between two neighbours and not passed on (RFC 9110, 7.6.1). */
const hopByHop = ['connection', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'te', 'trailer', 'upgrade'];

/** After every so many requests it fails at so many. */
export interface Outages {
  readonly every: number;
  readonly length: number;
}

export class ForwardProxy implements AsyncDisposable {
  readonly name: string;
  readonly port: number;
  forwarded = 0;
  failed = 0;
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #portOf: (host: string) => number | undefined;
  readonly #outages: Outages | undefined;

  private constructor(server: Server, name: string, portOf: (host: string) => number | undefined, outages?: Outages) {
    this.name = name;
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
    this.#portOf = portOf;
    this.#outages = outages;
    server.on('request', (incoming, outgoing) => this.#take(incoming, outgoing));
  }

  /** @param portOf where a host is found. */
  static async start(
    name: string,
    portOf: (host: string) => number | undefined,
    outages?: Outages,
  ): Promise<ForwardProxy> {
    const server = createServer({ keepAliveTimeout });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new ForwardProxy(server, name, portOf, outages);
  }

  /** Ends it at once, and what is under way with it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server.close(), 'close');
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await closed;
  }

  #take(incoming: IncomingMessage, outgoing: ServerResponse): void {
    if (this.#isOut()) {
      this.failed += 1;
      if (this.failed % 2 === 0) incoming.socket.destroy();
      else outgoing.writeHead(502).end();
      return;
    }
    const url = URL.canParse(incoming.url ?? '') ? new URL(incoming.url!) : undefined;
    if (url?.protocol !== 'http:') return void outgoing.writeHead(400).end();
    const port = url.port === '' ? this.#portOf(url.hostname) : undefined;
    if (port === undefined) return void outgoing.writeHead(502).end();
    this.forwarded += 1;
    this.#forward(incoming, outgoing, url, port);
  }

  #isOut(): boolean {
    if (this.#outages === undefined) return false;
    const { every, length } = this.#outages;
    return (this.forwarded + this.failed) % (every + length) >= every;
  }

  #forward(incoming: IncomingMessage, outgoing: ServerResponse, url: URL, port: number): void {
    const { method } = incoming;
    const headers = { ...passedOn(incoming), host: url.host, via: `1.1 ${this.name}` };
    const path = url.pathname + url.search;
    const upstream = request({ host: '127.0.0.1', port, agent: this.#agent, method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, { ...passedOn(answer), via: `1.1 ${this.name}` });
      answer.pipe(outgoing);
      // An answer that broke off must break off here too.
      answer.on('error', () => outgoing.destroy());
    });
    upstream.on('error', () => (outgoing.headersSent ? outgoing.destroy() : outgoing.writeHead(502).end()));
    outgoing.on('close', () => upstream.destroy());
    incoming.pipe(upstream);
  }
}

function passedOn({ headers }: IncomingMessage): IncomingMessage['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.includes(name)));
}

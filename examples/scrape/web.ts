// npm run example:scrape
/** The local web: all hosts behind one port, told apart by the Host header. It counts what it is asked. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Fate, fateOf, latencyMsOf } from './fates.ts';
import { HostCounts } from './host-counts.ts';
import { hosts } from './hosts.ts';
import { htmlOf } from './html.ts';

const retryAfterSeconds = 1;
/** Connections that wait for their next request stay open, so that none is closed just when one comes. */
export const keepAliveTimeout = 60_000;

export class Web implements AsyncDisposable {
  readonly port: number;
  readonly counts: ReadonlyMap<string, HostCounts> = new Map(hosts.map((host) => [host.name, new HostCounts(host)]));
  readonly #server: Server;
  readonly #seed: number;

  private constructor(server: Server, seed: number) {
    this.#server = server;
    this.#seed = seed;
    this.port = (server.address() as AddressInfo).port;
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  static async start(seed: number): Promise<Web> {
    const server = createServer({ keepAliveTimeout });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new Web(server, seed);
  }

  /** What a name server would say. */
  readonly portOf = (host: string): number | undefined => (this.counts.has(host) ? this.port : undefined);

  get requests(): number {
    return [...this.counts.values()].reduce((sum, { requests }) => sum + requests, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server.close(), 'close');
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const counts = this.counts.get(request.headers.host ?? '');
    const path = request.url ?? '/';
    if (counts === undefined) return void response.writeHead(421).end();
    const asked = counts.begin(path);
    response.on('close', () => counts.end());
    const url = `http://${counts.host.name}${path}`;
    await sleep(latencyMsOf(this.#seed, url, asked));
    if (path === '/robots.txt') return void this.#robots(counts.host.robots, response);
    const fate = fateOf(this.#seed, url, asked);
    if (fate === 'busy') counts.notBefore(path, 1_000 * retryAfterSeconds);
    reply(response, fate, () => htmlOf(this.#seed, url));
  }

  #robots(text: string | undefined, response: ServerResponse): void {
    response.writeHead(text === undefined ? 404 : 200, { 'content-type': 'text/plain' }).end(text);
  }
}

function reply(response: ServerResponse, fate: Fate, html: () => string): void {
  switch (fate) {
    case 'gone':
      return void response.writeHead(404, { 'content-type': 'text/html' }).end('<title>not here</title>');
    case 'busy':
      return void response.writeHead(429, { 'retry-after': `${retryAfterSeconds}` }).end();
    case 'down':
      return void response.writeHead(503).end();
    case 'hang':
      return;
    case 'page':
    case 'truncated': {
      const body = Buffer.from(html());
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-length': body.length });
      if (fate === 'page') return void response.end(body);
      return void response.write(body.subarray(0, body.length / 2), () => response.destroy());
    }
  }
}

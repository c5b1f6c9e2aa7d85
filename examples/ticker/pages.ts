/** Serves the page and its module; nothing else. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { Visitors } from './visitors.ts';

const html = new URL('../../examples/ticker/index.html', import.meta.url);
const script = new URL('../../dist-examples/ticker/page.bundle.js', import.meta.url);

export async function servePage(port: number, clients: string, visitors: Visitors): Promise<Server> {
  // Nothing may run in the page, or be reached from it, but what belongs to it.
  const policy = `default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src ${clients}`;
  const headers = { 'Content-Security-Policy': policy, 'Cache-Control': 'no-store' };
  const server = createServer(async (request, response) => {
    if (request.url === '/page.js') {
      response.writeHead(200, { ...headers, 'Content-Type': 'text/javascript' }).end(await readFile(script));
    } else if (request.url === '/') {
      const text = (await readFile(html, 'utf8')).replace('{clients}', clients).replace('{token}', visitors.newToken());
      response.writeHead(200, { ...headers, 'Content-Type': 'text/html; charset=utf-8' }).end(text);
    } else {
      // A browser asks for an icon by itself.
      response.writeHead(request.url === '/favicon.ico' ? 204 : 404).end();
    }
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

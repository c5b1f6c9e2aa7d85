// npm run example:ticker
/**
 * A live page: a browser that reads a stream of an actor, and tells it of clicks.
 *
 * `--port` and `--clients` name the ports of the page and of its clients, 8080 and 8081 unless given. Ends at SIGINT.
 */
import { parseArgs } from 'node:util';
import { allow, createSystem } from 'troupe';
import { ticker } from './actors.ts';
import { servePage } from './pages.ts';
import { Ticker } from './protocol.ts';
import { Visitors } from './visitors.ts';

const { values } = parseArgs({
  options: { port: { type: 'string', default: '8080' }, clients: { type: 'string', default: '8081' } },
});
const visitors = new Visitors();
const origin = `http://127.0.0.1:${values.port}`;

const system = await createSystem({
  threads: 0,
  clients: {
    listen: `ws://127.0.0.1:${values.clients}`,
    origins: [origin],
    authenticate: (token) => visitors.withToken(token),
    // A visitor may not reset it.
    allow: [allow(Ticker, { actors: ['main'], operations: ['click', 'clicks', 'ticks'] })],
  },
});
await system.spawn(ticker, { name: 'main' });
const page = await servePage(Number(values.port), system.clients!.address, visitors);
process.stdout.write(`open ${origin}\n`);

process.once('SIGINT', async () => {
  page.close();
  page.closeAllConnections();
  await system.shutdown();
});

/** NATS: a server of its own, its client for Node, JSON. */
import { connect } from '@nats-io/transport-node';
import { startReceiver } from '../../links/receiver.mjs';
import { startServer } from '../../links/server.mjs';
import { Tally } from '../../links/tally.mjs';

/** The server drops a receiver for which it must hold more than 64 MB; this is far less. */
const flushEach = 8_192;

export async function receive() {
  const server = await startServer('nats-server', ['-a', '127.0.0.1', '-p', '-1'], /client connections on (\S+)/);
  const connection = await connect({ servers: server.match[1] });
  const tally = new Tally();
  let total = 0;
  connection.subscribe('inc', { callback: (_error, message) => tally.take(message.json()) });
  connection.subscribe('tally', { callback: (_error, message) => message.respond(JSON.stringify(tally.read())) });
  connection.subscribe('add', {
    callback: (_error, message) => {
      total += message.json().n;
      message.respond(JSON.stringify(total));
    },
  });
  await connection.flush();
  return {
    address: server.match[1],
    serverPids: [server.pid],
    async close() {
      await connection.close();
      await server.end();
    },
  };
}

export async function open() {
  const { address, pids, end } = await startReceiver(import.meta.url);
  const connection = await connect({ servers: address });
  return {
    pids,
    ordered: true,
    async tellAll(count) {
      for (let n = 1; n <= count; n += 1) {
        connection.publish('inc', JSON.stringify({ type: 'inc', n, id: 'abc' }));
        if (n % flushEach === 0) await connection.flush();
      }
    },
    /** Comes behind what was published before, over the same two connections. */
    tally: async () => (await connection.request('tally', undefined, { timeout: 60_000 })).json(),
    add: async (message) => (await connection.request('add', JSON.stringify(message), { timeout: 5_000 })).json(),
    async close() {
      await connection.close();
      await end();
    },
  };
}

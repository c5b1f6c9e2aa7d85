/** Redis: a server of its own that stores nothing, its client for Node, pub/sub with JSON. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'redis';
import { startReceiver } from '../../links/receiver.mjs';
import { freePort, startServer } from '../../links/server.mjs';
import { Tally } from '../../links/tally.mjs';
import { Waiting } from '../../links/waiting.mjs';

/** Published as a pipeline, which costs a quarter of single commands, then awaited. The server drops a subscriber for whom it must hold 32 MB; a pass is far less. */
const batch = 1_000;

export async function receive() {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-redis-'));
  const port = String(await freePort());
  const where = ['--bind', '127.0.0.1', '--port', port, '--dir', folder, '--save', '', '--appendonly', 'no'];
  const server = await startServer('redis-server', where, /Ready to accept connections/);
  const address = `redis://127.0.0.1:${port}`;
  const [subscriber, publisher] = await connected(address, 2);
  const tally = new Tally();
  let total = 0;
  const reply = (id, value) => publisher.publish('reply', JSON.stringify([id, value]));
  await subscriber.subscribe('inc', (text) => tally.take(JSON.parse(text)));
  await subscriber.subscribe('tally', (text) => reply(JSON.parse(text)[0], tally.read()));
  await subscriber.subscribe('add', (text) => {
    const [id, { n }] = JSON.parse(text);
    total += n;
    reply(id, total);
  });
  return {
    address,
    serverPids: [server.pid],
    async close() {
      subscriber.destroy();
      publisher.destroy();
      await server.end();
      rmSync(folder, { recursive: true });
    },
  };
}

export async function open() {
  const { address, pids, end } = await startReceiver(import.meta.url);
  const [subscriber, publisher] = await connected(address, 2);
  const waiting = new Waiting();
  await subscriber.subscribe('reply', (text) => waiting.settle(...JSON.parse(text)));
  const ask = (channel, message) => waiting.next((id) => publisher.publish(channel, JSON.stringify([id, message])));
  return {
    pids,
    ordered: true,
    async tellAll(count) {
      let pipeline = publisher.multi();
      for (let n = 1; n <= count; n += 1) {
        pipeline.publish('inc', JSON.stringify({ type: 'inc', n, id: 'abc' }));
        if (n % batch !== 0 && n !== count) continue;
        await pipeline.execAsPipeline();
        pipeline = publisher.multi();
      }
    },
    tally: () => ask('tally', null),
    add: (message) => ask('add', message),
    async close() {
      subscriber.destroy();
      publisher.destroy();
      await end();
    },
  };
}

function connected(url, count) {
  return Promise.all(Array.from({ length: count }, () => createClient({ url }).connect()));
}

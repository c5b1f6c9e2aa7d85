// What idle clients take on a server: one JSON line, per client. The clients are in a process of their own.
//
//   node scripts/clients-memory.mjs [--clients 4000]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createSystem } from 'troupe';
import { connect } from 'troupe/client';

const { values } = parseArgs({ options: { clients: { type: 'string', default: '4000' }, of: { type: 'string' } } });
const count = Number(values.clients);

if (values.of === undefined) await serve();
else await beClients(values.of);

async function serve() {
  const system = await createSystem({
    threads: 0,
    clients: { listen: 'ws://127.0.0.1:0', authenticate: (token) => ({ id: token }), allow: [] },
  });
  const before = await settled();
  const child = fork(fileURLToPath(import.meta.url), ['--clients', String(count), '--of', system.clients.address]);
  await once(child, 'message');
  const after = await settled();
  const { open } = system.clients.statistics();
  const each = (name) => Math.round((after[name] - before[name]) / open);
  process.stdout.write(
    `${JSON.stringify({ clients: open, heapBytesEach: each('heapUsed'), residentBytesEach: each('rss') })}\n`,
  );
  child.kill();
  await system.shutdown({ deadlineMs: 500 });
  if (open !== count) process.exitCode = 1;
}

async function beClients(address) {
  const clients = [];
  while (clients.length < count) {
    // A listener has a bounded queue of connections.
    const some = Array.from({ length: Math.min(50, count - clients.length) }, (_, index) =>
      connect(address, { token: `client-${clients.length + index}` }),
    );
    await Promise.all(some.map((client) => client.opened()));
    clients.push(...some);
  }
  process.send('open');
}

/** Memory after what is garbage has been collected. */
async function settled() {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  for (let times = 0; times < 3; times += 1) {
    await wait(500);
    collect();
  }
  return process.memoryUsage();
}

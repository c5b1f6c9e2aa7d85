// What a link to another node takes where nothing is sent over it: a listener in a process of its own, and 200 nodes that join it.
//   node scripts/idle-links.mjs [--links 200]
//
// Prints one JSON line: the bytes of a link in the heap, outside of it (buffers of sockets and of the WebSocket), and resident,
// all once 6 s have passed, so that heartbeats went over each. A listener takes 256 connections from one address.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createSystem } from 'troupe';

const linksMax = 250;
const idleMs = 6_000;

if (process.send !== undefined) await listener();
else await measure();

async function listener() {
  const system = await createSystem({ listen: 'ws://127.0.0.1:0', threads: 0, logLevel: 'error' });
  process.on('message', () => {
    globalThis.gc();
    globalThis.gc();
    process.send({ links: system.nodes.length, ...process.memoryUsage() });
  });
  process.on('disconnect', () => process.exit());
  process.send(system.address);
}

async function measure() {
  // Each system listens for the end of the process.
  process.setMaxListeners(0);
  const { values } = parseArgs({ options: { links: { type: 'string', default: '200' } } });
  const links = Number(values.links);
  if (!(Number.isInteger(links) && links >= 10 && links <= linksMax)) {
    console.error(`--links takes a whole number from 10 to ${linksMax}`);
    process.exit(2);
  }
  const child = fork(fileURLToPath(import.meta.url), { execArgv: ['--expose-gc'] });
  const [address] = await once(child, 'message');
  const nodes = [];
  const joined = async (count) => {
    while (nodes.length < count)
      nodes.push(await createSystem({ join: [address], threads: 0, logLevel: 'error', name: `n${nodes.length}` }));
    await sleep(idleMs);
    child.send('memory');
    const [memory] = await once(child, 'message');
    if (memory.links !== count) throw new Error(`there are ${memory.links} links where ${count} were opened`);
    return memory;
  };
  // What the first ones bring with them is not counted.
  const few = Math.ceil(links / 10);
  const before = await joined(few);
  const after = await joined(links);
  const each = (key) => Math.round((after[key] - before[key]) / (links - few));
  console.log(
    JSON.stringify({ links, heapBytes: each('heapUsed'), externalBytes: each('external'), residentBytes: each('rss') }),
  );
  for (const node of nodes) await node.shutdown({ deadlineMs: 100 });
  child.disconnect();
}

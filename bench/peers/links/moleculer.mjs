/** moleculer over its TCP transporter: events one way, actions for requests, JSON. */
import moleculer from 'moleculer';
import { startReceiver } from '../../links/receiver.mjs';
import { freePort } from '../../links/server.mjs';
import { Tally } from '../../links/tally.mjs';

const batch = 1_000;

/** Nodes find each other by address alone, and the other way round by the greeting of the one that dials. */
function broker(nodeID, options) {
  const transporter = {
    type: 'TCP',
    options: { udpDiscovery: false, useHostname: false, gossipPeriod: 1, ...options },
  };
  return new moleculer.ServiceBroker({ nodeID, transporter, logger: false, requestTimeout: 5_000 });
}

export async function receive() {
  const port = await freePort();
  const node = broker('receiver', { port });
  const tally = new Tally();
  let total = 0;
  node.createService({
    name: 'counter',
    events: { inc: (context) => tally.take(context.params) },
    actions: {
      tally: () => tally.read(),
      add: (context) => {
        total += context.params.n;
        return total;
      },
    },
  });
  await node.start();
  return { address: `127.0.0.1:${port}/receiver`, close: () => node.stop() };
}

export async function open() {
  const { address, pids, end } = await startReceiver(import.meta.url);
  const node = broker('sender', { urls: [address] });
  await node.start();
  await node.waitForServices('counter');
  return {
    pids,
    ordered: false,
    async tellAll(count) {
      let written = [];
      for (let n = 1; n <= count; n += 1) {
        written.push(node.emit('inc', { type: 'inc', n, id: 'abc' }));
        if (n % batch !== 0 && n !== count) continue;
        await Promise.all(written);
        written = [];
      }
    },
    tally: () => node.call('counter.tally', {}, { timeout: 60_000 }),
    add: (message) => node.call('counter.add', message),
    async close() {
      await node.stop();
      await end();
    },
  };
}

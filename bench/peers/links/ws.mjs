/** `ws` with a frame for each message, as JSON text or as msgpack: what one writes who needs a link and nothing else. */
import { once } from 'node:events';
import { Packr, Unpackr } from 'msgpackr';
import WebSocket, { WebSocketServer } from 'ws';
import { startReceiver } from '../../links/receiver.mjs';
import { Tally } from '../../links/tally.mjs';
import { Waiting } from '../../links/waiting.mjs';

/** A sender waits above this many unsent bytes. */
const bufferedMax = 1_048_576;

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });
const codecs = {
  json: { encode: JSON.stringify, decode: (bytes) => JSON.parse(bytes.toString()) },
  msgpack: { encode: (value) => packr.pack(value), decode: (bytes) => unpackr.unpack(bytes) },
};

export async function receive({ codec }) {
  const { encode, decode } = codecs[codec];
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await once(server, 'listening');
  const tally = new Tally();
  let total = 0;
  server.on('connection', (socket) => {
    socket.on('message', (bytes) => {
      const [kind, id, message] = decode(bytes);
      if (kind === 'inc') tally.take(message);
      else if (kind === 'tally') socket.send(encode([id, tally.read()]));
      else {
        total += message.n;
        socket.send(encode([id, total]));
      }
    });
  });
  return {
    address: `ws://127.0.0.1:${server.address().port}`,
    close: () => server.close(),
  };
}

export async function open({ codec }) {
  const { encode, decode } = codecs[codec];
  const { address, pids, end } = await startReceiver(import.meta.url, { codec });
  const socket = new WebSocket(address, { perMessageDeflate: false });
  await once(socket, 'open');
  const waiting = new Waiting();
  socket.on('message', (bytes) => waiting.settle(...decode(bytes)));
  const ask = (kind, message) => waiting.next((id) => socket.send(encode([kind, id, message])));
  return {
    pids,
    ordered: true,
    async tellAll(count) {
      for (let n = 1; n <= count; n += 1) {
        socket.send(encode(['inc', 0, { type: 'inc', n, id: 'abc' }]));
        while (socket.bufferedAmount > bufferedMax) await new Promise(setImmediate);
      }
    },
    tally: () => ask('tally', null),
    add: (message) => ask('add', message),
    async close() {
      socket.close();
      await end();
    },
  };
}

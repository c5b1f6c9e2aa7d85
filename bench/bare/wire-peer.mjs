/**
 * The other process of the bare limits: counts what comes over `ws` with one frame per message or per batch, answers
 * asks there in the same way, and counts what comes over raw TCP in batches. It says its two ports, and ends with its parent.
 */
import { createServer } from 'node:net';
import { Packr, Unpackr } from 'msgpackr';
import { WebSocketServer } from 'ws';
import { FrameReader, fieldsPerItem } from './wire-frames.mjs';

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });

const webSockets = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
webSockets.on('connection', (socket) => {
  const state = { total: 0 };
  socket.on('message', (bytes) => {
    const [kind, id, message] = unpackr.unpack(bytes);
    if (kind === 'total') socket.send(packr.pack([id, state.total]));
    else if (kind === 'batch') for (const { n } of message) state.total += n;
    else {
      state.total += message.n;
      if (kind === 'add') socket.send(packr.pack([id, state.total]));
    }
  });
});

const sockets = createServer({ noDelay: true }, (socket) => {
  const state = { total: 0 };
  const handle = (message) => {
    state.total += message.n;
  };
  const reader = new FrameReader((frame) => {
    const fields = unpackr.unpack(frame);
    // A batch without items asks for the total.
    if (fields.length === 0) socket.write(String(state.total));
    for (let at = 0; at < fields.length; at += fieldsPerItem) handle(fields[at + fieldsPerItem - 1]);
  });
  socket.on('data', (chunk) => reader.read(chunk));
});

await new Promise((resolve) => webSockets.once('listening', resolve));
await new Promise((resolve) => sockets.listen(0, '127.0.0.1', resolve));
process.on('disconnect', () => process.exit(0));
process.send({ webSocketPort: webSockets.address().port, tcpPort: sockets.address().port });

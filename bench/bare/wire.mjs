/** The bare limits between two processes, as their senders: one `ws` frame per message, and batches over raw TCP. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { Packr, Unpackr } from 'msgpackr';
import WebSocket from 'ws';
import { framed } from './wire-frames.mjs';

/** A sender waits above this many unsent bytes. */
const bufferedMax = 1_048_576;
const batch = 128;

/** Starts the process at the other end; it ends with this one. */
export async function startPeer() {
  const peer = fork(new URL('./wire-peer.mjs', import.meta.url));
  const [ports] = await once(peer, 'message');
  // Neither the process nor its channel holds this one.
  peer.unref();
  peer.channel.unref();
  return ports;
}

/** One `ws` frame for each message, in either direction. */
export class FramePerMessage {
  #socket;
  #packr = new Packr({ useRecords: false });
  #unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });
  #waiting = new Map();
  #lastId = 0;

  static async open(port) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
    await once(socket, 'open');
    return new FramePerMessage(socket);
  }

  constructor(socket) {
    this.#socket = socket;
    socket.on('message', (bytes) => {
      const [id, reply] = this.#unpackr.unpack(bytes);
      this.#waiting.get(id)(reply);
      this.#waiting.delete(id);
    });
  }

  async tell(count) {
    for (let sent = 0; sent < count; sent += 1) {
      this.#socket.send(this.#packr.pack(['inc', 0, { type: 'inc', n: 1, id: 'abc' }]));
      while (this.#socket.bufferedAmount > bufferedMax) await new Promise(setImmediate);
    }
    return this.#ask('total', null);
  }

  /** The same with so many in each frame; what the other side has room for is nobody's concern. */
  async tellInBatches(messages, size) {
    for (let at = 0; at < messages.length; at += size) {
      this.#socket.send(this.#packr.pack(['batch', 0, messages.slice(at, at + size)]));
      while (this.#socket.bufferedAmount > bufferedMax) await new Promise(setImmediate);
    }
    return this.#ask('total', null);
  }

  add(message) {
    return this.#ask('add', message);
  }

  #ask(kind, message) {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(this.#packr.pack([kind, id, message]));
    });
  }
}

/** Batches of 128 messages over raw TCP, each message with the fields that one of ours has in its frame. */
export class Batches {
  #socket;
  #packr = new Packr({ useRecords: false });

  static async open(port) {
    const socket = createConnection({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    return new Batches(socket);
  }

  constructor(socket) {
    this.#socket = socket;
  }

  async tell(count) {
    const socket = this.#socket;
    let fields = [];
    for (let sent = 1; sent <= count; sent += 1) {
      fields.push(2, 1, 0, { type: 'inc', n: 1, id: 'abc' });
      if (sent % batch !== 0 && sent !== count) continue;
      socket.write(framed(this.#packr.pack(fields)));
      fields = [];
      if (socket.writableLength > bufferedMax) await once(socket, 'drain');
    }
    socket.write(framed(this.#packr.pack([])));
    const [total] = await once(socket, 'data');
    return Number(total);
  }
}

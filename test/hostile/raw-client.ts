/** A TCP client of the port that says exactly what it is told to, and keeps what comes back. */
import { connect, type Socket } from 'node:net';
import type { CloseReason } from '../../src/transport/close-codes.ts';
import type { LiveNode } from './live-node.ts';

/** Longer than any answer may take. */
const answerMs = 10_000;

/** The request of a node that wants to link, with more lines, or fewer, or others. */
export function upgradeRequest(lines: readonly string[] = [], path = '/'): string {
  const own = [
    `GET ${path} HTTP/1.1`,
    'Host: anything.example.org',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Protocol: troupe.v1',
  ];
  return [...own, ...lines, '', ''].join('\r\n');
}

/** A WebSocket frame as a client sends it, under a mask of zeros. */
export function masked(first: number, payload: Uint8Array | string): Uint8Array {
  const bytes = Buffer.from(payload as Uint8Array);
  const { length } = bytes;
  const header = Buffer.alloc(length < 126 ? 6 : length < 65_536 ? 8 : 14);
  header[0] = first;
  if (length < 126) header[1] = 0x80 | length;
  else if (length < 65_536) {
    header[1] = 0x80 | 126;
    header.writeUInt16BE(length, 2);
  } else {
    header[1] = 0x80 | 127;
    header.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([header, bytes]);
}

export class RawClient {
  readonly socket: Socket;
  /** The HTTP status, once its line is here. */
  status = 0;
  /** How the other end closed the WebSocket; 1006 where the socket ended without a word. */
  closed: CloseReason | undefined;
  /** Called with each message. */
  onMessage: (message: Uint8Array) => void = () => undefined;
  onClose: () => void = () => undefined;
  #rest: Buffer = Buffer.alloc(0);
  #isUpgraded = false;
  #hasEnded = false;
  #waiting: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#hasEnded = true;
      this.#close({ code: 1006, text: '' });
    });
  }

  /** Connects, and says this first. */
  static open(live: LiveNode, first?: Uint8Array | string): RawClient {
    const client = new RawClient(connect(live.port, '127.0.0.1'));
    if (first !== undefined) client.socket.write(first);
    return client;
  }

  /** Connects and upgrades. */
  static async upgraded(live: LiveNode): Promise<RawClient> {
    const client = RawClient.open(live, upgradeRequest());
    await client.until(() => client.status !== 0 || client.#hasEnded, 'an answer to the upgrade');
    if (client.status !== 101) throw new Error(`the upgrade was answered with ${client.status}`);
    return client;
  }

  /** Bytes, whatever they are. */
  write(bytes: Uint8Array | string): void {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  /** Whole binary messages. */
  send(...messages: readonly Uint8Array[]): void {
    if (messages.length === 1) this.write(masked(0x82, messages[0]!));
    else this.write(Buffer.concat(messages.map((message) => masked(0x82, message))));
  }

  /** What ends the WebSocket. */
  async ended(): Promise<CloseReason> {
    await this.until(() => this.closed !== undefined, 'the end');
    return this.closed!;
  }

  /** The HTTP status that the connection ends with; 0 where it ends without one. */
  async answered(): Promise<number> {
    await this.until(() => this.#hasEnded, 'the end of the connection');
    return this.status;
  }

  /** Waits until something that arrives, or the end, makes it so. */
  async until(isSo: () => boolean, what: string): Promise<void> {
    const from = performance.now();
    const deadline = setTimeout(() => this.#wake(), answerMs);
    while (!isSo()) {
      if (performance.now() - from >= answerMs) throw new Error(`${what} did not come within ${answerMs} ms`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    clearTimeout(deadline);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  #close(reason: CloseReason): void {
    if (this.closed === undefined) {
      this.closed = reason;
      this.onClose();
    }
    this.#wake();
  }

  #take(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    if (!this.#isUpgraded) {
      this.status = Number(/^HTTP\/1\.1 (\d{3})/.exec(this.#rest.toString('latin1', 0, 20))?.[1] ?? 0);
      const end = this.#rest.indexOf('\r\n\r\n');
      if (this.status === 101 && end >= 0) {
        this.#isUpgraded = true;
        this.#rest = this.#rest.subarray(end + 4);
      }
    }
    if (this.#isUpgraded) this.#readFrames();
    this.#wake();
  }

  /** A server does not mask, and ours does not fragment. */
  #readFrames(): void {
    const bytes = this.#rest;
    let at = 0;
    while (bytes.length - at >= 2) {
      const short = bytes[at + 1]!;
      const from = at + (short === 126 ? 4 : short === 127 ? 10 : 2);
      if (bytes.length < from) break;
      const length =
        short === 126 ? bytes.readUInt16BE(at + 2) : short === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : short;
      const end = from + length;
      if (bytes.length < end) break;
      const opcode = bytes[at]! & 0x0f;
      if (opcode === 2) this.onMessage(bytes.subarray(from, end));
      if (opcode === 8) {
        const code = length >= 2 ? bytes.readUInt16BE(from) : 1005;
        this.#close({ code, text: bytes.toString('utf8', from + 2, end) });
        // What it was told is confirmed, as the protocol asks.
        this.socket.end(masked(0x88, bytes.subarray(from, from + 2)));
      }
      at = end;
    }
    this.#rest = bytes.subarray(at);
  }
}

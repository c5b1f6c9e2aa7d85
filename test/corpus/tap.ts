/** A proxy between two nodes that keeps every WebSocket message of both, in the order in which they passed. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface Passed {
  /** True where the node that dialled has sent it. */
  readonly dialled: boolean;
  readonly message: Buffer;
}

export class Tap {
  readonly passed: Passed[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      this.#tap(near, far, true);
      this.#tap(far, near, false);
    });
  }

  listen(): Promise<string> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => {
        resolve(`ws://127.0.0.1:${(this.#server.address() as { port: number }).port}`);
      });
    });
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #tap(from: Socket, to: Socket, dialled: boolean): void {
    this.#sockets.add(from);
    let rest: Buffer = Buffer.alloc(0);
    let isUpgraded = false;
    from.on('data', (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      const end = isUpgraded ? 0 : rest.indexOf('\r\n\r\n');
      if (end >= 0) {
        if (!isUpgraded) rest = rest.subarray(end + 4);
        isUpgraded = true;
        rest = this.#read(rest, dialled);
      }
      to.write(bytes);
    });
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  }

  /** Takes whole frames from the front: who dials masks them, and nodes do not fragment. */
  #read(bytes: Buffer, dialled: boolean): Buffer {
    let at = 0;
    while (bytes.length - at >= 2) {
      const short = bytes[at + 1]! & 0x7f;
      const isMasked = (bytes[at + 1]! & 0x80) !== 0;
      const lengthEnd = at + 2 + (short === 126 ? 2 : short === 127 ? 8 : 0);
      if (bytes.length < lengthEnd) break;
      const length =
        short === 126 ? bytes.readUInt16BE(at + 2) : short === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : short;
      const from = lengthEnd + (isMasked ? 4 : 0);
      if (bytes.length < from + length) break;
      if ((bytes[at]! & 0x0f) === 2) {
        const message = Buffer.from(bytes.subarray(from, from + length));
        if (isMasked) for (let n = 0; n < length; n += 1) message[n]! ^= bytes[lengthEnd + (n & 3)]!;
        this.passed.push({ dialled, message });
      }
      at = from + length;
    }
    return bytes.subarray(at);
  }
}

/** A `Link` over the WebSocket that browsers have, and that `ws` gives Node in the same form. */
import type { Clock } from '../base/environment/clock.ts';
import type { Link } from '../base/environment/network.ts';
import { clientLimits } from './client-limits.ts';
import { type CloseReason, closeCodes } from './close-codes.ts';
import { DialFailed } from './errors.ts';
import { transportLimits } from './limits.ts';

/** As much of the WebSocket of browsers as is needed. */
export interface Socket {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'open' | 'error', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: 'close', listener: (event: { readonly code: number; readonly reason: string }) => void): void;
}

/**
 * Opens a socket that offers these subprotocols. Where more is known of a failure than the socket itself says, `failed` is told
 * before the socket closes.
 */
export type OpenSocket = (address: string, protocols: string[], failed: (why: DialFailed) => void) => Socket;

const isOpen = 1;

/** Opens a link. @throws DialFailed */
export function dialSocket(
  open: OpenSocket,
  clock: Clock,
  options: { readonly address: string; readonly protocols: readonly string[]; readonly timeoutMs: number },
): Promise<Link> {
  const { address, timeoutMs } = options;
  return new Promise((resolve, reject) => {
    let why: DialFailed | undefined;
    const socket = open(address, [...options.protocols], (known) => {
      why = known;
    });
    socket.binaryType = 'arraybuffer';
    const cancel = clock.timer(timeoutMs, () => {
      reject(new DialFailed('timeout', `${address} did not answer within ${timeoutMs} ms`));
      socket.close();
    });
    // An error is always followed by the close, and says nothing.
    socket.addEventListener('error', () => undefined);
    const refused = (): void => {
      cancel();
      const help =
        'is it running, does it listen to clients there, by ws or wss, and may this page ask (clients.origins)?';
      reject(why ?? new DialFailed('refused', `${address} could not be reached; ${help}`));
    };
    const link = new SocketLink(socket, address, clock, refused);
    socket.addEventListener('open', () => {
      cancel();
      resolve(link);
    });
  });
}

class SocketLink implements Link {
  readonly remote: string;
  onFrame: (frame: Uint8Array) => void = () => undefined;
  readonly #socket: Socket;
  readonly #clock: Clock;
  #onClose: ((reason: CloseReason) => void) | undefined = undefined;
  #closed: CloseReason | undefined = undefined;

  constructor(socket: Socket, remote: string, clock: Clock, onRefused: () => void) {
    this.remote = remote;
    this.#socket = socket;
    this.#clock = clock;
    socket.addEventListener('message', ({ data }) => {
      if (this.#closed !== undefined) return;
      if (data instanceof ArrayBuffer) this.onFrame(new Uint8Array(data));
      else this.close(closeCodes.protocol, 'binary frames only');
    });
    socket.addEventListener('close', ({ code, reason }) => {
      onRefused();
      // 1005 stands for a close frame without a code.
      this.#end({ code: code === 1005 ? closeCodes.normal : code, text: reason });
    });
  }

  get onClose(): (reason: CloseReason) => void {
    return this.#onClose ?? (() => undefined);
  }

  set onClose(handler: (reason: CloseReason) => void) {
    const isLate = this.#closed !== undefined && this.#onClose === undefined;
    this.#onClose = handler;
    if (isLate) handler(this.#closed!);
  }

  send(frame: Uint8Array): boolean {
    if (this.#socket.readyState !== isOpen) return false;
    this.#socket.send(frame as Uint8Array<ArrayBuffer>);
    return this.#socket.bufferedAmount <= transportLimits.bufferHighBytes;
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        const hasDrained = this.#socket.bufferedAmount <= transportLimits.bufferLowBytes;
        if (this.#closed !== undefined || hasDrained) resolve();
        else this.#clock.timer(clientLimits.drainPollMs, look);
      };
      look();
    });
  }

  /** It counts as closed at once: a server that is gone confirms nothing, and a browser waits for that. */
  close(code: number, text: string): void {
    if (this.#closed !== undefined) return;
    // A close frame has room for 123 bytes.
    this.#socket.close(code, text.replace(/[^\x20-\x7e]/g, '?').slice(0, 123));
    this.#end({ code, text });
  }

  #end(reason: CloseReason): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#onClose?.(reason);
  }
}

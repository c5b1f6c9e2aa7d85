/**
 * A `Link` over one WebSocket, for either end of it.
 *
 * Nothing is read from the socket before the owner has set `onFrame`, so that no frame is lost on the way to it. Until
 * the owner says `admit`, the peer is a stranger and may send no more than a handshake needs.
 */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Link } from '../base/environment/network.ts';
import { certificateNamesOf } from './certificates.ts';
import { type CloseReason, closeCodes } from './close-codes.ts';
import type { WebSocketLimits } from './websocket-limits.ts';

/** WebSocket's own code for a message of a kind that is not spoken: text, here. */
const unsupportedData = 1003;
/** What a frame that waits to be written takes beside its bytes, measured: 100,000 answers of 7 bytes are no 700 KB. */
const unsentFrameBytes = 512;
/** A close frame has room for this much text. */
const closeTextBytesMax = 123;

export interface WebSocketLinkOptions {
  readonly webSocket: WebSocket;
  readonly socket: Socket;
  readonly remote: string;
  readonly limits: WebSocketLimits;
  /** The owner has admitted the peer. */
  readonly onAdmit?: () => void;
  /** The peer has failed to prove itself. */
  readonly onBlame?: () => void;
  /** The peer broke the rules of the port, as opposed to those of the protocol above it. */
  readonly onViolation?: (what: string) => void;
}

export class WebSocketLink implements Link {
  readonly remote: string;
  readonly certificateNames: readonly string[] | undefined;
  readonly #options: WebSocketLinkOptions;
  readonly #webSocket: WebSocket;
  #onFrame: ((frame: Uint8Array) => void) | undefined;
  #onClose: ((reason: CloseReason) => void) | undefined;
  #closed: CloseReason | undefined;
  #isClosing = false;
  #isAdmitted = false;
  #pendingBytes = 0;
  #errorText = '';
  #drainWaiters: (() => void)[] = [];
  /** Frames that the socket has not taken yet. */
  #unsent = 0;
  readonly #onSent = (): void => {
    this.#unsent -= 1;
    this.#wakeDrained();
  };
  readonly #countPending = (chunk: Uint8Array): void => this.#boundPending(chunk.length);

  constructor(options: WebSocketLinkOptions) {
    this.#options = options;
    this.remote = options.remote;
    this.certificateNames = certificateNamesOf(options.socket);
    const webSocket = options.webSocket;
    this.#webSocket = webSocket;
    webSocket.pause();
    options.socket.on('data', this.#countPending);
    webSocket.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    webSocket.on('error', (error) => {
      this.#errorText = error.message;
      if ('code' in error && String(error.code).startsWith('WS_ERR')) options.onViolation?.(error.message);
    });
    webSocket.on('close', (code, text) => this.#end(code, text.toString()));
  }

  get onFrame(): (frame: Uint8Array) => void {
    return this.#onFrame ?? ignore;
  }

  set onFrame(handler: (frame: Uint8Array) => void) {
    const isFirst = this.#onFrame === undefined;
    this.#onFrame = handler;
    if (isFirst) this.#webSocket.resume();
  }

  get onClose(): (reason: CloseReason) => void {
    return this.#onClose ?? ignore;
  }

  set onClose(handler: (reason: CloseReason) => void) {
    const isLate = this.#closed !== undefined && this.#onClose === undefined;
    this.#onClose = handler;
    if (isLate) handler(this.#closed!);
  }

  admit(): void {
    if (this.#isAdmitted) return;
    this.#isAdmitted = true;
    this.#options.socket.off('data', this.#countPending);
    this.#options.onAdmit?.();
  }

  blame(): void {
    this.#options.onBlame?.();
  }

  send(frame: Uint8Array): boolean {
    if (this.#isClosing || this.#webSocket.readyState !== this.#webSocket.OPEN) return false;
    this.#unsent += 1;
    this.#webSocket.send(frame, this.#onSent);
    return this.#bufferedBytes <= this.#options.limits.bufferHighBytes;
  }

  /** What unsent frames take. */
  get #bufferedBytes(): number {
    return this.#webSocket.bufferedAmount + this.#unsent * unsentFrameBytes;
  }

  drained(): Promise<void> {
    if (this.#hasDrained()) return Promise.resolve();
    return new Promise((resolve) => this.#drainWaiters.push(resolve));
  }

  close(code: number, text: string): void {
    if (this.#isClosing || this.#closed !== undefined) return;
    this.#isClosing = true;
    this.#webSocket.close(code, cut(text));
    this.#webSocket.resume(); // else the peer's close frame is never read
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#isClosing) return;
    if (isBinary) this.#onFrame?.(data);
    else {
      this.#options.onViolation?.('text where binary is spoken');
      this.close(unsupportedData, 'binary frames only');
    }
  }

  #boundPending(bytes: number): void {
    this.#pendingBytes += bytes;
    if (this.#isAdmitted || this.#pendingBytes <= this.#options.limits.pendingBytesMax) return;
    this.#options.onViolation?.('too many bytes before authentication');
    this.#webSocket.terminate();
  }

  #hasDrained(): boolean {
    return this.#closed !== undefined || this.#bufferedBytes < this.#options.limits.bufferLowBytes;
  }

  #wakeDrained(): void {
    if (this.#drainWaiters.length === 0 || !this.#hasDrained()) return;
    const waiters = this.#drainWaiters;
    this.#drainWaiters = [];
    for (const wake of waiters) wake();
  }

  #end(code: number, peerText: string): void {
    // What a peer says may end in a log, so nothing but printable ASCII of it is kept.
    const text = (peerText || this.#errorText).replace(/[^\x20-\x7e]/g, '?');
    const hasCode = code >= 1000 && code !== 1005;
    this.#closed = { code: hasCode ? code : closeCodes.normal, text };
    this.#wakeDrained();
    this.#onClose?.(this.#closed);
  }
}

function cut(text: string): string {
  const printable = text.replace(/[^\x20-\x7e]/g, '?');
  return printable.slice(0, closeTextBytesMax);
}

function ignore(): void {
  // The owner has not said yet what it does with this.
}

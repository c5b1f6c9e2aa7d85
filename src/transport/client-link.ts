/**
 * A link between a client and its server once both have said hello: session frames, and a heartbeat of our own, since a
 * browser shows none and a cut cable ends no WebSocket. Both ends are made of this.
 */
import type { Clock } from '../base/environment/clock.ts';
import type { Link } from '../base/environment/network.ts';
import { type Rate, TokenBucket } from '../base/token-bucket.ts';
import { decodeClientEnvelope, encodeBeat, encodeClientFrame } from './client-envelope.ts';
import { type CloseReason, closeCodes } from './close-codes.ts';
import { Heartbeat, type HeartbeatTimes } from './heartbeat.ts';
import type { Carrier } from './session.ts';

export interface ClientLinkOptions {
  readonly link: Link;
  readonly clock: Clock;
  readonly times?: HeartbeatTimes | undefined;
  /** How many messages the other end may send; more end the link with 4005. As many as it likes unless given. */
  readonly rate?: Rate | undefined;
  /** It sends more; the link ends after that. */
  readonly onFlood?: (what: string) => void;
  /** The frame is a view of a buffer that may hold more. */
  readonly onFrame: (frame: Uint8Array) => void;
  /** Called once, at its end for whatever reason. */
  readonly onClose: (reason: CloseReason) => void;
}

export class ClientLink implements Carrier {
  readonly #options: ClientLinkOptions;
  readonly #heartbeat: Heartbeat;
  readonly #bucket: TokenBucket | undefined;
  #isOver = false;
  #isBlocked = false;
  /** The latest ping that is answered once there is room; 0 for none. A pong answers all before it. */
  #pongOwed = 0;

  constructor(options: ClientLinkOptions) {
    this.#options = options;
    const { link, clock, times, rate } = options;
    this.#bucket = rate === undefined ? undefined : new TokenBucket(clock, rate);
    this.#heartbeat = new Heartbeat({
      clock,
      ...(times === undefined ? {} : { times }),
      sendPing: (number) => void this.#write(encodeBeat('ping', number)),
      onDead: (why) => {
        if (why === 'silent') this.close(closeCodes.silent, 'nothing was heard from the other end');
        else this.close(closeCodes.tooSlow, 'the other end does not read what is sent to it');
      },
    });
    link.onFrame = (bytes) => this.#receive(bytes);
    link.onClose = (reason) => this.#end(reason);
  }

  /** Every session over it begins with resume frames. */
  get resumes(): boolean {
    return true;
  }

  send(frame: Uint8Array): boolean {
    return this.#write(encodeClientFrame(frame));
  }

  drained(): Promise<void> {
    return this.#options.link.drained();
  }

  close(code: number, text: string): void {
    if (this.#isOver) return;
    this.#options.link.close(code, text);
    this.#end({ code, text });
  }

  #write(bytes: Uint8Array): boolean {
    if (this.#isOver) return false;
    const hasRoom = this.#options.link.send(bytes);
    if (!hasRoom && !this.#isBlocked) {
      this.#isBlocked = true;
      void this.#options.link.drained().then(() => this.#unblock());
    }
    return hasRoom;
  }

  #unblock(): void {
    this.#isBlocked = false;
    const number = this.#pongOwed;
    this.#pongOwed = 0;
    if (number > 0) this.#write(encodeBeat('pong', number));
  }

  #receive(bytes: Uint8Array): void {
    if (this.#isOver) return;
    if (this.#bucket?.take() === false) {
      const what = 'more messages a second than a link takes';
      this.#options.onFlood?.(what);
      this.close(closeCodes.limit, what);
      return;
    }
    this.#heartbeat.heard();
    const envelope = decodeClientEnvelope(bytes);
    switch (envelope.kind) {
      case 'frame':
        this.#options.onFrame(envelope.frame);
        return;
      case 'ping':
        // A peer that pings and does not read makes us hold one number.
        if (this.#isBlocked) this.#pongOwed = envelope.number;
        else this.#write(encodeBeat('pong', envelope.number));
        return;
      case 'pong':
        if (!this.#heartbeat.answered(envelope.number)) this.#refuse('pong.number');
        return;
      case 'hello':
      case 'welcome':
        this.#refuse('kind');
        return;
      case 'malformed':
        this.#refuse(envelope.field);
        return;
      default:
        envelope satisfies never;
    }
  }

  #refuse(field: string): void {
    this.close(closeCodes.protocol, `malformed ${field}`);
  }

  #end(reason: CloseReason): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#heartbeat.stop();
    this.#options.onClose(reason);
  }
}

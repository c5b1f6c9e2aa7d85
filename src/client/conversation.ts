/**
 * What a client and its server have open: a session, and the calls that wait for it. It outlives the links, and also the
 * session: where the server holds it no more, what was sent ends as unknown, and what was not goes over the next one.
 */
import { InvalidMessage, Rejected } from '../actors/outcomes.ts';
import type { Clock } from '../base/environment/clock.ts';
import type { Scheduler } from '../base/environment/scheduler.ts';
import { ClientKind, isOfServer, itemsOf, type LostReason, lostReasons } from '../runtime/clients/client-items.ts';
import { weightOf } from '../runtime/held-bytes.ts';
import { clientBounds, clientLimits } from '../transport/client-limits.ts';
import type { FrameCodec } from '../transport/frame-codec.ts';
import { type Carrier, Session } from '../transport/session.ts';
import { clientIsClosed } from './client-target.ts';
import type { CallKeeper, OpenCall } from './open-calls.ts';

/** Tells that reached no mailbox, or of which nobody knows it. */
export interface LostTell {
  /**
   * `link-lost`: nobody knows whether it was handled; the others reached nobody: `forbidden` for this client · `unknown`: no such
   * actor · `stopped` · `invalid` for the server · `full`: no room there, or here · `unreachable` from there · `too-large` ·
   * `closed`: this client.
   */
  readonly reason: LostReason | 'link-lost' | 'too-large' | 'closed';
  /** How many. Those that the server had received may be told together, without their actor and operation. */
  readonly count: number;
  /** The actor's name. */
  readonly actor?: string;
  /** Such as `counter.inc`. */
  readonly operation?: string;
}

export interface ConversationOptions {
  readonly server: string;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly codec: FrameCodec;
  readonly onLost: (lost: LostTell) => void;
  /** The server broke the protocol. */
  readonly onBroken: (what: string) => void;
}

type Item = readonly unknown[];

/** Its carrier until it has one. */
const nowhere: Carrier = { send: () => true, drained: () => Promise.resolve() };

export class Conversation implements CallKeeper {
  readonly server: string;
  readonly clock: Clock;
  readonly #options: ConversationOptions;
  readonly #open = new Map<number, OpenCall>();
  #session: Session;
  #calls = 0;
  #isClosed = false;

  constructor(options: ConversationOptions) {
    this.#options = options;
    this.server = options.server;
    this.clock = options.clock;
    this.#session = this.#begin();
  }

  #begin(): Session {
    const { clock, scheduler, codec, onBroken } = this.#options;
    const session: Session = new Session({
      carrier: nowhere,
      codec,
      clock,
      scheduler,
      bounds: clientBounds,
      onItems: (fields, start) => {
        const items = itemsOf(fields, start, isOfServer);
        for (const item of items) this.#read(item);
        session.settle(items.length);
        return items.length;
      },
      onRefused: (fields, error) => this.#tooLarge(fields, error.message),
      cut: () => {
        throw new Error('an item of one message cannot be cut');
      },
      onBroken: (what) => {
        if (this.#session === session) onBroken(what);
      },
    });
    session.suspend();
    return session;
  }

  // ── what is said ──

  /** @returns whether there is room for more. */
  tell(actor: string, label: string, wire: unknown): boolean {
    const bytes = weigh(wire);
    if (this.#isClosed || this.#session.isFullFor(bytes)) {
      this.#options.onLost({ reason: this.#isClosed ? 'closed' : 'full', count: 1, actor, operation: label });
      return false;
    }
    this.#session.begin(bytes).push(ClientKind.tell, actor, label, wire);
    return this.#session.hasRoom;
  }

  /** A call that is about to be sent. */
  open<T extends OpenCall>(make: (id: number, keeper: CallKeeper) => T): T {
    this.#calls += 1;
    const call = make(this.#calls, this);
    this.#open.set(call.id, call);
    return call;
  }

  /** @param last The time that is left, or how many values are granted. */
  send(call: OpenCall, kind: number, actor: string, wire: unknown, last: number): void {
    const { label } = call.operation;
    const bytes = weigh(wire);
    if (this.#isClosed) call.fail(clientIsClosed(label), false);
    else if (this.#session.isFullFor(bytes)) {
      call.fail(new Rejected('full', `${label}: too much waits for the server; it was not sent`), false);
    } else this.#session.begin(bytes).push(kind, call.id, actor, label, wire, last);
  }

  /** Calls `goOn` once there is room. */
  whenRoom(goOn: () => void): void {
    if (this.#isClosed || this.#session.hasRoom) goOn();
    else void this.#session.whenRoom().then(() => this.whenRoom(goOn));
  }

  finished(call: OpenCall, tellServer: boolean): void {
    this.#open.delete(call.id);
    if (tellServer && !this.#isClosed) this.#session.begin().push(ClientKind.cancel, call.id);
  }

  grant(call: OpenCall, total: number): void {
    if (!this.#isClosed) this.#session.begin().push(ClientKind.grant, call.id, total);
  }

  /** Messages that the server has not received, as far as is known. */
  get undelivered(): number {
    return this.#session.undelivered;
  }

  // ── what is heard ──

  onFrame(frame: Uint8Array): void {
    this.#session.onFrame(frame);
  }

  #read([kind, id, second, third]: Item): void {
    if (kind === ClientKind.lost) {
      const reason = lostReasons.find((one) => one === third) ?? lostReasons[0];
      this.#options.onLost({ reason, count: 1, actor: String(id), operation: String(second) });
      return;
    }
    const call = this.#open.get(id as number);
    switch (kind) {
      case ClientKind.reply:
      case ClientKind.end:
        call?.reply(second);
        return;
      case ClientKind.failure:
        call?.failure(second);
        return;
      case ClientKind.item:
        call?.item(second);
        return;
      default:
        throw new Error('an item of no known kind');
    }
  }

  #tooLarge([kind, first, second, third]: Item, text: string): void {
    if (kind === ClientKind.tell) {
      this.#options.onLost({ reason: 'too-large', count: 1, actor: String(first), operation: String(second) });
      return;
    }
    const call = this.#open.get(first as number);
    call?.fail(new InvalidMessage(`${String(third)} to ${String(second)}: ${text}`, []), false);
  }

  // ── from link to link ──

  /** Goes on over this link. */
  attach(link: Carrier): void {
    this.#session.resume(link);
  }

  suspend(): void {
    this.#session.suspend();
  }

  hurry(): void {
    this.#session.hurry();
  }

  /** The server holds nothing of it any more: what was sent ends, and what was not goes over the next session. */
  renew(why: string): void {
    const unsent = this.#end(why, true);
    for (const item of unsent) {
      const fields = this.#session.begin(weigh(item[item[0] === ClientKind.tell ? 3 : 4]));
      fields.push(...item);
    }
  }

  /** Nothing is said or heard any more. */
  close(why: string): void {
    this.#isClosed = true;
    this.#end(why, false);
  }

  /** Settles what cannot go on. @returns what was not sent and may be, where that goes on */
  #end(why: string, goesOn: boolean): readonly Item[] {
    const old = this.#session;
    const { unacknowledged, unsent, received } = old.end();
    this.#session = this.#begin();
    const { onLost } = this.#options;
    for (const [kind, actor, operation] of unacknowledged) {
      if (kind !== ClientKind.tell) continue;
      onLost({ reason: 'link-lost', count: 1, actor: String(actor), operation: String(operation) });
    }
    if (received > 0) onLost({ reason: 'link-lost', count: received });
    const keeps: Item[] = [];
    const kept = new Set<unknown>();
    for (const item of unsent) {
      const [kind, first, second] = item;
      if (kind === ClientKind.tell) {
        if (goesOn) keeps.push(item);
        else onLost({ reason: 'closed', count: 1, actor: String(first), operation: String(second) });
      } else if (kind !== ClientKind.cancel && kind !== ClientKind.grant && this.#open.has(first as number)) {
        kept.add(first);
        if (goesOn) keeps.push(item);
      }
    }
    for (const call of [...this.#open.values()]) {
      const wasSent = call.isSent && !kept.has(call.id);
      if (wasSent || !goesOn) call.lost(wasSent, why);
    }
    return keeps;
  }
}

function weigh(wire: unknown): number {
  const bytes = weightOf(wire);
  return bytes < clientLimits.weighedBytesMin ? 0 : bytes;
}

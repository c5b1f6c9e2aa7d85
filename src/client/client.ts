/**
 * A client: dials its server again and again until it is closed, and gives refs whose calls go over whichever link there is.
 */
import { checkKeys } from '../actors/given.ts';
import { checkName, compiledProtocol } from '../actors/operation.ts';
import type { AnyProtocol, Ref } from '../actors/protocol.ts';
import { refClassOf } from '../actors/ref.ts';
import type { Owner } from '../actors/target.ts';
import type { Cancel } from '../base/environment/clock.ts';
import type { Link } from '../base/environment/network.ts';
import { describeThrown, UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { decodeClientEnvelope, encodeClientHello, offeredProtocols } from '../transport/client-envelope.ts';
import { clientLimits } from '../transport/client-limits.ts';
import { ClientLink } from '../transport/client-link.ts';
import { type CloseReason, closeCodes } from '../transport/close-codes.ts';
import { DialFailed } from '../transport/errors.ts';
import { plainCodec } from '../transport/plain-codec.ts';
import { ClientTarget, clientOwner } from './client-target.ts';
import { Conversation, type LostTell } from './conversation.ts';
import { ClientClosed } from './errors.ts';
import type { ClientSurroundings } from './surroundings.ts';

/**
 * `connecting`: there was no link yet · `open` · `away`: the link was cut, and another is tried for · `closed`: for good.
 * What is said while it is not `open` waits, within bounds and deadlines.
 */
export type ClientStatus = 'connecting' | 'open' | 'away' | 'closed';

/** Why the status is what it is. */
export interface StatusReason {
  /** The close code of the link that ended; undefined where there was none. */
  readonly code?: number;
  /** For people. */
  readonly text: string;
}

/** What `connect` takes. */
export interface ClientOptions {
  /**
   * Shown to the server at each upgrade; or a function that gets one, which is asked again for each attempt. At most 4,096
   * bytes. Use `wss://` beyond your own machine.
   */
  readonly token?: string | (() => string | undefined | Promise<string | undefined>);
  /** Between two attempts to link, in ms: doubles from `minMs` to `maxMs`, half more or less by chance. 100 and 5,000 unless given. */
  readonly redial?: { readonly minMs?: number; readonly maxMs?: number };
  /** Told of each status, also as a listener of `onStatus`. */
  readonly onStatus?: (status: ClientStatus, reason: StatusReason) => void;
  /** Told of tells that reached no actor, or of which nobody knows it. */
  readonly onLost?: (lost: LostTell) => void;
}

/** A connection to a system that lets clients in. Made by `connect`; close it, or declare it with `await using`. */
export class Client implements AsyncDisposable {
  readonly #address: string;
  readonly #options: ClientOptions;
  readonly #surroundings: ClientSurroundings;
  readonly #conversation: Conversation;
  readonly #owner: Owner;
  readonly #listeners = new Set<(status: ClientStatus, reason: StatusReason) => void>();
  readonly #openWaiters: { resolve(): void; reject(error: Error): void }[] = [];
  #status: ClientStatus = 'connecting';
  #closed: ClientClosed | undefined = undefined;
  #link: ClientLink | undefined = undefined;
  /** A link whose hello is not answered. */
  #opening: Link | undefined = undefined;
  /** What the server calls the session that it holds of this client. */
  #session: string | undefined = undefined;
  #resumeMs = 0;
  #redials = 0;
  #cancelRedial: Cancel = ignore;
  #cancelGivingUp: Cancel = ignore;

  /** @internal Use `connect`. */
  constructor(address: string, options: ClientOptions, surroundings: ClientSurroundings) {
    checkKeys(options, ['token', 'redial', 'onStatus', 'onLost'], 'connect: its options');
    if (!/^wss?:\/\//.test(address) || !URL.canParse(address) || new URL(address).hash !== '') {
      throw new UsageError(`connect takes an address as wss://app.example.org/live; it was given ${address}`);
    }
    this.#address = address;
    this.#options = options;
    this.#surroundings = surroundings;
    if (options.onStatus !== undefined) this.#listeners.add(options.onStatus);
    this.#conversation = new Conversation({
      server: new URL(address).host,
      clock: surroundings.clock,
      scheduler: surroundings.scheduler,
      codec: plainCodec(),
      onLost: (lost) => call(() => options.onLost?.(lost)),
      onBroken: (what) => {
        // The session is of no use; the next one may be.
        if (this.#link === undefined) this.#renew(what);
        else this.#link.close(closeCodes.protocol, what);
      },
    });
    this.#owner = clientOwner(this.#conversation);
    void this.#dial();
  }

  /** How it stands with the server. */
  get status(): ClientStatus {
    return this.#status;
  }

  /** Has `listener` called at each change of the status. @returns a function that takes it back */
  onStatus(listener: (status: ClientStatus, reason: StatusReason) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Resolves when there is a link. Rejects with `ClientClosed` once there will be none. */
  opened(): Promise<void> {
    if (this.#status === 'open') return Promise.resolve();
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    return new Promise((resolve, reject) => this.#openWaiters.push({ resolve, reject }));
  }

  /**
   * The actor of that name on the server. Nothing is asked of the server for it: whether there is one, and whether this client
   * may say something to it, is told by each call.
   *
   * @throws UsageError for a name that none can have
   */
  ref<T extends AnyProtocol>(protocol: T, actor: string): Ref<T> {
    checkName(actor, 'the name of an actor');
    const target = new ClientTarget(this.#conversation, compiledProtocol(protocol).name, actor);
    return new (refClassOf(protocol))(target, this.#owner) as unknown as Ref<T>;
  }

  /**
   * Says goodbye. What was said so far has `deadlineMs` to arrive, 1,000 unless given; calls that are open then end as
   * `OutcomeUnknown`, or as `NotDelivered` where they were not sent.
   */
  async close(options: { readonly deadlineMs?: number } = {}): Promise<void> {
    checkKeys(options, ['deadlineMs'], 'close: its options');
    const { clock } = this.#surroundings;
    const endMs = clock.monotonicMs() + (options.deadlineMs ?? clientLimits.closeMs);
    while (this.#status === 'open' && this.#conversation.undelivered > 0 && clock.monotonicMs() < endMs) {
      this.#conversation.hurry();
      await new Promise<void>((resolve) => clock.wake(limits.flushPollMs, resolve));
    }
    this.#end(new ClientClosed('closed', `the client of ${this.#address} was closed`), closeCodes.left);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // ── links ──

  async #dial(): Promise<void> {
    this.#cancelRedial = ignore;
    const { timeoutMs, address } = { timeoutMs: clientLimits.dialMs, address: this.#address };
    try {
      const protocols = offeredProtocols(await this.#token());
      if (this.#closed !== undefined) return;
      const link = await this.#surroundings.dial({ address, protocols, timeoutMs });
      if (this.#closed === undefined) this.#hello(link);
      else link.close(closeCodes.left, 'the client is closed');
    } catch (error) {
      const isUntrusted = error instanceof DialFailed && error.reason === 'untrusted';
      // What it is to trust is set when the process starts, so it would try in vain, and its program would wait without a word.
      if (isUntrusted && this.#status === 'connecting') {
        this.#end(new ClientClosed('untrusted', error.message), closeCodes.left);
      } else this.#failed({ text: describeThrown(error) });
    }
  }

  async #token(): Promise<string | undefined> {
    const { token } = this.#options;
    return typeof token === 'function' ? token() : token;
  }

  #hello(link: Link): void {
    this.#opening = link;
    const asked = this.#session;
    const cancel = this.#surroundings.clock.timer(clientLimits.dialMs, () =>
      link.close(closeCodes.silent, 'no answer to the hello'),
    );
    link.onClose = (reason) => {
      cancel();
      this.#opening = undefined;
      this.#failed(reason);
    };
    link.onFrame = (bytes) => {
      const envelope = decodeClientEnvelope(bytes);
      if (envelope.kind !== 'welcome') {
        link.close(closeCodes.protocol, 'malformed welcome');
        return;
      }
      if (envelope.resumes && this.#session !== asked) {
        // Given up while the hello was on its way: what the server goes on with is over here.
        link.close(closeCodes.left, 'the session was given up');
        return;
      }
      cancel();
      this.#opening = undefined;
      this.#cancelGivingUp();
      if (this.#session !== undefined && !envelope.resumes) this.#renew('the server holds nothing of it any more');
      this.#session = envelope.token;
      this.#resumeMs = envelope.resumeMs;
      this.#redials = 0;
      this.#attach(link);
    };
    link.send(encodeClientHello(this.#session));
  }

  #attach(link: Link): void {
    const opened = new ClientLink({
      link,
      clock: this.#surroundings.clock,
      onFrame: (frame) => {
        if (this.#link === opened) this.#conversation.onFrame(frame);
      },
      onClose: (reason) => {
        if (this.#link === opened) this.#lost(reason);
      },
    });
    this.#link = opened;
    this.#conversation.attach(opened);
    this.#change('open', { text: 'linked' });
  }

  /** The link has ended. */
  #lost(reason: CloseReason): void {
    this.#link = undefined;
    const why = `the link was lost (${reason.code} ${reason.text})`;
    if (isForGood(reason.code)) this.#renew(why);
    else {
      this.#conversation.suspend();
      this.#cancelGivingUp = this.#surroundings.clock.timer(this.#resumeMs, () =>
        this.#renew(`${why}, and none came within ${this.#resumeMs} ms`),
      );
    }
    this.#failed(reason);
  }

  /** The session is over; the next link begins another. */
  #renew(why: string): void {
    this.#cancelGivingUp();
    this.#cancelGivingUp = ignore;
    this.#session = undefined;
    this.#conversation.renew(why);
  }

  /** There is no link: another is tried for, unless that is in vain. */
  #failed(reason: { readonly code?: number; readonly text: string }): void {
    if (this.#closed !== undefined) return;
    const { code, text } = reason;
    if (code === closeCodes.authentication || code === closeCodes.version) {
      const isToken = code === closeCodes.authentication;
      const what = isToken ? 'does not take this client: is its token still good?' : 'speaks another protocol';
      this.#end(new ClientClosed(isToken ? 'refused' : 'version', `${this.#address} ${what} (${code} ${text})`), code);
      return;
    }
    const { minMs = clientLimits.redialMsMin, maxMs = clientLimits.redialMsMax } = this.#options.redial ?? {};
    const delayMs = Math.min(maxMs, minMs * 2 ** Math.min(this.#redials, 30));
    this.#redials += 1;
    const jitter = 0.5 + this.#surroundings.fraction();
    this.#cancelRedial = this.#surroundings.clock.wake(delayMs * jitter, () => void this.#dial());
    this.#change(this.#status === 'connecting' ? 'connecting' : 'away', reason);
  }

  #end(closed: ClientClosed, code: number): void {
    if (this.#closed !== undefined) return;
    this.#closed = closed;
    this.#cancelRedial();
    this.#cancelGivingUp();
    const link = this.#link;
    this.#link = undefined;
    this.#conversation.close(closed.message);
    link?.close(code, 'goodbye');
    this.#opening?.close(code, 'goodbye');
    this.#change('closed', { text: closed.message });
  }

  #change(status: ClientStatus, reason: StatusReason): void {
    this.#status = status;
    if (status === 'open') for (const { resolve } of this.#openWaiters.splice(0)) resolve();
    if (status === 'closed') for (const { reject } of this.#openWaiters.splice(0)) reject(this.#closed!);
    for (const listener of [...this.#listeners]) call(() => listener(status, reason));
  }
}

/** A browser closes with these by itself, so the session goes on after no code but of a link that was cut. */
function isForGood(code: number): boolean {
  return finalCodes.has(code);
}

const finalCodes: ReadonlySet<number> = new Set([
  // WebSocket: it leaves, violation, text, UTF-8, fragments, size.
  ...[1001, 1002, 1003, 1007, 1008, 1009],
  closeCodes.authentication,
  closeCodes.version,
  closeCodes.protocol,
  closeCodes.limit,
  closeCodes.notAllowed,
]);

/** What a listener throws is its program's to see, and ends nothing here. */
function call(listener: () => void): void {
  try {
    listener();
  } catch (error) {
    void Promise.reject(error);
  }
}

function ignore(): void {
  // There is nothing to take back.
}

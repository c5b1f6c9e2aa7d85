/** The target behind a client's ref: an actor of the server, known by its name and its protocol alone. */
import { checkSignal } from '../actors/given.ts';
import { invalidMessage } from '../actors/isolation.ts';
import type { Operation } from '../actors/operation.ts';
import { Cancelled, NotDelivered, Rejected } from '../actors/outcomes.ts';
import type { CallOptions, Stream, StreamOptions } from '../actors/protocol.ts';
import { streamOf } from '../actors/stream-reader.ts';
import type { Address, Owner, Target } from '../actors/target.ts';
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { ClientKind } from '../runtime/clients/client-items.ts';
import { wireWithoutRefs } from '../runtime/clients/no-refs.ts';
import { clientLimits } from '../transport/client-limits.ts';
import type { Conversation } from './conversation.ts';
import { PromisedCall, StreamCall } from './open-calls.ts';

export class ClientTarget implements Target {
  readonly protocolName: string;
  readonly #conversation: Conversation;
  readonly #actor: string;

  constructor(conversation: Conversation, protocolName: string, actor: string) {
    this.#conversation = conversation;
    this.protocolName = protocolName;
    this.#actor = actor;
  }

  path(): string {
    return `troupe-client://${this.#conversation.server}/${this.#actor}`;
  }

  branch(): string {
    return `/${this.#actor}`;
  }

  get load(): number {
    return 0;
  }

  tell(operation: Operation, message: unknown): boolean {
    const wire = this.#wireOf(operation, message);
    return this.#conversation.tell(this.#actor, operation.label, wire);
  }

  ask(operation: Operation, message: unknown, options: CallOptions | undefined): Promise<unknown> {
    return this.#promised(operation, message, options, false);
  }

  offer(operation: Operation, message: unknown, options: CallOptions | undefined): Promise<void> {
    return this.#promised(operation, message, options, true) as Promise<void>;
  }

  stream(operation: Operation, message: unknown, options: StreamOptions | undefined): Stream<unknown> {
    return streamOf((reader) => {
      const call = this.#conversation.open((id, keeper) => new StreamCall(id, operation, keeper, reader));
      try {
        const wire = this.#wireOf(operation, message);
        this.#conversation.send(call, ClientKind.stream, this.#actor, wire, clientLimits.streamGrantMax);
      } catch (error) {
        call.fail(error as Error, false);
      }
      return call;
    }, options?.signal);
  }

  #promised(
    operation: Operation,
    message: unknown,
    options: CallOptions | undefined,
    isOffer: boolean,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const wire = this.#wireOf(operation, message);
      const timeoutMs = timeoutOf(options, operation);
      const { signal } = options ?? {};
      if (signal !== undefined) checkSignal(signal, operation.label);
      if (signal?.aborted) {
        throw new Cancelled(false, `${operation.label}: the caller's signal had aborted already`, signal.reason);
      }
      const conversation = this.#conversation;
      const call = conversation.open((id, keeper) => new PromisedCall(id, operation, keeper, isOffer, resolve, reject));
      const { clock } = conversation;
      const dueMs = clock.monotonicMs() + timeoutMs;
      const cancelTimer = clock.timer(timeoutMs, () => call.expire());
      const abort = (): void => call.cancel(signal?.reason);
      signal?.addEventListener('abort', abort, { once: true });
      call.detach = () => {
        cancelTimer();
        signal?.removeEventListener('abort', abort);
      };
      const send = (): void => {
        if (call.isSettled) return;
        call.markSent();
        const leftMs = Math.max(0, Math.ceil(dueMs - clock.monotonicMs()));
        conversation.send(call, isOffer ? ClientKind.offer : ClientKind.ask, this.#actor, wire, leftMs);
      };
      if (isOffer) conversation.whenRoom(send);
      else send();
    });
  }

  /** @throws InvalidMessage */
  #wireOf(operation: Operation, message: unknown): unknown {
    try {
      return wireWithoutRefs(operation.input, operation.input.parse(message));
    } catch (error) {
      throw invalidMessage(error, `${operation.label} to ${this.path()}`);
    }
  }

  // ── what only programs of the cluster may do ──

  address(): Address {
    throw notForClients('has no address of an actor');
  }
  stop(): Promise<void> {
    return Promise.reject(notForClients('stops no actors'));
  }
  watch(): void {
    throw notForClients('watches no actors');
  }
  unwatch(): void {
    // It never watched.
  }
  linkBack(): void {
    throw notForClients('links no actors');
  }
  unlinkBack(): void {
    // It never linked.
  }
  open(): never {
    throw notForClients('passes no streams on');
  }
  move(): Promise<void> {
    return Promise.reject(notForClients('moves no actors'));
  }
  fence(): Promise<void> {
    return Promise.reject(notForClients('moves no actors'));
  }
  attach(): never {
    throw notForClients('passes no streams on');
  }
}

/** Whose refs a client's are. */
export function clientOwner(conversation: Conversation): Owner {
  return {
    openRun: undefined,
    // Only actors and their targets ask for it.
    host: undefined as never,
    address: () => {
      throw notForClients('has no address of an actor');
    },
    path: () => `troupe-client://${conversation.server}/`,
    adopt: (ref) => ref,
  };
}

function notForClients(what: string): Rejected {
  return new Rejected('forbidden', `a client ${what}; have an actor of the server do it`);
}

/** @throws UsageError */
function timeoutOf(options: CallOptions | undefined, operation: Operation): number {
  const timeoutMs = options?.timeoutMs ?? limits.askTimeoutMs;
  if (typeof timeoutMs === 'number' && timeoutMs >= 0 && timeoutMs <= limits.askTimeoutMsMax) return timeoutMs;
  const range = `timeoutMs must lie between 0 and ${limits.askTimeoutMsMax}`;
  throw new UsageError(`${operation.label}: ${range}; it was given ${String(timeoutMs)}`);
}

/** What a call ends in that is made when the client is closed. */
export function clientIsClosed(label: string): NotDelivered {
  return new NotDelivered('unreachable', `${label}: the client is closed; it was not sent`);
}

/**
 * One client: what it says becomes calls of actors, as far as it may say that, and their answers go back to it.
 *
 * Everything here is foreign. Who it is was found out before; what it may say is looked up for each message, which is then
 * validated against its schema. It lasts over the links of the client, one after the other, until it is ended.
 */
import type { Operation } from '../../actors/operation.ts';
import { NotDelivered, OutcomeUnknown, Rejected } from '../../actors/outcomes.ts';
import type { AnyProtocol } from '../../actors/protocol.ts';
import type { StreamReader } from '../../actors/stream-reader.ts';
import type { Owner, Target } from '../../actors/target.ts';
import type { Environment } from '../../base/environment/environment.ts';
import { limits } from '../../base/limits.ts';
import { clientBounds, clientLimits } from '../../transport/client-limits.ts';
import { closeCodes } from '../../transport/close-codes.ts';
import { type FrameCodec, RefusedValue } from '../../transport/frame-codec.ts';
import { type Carrier, Session } from '../../transport/session.ts';
import { weightOf } from '../held-bytes.ts';
import type { ActorAddresses } from './actor-addresses.ts';
import { ActorQueues } from './actor-queues.ts';
import type { ClientIdentity, ClientRights } from './client-access.ts';
import { ManyAnswers, OneAnswer } from './client-calls.ts';
import { failureForClient, forbidden, invalidForServer, lostReasonOf } from './client-failures.ts';
import { ClientKind, isOfClient, itemsOf, type LostReason } from './client-items.ts';
import { MessagePace } from './message-pace.ts';
import { takesNoRefs, wireWithoutRefs } from './no-refs.ts';

export interface ClientSessionOptions {
  readonly who: ClientIdentity;
  readonly environment: Environment;
  /** One for all clients. */
  readonly codec: FrameCodec;
  readonly rights: ClientRights;
  readonly addresses: ActorAddresses;
  /** Whose calls they are. */
  readonly owner: Owner;
  /** How many messages it may have settled in a second. */
  readonly messagesPerSecond: number;
  /** It says more than that. */
  readonly onSlowed: () => void;
  /** It asked for what it may not have. */
  readonly onForbidden: (actor: string, label: string) => void;
  /** What it says cannot be read, or is more than it may. Called once; nothing else comes of it. */
  readonly onBroken: (what: string, code: number) => void;
}

/** A call that was found allowed. */
interface Allowed {
  readonly actor: string;
  readonly operation: Operation;
  readonly protocol: AnyProtocol;
}

/** Its carrier until it has one. */
const nowhere: Carrier = { send: () => true, drained: () => Promise.resolve() };

export class ClientSession {
  /** As it was when it linked last: what the program knows of it may have changed. */
  who: ClientIdentity;
  readonly #options: ClientSessionOptions;
  readonly #session: Session;
  readonly #pace: MessagePace;
  readonly #queues = new ActorQueues();
  readonly #open = new Map<number, OneAnswer | ManyAnswers>();
  #streams = 0;
  /** Bytes of its messages that no actor has taken. */
  #unsettledBytes = 0;
  #isOverLimit = false;

  constructor(options: ClientSessionOptions) {
    this.#options = options;
    this.who = options.who;
    const { clock, scheduler } = options.environment;
    this.#session = new Session({
      carrier: nowhere,
      codec: options.codec,
      clock,
      scheduler,
      bounds: clientBounds,
      onItems: (fields, start, bytes) => this.#read(itemsOf(fields, start, isOfClient), bytes),
      onRefused: (fields, error) => this.#unsendable(fields, error),
      // No item of a client holds several messages.
      cut: () => {
        throw new Error('an item of one message cannot be cut');
      },
      onBroken: (what) => {
        const isDeaf = this.#session.isOverfull;
        options.onBroken(
          what,
          isDeaf ? closeCodes.tooSlow : this.#isOverLimit ? closeCodes.limit : closeCodes.protocol,
        );
      },
    });
    this.#session.suspend();
    this.#pace = new MessagePace({
      clock,
      perSecond: options.messagesPerSecond,
      settle: (count) => {
        if (!this.#session.isOver) this.#session.settle(count);
      },
      onSlowed: options.onSlowed,
    });
  }

  /** Answers that have not reached the client, as far as is known. */
  get undelivered(): number {
    return this.#session.undelivered;
  }

  /** Goes on over this link. */
  attach(link: Carrier): void {
    this.#session.resume(link);
  }

  /** The link is gone, and another may come. */
  suspend(): void {
    this.#session.suspend();
  }

  onFrame(frame: Uint8Array): void {
    this.#session.onFrame(frame);
  }

  /** Sends what there is: for a server that is about to leave. */
  hurry(): void {
    this.#session.hurry();
  }

  /** Gives up what it has asked for. */
  end(): void {
    this.#session.end();
    this.#pace.end();
    for (const call of this.#open.values()) call.cancel();
    this.#open.clear();
  }

  // ── what it says ──

  /** @returns how many items there were. @throws where one is malformed, or they are more than it may send */
  #read(items: readonly (readonly unknown[])[], bytes: number): number {
    this.#unsettledBytes += bytes;
    if (items.length > this.#session.allowance) throw this.#over('more messages than were granted');
    if (this.#unsettledBytes > clientLimits.unsettledBytesMax) throw this.#over('more bytes than its actors take');
    const share = bytes / Math.max(1, items.length);
    for (const item of items) {
      let isSettled = false;
      this.#one(item, (isFree) => {
        if (isSettled) return;
        isSettled = true;
        this.#unsettledBytes -= share;
        if (isFree) this.#session.settle(1);
        else this.#pace.dealtWith();
      });
    }
    return items.length;
  }

  #over(what: string): Error {
    this.#isOverLimit = true;
    return new Error(what);
  }

  #one(item: readonly unknown[], settle: (isFree?: boolean) => void): void {
    const [kind, first, second, third, fourth, fifth] = item;
    switch (kind) {
      case ClientKind.tell:
        this.#tell(name(first), label(second), third, settle);
        return;
      case ClientKind.ask:
      case ClientKind.offer:
        this.#call(kind, whole(first), name(second), label(third), fourth, whole(fifth), settle);
        return;
      case ClientKind.stream:
        this.#stream(whole(first), name(second), label(third), fourth, whole(fifth), settle);
        return;
      case ClientKind.cancel:
        this.#cancel(whole(first));
        settle();
        return;
      case ClientKind.grant: {
        const stream = this.#open.get(whole(first));
        const total = whole(second);
        // One that grants more was paid for by what it has read.
        settle(stream instanceof ManyAnswers && stream.grant(total));
        return;
      }
      default:
        throw new Error('an item of no known kind');
    }
  }

  /** @throws Rejected `forbidden` */
  #find(actor: string, labelOf: string, kind: Operation['kind']): Allowed {
    const found = this.#options.rights.find(labelOf, actor, this.who);
    if (found !== undefined && found.operation.kind === kind) return { actor, ...found };
    this.#options.onForbidden(actor, labelOf);
    throw forbidden();
  }

  #tell(actor: string, labelOf: string, wire: unknown, settle: () => void): void {
    const lose = (error: unknown): void => {
      this.#send(0, ClientKind.lost, actor, labelOf, lostReasonOf(error) satisfies LostReason);
      settle();
    };
    try {
      const allowed = this.#find(actor, labelOf, 'tell');
      const message = received(allowed, wire);
      this.#deliver(
        allowed,
        (target) =>
          target.offer(allowed.operation, message, { timeoutMs: clientLimits.tellWaitMs }, this.#options.owner),
        settle,
        lose,
      );
    } catch (error) {
      lose(error);
    }
  }

  #call(
    kind: typeof ClientKind.ask | typeof ClientKind.offer,
    id: number,
    actor: string,
    labelOf: string,
    wire: unknown,
    remainingMs: number,
    settle: () => void,
  ): void {
    const isAsk = kind === ClientKind.ask;
    this.#refuseTwice(id);
    let operation: Operation | undefined;
    const call = new OneAnswer();
    const fail = (error: unknown): void => {
      settle();
      if (this.#isOpen(id, call)) this.#fail(id, error, operation, actor);
    };
    this.#open.set(id, call);
    try {
      const allowed = this.#find(actor, labelOf, isAsk ? 'ask' : 'tell');
      operation = allowed.operation;
      if (this.#open.size - this.#streams > clientLimits.callsMax) throw tooMany(clientLimits.callsMax, 'calls');
      const message = received(allowed, wire);
      const { clock } = this.#options.environment;
      const dueMs = clock.monotonicMs() + Math.min(remainingMs, limits.askTimeoutMsMax);
      const make = (target: Target): Promise<void> | undefined => {
        const timeoutMs = dueMs - clock.monotonicMs();
        if (!this.#isOpen(id, call)) return undefined;
        if (timeoutMs <= 0) throw new OutcomeUnknown('deadline', 'it came too late');
        const options = { timeoutMs, signal: call.signal };
        const { owner } = this.#options;
        if (!isAsk)
          return target.offer(allowed.operation, message, options, owner).then(() => this.#reply(id, call, null));
        target.ask(allowed.operation, message, options, owner).then((value) => {
          try {
            this.#reply(id, call, wireWithoutRefs(allowed.operation.output!, value));
          } catch (error) {
            fail(error);
          }
        }, fail);
        // It is in a mailbox now: what comes behind it need not wait for the answer.
        return undefined;
      };
      this.#deliver(allowed, make, settle, fail);
    } catch (error) {
      fail(error);
    }
  }

  #stream(id: number, actor: string, labelOf: string, wire: unknown, granted: number, settle: () => void): void {
    this.#refuseTwice(id);
    if (granted < 1 || granted > clientLimits.streamGrantMax) throw new Error('a grant that lies');
    let operation: Operation | undefined;
    const fail = (error: unknown): void => {
      settle();
      if (!this.#isOpen(id, stream)) return;
      this.#streams -= 1;
      this.#fail(id, error, operation, actor);
    };
    const end = (): void => {
      if (!this.#isOpen(id, stream)) return;
      this.#streams -= 1;
      this.#open.delete(id);
      this.#send(0, ClientKind.end, id);
    };
    const session = this.#session;
    const stream = new ManyAnswers(
      {
        get hasRoom() {
          return session.hasRoom;
        },
        whenRoom: () => session.whenRoom(),
        item: (value) => {
          const element = wireWithoutRefs(operation!.output!, value);
          this.#send(weigh(element), ClientKind.item, id, element);
        },
        end,
        fail,
      },
      granted,
    );
    this.#open.set(id, stream);
    this.#streams += 1;
    try {
      const allowed = this.#find(actor, labelOf, 'stream');
      operation = allowed.operation;
      if (this.#streams > clientLimits.streamsMax) throw tooMany(clientLimits.streamsMax, 'streams');
      const message = received(allowed, wire);
      const open = (target: Target): undefined => {
        if (stream.isOver) return;
        const values = target.stream(allowed.operation, message, undefined, this.#options.owner);
        void stream.read(values[Symbol.asyncIterator]() as StreamReader<unknown>);
      };
      this.#deliver(allowed, open, settle, fail);
    } catch (error) {
      fail(error);
    }
  }

  #cancel(id: number): void {
    const call = this.#open.get(id);
    if (call === undefined) return;
    if (call instanceof ManyAnswers) this.#streams -= 1;
    // First, since what it ends with is not to be told.
    this.#open.delete(id);
    call.cancel();
  }

  /** Hands it on behind what this client has said to the actor before. */
  #deliver(
    { actor, protocol }: Allowed,
    make: (target: Target) => Promise<void> | undefined,
    settle: () => void,
    fail: (error: unknown) => void,
  ): void {
    const { addresses } = this.#options;
    const handOver = (target: Target | undefined): Promise<void> | undefined => {
      try {
        if (this.#session.isOver) return undefined;
        if (target === undefined) throw new NotDelivered('unknown', 'there is no such actor');
        const pending = make(target);
        if (pending === undefined) settle();
        else return pending.then(settle, fail);
      } catch (error) {
        fail(error);
      }
      return undefined;
    };
    this.#queues.run(`${protocol.name}/${actor}`, () => {
      const found = addresses.get(protocol, actor);
      return found instanceof Promise ? found.then(handOver, fail) : handOver(found);
    });
  }

  /** @throws where that call is open */
  #refuseTwice(id: number): void {
    if (this.#open.has(id)) throw new Error('two calls of one number');
  }

  #isOpen(id: number, call: OneAnswer | ManyAnswers): boolean {
    return this.#open.get(id) === call;
  }

  // ── what it is told ──

  #reply(id: number, call: OneAnswer, wire: unknown): void {
    if (!this.#isOpen(id, call)) return;
    this.#open.delete(id);
    this.#send(weigh(wire), ClientKind.reply, id, wire);
  }

  #fail(id: number, error: unknown, operation: Operation | undefined, actor: string): void {
    this.#open.delete(id);
    const failure = failureForClient(error, operation, actor);
    this.#send(weigh(failure), ClientKind.failure, id, failure);
  }

  #send(bytes: number, ...fields: readonly unknown[]): void {
    if (this.#session.isOver) return;
    this.#session.begin(bytes).push(...fields);
  }

  /** An answer that no frame carries. */
  #unsendable([kind, id]: readonly unknown[], error: Error): void {
    if (kind !== ClientKind.reply && kind !== ClientKind.item && kind !== ClientKind.failure) return;
    this.#cancel(id as number);
    this.#fail(id as number, error, undefined, 'the actor');
  }
}

/** The message of a client, as its operation has it. @throws Rejected `invalid` */
function received({ operation, actor }: Allowed, wire: unknown): unknown {
  try {
    if (wire instanceof RefusedValue) throw wire;
    // Nothing may be said as nil, too: not every language has `undefined`.
    if (wire === null && !operation.takesMessage) return undefined;
    return operation.input.parse(operation.input.fromWire(wire, takesNoRefs));
  } catch {
    throw invalidForServer(`${operation.label} to ${actor}`);
  }
}

function weigh(wire: unknown): number {
  const bytes = weightOf(wire);
  return bytes < clientLimits.weighedBytesMin ? 0 : bytes;
}

function tooMany(max: number, what: string): Rejected {
  return new Rejected('full', `this client has ${max} ${what} open already`);
}

function name(value: unknown): string {
  if (typeof value === 'string' && value.length <= limits.nameCharactersMax) return value;
  throw new Error('a name of an actor that is none');
}

function label(value: unknown): string {
  if (typeof value === 'string' && value.length <= limits.operationLabelCharactersMax) return value;
  throw new Error('a name of an operation that is none');
}

function whole(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new Error('a number that is no whole number');
}

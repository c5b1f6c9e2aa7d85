/** Calls from this place to another that wait for an answer: asks, offers, spawns, stops and open streams. */
import { rejectionAtCaller } from '../actors/caller-stack.ts';
import type { Waiting } from '../actors/deadlines.ts';
import type { Host } from '../actors/host.ts';
import { notKept } from '../actors/moving/detached-stream.ts';
import { noRoomInTime, offerUnknown } from '../actors/offer.ts';
import type { Operation } from '../actors/operation.ts';
import { Cancelled, NotDelivered, OutcomeUnknown } from '../actors/outcomes.ts';
import { noReplyInTime } from '../actors/request.ts';
import type { MessageType } from '../actors/schema/message-type.ts';
import type { StreamReader } from '../actors/stream-reader.ts';
import type { Owner, Target } from '../actors/target.ts';
import { cycleOf } from '../actors/wait-for.ts';
import { limits } from '../base/limits.ts';
import type { AwaitedCall } from './awaited-call.ts';
import { type Decode, failureFromWire } from './failure-codec.ts';
import { bytesIn } from './held-bytes.ts';
import type { SaidOperation } from './operation-names.ts';

/** One call that waits. Settles once. */
export abstract class RemoteCall implements Waiting {
  slot = -1;
  dueMs = 0;
  /** Its number in the session. */
  readonly id: number;
  settled = false;
  /** The wait of the run that made it, where that can do nothing else before it settles. */
  awaited: AwaitedCall | undefined = undefined;
  /** Takes it back while it waits to be sent; false where it has left. Undefined where it does not wait. */
  withdraw: (() => boolean) | undefined = undefined;

  constructor(id: number) {
    this.id = id;
  }

  abstract expire(): void;
  abstract reply(wire: unknown): void;
  abstract failure(wire: unknown): void;
  /** The other place is lost; `sent` is false when the call had not left this place. */
  abstract lost(sent: boolean, place: string): void;
  /** A value of an open stream. */
  item(_wire: unknown): void {
    throw new Error('an item for a call that is no stream');
  }
  /** The stream has moved with its actor. */
  moved(_token: string): void {
    throw new Error('a call that is no stream has moved');
  }
}

/** What a promise-settling call needs of the place that it belongs to. */
export interface CallOwner {
  readonly host: Host;
  /** Forgets the call; tells the other place when it need not answer any more. */
  finished(call: RemoteCall, tellOther: boolean): void;
  /**
   * What came back, as the caller's own value.
   * @param asRows Whether it comes as a row, see `operation-names.ts`.
   * @throws Rejected where it does not fit.
   */
  decode(type: MessageType, asRows: boolean, wire: unknown, owner: Owner, what: string): unknown;
}

abstract class PromisedCall extends RemoteCall {
  protected readonly place: CallOwner;
  readonly #resolve: (value: unknown) => void;
  detach: (() => void) | undefined = undefined;
  /** Called before its promise resolves. */
  onSucceeded: (() => void) | undefined = undefined;
  /** Called when it has settled, whatever with. */
  onSettled: (() => void) | undefined = undefined;

  constructor(id: number, place: CallOwner, resolve: (value: never) => void) {
    super(id);
    this.place = place;
    this.#resolve = resolve as (value: unknown) => void;
  }

  protected succeed(value: unknown): void {
    if (this.settled) return;
    this.#settle(false);
    this.onSucceeded?.();
    this.#resolve(value);
  }

  protected fail(error: unknown, tellOther = false): void {
    if (this.settled) return;
    this.#settle(tellOther);
    this.#resolve(rejectionAtCaller(error));
  }

  #settle(tellOther: boolean): void {
    this.settled = true;
    this.place.host.deadlines.remove(this);
    this.detach?.();
    this.onSettled?.();
    this.awaited?.over();
    this.place.finished(this, tellOther);
  }
}

/** An ask, or an offer, which is an ask whose answer is that the mailbox took the message. */
export class MessageCall extends PromisedCall {
  readonly operation: Operation;
  readonly #asRows: boolean;
  readonly #owner: Owner;
  readonly #isOffer: boolean;
  /** False while it waits for room here, so that nothing of it has left this place. */
  sent = false;
  /** The time is up, and the other place may still say that the offer was not taken. */
  #isLate = false;

  constructor(
    id: number,
    place: CallOwner,
    { operation, asRows }: SaidOperation,
    isOffer: boolean,
    owner: Owner,
    resolve: (value: never) => void,
  ) {
    super(id, place, resolve);
    this.operation = operation;
    this.#asRows = asRows;
    this.#owner = owner;
    this.#isOffer = isOffer;
  }

  override reply(wire: unknown): void {
    if (this.settled) return;
    if (this.#isOffer) {
      this.succeed(undefined);
      return;
    }
    try {
      const { output, label } = this.operation;
      this.succeed(this.place.decode(output!, this.#asRows, wire, this.#owner, `the reply of ${label}`));
    } catch (error) {
      this.fail(error);
    }
  }

  override failure(wire: unknown): void {
    this.fail(failureFromWire(wire, this.operation, decoder(this.place, this.#owner)));
  }

  override expire(): void {
    const label = this.operation.label;
    if (this.#isOffer && !this.sent) {
      this.fail(noRoomInTime(label));
      return;
    }
    if (this.#isOffer && !this.#isLate) {
      this.#isLate = true;
      this.place.host.deadlines.add(this, limits.offerAnswerMs);
      return;
    }
    this.fail(this.#isOffer ? offerUnknown(label) : noReplyInTime(label), true);
  }

  /** It cannot be sent, as turned out when its turn came. */
  refuse(error: unknown): void {
    this.fail(error);
  }

  /** It would wait for itself: the other place is not to handle it any more. */
  closesCycle(path: readonly string[], hasBegun: boolean): void {
    const refused = cycleOf(path, this.operation);
    const { label } = this.operation;
    const began = `${label}: its handler has begun, and waits for what waits for it: ${path.join(' → ')}; it may run on`;
    this.fail(hasBegun ? new OutcomeUnknown('cycle', began) : refused, true);
  }

  cancel(reason: unknown): void {
    this.fail(new Cancelled(this.sent, `${this.operation.label}: cancelled by the caller's signal`, reason), this.sent);
  }

  override lost(sent: boolean, place: string): void {
    const label = this.operation.label;
    this.fail(
      sent && this.sent
        ? new OutcomeUnknown(
            'link-lost',
            `${label}: ${place} was lost before it replied; the handler may or may not have run`,
          )
        : new NotDelivered('unreachable', `${label}: ${place} was lost before the message was sent`),
    );
  }
}

/** How a spawn or a stop can end. */
export interface ControlEnds {
  read(wire: unknown): unknown;
  lost(place: string): { readonly value: unknown } | { readonly error: Error };
  expired(): Error;
  /** True where the other place is to undo it then. */
  readonly isUndone?: boolean;
}

/** A spawn, a stop or the like: settled by functions, since each reads its answer in its own way. */
export class ControlCall extends PromisedCall {
  readonly #ends: ControlEnds;

  constructor(id: number, place: CallOwner, ends: ControlEnds, resolve: (value: never) => void) {
    super(id, place, resolve);
    this.#ends = ends;
  }

  override reply(wire: unknown): void {
    try {
      this.succeed(this.#ends.read(wire));
    } catch (error) {
      this.fail(error);
    }
  }

  override failure(wire: unknown): void {
    this.fail(failureFromWire(wire, undefined, decoder(this.place, this.place.host.outside)));
  }

  override expire(): void {
    this.fail(this.#ends.expired(), this.#ends.isUndone === true);
  }

  override lost(_sent: boolean, place: string): void {
    const outcome = this.#ends.lost(place);
    if ('error' in outcome) this.fail(outcome.error);
    else this.succeed(outcome.value);
  }
}

/** An open stream: its values go to a reader of this place. */
export class StreamCall extends RemoteCall {
  readonly #place: CallOwner;
  /** Its actor, as this place knows it. */
  readonly #target: Target;
  readonly #operation: Operation;
  readonly #asRows: boolean;
  readonly #owner: Owner;
  readonly #reader: StreamReader<unknown>;
  /** How many values the other side may send in all. */
  granted: number;
  /** False while it waits to be sent. */
  sent = false;
  #received = 0;
  /** The window of its reader. */
  readonly #window: number;
  /** Bytes of the values that it has not read, each as its number and its size, the oldest first. */
  readonly #unread: [number: number, bytes: number][] = [];
  /** Bytes that it has read since it granted more. */
  #read = 0;

  constructor(
    id: number,
    place: CallOwner,
    target: Target,
    { operation, asRows }: SaidOperation,
    owner: Owner,
    reader: StreamReader<unknown>,
    granted: number,
  ) {
    super(id);
    this.#place = place;
    this.#target = target;
    this.#operation = operation;
    this.#asRows = asRows;
    this.#owner = owner;
    this.#reader = reader;
    this.granted = granted;
    this.#window = granted;
  }

  /** True when the other side should hear that so many were read in all: half a window of them, or of bytes. */
  owesGrant(total: number): boolean {
    while (this.#unread.length > 0 && this.#unread[0]![0] <= total) this.#read += this.#unread.shift()![1];
    if (total + this.#window / 2 < this.granted && this.#read < limits.streamBytesWindow / 2) return false;
    this.#read = 0;
    return true;
  }

  override item(wire: unknown): void {
    if (this.settled) return;
    const { output, label } = this.#operation;
    this.#received += 1;
    const bytes = output!.plain ? 0 : bytesIn(wire);
    if (bytes > 0) this.#unread.push([this.#received, bytes]);
    if (this.#received > this.granted) throw new Error(`more items of ${label} than were granted`);
    try {
      this.#reader.push(this.#place.decode(output!, this.#asRows, wire, this.#owner, `an item of ${label}`));
    } catch (error) {
      this.#end({ thrown: error }, true);
    }
  }

  override reply(): void {
    this.#end(undefined, false);
  }

  override failure(wire: unknown): void {
    this.#end({ thrown: failureFromWire(wire, this.#operation, decoder(this.#place, this.#owner)) }, false);
  }

  /** The reader goes after it, with what it has. */
  override moved(token: string): void {
    if (this.settled) return;
    const reader = this.#reader;
    if (reader.opensInVain > limits.streamAttachesMax) {
      this.#end({ thrown: notKept(this.#operation, this.#target.path()) }, false);
      return;
    }
    this.settled = true;
    this.#place.finished(this, false);
    // Not the way that it has come, but whatever way this place knows now.
    const { place, cell } = this.#target.address();
    const target = this.#place.host.targetAt([place, cell, this.#target.branch()], this.#target.protocolName);
    reader.open(() => target.attach(token, this.#operation, this.#owner, reader));
  }

  /** The reader has gone. */
  cancel(): void {
    this.#end(undefined, true);
  }

  override expire(): void {
    // Streams have no deadline.
  }

  override lost(_sent: boolean, place: string): void {
    const error = new OutcomeUnknown(
      'link-lost',
      `${this.#operation.label}: ${place} was lost while the stream was open`,
    );
    this.#end({ thrown: error }, false);
  }

  #end(error: { readonly thrown: unknown } | undefined, tellOther: boolean): void {
    if (this.settled) return;
    this.settled = true;
    this.#place.finished(this, tellOther);
    this.#reader.end(error);
  }
}

function decoder(place: CallOwner, owner: Owner): Decode {
  return (type, wire, what) => place.decode(type, false, wire, owner, what);
}

/**
 * What waits for room in a mailbox, served first come, first served: offers with their message, and notices to another
 * place whose senders were told to slow down.
 */
import type { Waiting } from './deadlines.ts';
import { invalidMessage } from './isolation.ts';
import type { Operation, TellEnvelope } from './operation.ts';
import { OutcomeUnknown, Rejected } from './outcomes.ts';
import { Parcel } from './schema/parcel.ts';
import type { Owner } from './target.ts';

/** Anything that waits for room. */
export abstract class RoomWaiting implements Waiting {
  slot = -1;
  dueMs = 0;
  /** True when it waits no more; it is then passed over. */
  settled = false;

  /** False for what only wants to know of it. */
  abstract readonly takesRoom: boolean;

  /** There is room: takes it. */
  abstract admit(accept: (envelope: TellEnvelope, message: unknown) => void): void;
  /** There will be no room any more, since the actor has ended. */
  abstract gone(notDelivered: (operation: Operation) => Error): void;
  abstract expire(): void;
}

/** An offer, with its message. */
export class OfferWaiting extends RoomWaiting {
  readonly envelope: TellEnvelope;
  /** The message, or the parcel that it is in: it is delivered when there is room. */
  readonly message: unknown;
  /** Called when it is given up, where it waits in another place for its actor, which has moved. */
  onRefused: (() => void) | undefined = undefined;
  /** The actor that waits, or the system for code outside. Of this place; undefined for one elsewhere. */
  readonly caller: Owner | undefined;
  override get takesRoom(): boolean {
    return true;
  }
  readonly #resolve: () => void;
  readonly #reject: (error: Error) => void;

  constructor(
    envelope: TellEnvelope,
    message: unknown,
    resolve: () => void,
    reject: (error: Error) => void,
    caller?: Owner,
  ) {
    super();
    this.caller = caller;
    this.envelope = envelope;
    this.message = message;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  override admit(accept: (envelope: TellEnvelope, message: unknown) => void): void {
    let { message } = this;
    try {
      // Until now its bytes were the sender's, who may have given them to another meanwhile.
      if (message instanceof Parcel) message = message.deliver();
    } catch (error) {
      this.refuse(invalidMessage(error, this.envelope.operation.label) as Error);
      return;
    }
    accept(this.envelope, message);
    this.settled = true;
    this.#resolve();
  }

  override gone(notDelivered: (operation: Operation) => Error): void {
    this.refuse(notDelivered(this.envelope.operation));
  }

  refuse(error: Error): void {
    if (this.settled) return;
    this.settled = true;
    this.onRefused?.();
    this.#reject(error);
  }

  override expire(): void {
    this.refuse(noRoomInTime(this.envelope.operation.label));
  }
}

/** Tells once that there is room again, or that it does not matter any more. */
export class RoomNotice extends RoomWaiting {
  override get takesRoom(): boolean {
    return false;
  }
  readonly #tell: () => void;

  constructor(tell: () => void) {
    super();
    this.#tell = tell;
  }

  override admit(): void {
    this.settled = true;
    this.#tell();
  }

  override gone(): void {
    this.admit();
  }

  override expire(): void {
    // A notice has no deadline.
  }
}

/** An offer that could not even wait. */
export function tooManyWait(label: string, path: string): Rejected {
  return new Rejected('full', `${label}: too many senders wait for room at ${path} already; the message was not sent`);
}

/** An offer that waited for room until its time was up. */
export function noRoomInTime(label: string): Rejected {
  return new Rejected(
    'full',
    `${label}: there was no room within the time limit, the message was not sent. ` +
      'Give the offer a longer timeoutMs, or find out what its actor is busy with',
  );
}

/** An offer across places that ran out of time while it was on its way. */
export function offerUnknown(label: string): OutcomeUnknown {
  return new OutcomeUnknown(
    'deadline',
    `${label}: the target's place did not answer in time; it may take the message yet`,
  );
}

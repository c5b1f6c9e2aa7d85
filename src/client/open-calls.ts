/** Calls of a client that wait for the server: asks, offers and open streams. Each settles once. */
import type { Operation } from '../actors/operation.ts';
import { Cancelled, NotDelivered, OutcomeUnknown, Rejected } from '../actors/outcomes.ts';
import type { MessageType } from '../actors/schema/message-type.ts';
import type { StreamProducer, StreamReader } from '../actors/stream-reader.ts';
import { describeThrown } from '../base/errors.ts';
import { takesNoRefs } from '../runtime/clients/no-refs.ts';
import { failureFromWire } from '../runtime/failure-codec.ts';
import { clientLimits } from '../transport/client-limits.ts';

/** What a call needs of its client. */
export interface CallKeeper {
  /** Forgets the call; tells the server when it need not answer any more. */
  finished(call: OpenCall, tellServer: boolean): void;
  grant(call: OpenCall, total: number): void;
}

export abstract class OpenCall {
  readonly id: number;
  readonly operation: Operation;
  protected readonly keeper: CallKeeper;
  #isSettled = false;

  constructor(id: number, operation: Operation, keeper: CallKeeper) {
    this.id = id;
    this.operation = operation;
    this.keeper = keeper;
  }

  /** True the first time. */
  protected settle(tellServer: boolean): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    this.keeper.finished(this, tellServer);
    return true;
  }

  /** False while it waits for room here, so that nothing of it is in the session. */
  get isSent(): boolean {
    return true;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  reply(wire: unknown): void {
    let value: unknown;
    try {
      value = this.read(wire, 'the reply');
    } catch (error) {
      this.fail(error as Error, false);
      return;
    }
    this.succeed(value);
  }

  failure(wire: unknown): void {
    this.fail(failureFromWire(wire, this.operation, decode), false);
  }

  /** The server, or what it held of this client, is lost. */
  lost(sent: boolean, why: string): void {
    const { label } = this.operation;
    this.fail(
      sent
        ? new OutcomeUnknown('link-lost', `${label}: ${why}; the handler may or may not have run`)
        : new NotDelivered('unreachable', `${label}: ${why}; it was not sent`),
      false,
    );
  }

  /** A value that came, as the caller's own. @throws Rejected where it does not fit */
  protected read(wire: unknown, what: string): unknown {
    return decode(this.operation.output!, wire, `${what} of ${this.operation.label}`);
  }

  abstract succeed(value: unknown): void;
  abstract fail(error: Error, tellServer: boolean): void;
  /** @throws where it is no stream */
  item(_wire: unknown): void {
    throw new Error('an item for a call that is no stream');
  }
}

function decode(type: MessageType, wire: unknown, what: string): unknown {
  try {
    return type.parse(type.fromWire(wire, takesNoRefs));
  } catch (error) {
    throw new Rejected('version', `${what} does not fit the protocol as this client has it: ${describeThrown(error)}`);
  }
}

/** An ask, or an offer, which is an ask whose answer is that the mailbox took the message. */
export class PromisedCall extends OpenCall {
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: Error) => void;
  readonly #isOffer: boolean;
  /** Takes the timer and the listener off. */
  detach: () => void = () => undefined;
  #isSent = false;

  constructor(
    id: number,
    operation: Operation,
    keeper: CallKeeper,
    isOffer: boolean,
    resolve: (value: never) => void,
    reject: (error: Error) => void,
  ) {
    super(id, operation, keeper);
    this.#isOffer = isOffer;
    this.#resolve = resolve as (value: unknown) => void;
    this.#reject = reject;
  }

  override get isSent(): boolean {
    return this.#isSent;
  }

  markSent(): void {
    this.#isSent = true;
  }

  override reply(wire: unknown): void {
    if (this.#isOffer) this.succeed(undefined);
    else super.reply(wire);
  }

  override succeed(value: unknown): void {
    if (!this.settle(false)) return;
    this.detach();
    this.#resolve(value);
  }

  override fail(error: Error, tellServer: boolean): void {
    if (!this.settle(tellServer && this.#isSent)) return;
    this.detach();
    this.#reject(error);
  }

  expire(): void {
    const { label } = this.operation;
    if (this.#isSent) this.fail(new OutcomeUnknown('deadline', `${label}: no answer came in time`), true);
    else this.fail(new Rejected('full', `${label}: there was no room in time; it was not sent`), false);
  }

  cancel(reason: unknown): void {
    const text = `${this.operation.label}: cancelled by the caller's signal`;
    this.fail(new Cancelled(this.#isSent, text, reason), true);
  }
}

/** An open stream, whose values go to a reader of this program. */
export class StreamCall extends OpenCall implements StreamProducer {
  readonly #reader: StreamReader<unknown>;
  #granted: number = clientLimits.streamGrantMax;
  #received = 0;

  constructor(id: number, operation: Operation, keeper: CallKeeper, reader: StreamReader<unknown>) {
    super(id, operation, keeper);
    this.#reader = reader;
  }

  consumed(total: number): void {
    const window = clientLimits.streamGrantMax;
    if (this.isSettled || total + window / 2 < this.#granted) return;
    this.#granted = total + window;
    this.keeper.grant(this, this.#granted);
  }

  cancel(): void {
    this.settle(true);
  }

  override item(wire: unknown): void {
    if (this.isSettled) return;
    this.#received += 1;
    if (this.#received > this.#granted) throw new Error(`more items of ${this.operation.label} than were granted`);
    try {
      this.#reader.push(this.read(wire, 'an item'));
    } catch (error) {
      this.fail(error as Error, true);
    }
  }

  override succeed(): void {
    if (this.settle(false)) this.#reader.end();
  }

  override reply(): void {
    this.succeed();
  }

  override fail(error: Error, tellServer: boolean): void {
    if (this.settle(tellServer)) this.#reader.end({ thrown: error });
  }
}

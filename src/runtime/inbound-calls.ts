/**
 * Asks and streams that came from another place, as its actors see them: what they settle with goes back over the
 * session that they came by.
 */
import type { Cell } from '../actors/cell.ts';
import type { Waiting } from '../actors/deadlines.ts';
import { invalidMessage } from '../actors/isolation.ts';
import type { Operation, Origin } from '../actors/operation.ts';
import { Cancelled } from '../actors/outcomes.ts';
import { type ChainLink, Request } from '../actors/request.ts';
import type { MessageRow } from '../actors/schema/message-row.ts';
import type { MessageType } from '../actors/schema/message-type.ts';
import { Parcel } from '../actors/schema/parcel.ts';
import { StreamRequest } from '../actors/stream-request.ts';
import type { CallHere } from '../actors/wait-elsewhere.ts';
import { blockersOfRequest, type OneOf } from '../actors/wait-for.ts';
import { limits } from '../base/limits.ts';
import { failureToWire } from './failure-codec.ts';
import { Kind } from './items.ts';
import { formOf } from './operation-names.ts';

/** What the other place can still say about a call that it made. */
export interface OpenCall {
  cancel(): void;
  grant?(total: number): void;
  /** What it waits for here, where that may be for ever. */
  readonly waits?: CallHere;
}

/** Where a call came from, and where its answer goes. */
export interface CallOrigin extends Origin {
  /** Whether the other place is told where a failure was thrown. */
  readonly stacks: boolean;
  answer(id: number, kind: number, wire: unknown): void;
  /** Validates, and gives the wire form, or the parcel where bytes in it go apart: `answer` takes both. @throws InvalidValue */
  encode(type: MessageType, form: MessageRow, value: unknown): unknown;
  /** Whether its session has room for an answer of so many large bytes. */
  hasRoomFor(bytes: number): boolean;
  whenRoom(bytes: number): Promise<void>;
  /** A stream has moved with its actor: its reader is sent after it. */
  moved(id: number, token: string, cell: Cell): void;
  /** Takes a call that has settled from the deadlines. */
  remove(waiting: Waiting): void;
}

/** An ask from another place: what it settles with goes back over the session. */
export class InboundRequest extends Request implements OpenCall, CallHere {
  /** See `redirect`: not always the session's. */
  readonly origin: Origin;
  readonly #session: CallOrigin;
  /** Whose message it is. */
  readonly #cell: Cell;
  readonly #id: number;
  readonly #chain: readonly ChainLink[];
  /** Whether it is answered with a row, as it was asked. */
  readonly #asRows: boolean;

  /** @param origin Who is told when it was dealt with; `session` itself where nobody else has to be. */
  constructor(
    session: CallOrigin,
    cell: Cell,
    id: number,
    operation: Operation,
    asRows: boolean,
    chain: readonly ChainLink[],
    origin: Origin = session,
  ) {
    super(operation, undefined);
    this.#cell = cell;
    this.#asRows = asRows;
    this.origin = origin;
    this.#session = session;
    this.#id = id;
    this.#chain = chain;
  }

  override get remoteChain(): readonly ChainLink[] {
    return this.#chain;
  }

  get waits(): this {
    return this;
  }

  get hasBegun(): boolean {
    return this.run !== undefined && !this.run.isOver;
  }

  blockers(): readonly OneOf[] {
    return blockersOfRequest(this.#cell, this);
  }

  override succeed(result: unknown): void {
    if (this.settled) return;
    const type = this.operation.output!;
    let wire: unknown;
    try {
      wire = this.#session.encode(type, formOf(type, this.#asRows), result);
    } catch (error) {
      throw invalidMessage(error, `the reply of ${this.operation.label}`);
    }
    this.#settle(Kind.reply, wire);
  }

  override fail(error: Error): void {
    if (!this.settled) this.#settle(Kind.failure, failureToWire(error, this.operation, this.#session.stacks));
  }

  cancel(): void {
    if (this.settled) return;
    this.fail(new Cancelled(true, `${this.operation.label}: the caller gave up`));
    this.givenUp();
  }

  #settle(kind: number, wire: unknown): void {
    this.settled = true;
    this.#session.remove(this);
    this.#session.answer(this.#id, kind, wire);
  }
}

/** A stream that a reader in another place opened. */
export class InboundStream extends StreamRequest implements OpenCall {
  readonly origin: Origin;
  readonly #session: CallOrigin;
  readonly #id: number;
  readonly #asRows: boolean;
  #sent = 0;
  /** What its reader has granted; `granted` is less while bytes hold it. */
  #promised: number;
  /** How many values its reader is willing to be behind. */
  readonly #window: number;
  /** Bytes that its reader has not read yet, each as the number of the value and its size, the oldest first. */
  readonly #unread: [number: number, bytes: number][] = [];
  #unreadBytes = 0;
  /** Large bytes of its last value: the next is likely to have as many. */
  #lastBytes = 0;
  #waitsForRoom = false;

  constructor(origin: CallOrigin, id: number, operation: Operation, asRows: boolean, granted: number) {
    super(operation, undefined, granted);
    this.#asRows = asRows;
    this.origin = origin;
    this.#session = origin;
    this.#id = id;
    this.#promised = granted;
    this.#window = granted;
  }

  /** @throws for a grant that lies: backwards, or for more than any reader takes. */
  override grant(total: number): void {
    if (total < this.#promised || total > this.#sent + limits.streamGrantMax) throw new Error('a grant that lies');
    this.#promised = total;
    while (this.#unread.length > 0 && this.#unread[0]![0] <= total - this.#window) {
      this.#unreadBytes -= this.#unread.shift()![1];
    }
    this.#proceed();
  }

  /** Goes on with what its reader has granted, unless bytes hold it. */
  #proceed(): void {
    if (!this.settled && !this.#isHeld) super.grant(this.#promised);
  }

  /** Its reader is behind by many bytes, or its session has no room for more. */
  get #isHeld(): boolean {
    return this.#unreadBytes >= limits.streamBytesWindow || !this.#session.hasRoomFor(this.#lastBytes);
  }

  #hold(): void {
    this.granted = this.#sent;
    if (this.#waitsForRoom || this.#session.hasRoomFor(this.#lastBytes)) return;
    this.#waitsForRoom = true;
    void this.#session.whenRoom(this.#lastBytes).then(() => {
      this.#waitsForRoom = false;
      this.#proceed();
    });
  }

  override item(value: unknown): void {
    if (this.settled) return;
    const type = this.operation.output!;
    let wire: unknown;
    try {
      wire = this.#session.encode(type, formOf(type, this.#asRows), value);
    } catch (error) {
      throw invalidMessage(error, `an item of ${this.operation.label}`);
    }
    this.#sent += 1;
    this.#lastBytes = wire instanceof Parcel ? wire.bytes : 0;
    if (wire instanceof Parcel) {
      this.#unread.push([this.#sent, wire.bytes]);
      this.#unreadBytes += wire.bytes;
    }
    this.#session.answer(this.#id, Kind.item, wire);
    if (this.#isHeld) this.#hold();
  }

  override complete(): void {
    if (this.settled) return;
    this.settled = true;
    this.#session.answer(this.#id, Kind.end, undefined);
  }

  override moved(token: string, cell: Cell): void {
    if (this.settled) return;
    this.settled = true;
    this.#session.moved(this.#id, token, cell);
  }

  override fail(error: Error): void {
    if (this.settled) return;
    this.settled = true;
    this.#session.answer(this.#id, Kind.failure, failureToWire(error, this.operation, this.#session.stacks));
  }
}

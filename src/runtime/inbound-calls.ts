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
import { StreamRequest } from '../actors/stream-request.ts';
import { limits } from '../base/limits.ts';
import { failureToWire } from './failure-codec.ts';
import { Kind } from './items.ts';

/** What the other place can still say about a call that it made. */
export interface OpenCall {
  cancel(): void;
  grant?(total: number): void;
}

/** Where a call came from, and where its answer goes. */
export interface CallOrigin extends Origin {
  /** Whether the other place is told where a failure was thrown. */
  readonly stacks: boolean;
  answer(id: number, kind: number, wire: unknown): void;
  /** A stream has moved with its actor: its reader is sent after it. */
  moved(id: number, token: string, cell: Cell): void;
  /** Takes a call that has settled from the deadlines. */
  remove(waiting: Waiting): void;
}

/** An ask from another place: what it settles with goes back over the session. */
export class InboundRequest extends Request implements OpenCall {
  /** See `redirect`: not always the session's. */
  readonly origin: Origin;
  readonly #session: CallOrigin;
  readonly #id: number;
  readonly #chain: readonly ChainLink[];

  constructor(origin: CallOrigin, id: number, operation: Operation, chain: readonly ChainLink[]) {
    super(operation, undefined);
    this.origin = origin;
    this.#session = origin;
    this.#id = id;
    this.#chain = chain;
  }

  override get remoteChain(): readonly ChainLink[] {
    return this.#chain;
  }

  override succeed(result: unknown): void {
    if (this.settled) return;
    const type = this.operation.output!;
    let wire: unknown;
    try {
      wire = type.toWire(type.parse(result));
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
  #sent = 0;

  constructor(origin: CallOrigin, id: number, operation: Operation, granted: number) {
    super(operation, undefined, granted);
    this.origin = origin;
    this.#session = origin;
    this.#id = id;
  }

  /** @throws for a grant that lies: backwards, or for more than any reader takes. */
  override grant(total: number): void {
    if (total < this.granted || total > this.#sent + limits.streamGrantMax) throw new Error('a grant that lies');
    super.grant(total);
  }

  override item(value: unknown): void {
    if (this.settled) return;
    const type = this.operation.output!;
    let wire: unknown;
    try {
      wire = type.toWire(type.parse(value));
    } catch (error) {
      throw invalidMessage(error, `an item of ${this.operation.label}`);
    }
    this.#sent += 1;
    this.#session.answer(this.#id, Kind.item, wire);
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

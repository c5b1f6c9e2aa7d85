/** Asks, offers and streams between actors of one place: the caller's promise is settled by the cell directly. */
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { rejectionAtCaller } from './caller-stack.ts';
import type { Cell } from './cell.ts';
import { checkSignal } from './given.ts';
import type { Host } from './host.ts';
import { invalidMessage } from './isolation.ts';
import { OfferWaiting, tooManyWait } from './offer.ts';
import type { Operation } from './operation.ts';
import { Cancelled, DeclaredError, NotDelivered, Rejected } from './outcomes.ts';
import type { CallOptions } from './protocol.ts';
import { Request } from './request.ts';
import type { Run } from './run.ts';
import { apart } from './schema/errors.ts';
import type { MessageType } from './schema/message-type.ts';
import type { Parcel } from './schema/parcel.ts';
import type { StreamProducer, StreamReader } from './stream-reader.ts';
import { StreamRequest } from './stream-request.ts';
import type { Owner } from './target.ts';
import {
  blockersOf,
  blockersOfRequest,
  blockersOfRoom,
  blockersOfStreams,
  judgeCall,
  judgeOffer,
  judgeRead,
  noBlockers,
  type OpenWait,
} from './wait-for.ts';

export class LocalRequest extends Request implements OpenWait {
  override get origin(): undefined {
    return undefined;
  }
  override get caller(): Owner {
    return this.#owner;
  }
  readonly #cell: Cell;
  readonly #owner: Owner;
  #resolve: ((value: unknown) => void) | undefined = undefined;
  #reject: ((error: Error) => void) | undefined = undefined;
  /** Takes the listener off the caller's signal. */
  detach: (() => void) | undefined = undefined;

  constructor(cell: Cell, operation: Operation, owner: Owner, callerRun: Run | undefined) {
    super(operation, callerRun);
    this.#cell = cell;
    this.#owner = owner;
  }

  settleBy(resolve: (value: unknown) => void, reject: (error: Error) => void): void {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  blockers(): ReturnType<OpenWait['blockers']> {
    return blockersOfRequest(this.#cell, this);
  }

  override succeed(result: unknown): void {
    if (this.settled) {
      this.#cell.host.counters.late += 1;
      return;
    }
    let reply: unknown;
    try {
      reply = handOverNow(this.#cell.host, this.operation.output!, result, this.#owner);
    } catch (error) {
      throw invalidMessage(error, `the reply of ${this.operation.label}`);
    }
    this.#settle();
    this.#resolve!(reply);
  }

  override fail(error: Error): void {
    if (this.settled) {
      this.#cell.host.counters.late += 1;
      return;
    }
    const own = errorFor(this.#owner, error, this.operation, this.#cell.host);
    this.#settle();
    // A refusal is mostly made within the call, and its stack shows that.
    if (own instanceof Rejected || own instanceof NotDelivered) this.#reject!(own);
    else this.#resolve!(rejectionAtCaller(own));
  }

  cancel(reason: unknown): void {
    if (this.settled) return;
    this.fail(new Cancelled(this.begun, `${this.operation.label}: cancelled by the caller's signal`, reason));
    this.givenUp();
  }

  #settle(): void {
    this.settled = true;
    this.#cell.host.deadlines.remove(this);
    this.callerRun?.waitsNoMore(this);
    this.detach?.();
  }
}

/** A declared error with data of the caller's own, as a reply is. @throws InvalidValue when they cannot be sent. */
function errorFor(owner: Owner, error: Error, operation: Operation, host: Host): Error {
  const type = error instanceof DeclaredError ? operation.errors.get(error.code) : undefined;
  if (type === undefined) return error;
  const { code, data } = error as DeclaredError;
  return new DeclaredError(code, handOverNow(host, type, data, owner), operation.label);
}

/** What nobody refuses any more: bytes that it gives away go with it at once. @throws InvalidValue */
function handOverNow(host: Host, type: MessageType, value: unknown, owner: Owner): unknown {
  try {
    return host.handOver(type, value, owner);
  } catch (thrown) {
    if (thrown !== apart) throw thrown;
    return host.pack(type, value, owner).deliver();
  }
}

/** The time limit that a call names, checked. */
export function timeoutOf(options: CallOptions | undefined, operation: Operation): number {
  const timeoutMs = options?.timeoutMs;
  if (timeoutMs === undefined) return limits.askTimeoutMs;
  if (typeof timeoutMs === 'number' && timeoutMs >= 0 && timeoutMs <= limits.askTimeoutMsMax) return timeoutMs;
  throw new UsageError(
    `${operation.label}: timeoutMs must lie between 0 and ${limits.askTimeoutMsMax}; it was given ${timeoutMs}`,
  );
}

export function aborted(operation: Operation, signal: AbortSignal): Cancelled {
  return new Cancelled(
    false,
    `${operation.label}: the caller's signal had aborted already; nothing was sent`,
    signal.reason,
  );
}

export function sendAsk(
  cell: Cell,
  operation: Operation,
  message: unknown,
  options: CallOptions | undefined,
  owner: Owner,
): Promise<unknown> {
  let taken: unknown;
  let parcel: Parcel | undefined;
  try {
    const { host } = cell;
    try {
      taken = host.handOver(operation.input, message, cell);
    } catch (thrown) {
      parcel = packed(thrown, cell, operation, message);
    }
    const run = owner.openRun;
    const way = run === undefined ? 'queue' : judgeCall(cell, run, operation);
    const timeoutMs = options === undefined ? limits.askTimeoutMs : timeoutOf(options, operation);
    const request = new LocalRequest(cell, operation, owner, run);
    if (options?.signal !== undefined) cancelBySignal(request, operation, options.signal);
    // The smallest executor: one that held all of the above made an ask a tenth slower.
    const reply = new Promise((resolve, reject) => request.settleBy(resolve, reject));
    host.deadlines.add(request, timeoutMs);
    run?.waitsFor(request);
    if (parcel !== undefined) taken = cell.unpack(parcel, request);
    if (way === 'queue') cell.accept(request, taken);
    else {
      request.isAdmitted = true;
      cell.acceptFirst(request, taken);
    }
    return reply;
  } catch (error) {
    return Promise.reject(invalidMessage(error, `${operation.label} to ${cell.path()}`));
  }
}

/** The message as a parcel, where it was not handed over for that. @throws InvalidValue, or what was thrown */
function packed(thrown: unknown, cell: Cell, operation: Operation, message: unknown): Parcel {
  if (thrown !== apart) throw thrown;
  return cell.host.pack(operation.input, message, cell);
}

/** A new ask, from outside, for a message that is in its actor's hands already. */
export function askAgain(
  cell: Cell,
  operation: Operation,
): { readonly request: Request; readonly reply: Promise<unknown> } {
  const { host } = cell;
  const request = new LocalRequest(cell, operation, host.outside, undefined);
  const reply = new Promise((resolve, reject) => request.settleBy(resolve, reject));
  host.deadlines.add(request, limits.askTimeoutMs);
  return { request, reply };
}

function cancelBySignal(request: LocalRequest, operation: Operation, signal: AbortSignal): void {
  checkSignal(signal, operation.label);
  if (signal.aborted) throw aborted(operation, signal);
  const abort = (): void => request.cancel(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  request.detach = () => signal.removeEventListener('abort', abort);
}

export function sendOffer(
  cell: Cell,
  operation: Operation,
  message: unknown,
  options: CallOptions | undefined,
  owner: Owner,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const host = cell.host;
    let taken: unknown;
    let parcel: Parcel | undefined;
    try {
      try {
        taken = host.handOver(operation.input, message, cell);
      } catch (thrown) {
        parcel = packed(thrown, cell, operation, message);
      }
    } catch (error) {
      throw invalidMessage(error, `${operation.label} to ${cell.path()}`);
    }
    const signal = options?.signal;
    if (signal !== undefined) checkSignal(signal, operation.label);
    if (signal?.aborted) throw aborted(operation, signal);
    const timeoutMs = timeoutOf(options, operation);
    if (cell.isOver && !cell.hasMoved) {
      throw new NotDelivered('stopped', `${operation.label}: ${cell.path()} has stopped; the message was not sent`);
    }
    if (cell.hasRoom) {
      cell.accept(operation.envelope, parcel === undefined ? taken : parcel.deliver());
      resolve();
      return;
    }
    if (cell.offersFull) throw tooManyWait(operation.label, cell.path());
    const run = owner.openRun;
    if (run !== undefined) judgeOffer(cell, run, operation);
    const wait: OpenWait = { blockers: () => blockersOfRoom(cell, offer) };
    const abort = (): void => {
      host.deadlines.remove(offer);
      offer.refuse(new Cancelled(false, `${operation.label}: cancelled by the caller's signal`, signal?.reason));
    };
    const detach = (): void => {
      signal?.removeEventListener('abort', abort);
      run?.waitsNoMore(wait);
    };
    const offer = new OfferWaiting(
      operation.envelope,
      parcel ?? taken,
      () => {
        detach();
        resolve();
      },
      (error) => {
        detach();
        reject(error);
      },
      owner,
    );
    signal?.addEventListener('abort', abort, { once: true });
    host.deadlines.add(offer, timeoutMs);
    run?.waitsFor(wait);
    cell.awaitRoom(offer);
  });
}

export class LocalStreamRequest extends StreamRequest implements OpenWait {
  override get origin(): undefined {
    return undefined;
  }
  override get caller(): Owner {
    return this.#owner;
  }
  readonly #cell: Cell;
  readonly #host: Host;
  readonly #owner: Owner;
  readonly #reader: StreamReader<unknown>;

  constructor(cell: Cell, operation: Operation, owner: Owner, reader: StreamReader<unknown>, isAgain = false) {
    // Which run goes on with a stream that was opened long ago is not known.
    super(operation, isAgain ? undefined : owner.openRun, limits.streamWindow - reader.buffered);
    this.#cell = cell;
    this.#host = cell.host;
    this.#owner = owner;
    this.#reader = reader;
  }

  override item(value: unknown): void {
    try {
      this.#reader.push(handOverNow(this.#host, this.operation.output!, value, this.#owner));
    } catch (error) {
      throw invalidMessage(error, `an item of ${this.operation.label}`);
    }
  }

  /** Its reader waits only while it has read all there is. */
  blockers(): ReturnType<OpenWait['blockers']> {
    return this.#reader.isAwaited ? this.#blockersOfNext() : noBlockers;
  }

  /** @throws Rejected `cycle` when the next value would wait for its own reader */
  awaited(): void {
    const { callerRun } = this;
    if (callerRun !== undefined && !callerRun.isOver && !this.settled) {
      judgeRead(this.#cell, callerRun, this.operation, this.#blockersOfNext());
    }
  }

  /** Between two values it waits for the actor to be between two messages. */
  #blockersOfNext(): ReturnType<OpenWait['blockers']> {
    const { run } = this;
    if (run === undefined || run.isOver) return blockersOf(this.#cell, this.operation, this);
    return this.isProducing ? [[run]] : blockersOfStreams(this.#cell);
  }

  override cancel(): void {
    if (!this.settled) this.callerRun?.waitsNoMore(this);
    super.cancel();
  }

  override moved(token: string, cell: Cell): void {
    if (this.settled) return;
    this.settled = true;
    this.callerRun?.waitsNoMore(this);
    this.#reader.open((reader) => cell.attach(token, this.operation, this.#owner, reader));
  }

  /** What its reader tells it. */
  get producer(): StreamProducer {
    return {
      consumed: (total) => {
        if (total + limits.streamWindow / 2 >= this.granted) this.grant(total + limits.streamWindow);
      },
      cancel: () => this.cancel(),
      awaited: () => this.awaited(),
    };
  }

  override complete(): void {
    if (this.settled) return;
    this.settled = true;
    this.callerRun?.waitsNoMore(this);
    this.#reader.end();
  }

  override fail(error: Error): void {
    if (this.settled) return;
    const own = errorFor(this.#owner, error, this.operation, this.#host);
    this.settled = true;
    this.callerRun?.waitsNoMore(this);
    this.#reader.end({ thrown: own });
  }
}

export function openLocalStream(
  cell: Cell,
  operation: Operation,
  message: unknown,
  owner: Owner,
  reader: StreamReader<unknown>,
): StreamProducer {
  const { host } = cell;
  const request = new LocalStreamRequest(cell, operation, owner, reader);
  request.callerRun?.waitsFor(request);
  try {
    let taken: unknown;
    try {
      taken = host.handOver(operation.input, message, cell);
    } catch (thrown) {
      taken = cell.unpack(packed(thrown, cell, operation, message), request);
    }
    cell.accept(request, taken);
  } catch (error) {
    request.fail(invalidMessage(error, `${operation.label} to ${cell.path()}`) as Error);
  }
  return request.producer;
}

/**
 * Calls to an actor that has moved, as those make them who know it by its old address: over its way, in their order. What is
 * called while the way changes over is the caller's own by then, waits, and still ends by its deadline or its signal.
 */
import { limits } from '../../base/limits.ts';
import type { Waiting } from '../deadlines.ts';
import { checkSignal } from '../given.ts';
import type { Host } from '../host.ts';
import { invalidMessage } from '../isolation.ts';
import { aborted, timeoutOf } from '../local-calls.ts';
import { noRoomInTime } from '../offer.ts';
import type { Operation } from '../operation.ts';
import { Cancelled, Rejected } from '../outcomes.ts';
import type { CallOptions } from '../protocol.ts';
import { noReplyInTime } from '../request.ts';
import type { Run } from '../run.ts';
import type { StreamProducer, StreamReader } from '../stream-reader.ts';
import type { Owner, Target } from '../target.ts';

/** Where messages go, or wait until it is known where. */
export interface Passage {
  readonly to: Target;
  /** True while messages wait. */
  readonly isHeld: boolean;
  /** How many wait. */
  readonly waiting: number;
  /** True when no more may wait. */
  readonly isFull: boolean;
  /** Does `send` once the way is open: at once, or in its turn. */
  through(send: () => void): void;
}

/** Whose way it is. */
export interface OnTheWay {
  readonly host: Host;
  readonly way: Passage;
  path(): string;
}

export function tellBy(to: OnTheWay, operation: Operation, message: unknown): boolean {
  const { way, host } = to;
  if (!way.isHeld) return way.to.tell(operation, message);
  const taken = take(to, operation, message);
  if (way.isFull) {
    host.counters.refused += 1;
    const target = way.to;
    host.deadLetters.add({
      path: to.path(),
      operation: operation.label,
      reason: 'full',
      message: taken,
      target,
      of: operation,
    });
    return false;
  }
  way.through(() => void way.to.tell(operation, taken));
  return way.waiting < limits.outboxHighWater;
}

/** An ask or an offer. */
export function callBy(
  to: OnTheWay,
  kind: 'ask' | 'offer',
  operation: Operation,
  message: unknown,
  options: CallOptions | undefined,
  owner: Owner,
): Promise<unknown> {
  const { way, host } = to;
  if (!way.isHeld) return way.to[kind](operation, message, options, owner);
  return new Promise((resolve, reject) => {
    const taken = take(to, operation, message);
    if (way.isFull)
      throw new Rejected('full', `${operation.label}: too much waits for ${to.path()} already; send later`);
    const signal = options?.signal;
    if (signal !== undefined) checkSignal(signal, operation.label);
    if (signal?.aborted) throw aborted(operation, signal);
    const caller = new CallerThen(owner);
    const held = new HeldCall(
      host,
      reject,
      kind === 'ask' ? noReplyInTime(operation.label) : noRoomInTime(operation.label),
    );
    const abort = (): void =>
      held.fail(new Cancelled(false, `${operation.label}: cancelled by the caller's signal`, signal?.reason));
    held.detach = () => signal?.removeEventListener('abort', abort);
    signal?.addEventListener('abort', abort, { once: true });
    host.deadlines.add(held, timeoutOf(options, operation));
    way.through(() => {
      if (held.settled) return;
      const timeoutMs = host.deadlines.remainingMs(held);
      held.leave();
      const passed = signal === undefined ? { timeoutMs } : { timeoutMs, signal };
      way.to[kind](operation, taken, passed, caller).then(resolve, reject);
    });
  });
}

/** Opens a stream for `reader`. */
export function openBy(
  to: OnTheWay,
  operation: Operation,
  message: unknown,
  owner: Owner,
  reader: StreamReader<unknown>,
): StreamProducer {
  const { way } = to;
  if (!way.isHeld) return way.to.open(operation, message, owner, reader);
  let taken: unknown;
  try {
    taken = take(to, operation, message);
  } catch (error) {
    reader.end({ thrown: error });
    return { consumed: () => undefined, cancel: () => undefined };
  }
  return lateProducer(
    (open) => way.through(open),
    () => way.to.open(operation, taken, owner, reader),
  );
}

/** The producer of a stream that is opened once its way is. */
export function lateProducer(through: (open: () => void) => void, open: () => StreamProducer): StreamProducer {
  let real: StreamProducer | undefined;
  let consumed: number | undefined;
  let cancelled = false;
  through(() => {
    if (cancelled) return;
    real = open();
    if (consumed !== undefined) real.consumed(consumed);
  });
  return {
    consumed: (total) => {
      consumed = total;
      real?.consumed(total);
    },
    cancel: () => {
      cancelled = true;
      real?.cancel();
    },
    awaited: () => real?.awaited?.(),
  };
}

function take(to: OnTheWay, operation: Operation, message: unknown): unknown {
  try {
    return operation.input.take(message, to.host.outside);
  } catch (error) {
    throw invalidMessage(error, `${operation.label} to ${to.path()}`);
  }
}

/** A call that waits for its way, with the deadline that it was made with. */
class HeldCall implements Waiting {
  slot = -1;
  dueMs = 0;
  settled = false;
  detach: () => void = () => undefined;
  readonly #host: Host;
  readonly #reject: (error: Error) => void;
  readonly #late: Error;

  constructor(host: Host, reject: (error: Error) => void, late: Error) {
    this.#host = host;
    this.#reject = reject;
    this.#late = late;
  }

  fail(error: Error): void {
    if (this.settled) return;
    this.leave();
    this.#reject(error);
  }

  expire(): void {
    this.fail(this.#late);
  }

  /** It waits here no more. */
  leave(): void {
    this.settled = true;
    this.#host.deadlines.remove(this);
    this.detach();
  }
}

/** Whoever made the call, with the run that made it: by the time that it is sent another may be open. */
class CallerThen implements Owner {
  readonly openRun: Run | undefined;
  readonly #owner: Owner;

  constructor(owner: Owner) {
    this.#owner = owner;
    this.openRun = owner.openRun;
  }

  get host(): Host {
    return this.#owner.host;
  }

  address(): ReturnType<Owner['address']> {
    return this.#owner.address();
  }

  path(): string {
    return this.#owner.path();
  }

  adopt(ref: object): object {
    return this.#owner.adopt(ref);
  }
}

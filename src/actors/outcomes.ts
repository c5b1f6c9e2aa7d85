/**
 * How a call can end: a value, the operation's own error, or one of a closed union of runtime failures.
 *
 * `await ref.op()` rejects with these; `ref.op.outcome()` returns them, so that a switch over `error.code` is
 * exhaustive. A failure says whether the message can have had an effect: that is what a caller must know to retry.
 */
import type * as z from 'zod';
import { TroupeError } from '../base/errors.ts';

/** A segment of the place inside a message: a key of an object or an index of an array. */
export type MessagePath = readonly (string | number)[];

/** The message does not fit its operation. Found at the sender: nothing left it. A tell throws this synchronously. */
export class InvalidMessage extends TroupeError<'InvalidMessage'> {
  /** Where inside the message the finding is; empty for the message as a whole. */
  readonly path: MessagePath;

  constructor(message: string, path: MessagePath, cause?: unknown) {
    super('InvalidMessage', message, { cause });
    this.path = path;
  }
}

/** The message reached no mailbox, so it had no effect and is safe to send again. */
export class NotDelivered extends TroupeError<'NotDelivered'> {
  /**
   * `stopped`: the actor has ended. `unknown`: there is no such actor or operation. `unreachable`: no link to its
   * place. `no-routee`: a router without routees.
   */
  readonly reason: 'stopped' | 'unknown' | 'unreachable' | 'no-routee';

  constructor(reason: NotDelivered['reason'], message: string) {
    super('NotDelivered', message, { retryable: true });
    this.reason = reason;
  }
}

/** The receiving side refused the message; its handler did not run. */
export class Rejected extends TroupeError<'Rejected'> {
  /**
   * `unhandled`: the actor does not handle this operation in the state in which it is. `forbidden`: the rules of the node where
   * it runs do not give the sender's node this operation.
   */
  readonly reason: 'full' | 'invalid' | 'version' | 'forbidden' | 'cycle' | 'unhandled';
  /** For `cycle`: the actors of the call chain, from its first caller back to the target. */
  readonly path?: readonly string[];

  constructor(reason: Rejected['reason'], message: string, path?: readonly string[]) {
    super('Rejected', message, { retryable: reason === 'full' });
    this.reason = reason;
    if (path !== undefined) this.path = path;
  }
}

/** The handler threw, its reply did not fit the operation, or its actor ended before it replied. */
export class ActorFailed extends TroupeError<'ActorFailed'> {
  constructor(message: string, cause?: unknown) {
    super('ActorFailed', message, { cause });
  }
}

/** No answer came in time, or the link was lost after delivery: the handler may or may not have run. */
export class OutcomeUnknown extends TroupeError<'OutcomeUnknown'> {
  /**
   * `deadline`: no answer in time. `link-lost`: the place was lost after it had received the message. `cycle`: the handler
   * waits, through other places, for the caller.
   */
  readonly reason: 'deadline' | 'link-lost' | 'cycle';

  constructor(reason: OutcomeUnknown['reason'], message: string) {
    super('OutcomeUnknown', message);
    this.reason = reason;
  }
}

/** The caller's signal aborted the call. */
export class Cancelled extends TroupeError<'Cancelled'> {
  /** True when the message may have been handled all the same. */
  readonly delivered: boolean;

  constructor(delivered: boolean, message: string, cause?: unknown) {
    super('Cancelled', message, { cause, retryable: !delivered });
    this.delivered = delivered;
  }
}

/** A stream that must not skip (`every: true`) fell behind its reader. Streams only. */
export class Lagged extends TroupeError<'Lagged'> {
  /** How many values the reader did not get. */
  readonly missed: number;

  constructor(missed: number, message: string) {
    super('Lagged', message, { retryable: true });
    this.missed = missed;
  }
}

/** What any ask or offer may end in, whatever its operation declares. */
export type RuntimeFailure = InvalidMessage | NotDelivered | Rejected | ActorFailed | OutcomeUnknown | Cancelled;
/** What a stream may end in. */
export type StreamFailure = RuntimeFailure | Lagged;
/** Codes that an operation may not declare as its own. */
export type RuntimeCode = StreamFailure['code'];

export const runtimeCodes: ReadonlySet<string> = new Set<RuntimeCode>([
  'InvalidMessage',
  'NotDelivered',
  'Rejected',
  'ActorFailed',
  'OutcomeUnknown',
  'Cancelled',
  'Lagged',
]);

/** Declared errors of an operation: code to the schema of its data. */
export type ErrorSchemas = { readonly [code: string]: z.ZodType };

/** The operation's own errors as values, told apart by `code`. */
export type DeclaredFailure<E> = {
  [K in keyof E & string]: {
    readonly code: K;
    readonly data: E[K] extends z.ZodType ? z.output<E[K]> : never;
    /** For logs; code tells errors apart by `code`. */
    readonly message: string;
  };
}[keyof E & string];

/** What `.outcome()` resolves to; it never rejects. */
export type Outcome<R, E> =
  | { readonly ok: true; readonly value: R }
  | { readonly ok: false; readonly error: DeclaredFailure<E> | RuntimeFailure };

/** What `await ref.op()` rejects with when the handler called `ctx.fail(code, data)`. */
export class DeclaredError extends TroupeError {
  /** What the handler gave to `ctx.fail`, as the schema of that error has it. */
  readonly data: unknown;

  constructor(code: string, data: unknown, operation: string) {
    super(code, `${operation} failed with its declared error "${code}"`);
    this.data = data;
  }
}

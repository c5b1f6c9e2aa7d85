/**
 * Failures as clients are told of them: the code and the reason that a caller may act on, in words of our own. What an
 * actor threw, where it lives and who it called is nobody's business outside.
 */
import type { Operation } from '../../actors/operation.ts';
import {
  ActorFailed,
  Cancelled,
  DeclaredError,
  InvalidMessage,
  Lagged,
  NotDelivered,
  OutcomeUnknown,
  Rejected,
} from '../../actors/outcomes.ts';
import { isA } from '../../base/thrown.ts';
import { failureToWire } from '../failure-codec.ts';
import type { LostReason } from './client-items.ts';
import { wireWithoutRefs } from './no-refs.ts';

/** `actor` is the name that the client gave. */
export function failureForClient(error: unknown, operation: Operation | undefined, actor: string): unknown {
  const to = operation === undefined ? `to ${actor}` : `${operation.label} to ${actor}`;
  if (isA(error, DeclaredError)) return declared(error, operation, to);
  return failureToWire(inOtherWords(error, to), operation, false);
}

function declared(error: DeclaredError, operation: Operation | undefined, to: string): unknown {
  const type = operation?.errors.get(error.code);
  try {
    if (type !== undefined) return [error.code, error.message, wireWithoutRefs(type, error.data)];
  } catch {
    // Its data cannot be sent.
  }
  return failureToWire(new ActorFailed(`${to}: it failed`), operation, false);
}

function inOtherWords(error: unknown, to: string): Error {
  // What its own check has found; the client's schema takes it, so the two differ.
  if (isA(error, InvalidMessage)) return invalidForServer(to);
  if (isA(error, Rejected) && error.reason === 'forbidden') return forbidden();
  if (isA(error, Rejected)) return new Rejected(error.reason, `${to}: it was rejected (${error.reason})`);
  if (isA(error, NotDelivered)) return new NotDelivered(error.reason, `${to}: it was not delivered (${error.reason})`);
  if (isA(error, OutcomeUnknown)) return new OutcomeUnknown(error.reason, `${to}: nobody knows whether it was handled`);
  if (isA(error, Cancelled)) return new Cancelled(error.delivered, `${to}: it was cancelled`);
  if (isA(error, Lagged)) return new Lagged(error.missed, `${to}: its reader was too slow`);
  return new ActorFailed(`${to}: it failed`);
}

export function forbidden(): Rejected {
  return new Rejected('forbidden', 'this client may not say that, or not to that actor');
}

export function invalidForServer(to: string): Rejected {
  return new Rejected('invalid', `${to}: the message does not fit the operation as the server has it`);
}

/** Why a tell was not taken. */
export function lostReasonOf(error: unknown): LostReason {
  if (isA(error, InvalidMessage)) return 'invalid';
  if (isA(error, Rejected)) return error.reason === 'forbidden' || error.reason === 'invalid' ? error.reason : 'full';
  if (isA(error, NotDelivered)) {
    if (error.reason === 'no-routee') return 'unknown';
    return error.reason;
  }
  return isA(error, OutcomeUnknown) && error.reason === 'link-lost' ? 'unreachable' : 'full';
}

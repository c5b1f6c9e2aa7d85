/** Failures on the wire: code, text and what a caller may switch on; never a foreign object. */

import { MoveRefused, SpawnFailed } from '../actors/errors.ts';
import type { Operation } from '../actors/operation.ts';
import {
  ActorFailed,
  Cancelled,
  DeclaredError,
  InvalidMessage,
  Lagged,
  type MessagePath,
  NotDelivered,
  OutcomeUnknown,
  Rejected,
} from '../actors/outcomes.ts';
import type { MessageType } from '../actors/schema/message-type.ts';
import { describeThrown } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { factsOf, isA } from '../base/thrown.ts';
import { causesFromWire, causesToWire } from './cause-codec.ts';

/** A value from the other place as the caller's own. @throws Rejected where it does not fit. */
export type Decode = (type: MessageType, wire: unknown, what: string) => unknown;

type FailureWire = readonly [code: string, text: string, detail: unknown];

/**
 * A failure as its wire form: `[code, text, detail]`.
 *
 * @param stacks whether the other place is told where the cause was thrown
 */
export function failureToWire(error: unknown, operation: Operation | undefined, stacks: boolean): FailureWire {
  const text = isA(error, Error) ? factsOf(error, limits.errorTextCharactersMax).message : describeThrown(error);
  if (isA(error, DeclaredError)) {
    const type = operation?.errors.get(error.code);
    return [error.code, text, type === undefined ? null : type.toWire(error.data)];
  }
  if (isA(error, InvalidMessage)) return [error.code, text, [...error.path]];
  if (isA(error, Rejected)) {
    return [error.code, text, [error.reason, error.path === undefined ? null : [...error.path]]];
  }
  if (isA(error, NotDelivered) || isA(error, OutcomeUnknown)) return [error.code, text, error.reason];
  if (isA(error, SpawnFailed)) return [error.code, text, [error.reason, causesToWire(error.cause, stacks)]];
  if (isA(error, MoveRefused)) return [error.code, text, [error.reason, causesToWire(error.cause, stacks)]];
  if (isA(error, Cancelled)) return [error.code, text, error.delivered];
  if (isA(error, Lagged)) return [error.code, text, error.missed];
  return ['ActorFailed', text, causesToWire(isA(error, ActorFailed) ? error.cause : error, stacks)];
}

/** The failure that the wire form stands for; anything malformed is an `ActorFailed`. */
export function failureFromWire(wire: unknown, operation: Operation | undefined, decode: Decode): Error {
  if (!Array.isArray(wire)) return new ActorFailed('a failure that cannot be read');
  const [code, text, detail] = wire as [unknown, unknown, unknown];
  const message = typeof text === 'string' ? cut(text) : 'no text';
  const [reason, path] = Array.isArray(detail) ? detail : [detail, undefined];
  switch (code) {
    case 'InvalidMessage':
      return new InvalidMessage(message, pathOf(detail));
    case 'Rejected':
      return new Rejected(
        oneOf(reason, ['full', 'invalid', 'version', 'forbidden', 'cycle', 'unhandled']),
        message,
        Array.isArray(path) ? path.filter((step) => typeof step === 'string') : undefined,
      );
    case 'NotDelivered':
      return new NotDelivered(oneOf(reason, ['unreachable', 'stopped', 'unknown', 'no-routee']), message);
    case 'OutcomeUnknown':
      return new OutcomeUnknown(oneOf(reason, ['link-lost', 'deadline', 'cycle']), message);
    case 'SpawnFailed':
      return new SpawnFailed(
        oneOf(reason, [
          'state',
          'unregistered',
          'forbidden',
          'arguments',
          'resource',
          'name-taken',
          'name',
          'place-lost',
          'no-place',
          'version',
          'shutdown',
        ]),
        message,
        causesFromWire(path),
      );
    case 'MoveRefused':
      return new MoveRefused(
        oneOf(reason, ['place', 'busy', 'closure', 'kind', 'state', 'gone']),
        message,
        causesFromWire(path),
      );
    case 'Cancelled':
      return new Cancelled(detail === true, message);
    case 'Lagged':
      return new Lagged(Number.isSafeInteger(detail) && (detail as number) >= 0 ? (detail as number) : 0, message);
    case 'ActorFailed':
      return new ActorFailed(message, causesFromWire(detail));
    default: {
      const type = typeof code === 'string' ? operation?.errors.get(code) : undefined;
      if (type === undefined) return new ActorFailed(message);
      try {
        const data = decode(type, detail, `the data of error "${code}" of ${operation!.label}`);
        return new DeclaredError(code as string, data, operation!.label);
      } catch (error) {
        return error as Error;
      }
    }
  }
}

function pathOf(detail: unknown): MessagePath {
  const isPath = Array.isArray(detail) && detail.every((key) => typeof key === 'string' || Number.isSafeInteger(key));
  return isPath ? (detail as MessagePath) : [];
}

function cut(text: string): string {
  return text.length > limits.errorTextCharactersMax ? `${text.slice(0, limits.errorTextCharactersMax)}…` : text;
}

/** The first of `known` where `value` is none of them. */
function oneOf<T extends string>(value: unknown, known: readonly [T, ...T[]]): T {
  return known.includes(value as T) ? (value as T) : known[0];
}

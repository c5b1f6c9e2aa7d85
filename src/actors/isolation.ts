/**
 * Isolation: how a message becomes the receiver's own.
 *
 * `parse` validates and copies in one step. `codec` also takes the message through its wire form and back, so that tests
 * find what would not survive a thread. `trusted` hands it over as it is, for code that keeps its hands off.
 */
import { codeOf } from '../base/thrown.ts';
import { InvalidMessage } from './outcomes.ts';
import type { InvalidValue } from './schema/errors.ts';
import type { MessageType } from './schema/message-type.ts';
import type { Owner } from './target.ts';

/**
 * How a message becomes the receiver's own.
 *
 * - `parse`: validated by the schema of its operation, which copies it in the same step.
 * - `codec`: also taken through its wire form and back, so that what would not survive a thread is found on one thread.
 * - `trusted`: handed over as it is, unvalidated; sender and receiver share it, and must not change it.
 */
export type Isolation = 'parse' | 'codec' | 'trusted';

/** Gives `value` to `owner`. @throws InvalidValue */
export type HandOver = (type: MessageType, value: unknown, owner: Owner) => unknown;

/** @param fromWire Wire form to value, with its refs for `owner`. */
export function handOver(isolation: Isolation, fromWire: HandOver): HandOver {
  switch (isolation) {
    case 'parse':
      return (type, value, owner) => type.take(value, owner);
    case 'codec':
      return (type, value, owner) => fromWire(type, type.toWire(type.parse(value)), owner);
    case 'trusted':
      return (type, value, owner) => (type.plain ? value : type.rebind(value, owner));
    default:
      return isolation satisfies never;
  }
}

/** What the caller sees of a finding: which operation, where inside the message, what to do. */
export function invalidMessage(error: unknown, what: string): unknown {
  const finding = error as InvalidValue;
  if (codeOf(error) !== 'InvalidValue') return error;
  return new InvalidMessage(`${what}: ${finding.message}. Nothing was sent`, finding.path, error);
}

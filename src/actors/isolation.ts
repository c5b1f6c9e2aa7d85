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
import { type MoveCounters, Parcel } from './schema/parcel.ts';
import type { Owner } from './target.ts';

/**
 * How a message becomes the receiver's own.
 *
 * - `parse`: validated by the schema of its operation, which copies it in the same step.
 * - `codec`: also taken through its wire form and back, so that what would not survive a thread is found on one thread.
 * - `trusted`: handed over as it is, unvalidated; sender and receiver share it, and must not change it.
 */
export type Isolation = 'parse' | 'codec' | 'trusted';

/** Gives `value` to `owner`. @throws InvalidValue, and `apart` where bytes in it go apart */
export type HandOver = (type: MessageType, value: unknown, owner: Owner) => unknown;

/** @param fromWire Wire form to value, with its refs for `owner`. */
export function handOver(isolation: Isolation, fromWire: HandOver): HandOver {
  switch (isolation) {
    case 'parse':
      return (type, value, owner) => type.take(value, owner, true);
    case 'codec':
      return (type, value, owner) => fromWire(type, type.toWire(type.parse(value), true), owner);
    case 'trusted':
      return (type, value, owner) => (type.plain ? value : type.rebind(value, owner, true));
    default:
      return isolation satisfies never;
  }
}

/** Packs `value` for `owner` where handing it over left by `apart`. @throws InvalidValue */
export type Pack = (type: MessageType, value: unknown, owner: Owner, keeps: boolean) => Parcel;

/** What the isolation does to a message, for one whose bytes go apart. */
export function packer(isolation: Isolation, fromWire: HandOver, counters: MoveCounters): Pack {
  const options = (owner: Owner, keeps: boolean) => ({ owner, forWire: false, keeps, counters });
  switch (isolation) {
    case 'parse':
      return (type, value, owner, keeps) => Parcel.of(options(owner, keeps), (parcel) => type.take(value, parcel));
    case 'codec':
      return (type, value, owner, keeps) =>
        Parcel.of(
          { ...options(owner, keeps), owner: undefined, forWire: true },
          (parcel) => type.toWire(type.take(value, parcel)),
          (wire) => fromWire(type, wire, owner),
        );
    case 'trusted':
      return (type, value, owner, keeps) => Parcel.of(options(owner, keeps), (parcel) => type.rebind(value, parcel));
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

/**
 * Refs in messages. A ref in a message is rebound: the receiver's ref belongs to the receiver.
 *
 * Two functions rather than one with overloads or thunks, which would break the inference of protocols that refer to
 * themselves or to each other.
 */
import type * as z from 'zod';
import { UsageError } from '../../base/errors.ts';
import type { AnyProtocol, Ref } from '../protocol.ts';
import { leafSchema } from './leaf-schema.ts';
import { isSendableRef, refProtocolName, refRebind, refToWire, type SendableRef } from './ref-rules.ts';

/** A schema for a ref of `protocol`. */
export function refOf<T extends AnyProtocol>(protocol: T): z.ZodType<Ref<T>, Ref<T>> {
  if (typeof protocol?.name !== 'string') throw new UsageError('refOf(protocol) takes what protocol(…) returned');
  return refSchema<Ref<T>>(protocol.name, protocol);
}

/**
 * A schema for a ref of the protocol of this name, for protocols that refer to themselves or to each other:
 * `export interface PeerRef extends Ref<typeof Peer> {}` and `refTo<PeerRef>('peer')`.
 *
 * @throws UsageError when `name` is no string, or empty.
 */
export function refTo<R>(name: string): z.ZodType<R, R> {
  if (typeof name !== 'string' || name === '') throw new UsageError(`refTo(name) takes the name of a protocol`);
  return refSchema<R>(name, undefined);
}

/** Code is found by name and not by identity, so a ref fits when its protocol has the name. */
function refSchema<R>(name: string, protocol: object | undefined): z.ZodType<R, R> {
  return leafSchema<R>((value) => isSendableRef(value) && value[refProtocolName] === name, `a ref of "${name}"`, {
    codec: {
      plain: false,
      copy: (ref, owner) => (ref as SendableRef)[refRebind](owner),
      toWire: (ref) => (ref as SendableRef)[refToWire](),
      fromWire: (wire, receiver) => receiver.refFromWire(wire, protocol, name) ?? wire,
    },
    description: `ref(${name})`,
    isRef: true,
    protocol,
  });
}

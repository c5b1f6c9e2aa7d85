/**
 * What schemas need to know of refs, and no more: how to see one, rebind it, and carry it over a wire.
 *
 * Refs implement `SendableRef` with methods on their class's prototype, under symbols, since every string is free for
 * operation names. The symbols are not registered: a ref of another copy of the package is a foreign object here.
 */

/** The name of the protocol that a ref speaks. */
export const refProtocolName: unique symbol = Symbol('troupe.ref.protocolName');
/** Gives the same actor's ref for another owner, or the ref itself where it already belongs to it. */
export const refRebind: unique symbol = Symbol('troupe.ref.rebind');
/** Gives the ref's wire address, itself in wire form. Throws `InvalidValue` where the target cannot be addressed. */
export const refToWire: unique symbol = Symbol('troupe.ref.toWire');

/** Whoever gets a value: the actor, or the outside. Opaque to schemas, which hand it on. */
export type RefOwner = object;

export interface SendableRef {
  readonly [refProtocolName]: string;
  [refRebind](owner: RefOwner): object;
  [refToWire](): unknown;
}

/** Makes refs of wire addresses, owned by whoever receives the value. */
export interface RefReceiver {
  /**
   * @param wire What `refToWire` gave on the other side, or anything at all from a malformed message.
   * @param protocol The protocol of `refOf`; undefined for `refTo` and for refs in `unknown`, which go by name.
   * @returns Undefined where `wire` is no address; it is then refused as invalid. Must not throw.
   */
  refFromWire(wire: unknown, protocol: object | undefined, protocolName: string): object | undefined;
}

/** True for a ref of any protocol, made by this copy of the package. */
export function isSendableRef(value: unknown): value is SendableRef {
  return typeof value === 'object' && value !== null && refRebind in value;
}

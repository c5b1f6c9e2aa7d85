/**
 * What one part of a schema does to the values that zod has already validated. An absent step means that the value
 * passes as it is, so a message of plain data has no steps at all. Containers are composed of their parts' steps.
 */
import type { RefOwner, RefReceiver } from './ref-rules.ts';

/**
 * Makes a value the receiver's own.
 *
 * @param fresh True when zod made the containers just now, so that they may be patched in place. False when the value
 *   is somebody's: then each container on the way to a leaf that must be copied is made anew.
 */
export type Copy = (value: unknown, owner: RefOwner, fresh: boolean) => unknown;
/** May give back `value`, must not change it. */
export type ToWire = (value: unknown) => unknown;
/** May give back `wire`, must not change it, and must not throw: what is malformed is handed through. */
export type FromWire = (wire: unknown, receiver: RefReceiver) => unknown;

export interface Codec {
  /** Wire form and value are one and the same, for every value. */
  readonly plain: boolean;
  readonly copy: Copy | undefined;
  readonly toWire: ToWire | undefined;
  readonly fromWire: FromWire | undefined;
}

/** Strings, finite numbers, booleans, null. */
export const plainCodec: Codec = { plain: true, copy: undefined, toWire: undefined, fromWire: undefined };
/** Passes as it is, but `undefined` needs the wire's own sign for it. */
export const undefinedCodec: Codec = { plain: false, copy: undefined, toWire: undefined, fromWire: undefined };

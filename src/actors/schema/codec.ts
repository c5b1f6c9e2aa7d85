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

/** A pair of ways: what goes to another place, and what comes from it. */
export interface Ways {
  readonly toWire: ToWire | undefined;
  readonly fromWire: FromWire | undefined;
}

export interface Codec extends Ways {
  /** Wire form and value are one and the same, for every value. */
  readonly plain: boolean;
  readonly copy: Copy | undefined;
  /** A shorter wire form, for places that have the very same schema; absent where there is none. See `row.ts`. */
  readonly short?: ShortForm | undefined;
}

/** A wire form without what the schema says anyway. */
export interface ShortForm {
  readonly toWire: ToWire;
  readonly fromWire: FromWire;
  /** Its values laid flat, where it is always as many of them. */
  readonly row: ValueRow | undefined;
}

/** A value as so many values, one after the other. */
export interface ValueRow {
  readonly width: number;
  /** True where reading it needs no receiver. */
  readonly plain: boolean;
  /** Appends `width` values, all or none of them. */
  write(value: unknown, into: unknown[]): void;
  /** Makes the value of those from `at` on. Must not throw. */
  read(from: readonly unknown[], at: number, receiver: RefReceiver): unknown;
}

/** The way to the shortest form that there is. */
export function shortest({ toWire, fromWire, short }: Codec): Ways {
  return short ?? { toWire, fromWire };
}

/** Strings, finite numbers, booleans, null. */
export const plainCodec: Codec = { plain: true, copy: undefined, toWire: undefined, fromWire: undefined };
/** Passes as it is, but `undefined` needs the wire's own sign for it. */
export const undefinedCodec: Codec = { plain: false, copy: undefined, toWire: undefined, fromWire: undefined };
/** Of what is always undefined: as a row it is nothing at all. */
export const voidCodec: Codec = {
  ...undefinedCodec,
  short: {
    toWire: (value) => value,
    fromWire: (wire) => wire,
    row: { width: 0, plain: true, write: () => undefined, read: () => undefined },
  },
};

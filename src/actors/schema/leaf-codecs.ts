/** The codecs of leaves that zod hands through by reference, or that msgpack does not carry as they are. */
import type { Codec } from './codec.ts';
import { copyPlainData } from './plain-data.ts';
import { timeOf } from './plain-object.ts';
import { bigintOf, digitsOf, fromSelfDescribing, toOwnSelfDescribing } from './self-describing.ts';

/** zod has refused invalid dates; the time of one that is changed meanwhile is NaN, which the receiver refuses. */
export const dateCodec: Codec = {
  plain: false,
  copy: (value) => new Date(timeOf(value as Date)),
  toWire: (value) => timeOf(value as Date),
  fromWire: (wire) => (typeof wire === 'number' ? new Date(wire) : wire),
};

/** A bigint cannot be changed, so it is never copied. */
export const bigintCodec: Codec = {
  plain: false,
  copy: undefined,
  toWire: (value) => digitsOf(value as bigint),
  fromWire: bigintOf,
};

/** Whatever plain data it is. */
export const unknownCodec: Codec = {
  plain: false,
  copy: copyPlainData,
  toWire: toOwnSelfDescribing,
  fromWire: fromSelfDescribing,
};

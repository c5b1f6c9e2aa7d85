/** Bytes in messages: copied when they are sent, or given away, and never a view of somebody else's buffer when they arrive. */
import type * as z from 'zod';
import { UsageError } from '../../base/errors.ts';
import type { Codec } from './codec.ts';
import { leafSchema } from './leaf-schema.ts';
import { ownCopyOf, wireBytesOf } from './parcel.ts';
import { isBytes, ownBytes } from './plain-object.ts';

const bytesCodec: Codec = {
  plain: false,
  copy: (value, owner) => ownCopyOf(value as Uint8Array, owner),
  toWire: (value) => wireBytesOf(value as Uint8Array),
  fromWire: (wire) => (isBytes(wire) ? ownBytes(wire) : wire),
};

/**
 * A schema for bytes. Takes a Uint8Array, a Buffer among them; what arrives is a plain Uint8Array that belongs to the
 * receiver, as the sender's stays with the sender: they are copied, unless the sender gives them away with `move(…)`. What
 * was given away before is refused.
 *
 * @param options.bytesMax The most bytes it takes; not bounded unless given, but by what a link carries.
 * @throws UsageError when `bytesMax` is not a whole number from 0 on.
 */
export function bytes(options: { readonly bytesMax?: number } = {}): z.ZodType<Uint8Array, Uint8Array> {
  const { bytesMax = Number.POSITIVE_INFINITY } = options;
  if (bytesMax !== Number.POSITIVE_INFINITY && (!Number.isSafeInteger(bytesMax) || bytesMax < 0)) {
    throw new UsageError(`bytes({ bytesMax }) takes a whole number from 0 on; it was given ${String(bytesMax)}`);
  }
  const bounded = bytesMax !== Number.POSITIVE_INFINITY;
  return leafSchema<Uint8Array>(
    (value) => isBytes(value) && value.byteLength <= bytesMax,
    bounded ? `a Uint8Array of at most ${bytesMax} bytes` : 'a Uint8Array',
    { codec: bytesCodec, description: bounded ? `bytes(${bytesMax})` : 'bytes' },
  );
}

/**
 * What the runtime sends to itself and nobody else holds, such as a batch of stream elements.
 *
 * Handed through by reference on one place: each element was made the receiver's own before it entered the batch. Across
 * places it describes itself.
 */
import type * as z from 'zod';
import { leafSchema } from './leaf-schema.ts';
import { fromSelfDescribing, toSelfDescribing } from './self-describing.ts';

export function opaque(): z.ZodType<unknown, unknown> {
  return leafSchema<unknown>(() => true, 'anything', {
    codec: { plain: false, copy: undefined, toWire: toSelfDescribing, fromWire: fromSelfDescribing },
    description: 'opaque',
  });
}

/** The message of the programs that need no other, and its schema. */
import * as z from 'zod';

export const smallMessage = z.object({ type: z.literal('inc'), n: z.number(), id: z.string() });

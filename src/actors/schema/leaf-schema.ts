/**
 * Leaf schemas of our own: a `z.custom` whose predicate carries the codec.
 *
 * The predicate is the one part that `.optional()`, `.describe()`, `.meta()`, `.refine()` and every other method that
 * clones a schema hand on as it is, so the mark sits there.
 */
import * as z from 'zod';
import type { Codec } from './codec.ts';
import type { Predicate, ZodNode } from './zod-node.ts';

const LEAF: unique symbol = Symbol('troupe.leaf');

export interface Leaf {
  readonly codec: Codec;
  /** Its part of a fingerprint. */
  readonly description: string;
  /** True for a ref. */
  readonly isRef?: boolean;
  /** The protocol of a ref, where the schema names more than its name. */
  readonly protocol?: object | undefined;
}

/**
 * @param accepts Must look at the value only: it runs at the sender, and again at a receiver that does not trust it.
 * @param expected Completes "Invalid input: expected …".
 */
export function leafSchema<T>(accepts: (value: unknown) => boolean, expected: string, leaf: Leaf): z.ZodType<T, T> {
  const marked = Object.assign((value: unknown): boolean => accepts(value), { [LEAF]: leaf });
  return z.custom<T>(marked, { error: () => `Invalid input: expected ${expected}` });
}

/** The leaf that a schema is, or undefined for zod's own. */
export function leafOf(schema: ZodNode): Leaf | undefined {
  return (schema._zod.def.fn as (Predicate & { readonly [LEAF]?: Leaf }) | undefined)?.[LEAF];
}

/**
 * Where an actor is to run, as data. What it names is chosen when something is spawned, by the runtime: this floor knows
 * only that there are other places.
 */
import { UsageError } from '../../base/errors.ts';

/** Where an actor is to run: what `here()`, `thread()`, `node({ role })` and `spread([…])` give. */
export type Where =
  | { readonly kind: 'here' }
  | { readonly kind: 'thread' }
  | { readonly kind: 'node'; readonly role: string }
  | { readonly kind: 'spread'; readonly places: readonly Where[] };

const kinds: readonly unknown[] = ['here', 'thread', 'node', 'spread'];

/** @throws UsageError for what is no place, such as the function that makes one */
export function checkWhere(given: unknown, what: string): asserts given is Where {
  if (kinds.includes((given as Partial<Where> | null | undefined)?.kind)) return;
  throw new UsageError(`${what} takes here(), thread(), node({ role }) or spread([…]); it was given ${typeof given}`);
}

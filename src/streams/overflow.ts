/** What to lose where a flow may not wait: the strategies of lossy edges. */
import { UsageError } from '../base/errors.ts';

/**
 * What happens to an element that finds `capacity` others waiting.
 *
 * `drop-oldest`: the one that has waited longest is dropped. `drop-newest`: this one is. `conflate`: it is merged into
 * the one that came before it, by `merge(waiting, newer)`; with `(_, newer) => newer` only the latest is kept. Nothing
 * is lost without being counted as dropped, a conflated element too.
 */
export type OverflowStrategy<T> =
  | { readonly strategy: 'drop-oldest' | 'drop-newest'; readonly capacity: number }
  | { readonly strategy: 'conflate'; readonly capacity?: number; readonly merge: (waiting: T, newer: T) => T };

/** @throws UsageError for a strategy that is none. */
export function checkOverflow(given: OverflowStrategy<unknown>): void {
  const { strategy, capacity = 1 } = Object(given) as { strategy?: unknown; capacity?: number };
  if (strategy !== 'drop-oldest' && strategy !== 'drop-newest' && strategy !== 'conflate') {
    const known = "'drop-oldest', 'drop-newest' or 'conflate'";
    throw new UsageError(`overflow({ strategy: ${JSON.stringify(strategy)} }): a strategy is ${known}`);
  }
  if (!Number.isSafeInteger(capacity) || capacity < 1) {
    throw new UsageError(`overflow({ capacity: ${String(capacity)} }): it is a whole number of elements from 1 on`);
  }
  if (strategy === 'conflate' && typeof (given as { merge?: unknown }).merge !== 'function') {
    throw new UsageError('overflow({ strategy: "conflate" }) needs merge: (waiting, newer) => …');
  }
}

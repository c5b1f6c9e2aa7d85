/** How often one actor may be restarted, and how long to wait before it is. */
import { Ring } from '../base/ring.ts';
import type { SupervisionPolicy } from './supervise.ts';

/** The restarts of one actor in the window that ends now. A restart leaves it exactly `withinMs` after it was made. */
export class RestartBudget {
  readonly #restartsMax: number;
  readonly #withinMs: number;
  /** When each restart of the window was made, oldest first; never more than `restartsMax`. */
  readonly #madeMs: Ring<number> = new Ring();

  constructor({ restartsMax, withinMs }: Pick<SupervisionPolicy, 'restartsMax' | 'withinMs'>) {
    this.#restartsMax = restartsMax;
    this.#withinMs = withinMs;
  }

  used(nowMs: number): number {
    for (let oldest = this.#madeMs.peek(); oldest !== undefined; oldest = this.#madeMs.peek()) {
      if (nowMs - oldest < this.#withinMs) break;
      this.#madeMs.shift();
    }
    return this.#madeMs.size;
  }

  /** How long ago each restart of the window was made, oldest first. */
  ages(nowMs: number): number[] {
    this.used(nowMs);
    return [...this.#madeMs.values()].map((madeMs) => nowMs - madeMs);
  }

  /** Restarts that were made elsewhere, so long ago. */
  resume(ages: readonly number[], nowMs: number): void {
    for (const age of ages) this.#madeMs.push(nowMs - age);
  }

  allows(nowMs: number): boolean {
    return this.used(nowMs) < this.#restartsMax;
  }

  /** A restart is made now: counted then and not when it is decided, so that no delay crowds the window. */
  spend(nowMs: number): void {
    this.used(nowMs);
    this.#madeMs.push(nowMs);
  }
}

/**
 * The wait before a restart: exponential, with the upper half of it left to chance, so that actors which failed together
 * do not come back together.
 *
 * @param earlier restarts of the window before this one
 * @param chance uniform in [0, 1)
 */
export function backoffMs(
  { minMs, maxMs }: { readonly minMs: number; readonly maxMs: number },
  earlier: number,
  chance: number,
): number {
  const longest = Math.min(maxMs, minMs * 2 ** (earlier + 1));
  const shortest = Math.max(minMs, longest / 2);
  return shortest + chance * (longest - shortest);
}

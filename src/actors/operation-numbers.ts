/**
 * Numbers for what the actors of a place do, as they stand in its activity; see `base/activity.ts`.
 *
 * They are the place's own. Where other threads read them it says what they mean, once for each definition.
 */
import type { ActorBehavior } from './behavior.ts';

/** Told that what has the numbers from `first` on is called so. */
export type NameOperations = (first: number, labels: readonly string[]) => void;

export class OperationNumbers {
  readonly #name: NameOperations | undefined;
  readonly #max: number;
  /** By all labels of a definition: those that are declared again and again share their numbers. */
  readonly #firsts = new Map<string, number>();
  #next = 1;

  /** @param name without it nobody else reads the numbers, and all definitions have the same */
  constructor(name: NameOperations | undefined, max: number) {
    this.#name = name;
    this.#max = max;
  }

  /** The number of the definition's first operation; its others follow. Those that are too many are named to nobody. */
  firstOf(behavior: ActorBehavior): number {
    if (this.#name === undefined) return 1;
    const labels = behavior.labels();
    const key = labels.join(' ');
    const known = this.#firsts.get(key);
    if (known !== undefined) return known;
    if (this.#next + labels.length > this.#max) return this.#max;
    const first = this.#next;
    this.#next += labels.length;
    this.#firsts.set(key, first);
    this.#name(first, labels);
    return first;
  }
}

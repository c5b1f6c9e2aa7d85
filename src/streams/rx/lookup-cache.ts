/**
 * What `lookup` remembers: at most so many keys, each for so long. When it is full, the key that was asked for longest
 * ago is forgotten. That a key has no value is remembered too, for a time of its own.
 */
import type { Clock } from '../../base/environment/clock.ts';

/** What a lookup keeps of its answers. */
export interface LookupCache {
  /** Keys that are kept, those without a value among them. 0 keeps none: only loads under way are shared. */
  readonly entries: number;
  /** How long an answer is good, in ms by the flow's clock; for ever unless given. */
  readonly ttlMs?: number;
  /** The same for a key that has no value; as `ttlMs` unless given. */
  readonly negativeTtlMs?: number;
}

/** What a key was found to have. */
export interface Found<V> {
  /** Undefined where the key has none. */
  readonly value: V | undefined;
}

interface Entry<V> extends Found<V> {
  readonly untilMs: number;
}

export class AnswerCache<K, V> {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #ttlMs: number;
  readonly #negativeTtlMs: number;
  /** The key that was asked for longest ago is the first. */
  readonly #entries = new Map<K, Entry<V>>();

  constructor(clock: Clock, { entries, ttlMs = Number.POSITIVE_INFINITY, negativeTtlMs = ttlMs }: LookupCache) {
    this.#clock = clock;
    this.#max = entries;
    this.#ttlMs = ttlMs;
    this.#negativeTtlMs = negativeTtlMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): Found<V> | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (entry.untilMs !== Number.POSITIVE_INFINITY && entry.untilMs <= this.#clock.monotonicMs()) return undefined;
    this.#entries.set(key, entry);
    return entry;
  }

  set(key: K, value: V | undefined): void {
    if (this.#max === 0) return;
    const ttlMs = value === undefined ? this.#negativeTtlMs : this.#ttlMs;
    this.#entries.delete(key);
    if (this.#entries.size >= this.#max) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    this.#entries.set(key, { value, untilMs: this.#clock.monotonicMs() + ttlMs });
  }
}

/**
 * How far the splits of a source have got, and when each was heard last.
 *
 * A live source may have thousands (devices, users), and give one element at a time. So the slowest is found by a heap, and
 * the most silent stands first: neither costs a look at all of them.
 */
import { Slots } from './windows/slots.ts';
import { Timers } from './windows/timers.ts';

interface SplitTime {
  /** The part of the source that it belongs to, where the source names parts of its own. */
  readonly part: string;
  readonly slot: number;
  latestMs: number;
  heardMs: number;
}

export class SplitTimes {
  /** In the order in which they were heard last. */
  readonly #splits = new Map<string, SplitTime>();
  readonly #slots = new Slots();
  /** By the latest time of each. */
  readonly #slowest = new Timers();

  get size(): number {
    return this.#splits.size;
  }

  /** The latest time of the slowest; Infinity where there is none. */
  get slowestMs(): number {
    return this.#slowest.nextMs;
  }

  /** When the most silent one was heard; undefined where there is none. */
  get silentSinceMs(): number | undefined {
    for (const { heardMs } of this.#splits.values()) return heardMs;
    return undefined;
  }

  has(name: string): boolean {
    return this.#splits.has(name);
  }

  /** One that is not there is new. */
  hear(name: string, part: string, timeMs: number, nowMs: number): void {
    const known = this.#splits.get(name);
    if (known === undefined) {
      const slot = this.#slots.take();
      this.#splits.set(name, { part, slot, latestMs: timeMs, heardMs: nowMs });
      this.#slowest.set(slot, timeMs, slot);
      return;
    }
    if (known.heardMs !== nowMs) {
      known.heardMs = nowMs;
      this.#splits.delete(name);
      this.#splits.set(name, known);
    }
    if (timeMs <= known.latestMs) return;
    known.latestMs = timeMs;
    this.#slowest.set(known.slot, timeMs, known.slot);
  }

  /** Forgets those that were not heard since `sinceMs`. */
  forgetSilent(sinceMs: number): void {
    for (const [name, split] of this.#splits) {
      if (split.heardMs > sinceMs) return;
      this.#forget(name, split);
    }
  }

  /** Forgets those of a part, or all. */
  forget(part?: string): void {
    for (const [name, split] of this.#splits) if (part === undefined || split.part === part) this.#forget(name, split);
  }

  #forget(name: string, { slot }: SplitTime): void {
    this.#splits.delete(name);
    this.#slowest.clear(slot);
    this.#slots.give(slot);
  }
}

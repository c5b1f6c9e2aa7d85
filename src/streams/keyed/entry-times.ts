/** When each entry of each key was set last, the oldest first: what the times to live of maps go by. */
import { Expiry } from './expiry.ts';
import { Floats } from './floats.ts';

type EntryKey = string | number;

export class EntryTimes {
  readonly #ttlMs: number;
  readonly expiry: Expiry;
  /** A Map keeps the order in which its keys were added, and an entry that is set again is added again. */
  #times: (Map<EntryKey, number> | undefined)[] = [];
  /** Of the entry that was set last: one that is set after it counts as not older, so that the order is that of time. */
  readonly #latest = new Floats(Number.NaN);
  #entries = 0;

  /** @param expire as that of {@link Expiry}. */
  constructor(ttlMs: number, expire: (slot: number, nowMs: number) => number) {
    this.#ttlMs = ttlMs;
    this.expiry = new Expiry(ttlMs, expire);
  }

  get bytes(): number {
    return this.expiry.bytes + this.#latest.bytes + this.#entries * 32;
  }

  set(slot: number, key: EntryKey, timeMs: number): void {
    const latestMs = this.#latest.get(slot);
    const atMs = latestMs > timeMs ? latestMs : timeMs;
    this.#latest.set(slot, atMs);
    this.#times[slot] ??= new Map();
    const times = this.#times[slot];
    if (!times.delete(key)) this.#entries += 1;
    times.set(key, atMs);
    if (times.size === 1) this.expiry.schedule(slot, atMs + this.#ttlMs);
  }

  delete(slot: number, key: EntryKey): void {
    const times = this.#times[slot];
    if (!times?.delete(key)) return;
    this.#entries -= 1;
    if (times.size === 0) this.clear(slot);
  }

  clear(slot: number): void {
    const times = this.#times[slot];
    if (times === undefined) return;
    this.#entries -= times.size;
    this.#latest.clear(slot);
    if (this.#entries === 0) this.#times = [];
    else this.#times[slot] = undefined;
  }

  /** The entries that are due by `nowMs`; they are to be deleted. */
  *over(slot: number, nowMs: number): Generator<EntryKey> {
    const times = this.#times[slot];
    if (times === undefined) return;
    for (const [key, atMs] of times) {
      if (atMs + this.#ttlMs > nowMs) return;
      yield key;
    }
  }

  /** When the oldest entry of a slot is due; NaN where there is none. */
  dueMs(slot: number): number {
    const times = this.#times[slot];
    if (times === undefined) return Number.NaN;
    for (const atMs of times.values()) return atMs + this.#ttlMs;
    return Number.NaN;
  }
}

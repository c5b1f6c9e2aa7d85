/** Entries of each key. */
import { StateOverflow } from '../errors.ts';
import { EntryTimes } from './entry-times.ts';
import type { Expiry } from './expiry.ts';
import type { MapState, StateSpec } from './state.ts';
import { referenceBytes, type StateColumn } from './state-column.ts';
import type { StateOwner } from './state-owner.ts';

type EntryKey = string | number;

export class MapColumn implements StateColumn, MapState<EntryKey, unknown> {
  readonly #owner: StateOwner;
  readonly #name: string;
  readonly #max: number;
  readonly #times: EntryTimes | undefined;
  #maps: (Map<EntryKey, unknown> | undefined)[] = [];
  kept = 0;
  readonly dropped = 0;

  constructor(name: string, { max, ttlMs }: StateSpec<unknown>, owner: StateOwner) {
    this.#name = name;
    this.#max = max;
    this.#owner = owner;
    if (ttlMs !== Infinity) this.#times = new EntryTimes(ttlMs, (slot, nowMs) => this.expire(slot, nowMs));
  }

  get expiry(): Expiry | undefined {
    return this.#times?.expiry;
  }

  get bytes(): number {
    return this.kept * (referenceBytes + 32) + (this.#times?.bytes ?? 0);
  }

  get size(): number {
    return this.#maps[this.#owner.slot]?.size ?? 0;
  }

  get(key: EntryKey): unknown {
    return this.#maps[this.#owner.slot]?.get(key);
  }

  has(key: EntryKey): boolean {
    return this.#maps[this.#owner.slot]?.has(key) ?? false;
  }

  set(key: EntryKey, value: unknown): void {
    const { slot, touchMs } = this.#owner;
    let map = this.#maps[slot];
    if (map === undefined) {
      map = new Map();
      this.#maps[slot] = map;
      this.#owner.more(slot);
    }
    const before = map.size;
    // An entry with a time to live stands where it was set last.
    if (this.#times !== undefined && map.delete(key)) this.kept -= 1;
    else if (before >= this.#max && !map.has(key)) {
      throw new StateOverflow(this.#owner.stage, this.#name, this.#max, this.#owner.keyAt(slot));
    }
    const without = map.size;
    map.set(key, value);
    this.kept += map.size - without;
    this.#times?.set(slot, key, touchMs);
  }

  delete(key: EntryKey): boolean {
    return this.#delete(this.#owner.slot, key);
  }

  entries(): [EntryKey, unknown][] {
    return [...(this.#maps[this.#owner.slot] ?? [])];
  }

  clear(): void {
    const { slot } = this.#owner;
    const map = this.#maps[slot];
    if (map === undefined) return;
    this.#times?.clear(slot);
    this.#forget(slot, map.size);
  }

  expire(slot: number, nowMs: number): number {
    const times = this.#times!;
    for (const key of times.over(slot, nowMs)) this.#delete(slot, key);
    return times.dueMs(slot);
  }

  #delete(slot: number, key: EntryKey): boolean {
    const map = this.#maps[slot];
    if (map === undefined || !map.delete(key)) return false;
    this.#times?.delete(slot, key);
    if (map.size === 0) this.#forget(slot, 1);
    else this.kept -= 1;
    return true;
  }

  #forget(slot: number, entries: number): void {
    this.kept -= entries;
    if (this.kept === 0) this.#maps = [];
    else this.#maps[slot] = undefined;
    this.#owner.less(slot);
  }
}

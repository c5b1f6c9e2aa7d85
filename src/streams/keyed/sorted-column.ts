/** Entries of each key in the order of their own keys: two arrays, which a binary search finds its way in. */
import { StateOverflow } from '../errors.ts';
import { EntryTimes } from './entry-times.ts';
import type { Expiry } from './expiry.ts';
import type { SortedState, StateRange, StateSpec } from './state.ts';
import { referenceBytes, type StateColumn } from './state-column.ts';
import type { StateOwner } from './state-owner.ts';

type EntryKey = string | number;
/** The keys of the entries, in order, and their values. */
interface Entries {
  readonly keys: EntryKey[];
  readonly values: unknown[];
}
const nothing: Entries = { keys: [], values: [] };

export class SortedColumn implements StateColumn, SortedState<EntryKey, unknown> {
  readonly #owner: StateOwner;
  readonly #name: string;
  readonly #max: number;
  readonly #times: EntryTimes | undefined;
  #entries: (Entries | undefined)[] = [];
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
    return this.kept * (referenceBytes + 8) + (this.#times?.bytes ?? 0);
  }

  get size(): number {
    return this.#now.keys.length;
  }

  get(key: EntryKey): unknown {
    const { keys, values } = this.#now;
    const at = placeOf(keys, key);
    return keys[at] === key ? values[at] : undefined;
  }

  has(key: EntryKey): boolean {
    const { keys } = this.#now;
    return keys[placeOf(keys, key)] === key;
  }

  set(key: EntryKey, value: unknown): void {
    const { slot, touchMs } = this.#owner;
    if (Number.isNaN(key)) throw new RangeError(`state '${this.#name}' was given NaN as a key, which has no order`);
    let entries = this.#entries[slot];
    if (entries === undefined) {
      entries = { keys: [], values: [] };
      this.#entries[slot] = entries;
      this.#owner.more(slot);
    }
    const { keys, values } = entries;
    const at = placeOf(keys, key);
    if (keys[at] === key) values[at] = value;
    else {
      if (keys.length >= this.#max) {
        throw new StateOverflow(this.#owner.stage, this.#name, this.#max, this.#owner.keyAt(slot));
      }
      keys.splice(at, 0, key);
      values.splice(at, 0, value);
      this.kept += 1;
    }
    this.#times?.set(slot, key, touchMs);
  }

  delete(key: EntryKey): boolean {
    return this.#delete(this.#owner.slot, key);
  }

  first(): [EntryKey, unknown] | undefined {
    const { keys, values } = this.#now;
    return keys.length === 0 ? undefined : [keys[0]!, values[0]];
  }

  last(): [EntryKey, unknown] | undefined {
    const { keys, values } = this.#now;
    const at = keys.length - 1;
    return at < 0 ? undefined : [keys[at]!, values[at]];
  }

  range(range: StateRange<EntryKey> = {}): [EntryKey, unknown][] {
    const { keys, values } = this.#now;
    const [begin, end] = boundsOf(keys, range);
    return keys.slice(begin, end).map((key, index) => [key, values[begin + index]]);
  }

  entries(): [EntryKey, unknown][] {
    return this.range();
  }

  deleteRange(range: StateRange<EntryKey>): number {
    const { slot } = this.#owner;
    const { keys, values } = this.#entries[slot] ?? nothing;
    const [begin, end] = boundsOf(keys, range);
    if (begin >= end) return 0;
    const gone = keys.splice(begin, end - begin);
    values.splice(begin, end - begin);
    if (this.#times !== undefined) for (const key of gone) this.#times.delete(slot, key);
    this.#less(slot, keys, gone.length);
    return gone.length;
  }

  clear(): void {
    const { slot } = this.#owner;
    const entries = this.#entries[slot];
    if (entries === undefined) return;
    this.#times?.clear(slot);
    const { length } = entries.keys;
    entries.keys.length = 0;
    this.#less(slot, entries.keys, length);
  }

  expire(slot: number, nowMs: number): number {
    const times = this.#times!;
    for (const key of times.over(slot, nowMs)) this.#delete(slot, key);
    return times.dueMs(slot);
  }

  get #now(): Entries {
    return this.#entries[this.#owner.slot] ?? nothing;
  }

  #delete(slot: number, key: EntryKey): boolean {
    const { keys, values } = this.#entries[slot] ?? nothing;
    const at = placeOf(keys, key);
    if (at === keys.length || keys[at] !== key) return false;
    keys.splice(at, 1);
    values.splice(at, 1);
    this.#times?.delete(slot, key);
    this.#less(slot, keys, 1);
    return true;
  }

  /** So many entries are gone of a slot that has `keys` left. */
  #less(slot: number, keys: readonly EntryKey[], gone: number): void {
    this.kept -= gone;
    if (keys.length > 0) return;
    if (this.kept === 0) this.#entries = [];
    else this.#entries[slot] = undefined;
    this.#owner.less(slot);
  }
}

/** From which place up to which, without it, the keys of a range stand. */
function boundsOf(keys: readonly EntryKey[], { from, to, limit = Infinity }: StateRange<EntryKey>): [number, number] {
  const begin = from === undefined ? 0 : placeOf(keys, from);
  const end = to === undefined ? keys.length : placeOf(keys, to);
  return [begin, Math.min(end, begin + Math.max(0, limit))];
}

/** Where a key stands, or belongs: before it are those that are lower. */
function placeOf(keys: readonly EntryKey[], key: EntryKey): number {
  let low = 0;
  let high = keys.length;
  // Mostly what is set is the last.
  if (high > 0 && keys[high - 1]! < key) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Items of each key, in the order in which they were pushed. */
import { StateOverflow } from '../errors.ts';
import { Expiry } from './expiry.ts';
import type { ListState, StateSpec } from './state.ts';
import { referenceBytes, type StateColumn } from './state-column.ts';
import type { StateOwner } from './state-owner.ts';

export class ListColumn implements StateColumn, ListState<unknown> {
  readonly #owner: StateOwner;
  readonly #name: string;
  readonly #spec: StateSpec<unknown>;
  readonly expiry: Expiry | undefined;
  #lists: (unknown[] | undefined)[] = [];
  /** Where they have a time to live: when each item was pushed, or the one before it if that was later. */
  #times: (number[] | undefined)[] = [];
  kept = 0;
  dropped = 0;

  constructor(name: string, spec: StateSpec<unknown>, owner: StateOwner) {
    this.#name = name;
    this.#spec = spec;
    this.#owner = owner;
    const { ttlMs } = spec;
    if (ttlMs !== Infinity) this.expiry = new Expiry(ttlMs, (slot, nowMs) => this.expire(slot, nowMs));
  }

  get bytes(): number {
    const ofTtl = this.expiry === undefined ? 0 : this.expiry.bytes + this.kept * 8;
    return this.kept * referenceBytes + ofTtl;
  }

  get length(): number {
    return this.#lists[this.#owner.slot]?.length ?? 0;
  }

  items(): unknown[] {
    return this.#lists[this.#owner.slot]?.slice() ?? [];
  }

  push(item: unknown): void {
    const { slot, touchMs } = this.#owner;
    let items = this.#lists[slot];
    const { max, overflow, ttlMs } = this.#spec;
    if (items === undefined) {
      items = [];
      this.#lists[slot] = items;
      this.#owner.more(slot);
    } else if (items.length >= max) {
      if (overflow === 'fail') throw new StateOverflow(this.#owner.stage, this.#name, max, this.#owner.keyAt(slot));
      items.shift();
      this.#times[slot]?.shift();
      this.kept -= 1;
      this.dropped += 1;
    }
    items.push(item);
    this.kept += 1;
    if (this.expiry === undefined) return;
    this.#times[slot] ??= [];
    const times = this.#times[slot];
    const atMs = Math.max(touchMs, times.at(-1) ?? -Infinity);
    times.push(atMs);
    if (times.length === 1) this.expiry.schedule(slot, atMs + ttlMs);
  }

  clear(): void {
    const { slot } = this.#owner;
    const items = this.#lists[slot];
    if (items !== undefined) this.#forget(slot, items.length);
  }

  expire(slot: number, nowMs: number): number {
    const items = this.#lists[slot];
    const times = this.#times[slot];
    if (items === undefined || times === undefined) return Number.NaN;
    let over = 0;
    while (over < times.length && times[over]! + this.#spec.ttlMs <= nowMs) over += 1;
    if (over === times.length) {
      this.#forget(slot, items.length);
      return Number.NaN;
    }
    if (over > 0) {
      items.splice(0, over);
      times.splice(0, over);
      this.kept -= over;
    }
    return times[0]! + this.#spec.ttlMs;
  }

  #forget(slot: number, items: number): void {
    this.kept -= items;
    if (this.kept === 0) {
      this.#lists = [];
      this.#times = [];
    } else {
      this.#lists[slot] = undefined;
      if (this.expiry !== undefined) this.#times[slot] = undefined;
    }
    this.#owner.less(slot);
  }
}

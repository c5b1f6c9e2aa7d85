/** One value of each key: numbers in a typed column, anything else by reference. */
import { Expiry } from './expiry.ts';
import { Floats } from './floats.ts';
import type { StateSpec, ValueState } from './state.ts';
import { referenceBytes, type StateColumn } from './state-column.ts';
import type { StateOwner } from './state-owner.ts';

export class ValueColumn implements StateColumn, ValueState<unknown> {
  readonly #owner: StateOwner;
  readonly #initial: () => unknown;
  readonly #ttlMs: number;
  readonly expiry: Expiry | undefined;
  /** When each was written last; NaN of one that was not. Without a time to live it only tells these two apart. */
  readonly #written = new Floats(Number.NaN);
  /** Where all values so far are numbers, as the first one is. */
  #numbers: Floats | undefined;
  #values: unknown[] = [];
  kept = 0;
  readonly dropped = 0;

  constructor({ initial, ttlMs }: StateSpec<unknown>, owner: StateOwner) {
    this.#owner = owner;
    this.#initial = initial;
    this.#ttlMs = ttlMs;
    if (ttlMs !== Infinity) this.expiry = new Expiry(ttlMs, (slot, nowMs) => this.expire(slot, nowMs));
    if (typeof initial() === 'number') this.#numbers = new Floats(0);
  }

  get bytes(): number {
    const ofValues = this.#numbers?.bytes ?? this.kept * referenceBytes;
    return this.#written.bytes + ofValues + (this.expiry?.bytes ?? 0);
  }

  get(): unknown {
    const { slot } = this.#owner;
    if (Number.isNaN(this.#written.get(slot))) return this.#initial();
    return this.#numbers === undefined ? this.#values[slot] : this.#numbers.get(slot);
  }

  set(value: unknown): void {
    const { slot, touchMs } = this.#owner;
    if (this.#numbers !== undefined && typeof value !== 'number') this.#keepReferences(this.#numbers);
    if (this.#numbers === undefined) this.#values[slot] = value;
    else this.#numbers.set(slot, value as number);
    const beforeMs = this.#written.get(slot);
    if (Number.isNaN(beforeMs)) {
      this.kept += 1;
      this.#owner.more(slot);
    }
    const { expiry } = this;
    if (expiry === undefined) {
      if (Number.isNaN(beforeMs)) this.#written.set(slot, 0);
    } else if (!(beforeMs >= touchMs)) {
      this.#written.set(slot, touchMs);
      expiry.schedule(slot, touchMs + this.#ttlMs);
    }
  }

  update(update: (value: unknown) => unknown): unknown {
    const value = update(this.get());
    this.set(value);
    return value;
  }

  clear(): void {
    const { slot } = this.#owner;
    if (!Number.isNaN(this.#written.get(slot))) this.#forget(slot);
  }

  expire(slot: number, nowMs: number): number {
    const dueMs = this.#written.get(slot) + this.#ttlMs;
    if (!(dueMs <= nowMs)) return dueMs;
    this.#forget(slot);
    return Number.NaN;
  }

  #forget(slot: number): void {
    this.#written.clear(slot);
    this.#numbers?.clear(slot);
    this.kept -= 1;
    if (this.kept === 0) this.#values = [];
    else if (this.#numbers === undefined) this.#values[slot] = undefined;
    this.#owner.less(slot);
  }

  /** A number gives way to something else, so all are kept by reference from now on. */
  #keepReferences(numbers: Floats): void {
    for (let slot = 0; slot < numbers.length; slot += 1) {
      if (!Number.isNaN(this.#written.get(slot))) this.#values[slot] = numbers.get(slot);
    }
    this.#numbers = undefined;
  }
}

/** The first element of each key, and again once the time to live of the one that was given is over: deduplication. */
import type { Key } from '../../base/hash-key.ts';
import type { GroupHeld, Processor, ProcessorContext, ProcessorSpec, StateHeld } from '../processor.ts';
import { KeyTable } from '../windows/key-table.ts';
import { Expiry } from './expiry.ts';
import { Floats } from './floats.ts';
import { untimed } from './idle-keys.ts';
import { ttlText } from './running-value.ts';
import { Sweeper } from './sweeper.ts';

export function firstOfKey(ttlMs: number): ProcessorSpec {
  return { kind: 'first', text: ttlText('first', ttlMs), make: (context) => new FirstOfKey(ttlMs, context) };
}

/**
 * Elements are told apart by their own times, so that it does not matter how far event time has gone: an element is the
 * first again if `ttlMs` or more lies between the one that was given and it. Only one that is late may come when the
 * one that was given is forgotten, and is given then.
 */
class FirstOfKey implements Processor {
  readonly #ttlMs: number;
  readonly #context: ProcessorContext;
  readonly #keyOf: (item: unknown) => Key;
  readonly #keys = new KeyTable();
  /** When the element was that was given. */
  readonly #givenAt = new Floats(Number.NaN);
  readonly #expiry: Expiry | undefined;
  readonly #sweeper: Sweeper;
  #watermarkMs = -Infinity;

  constructor(ttlMs: number, context: ProcessorContext) {
    this.#ttlMs = ttlMs;
    this.#context = context;
    this.#keyOf = context.keyOf[0]!;
    if (ttlMs !== Infinity) this.#expiry = new Expiry(ttlMs, (slot, nowMs) => this.#expire(slot, nowMs));
    this.#sweeper = new Sweeper(this.#expiry === undefined ? [] : [this.#expiry], context);
  }

  get held(): StateHeld {
    const { size, bytes } = this.#keys;
    const ofTtl = this.#expiry === undefined ? 0 : this.#givenAt.bytes + this.#expiry.bytes;
    return { keys: size, stateBytes: bytes + ofTtl };
  }

  get groups(): readonly GroupHeld[] {
    return this.#keys.groups(this.held.stateBytes - this.#keys.bytes);
  }

  get due(): boolean {
    return this.#sweeper.due;
  }

  add(item: unknown, timeMs: number): boolean {
    const keys = this.#keys;
    const key = this.#keyOf(item);
    const known = keys.find(key);
    const expiry = this.#expiry;
    if (expiry === undefined) {
      if (known !== undefined) return true;
      keys.slotOf(key);
    } else {
      const { timed, clock } = this.#context;
      if (timed && Number.isNaN(timeMs)) throw new RangeError(untimed);
      const atMs = timed ? timeMs : clock.monotonicMs();
      if (known !== undefined) {
        const dueMs = this.#givenAt.get(known) + this.#ttlMs;
        if (atMs < dueMs && dueMs > this.#watermarkMs) return true;
      }
      const slot = known ?? keys.slotOf(key);
      this.#givenAt.set(slot, atMs);
      expiry.schedule(slot, atMs + this.#ttlMs);
      this.#sweeper.arm();
    }
    this.#context.emit(item, Math.max(timeMs, this.#watermarkMs));
    return true;
  }

  advance(watermarkMs: number): void {
    this.#watermarkMs = watermarkMs;
    this.#sweeper.advance(watermarkMs);
  }

  work(): boolean {
    if (this.#sweeper.work()) return true;
    this.#keys.trim();
    return false;
  }

  stop(): void {
    this.#sweeper.stop();
  }

  #expire(slot: number, nowMs: number): number {
    const dueMs = this.#givenAt.get(slot) + this.#ttlMs;
    if (dueMs > nowMs) return dueMs;
    this.#givenAt.clear(slot);
    this.#keys.delete(slot);
    return Number.NaN;
  }
}

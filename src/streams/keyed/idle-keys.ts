/** Keys that go when no element of theirs came for a while: the time to live of state that is one thing a key. */
import type { ProcessorContext } from '../processor.ts';
import { Expiry } from './expiry.ts';
import { Floats } from './floats.ts';
import { Sweeper } from './sweeper.ts';

/** Operators such as `startWith` give elements before any came whose event time they could have. */
export const untimed =
  'an operator before the stage made an element before the first one came, so it has no event time; make it later';

export class IdleKeys {
  readonly #ttlMs: number;
  readonly #context: ProcessorContext;
  readonly #forget: (slot: number) => void;
  readonly #touched = new Floats(Number.NaN);
  readonly #expiry: Expiry | undefined;
  readonly #sweeper: Sweeper;

  /**
   * @param ttlMs Infinity for keys that stay.
   * @param forget the key of a slot is gone.
   */
  constructor(ttlMs: number, context: ProcessorContext, forget: (slot: number) => void) {
    this.#ttlMs = ttlMs;
    this.#context = context;
    this.#forget = forget;
    if (ttlMs !== Infinity) this.#expiry = new Expiry(ttlMs, (slot, nowMs) => this.#expire(slot, nowMs));
    this.#sweeper = new Sweeper(this.#expiry === undefined ? [] : [this.#expiry], context);
  }

  get bytes(): number {
    return this.#expiry === undefined ? 0 : this.#touched.bytes + this.#expiry.bytes;
  }

  get due(): boolean {
    return this.#sweeper.due;
  }

  /** Whether the time of a slot is over, though its key is still there. It is forgotten then. */
  over(slot: number): boolean {
    return this.#expiry !== undefined && Number.isNaN(this.#expire(slot, this.#sweeper.nowMs));
  }

  /** An element of the key came, or the first one. */
  touch(slot: number, timeMs: number): void {
    const expiry = this.#expiry;
    if (expiry === undefined) return;
    const atMs = this.#touchMs(timeMs);
    const beforeMs = this.#touched.get(slot);
    if (beforeMs >= atMs) return;
    this.#touched.set(slot, atMs);
    expiry.schedule(slot, atMs + this.#ttlMs);
    this.#sweeper.arm();
  }

  /** The key of a slot is gone for another reason. */
  clear(slot: number): void {
    this.#touched.clear(slot);
  }

  advance(watermarkMs: number): void {
    this.#sweeper.advance(watermarkMs);
  }

  work(): boolean {
    return this.#sweeper.work();
  }

  stop(): void {
    this.#sweeper.stop();
  }

  #touchMs(timeMs: number): number {
    const nowMs = this.#sweeper.nowMs;
    if (!this.#context.timed) return nowMs;
    if (Number.isNaN(timeMs)) throw new RangeError(untimed);
    return Math.max(timeMs, nowMs);
  }

  /** When a slot is due; NaN where it is gone. */
  #expire(slot: number, nowMs: number): number {
    const dueMs = this.#touched.get(slot) + this.#ttlMs;
    if (dueMs > nowMs) return dueMs;
    // A slot that nobody has is looked at where its key went for another reason.
    if (!Number.isNaN(dueMs)) {
      this.#touched.clear(slot);
      this.#forget(slot);
    }
    return Number.NaN;
  }
}

/**
 * Deadlines of asks and offers, swept by one coarse timer.
 *
 * A timer each costs twice as much as the whole ask, and `AbortSignal.timeout` twenty times (measured). What waits has a
 * slot in one table: beginning and ending a wait are a store each, where a linked list was five pointers for the garbage
 * collector to remember. A wait is stamped by the sweep that follows it, since reading the clock is a visible part of an
 * ask. A sweep looks at what is new, and at the whole table only when the earliest deadline of all has come. The timer runs
 * only while something waits.
 */
import type { Cancel, Clock } from '../base/environment/clock.ts';
import { limits } from '../base/limits.ts';

/** Something that waits for at most so long. An interface, since each `super()` is a visible part of an ask. */
export interface Waiting {
  /** Its slot in the table; -1 when it is in none. */
  slot: number;
  /** Monotonic, in whole ms; until it is stamped, the length of the wait below zero: -1 for 0 ms. 0 before it waits. */
  dueMs: number;

  /** The deadline has passed; it is in the table no more. */
  expire(): void;
}

export class Deadlines {
  readonly #clock: Clock;
  readonly #table: (Waiting | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  #free = 0;
  /** Slots taken since the last sweep, the first `#recent` of these; more than the table has is a look at all of it. */
  readonly #recentSlots: number[] = [];
  #recent = 0;
  #open = 0;
  /** No wait that is stamped is due earlier. */
  #earliestMs = Number.POSITIVE_INFINITY;
  #sweep: Cancel | undefined = undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many waits are open. */
  get open(): number {
    return this.#open;
  }

  /** All that wait now. */
  *waiting(): Iterable<Waiting> {
    for (const one of this.#table) if (one !== undefined) yield one;
  }

  add(waiting: Waiting, timeoutMs: number): void {
    let slot: number;
    if (this.#free > 0) {
      this.#free -= 1;
      slot = this.#freeSlots[this.#free]!;
      this.#table[slot] = waiting;
    } else slot = this.#table.push(waiting) - 1;
    waiting.slot = slot;
    waiting.dueMs = -1 - timeoutMs;
    if (this.#recent < this.#table.length) {
      this.#recentSlots[this.#recent] = slot;
      this.#recent += 1;
    }
    this.#open += 1;
    if (this.#sweep === undefined) this.#sweep = this.#clock.wake(limits.deadlineSweepMs, this.#onSweep);
  }

  /** Takes a wait out, settled or given up. Calling it again does nothing. */
  remove(waiting: Waiting): void {
    const { slot } = waiting;
    if (slot < 0) return;
    waiting.slot = -1;
    this.#table[slot] = undefined;
    this.#freeSlots[this.#free] = slot;
    this.#free += 1;
    this.#open -= 1;
  }

  /** What is left of a wait, in ms; travels in place of the clock reading. */
  remainingMs(waiting: Waiting): number {
    if (waiting.dueMs < 0) return -1 - waiting.dueMs;
    return Math.max(0, waiting.dueMs - this.#clock.monotonicMs());
  }

  close(): void {
    this.#sweep?.();
    this.#sweep = undefined;
  }

  readonly #onSweep = (): void => {
    this.#sweep = undefined;
    const nowMs = Math.ceil(this.#clock.monotonicMs());
    if (this.#recent < this.#table.length) {
      for (let index = 0; index < this.#recent; index += 1) this.#stamp(this.#recentSlots[index]!, nowMs);
    } else for (let slot = 0; slot < this.#table.length; slot += 1) this.#stamp(slot, nowMs);
    this.#recent = 0;
    if (nowMs >= this.#earliestMs) this.#expireUntil(nowMs);
    if (this.#open > 0) this.#sweep ??= this.#clock.wake(limits.deadlineSweepMs, this.#onSweep);
    else {
      this.#table.length = 0;
      this.#freeSlots.length = 0;
      this.#free = 0;
    }
  };

  #stamp(slot: number, nowMs: number): void {
    const waiting = this.#table[slot];
    if (waiting === undefined || waiting.dueMs >= 0) return;
    waiting.dueMs = nowMs - 1 - waiting.dueMs;
    if (waiting.dueMs < this.#earliestMs) this.#earliestMs = waiting.dueMs;
  }

  #expireUntil(nowMs: number): void {
    const due: Waiting[] = [];
    this.#earliestMs = Number.POSITIVE_INFINITY;
    for (const waiting of this.#table) {
      if (waiting === undefined) continue;
      if (waiting.dueMs <= nowMs) due.push(waiting);
      else if (waiting.dueMs < this.#earliestMs) this.#earliestMs = waiting.dueMs;
    }
    due.sort((a, b) => a.dueMs - b.dueMs);
    for (const waiting of due) {
      // One that expired before it may have settled this one.
      if (waiting.slot < 0) continue;
      this.remove(waiting);
      waiting.expire();
    }
  }
}

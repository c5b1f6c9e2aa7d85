/** A clock that stands still until it is told to go on. */
import type { Cancel, Clock } from '../base/environment/clock.ts';
import { pass } from './event-loop.ts';

interface Timer {
  readonly dueMs: number;
  /** Orders those that are due at the same time by when they were set. */
  readonly number: number;
  readonly fire: () => void;
}

/** Where wall-clock time begins: far from zero, so that nobody takes it for a duration. */
const epochMs = Date.UTC(2001, 0, 1);

export class VirtualClock implements Clock {
  #elapsedMs = 0;
  #set = 0;
  /** The next to fire is the last: it is taken off the end. */
  readonly #timers: Timer[] = [];

  /** Timers that have neither fired nor been cancelled. */
  get pending(): number {
    return this.#timers.length;
  }

  /** How long, in ms, until the next timer fires; undefined when none is set. */
  get nextInMs(): number | undefined {
    const next = this.#timers.at(-1);
    return next === undefined ? undefined : Math.max(0, next.dueMs - this.#elapsedMs);
  }

  now(): number {
    return epochMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  timer(delayMs: number, fire: () => void): Cancel {
    this.#set += 1;
    const timer = { dueMs: this.#elapsedMs + Math.max(0, delayMs), number: this.#set, fire };
    this.#timers.splice(this.#placeOf(timer), 0, timer);
    return () => {
      const at = this.#placeOf(timer);
      if (this.#timers[at] === timer) this.#timers.splice(at, 1);
    };
  }

  wake(delayMs: number, fire: () => void): Cancel {
    return this.timer(delayMs, fire);
  }

  /** Goes to the next timer that is due by `untilMs` (as `monotonicMs` counts) and fires it. False when none is. */
  fireNext(untilMs: number): boolean {
    const next = this.#timers.at(-1);
    if (next === undefined || next.dueMs > untilMs) return false;
    this.#timers.pop();
    this.goTo(next.dueMs);
    next.fire();
    return true;
  }

  /** Sets the time, never back. What is due by then has to have fired. */
  goTo(elapsedMs: number): void {
    this.#elapsedMs = Math.max(this.#elapsedMs, elapsedMs);
  }

  /** Lets `ms` pass: fires what falls due, each at its time, and lets everything settle before and after each. */
  async advance(ms: number, settle: () => Promise<void> = pass): Promise<void> {
    const endMs = this.#elapsedMs + ms;
    await settle();
    while (this.fireNext(endMs)) await settle();
    this.goTo(endMs);
  }

  /** The index of `timer`, or where it belongs: all before it fire later. */
  #placeOf(timer: Timer): number {
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#timers[middle]!;
      const firesLater = other.dueMs === timer.dueMs ? other.number > timer.number : other.dueMs > timer.dueMs;
      if (firesLater) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

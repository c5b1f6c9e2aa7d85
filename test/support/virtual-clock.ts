/** A clock that stands still until it is told to go on. */
import type { Cancel, Clock } from '../../src/base/environment/clock.ts';
import { settle } from './settle.ts';

interface Timer {
  readonly dueMs: number;
  readonly fire: () => void;
}

/** Where wall-clock time begins: far from zero, so that nobody takes it for a duration. */
const epochMs = Date.UTC(2001, 0, 1);

export class VirtualClock implements Clock {
  #elapsedMs = 0;
  /** In the order they were set, which is the order of those that are due at the same time. */
  readonly #timers = new Set<Timer>();

  /** Timers that have neither fired nor been cancelled. */
  get pending(): number {
    return this.#timers.size;
  }

  now(): number {
    return epochMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  timer(delayMs: number, fire: () => void): Cancel {
    const timer = { dueMs: this.#elapsedMs + Math.max(0, delayMs), fire };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  wake(delayMs: number, fire: () => void): Cancel {
    return this.timer(delayMs, fire);
  }

  /** Lets `ms` pass: fires what falls due, each at its time, and lets everything settle after each. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#elapsedMs + ms;
    await settle();
    for (let due = this.#firstDue(endMs); due !== undefined; due = this.#firstDue(endMs)) {
      this.#timers.delete(due);
      this.#elapsedMs = Math.max(this.#elapsedMs, due.dueMs);
      due.fire();
      await settle();
    }
    this.#elapsedMs = endMs;
  }

  #firstDue(endMs: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs <= endMs && (first === undefined || timer.dueMs < first.dueMs)) first = timer;
    }
    return first;
  }
}

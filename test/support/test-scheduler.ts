/**
 * A run queue for tests: first come first served, or in an order chosen by a seed; drained by itself in a microtask, or
 * step by step by the test.
 */
import type { Random } from '../../src/base/environment/random.ts';
import type { Runnable, Scheduler, Slice } from '../../src/base/environment/scheduler.ts';

/** Turns after which `drain` takes the actors for endless. */
const turnsMax = 1_000_000;

export interface TestSchedulerOptions {
  /** True when the test calls `step` or `drain` itself. */
  readonly manual?: boolean;
  /** Chooses who runs next; first come first served without it. */
  readonly random?: Random;
  /** Messages after which a slice counts as used up; endless unless given. */
  readonly messagesPerSlice?: number;
}

export class TestScheduler implements Scheduler, Slice {
  readonly #queue: Runnable[] = [];
  readonly #manual: boolean;
  readonly #random: Random | undefined;
  readonly #perSlice: number;
  #left = 0;
  #draining = false;

  constructor(options: TestSchedulerOptions = {}) {
    this.#manual = options.manual ?? false;
    this.#random = options.random;
    this.#perSlice = options.messagesPerSlice ?? Number.POSITIVE_INFINITY;
  }

  /** Runnables that wait for their turn. */
  get waiting(): number {
    return this.#queue.length;
  }

  ready(runnable: Runnable): void {
    this.#queue.push(runnable);
    if (this.#manual || this.#draining) return;
    this.#draining = true;
    queueMicrotask(() => this.drain());
  }

  get stride(): number {
    return Math.max(1, this.#left);
  }

  spent(messages: number): boolean {
    this.#left -= messages;
    return this.#left <= 0;
  }

  /** Runs one turn of one runnable. False when none was waiting. */
  step(): boolean {
    const at = this.#random === undefined ? 0 : this.#random.u32() % Math.max(1, this.#queue.length);
    const [runnable] = this.#queue.splice(at, 1);
    if (runnable === undefined) return false;
    this.#left = this.#perSlice;
    runnable.run(this);
    return true;
  }

  /** Runs turns until none is waiting. @throws when that does not end. */
  drain(): void {
    try {
      for (let turns = 0; this.step(); turns += 1) {
        if (turns === turnsMax) throw new Error(`still running after ${turnsMax} turns`);
      }
    } finally {
      this.#draining = false;
    }
  }
}

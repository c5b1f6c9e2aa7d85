/**
 * A run queue that repeats: first come first served, or in an order chosen by a seed; drained by itself, or step by step
 * by the test.
 *
 * Drained by itself it runs in microtasks, as the dispatcher of production does under light load. With a seed each turn
 * is a microtask of its own, so that turns and the continuations of handlers that wait interleave.
 */
import type { Random } from '../base/environment/random.ts';
import type { Runnable, Scheduler, Slice } from '../base/environment/scheduler.ts';
import { Ring } from '../base/ring.ts';
import { afterPass, soon } from './event-loop.ts';
import { limits } from './limits.ts';

export interface TestSchedulerOptions {
  /** True when the test calls `step` or `drain` itself. */
  readonly manual?: boolean;
  /** Chooses who runs next; first come first served without it. */
  readonly random?: Random;
  /** Messages after which a slice counts as used up; endless unless given. */
  readonly messagesPerSlice?: number;
}

export class TestScheduler implements Scheduler, Slice {
  readonly #queue: ReadyQueue;
  readonly #perSlice: number;
  readonly #turnsPerTask: number;
  #manual: boolean;
  #left = 0;
  #turns = 0;
  #turnsThisPass = 0;
  /** True while a task is pending that runs turns. */
  #running = false;

  constructor(options: TestSchedulerOptions = {}) {
    const { random } = options;
    this.#queue = random === undefined ? new FirstComeQueue() : new SeededQueue(random);
    this.#turnsPerTask = random === undefined ? limits.turnsPerPass : 1;
    this.#perSlice = options.messagesPerSlice ?? Number.POSITIVE_INFINITY;
    this.#manual = options.manual ?? false;
  }

  /** True while turns are left to the test. */
  get isManual(): boolean {
    return this.#manual;
  }

  /** Runnables that wait for their turn. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** Who they are, in no particular order. */
  get runnables(): readonly Runnable[] {
    return this.#queue.all();
  }

  /** Turns run so far. */
  get turns(): number {
    return this.#turns;
  }

  ready(runnable: Runnable): void {
    this.#queue.push(runnable);
    if (!this.#manual) this.#start();
  }

  /** No time passes in turns. */
  get isClose(): boolean {
    return false;
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
    const runnable = this.#queue.take();
    if (runnable === undefined) return false;
    this.#left = this.#perSlice;
    this.#turns += 1;
    runnable.run(this);
    return true;
  }

  /** Runs turns until none is waiting. @throws when that does not end. */
  drain(): void {
    for (let turns = 0; this.step(); turns += 1) {
      if (turns === limits.turnsMax) throw new Error(`still running after ${limits.turnsMax} turns`);
    }
  }

  /** From here on turns run by themselves. */
  runByItself(): void {
    this.#manual = false;
    this.#start();
  }

  #start(): void {
    if (this.#running || this.#queue.size === 0) return;
    this.#running = true;
    soon(this.#runSome);
  }

  readonly #runSome = (): void => {
    try {
      for (let left = this.#turnsPerTask; left > 0 && this.step(); left -= 1) this.#turnsThisPass += 1;
    } finally {
      // Also when a runnable threw: the others still get their turn.
      if (this.#queue.size === 0) this.#running = false;
      else if (this.#turnsThisPass < limits.turnsPerPass) soon(this.#runSome);
      else {
        this.#turnsThisPass = 0;
        afterPass(this.#runSome);
      }
    }
  };
}

interface ReadyQueue {
  readonly size: number;
  push(runnable: Runnable): void;
  take(): Runnable | undefined;
  all(): readonly Runnable[];
}

class FirstComeQueue implements ReadyQueue {
  readonly #ring = new Ring<Runnable>();

  get size(): number {
    return this.#ring.size;
  }

  push(runnable: Runnable): void {
    this.#ring.push(runnable);
  }

  take(): Runnable | undefined {
    return this.#ring.shift();
  }

  all(): readonly Runnable[] {
    const all: Runnable[] = [];
    for (let left = this.#ring.size; left > 0; left -= 1) {
      const one = this.#ring.shift()!;
      all.push(one);
      this.#ring.push(one);
    }
    return all;
  }
}

class SeededQueue implements ReadyQueue {
  readonly #random: Random;
  readonly #runnables: Runnable[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  get size(): number {
    return this.#runnables.length;
  }

  push(runnable: Runnable): void {
    this.#runnables.push(runnable);
  }

  take(): Runnable | undefined {
    const { length } = this.#runnables;
    if (length === 0) return undefined;
    const at = this.#random.u32() % length;
    const taken = this.#runnables[at];
    // The last takes its place, since what is chosen by chance has no order to keep.
    this.#runnables[at] = this.#runnables[length - 1]!;
    this.#runnables.pop();
    return taken;
  }

  all(): readonly Runnable[] {
    return this.#runnables;
  }
}

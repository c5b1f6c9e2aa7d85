/**
 * The dispatcher: the real run queue of a place, first come, first served.
 *
 * It is started by a microtask while the current pass of the event loop has budget left, else by `setImmediate`.
 * Microtasks alone would let no timer and no socket run while messages keep coming (0 timer ticks in 4 s, measured);
 * `setImmediate` alone makes a lone ask nine times slower. A slice ends after about 2 ms; how often the clock is read
 * adapts to how slow the handlers are, from every message to every 64th.
 */
import type { Runnable, Scheduler, Slice } from '../environment/scheduler.ts';
import { limits } from '../limits.ts';
import { Ring } from '../ring.ts';

const resolved = Promise.resolve();

export class Dispatcher implements Scheduler, Slice {
  /** The head of the queue; the ring behind it is used when two are ready at once. */
  #first: Runnable | undefined = undefined;
  readonly #queue = new Ring<Runnable>();
  /** True while a kick-off is pending or a slice is running. */
  #active = false;
  /** When this pass of the event loop began to run slices; its end gives the budget back. */
  #passStartMs = 0;
  #passOpen = false;
  #passSpent = false;
  #untilClockRead = 1;
  #stride = 1;
  #lastReadMs = 0;
  readonly #monotonicMs: () => number;
  readonly #runSlice = (): void => this.#slice();
  readonly #endPass = (): void => {
    this.#passOpen = false;
    this.#passSpent = false;
  };

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  ready(runnable: Runnable): void {
    if (this.#first === undefined) this.#first = runnable;
    else this.#queue.push(runnable);
    if (this.#active) return;
    this.#active = true;
    if (this.#passSpent) setImmediate(this.#runSlice);
    else resolved.then(this.#runSlice);
  }

  get stride(): number {
    return this.#untilClockRead;
  }

  spent(messages: number): boolean {
    this.#untilClockRead -= messages;
    return this.#untilClockRead <= 0 && this.#readClock();
  }

  #readClock(): boolean {
    const now = this.#monotonicMs();
    const sinceRead = now - this.#lastReadMs;
    this.#lastReadMs = now;
    // Aim at about eight readings a slice: one message that takes long is then noticed at once.
    if (sinceRead > limits.sliceMs / 8) this.#stride = Math.max(1, this.#stride >> 2);
    else if (this.#stride < limits.messagesPerClockReadMax) this.#stride *= 2;
    this.#untilClockRead = this.#stride;
    this.#passSpent = now - this.#passStartMs >= limits.sliceMs;
    return this.#passSpent;
  }

  #slice(): void {
    if (!this.#passOpen) {
      this.#passOpen = true;
      this.#passSpent = false;
      this.#passStartMs = this.#lastReadMs = this.#monotonicMs();
      setImmediate(this.#endPass);
    }
    const queue = this.#queue;
    try {
      for (;;) {
        const runnable = this.#first;
        if (runnable === undefined) break;
        this.#first = queue.size === 0 ? undefined : queue.shift();
        runnable.run(this);
        if (this.#passSpent) break;
      }
    } finally {
      // Also when a runnable threw: the others still get their turn.
      if (this.#first !== undefined) setImmediate(this.#runSlice);
      else this.#active = false;
    }
  }
}

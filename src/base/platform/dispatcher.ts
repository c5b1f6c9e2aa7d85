/**
 * The dispatcher: the real run queue of a place, first come, first served.
 *
 * It is started by a microtask while the current pass of the event loop has budget left, else by `setImmediate`.
 * Microtasks alone would let no timer and no socket run while messages keep coming (0 timer ticks in 4 s, measured);
 * `setImmediate` alone makes a lone ask nine times slower. A slice ends after about 2 ms; how often the clock is read
 * adapts to how slow the handlers are, from every message to every 64th.
 *
 * The same readings tell what held the thread. The first few messages of a pass are timed one by one, and so are all for
 * a while after a long stretch that could have been anybody's: then it is known whose it was, at no cost for a message.
 */
import { ActivityAt, activityLength } from '../activity.ts';
import type { Runnable, Scheduler, Slice, TurnWatch } from '../environment/scheduler.ts';
import { limits } from '../limits.ts';
import { Ring } from '../ring.ts';

const resolved = Promise.resolve();

export class Dispatcher implements Scheduler, Slice {
  /** True while the clock is read after each message. */
  isClose = false;
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
  /** Messages between the last reading and the next. */
  #granted = 1;
  /** How many messages of this pass are still timed one by one. */
  #closeLeft = 0;
  #closeUntilMs = Number.NEGATIVE_INFINITY;
  /** The long stretch that a reading has found, until the turn is over. */
  #longMs = 0;
  #longMessages = 0;
  #watch: TurnWatch | undefined = undefined;
  readonly #monotonicMs: () => number;
  readonly #activity: Int32Array;
  readonly #runSlice = (): void => this.#slice();
  readonly #endPass = (): void => {
    this.#passOpen = false;
    this.#passSpent = false;
    this.lookBack();
  };

  /** @param activity where the turns write what they are at; the run queue says when they are over. */
  constructor(monotonicMs: () => number, activity: Int32Array = new Int32Array(activityLength)) {
    this.#monotonicMs = monotonicMs;
    this.#activity = activity;
  }

  watch(watch: TurnWatch | undefined): void {
    this.#watch = watch;
  }

  lookBack(): void {
    if (this.#untilClockRead < this.#granted) this.#lookAtRest();
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
    if (this.#watch !== undefined && sinceRead >= this.#watch.stretchMs) this.#noteLong(sinceRead);
    // Aim at about eight readings a slice: one message that takes long is then noticed at once.
    if (sinceRead > limits.sliceMs / 8) this.#stride = Math.max(1, this.#stride >> 2);
    else if (this.#closeLeft <= 0 && this.#stride < limits.messagesPerClockReadMax) this.#stride *= 2;
    if (this.isClose) this.#lookLessClosely();
    this.#untilClockRead = this.#granted = this.isClose ? 1 : this.#stride;
    this.#passSpent = now - this.#passStartMs >= limits.sliceMs;
    return this.#passSpent;
  }

  #lookLessClosely(): void {
    this.#closeLeft -= 1;
    // Where handlers are slow anyway, nothing is gained by looking away.
    if (this.#closeLeft > 0 || this.#stride === 1) return;
    this.isClose = false;
    // From here on nobody says which operation it is.
    this.#activity[ActivityAt.operation] = 0;
  }

  #slice(): void {
    if (!this.#passOpen) this.#openPass();
    else if (this.isClose) {
      // What ran since the last slice is none of the actors' turns.
      this.#lastReadMs = this.#monotonicMs();
    }
    const queue = this.#queue;
    try {
      for (;;) {
        const runnable = this.#first;
        if (runnable === undefined) break;
        this.#first = queue.size === 0 ? undefined : queue.shift();
        runnable.run(this);
        if (this.#passSpent) {
          if (this.#watch !== undefined) this.#tellSpent(this.#watch, runnable);
          break;
        }
      }
    } finally {
      this.#activity[ActivityAt.cell] = 0;
      // Also when a runnable threw: the others still get their turn.
      if (this.#first !== undefined) setImmediate(this.#runSlice);
      else this.#active = false;
    }
  }

  #openPass(): void {
    this.#passOpen = true;
    this.#passSpent = false;
    this.#passStartMs = this.#lastReadMs = this.#monotonicMs();
    this.#longMs = 0;
    if (this.#watch !== undefined) {
      const isSuspicious = this.#passStartMs < this.#closeUntilMs;
      this.#closeLeft = isSuspicious ? Number.POSITIVE_INFINITY : limits.messagesTimedPerPass;
      this.isClose = true;
      this.#untilClockRead = this.#granted = 1;
      this.#watch.onPass(this.#passStartMs);
    }
    setImmediate(this.#endPass);
  }

  // ── what held the thread ──

  /** One message alone is exact: between two readings for one message there is nothing else, see `isClose`. */
  #noteLong(ms: number): void {
    this.#longMs = ms;
    this.#longMessages = this.#granted - this.#untilClockRead;
    if (this.#longMessages > 1) this.#closeUntilMs = this.#lastReadMs + limits.closeLookMs;
  }

  /** A long stretch is longer than a slice, so that this is the only place that needs to look for one. */
  #tellSpent(watch: TurnWatch, runnable: Runnable): void {
    if (this.#longMs > 0) {
      watch.onLong({ ms: this.#longMs, messages: this.#longMessages, runnable, isExact: this.#longMessages === 1 });
      this.#longMs = 0;
      return;
    }
    watch.onSliceSpent(runnable, this.#lastReadMs - this.#passStartMs);
  }

  /** Messages were handled since the last reading, and there will be no further one in this pass. */
  #lookAtRest(): void {
    const messages = this.#granted - this.#untilClockRead;
    const ms = this.#monotonicMs() - this.#lastReadMs;
    this.#lastReadMs += ms;
    this.#untilClockRead = this.#granted;
    if (this.#watch === undefined || ms < this.#watch.stretchMs) return;
    this.#closeUntilMs = this.#lastReadMs + limits.closeLookMs;
    this.#watch.onLong({ ms, messages, runnable: undefined, isExact: false });
  }
}

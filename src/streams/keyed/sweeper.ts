/**
 * Lets state go whose time to live is over: as event time goes on where the flow has it, else by the clock, which then
 * wakes the stage though nothing comes in.
 */
import type { Cancel } from '../../base/environment/clock.ts';
import type { ProcessorContext } from '../processor.ts';
import type { Expiry } from './expiry.ts';

export class Sweeper {
  readonly #expiries: readonly Expiry[];
  readonly #context: ProcessorContext;
  #watermarkMs = -Infinity;
  #cancel: Cancel | undefined;
  /** There may be something to let go. */
  due = false;

  constructor(expiries: readonly Expiry[], context: ProcessorContext) {
    this.#expiries = expiries;
    this.#context = context;
  }

  /** What time it is for state: how far event time has gone, or the clock. */
  get nowMs(): number {
    return this.#context.timed ? this.#watermarkMs : this.#context.clock.monotonicMs();
  }

  advance(watermarkMs: number): void {
    this.#watermarkMs = watermarkMs;
    this.due = this.#expiries.length > 0;
  }

  /** Lets some of it go; false where there is none. */
  work(): boolean {
    if (!this.due) return false;
    // At the end of the input all of it goes.
    const nowMs = this.#watermarkMs === Infinity ? Infinity : this.nowMs;
    for (const expiry of this.#expiries) if (expiry.sweep(nowMs)) return true;
    this.due = false;
    this.arm();
    return false;
  }

  /** State was written. Without event time the clock sees to it that it goes. */
  arm(): void {
    if (this.#context.timed || this.#cancel !== undefined || this.due) return;
    let nextMs = Infinity;
    for (const expiry of this.#expiries) nextMs = Math.min(nextMs, expiry.nextMs);
    if (nextMs === Infinity) return;
    const { clock, wake } = this.#context;
    this.#cancel = clock.timer(Math.max(0, nextMs - clock.monotonicMs()), () => {
      this.#cancel = undefined;
      this.due = true;
      wake();
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}

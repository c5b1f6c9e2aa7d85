/**
 * Finds an actor that takes most of a thread's time, in pieces that are each too short to be a stall.
 *
 * The run queue is fair, and ends a slice after about 2 ms, so that a backlog alone harms nobody. It does where each message takes
 * several times that: then whatever else the thread is to do waits for one of them, again and again.
 *
 * The run queue tells at the end of each used-up slice whose turn it was: a sample in proportion to time. Of these the
 * majority is found by counting up for one candidate and down for all others (Boyer and Moore, 1981), so nothing is kept
 * for each actor.
 */
import type { Runnable } from '../base/environment/scheduler.ts';
import { limits } from '../base/limits.ts';

export interface Starving {
  readonly runnable: Runnable;
  readonly ms: number;
  readonly slices: number;
}

export class StarvingActor {
  #sinceMs: number;
  #candidate: Runnable | undefined = undefined;
  #lead = 0;
  #tookMs = 0;
  #slices = 0;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  /** A slice of `ms` ended in the turn of `runnable`. */
  had(runnable: Runnable, ms: number): void {
    if (runnable !== this.#candidate) {
      this.#lead -= ms;
      if (this.#lead > 0) return;
      this.#candidate = runnable;
      this.#lead = this.#tookMs = this.#slices = 0;
    }
    this.#lead += ms;
    this.#tookMs += ms;
    this.#slices += 1;
  }

  /** At the end of a while: who took nearly all of it, how long, and in how many slices. */
  lookAt(nowMs: number): Starving | undefined {
    const whileMs = nowMs - this.#sinceMs;
    if (whileMs < limits.starvingWhileMs) return undefined;
    const [runnable, ms, slices] = [this.#candidate, this.#tookMs, this.#slices];
    const isStarving = ms >= whileMs * limits.starvingShare && ms >= slices * limits.starvingSliceMs;
    this.#sinceMs = nowMs;
    this.#candidate = undefined;
    this.#lead = this.#tookMs = this.#slices = 0;
    return isStarving && runnable !== undefined ? { runnable, ms, slices } : undefined;
  }
}

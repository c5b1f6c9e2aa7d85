/**
 * Finds an actor that takes most of a thread's time with messages that are each short.
 *
 * The run queue tells at the end of each used-up slice whose turn it was: a sample in proportion to time. Of these the
 * majority is found by counting up for one candidate and down for all others (Boyer and Moore, 1981), so nothing is kept
 * for each actor.
 */
import type { Runnable } from '../base/environment/scheduler.ts';
import { limits } from '../base/limits.ts';

export class StarvingActor {
  #sinceMs: number;
  #candidate: Runnable | undefined = undefined;
  #lead = 0;
  #tookMs = 0;
  #whileOthersWaitedMs = 0;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  /** A slice of `ms` ended in the turn of `runnable`. */
  had(runnable: Runnable, ms: number, othersWait: boolean): void {
    if (runnable !== this.#candidate) {
      this.#lead -= ms;
      if (this.#lead > 0) return;
      this.#candidate = runnable;
      this.#lead = this.#tookMs = this.#whileOthersWaitedMs = 0;
    }
    this.#lead += ms;
    this.#tookMs += ms;
    if (othersWait) this.#whileOthersWaitedMs += ms;
  }

  /** At the end of a while: who took nearly all of it while others waited, and how long it ran. */
  lookAt(nowMs: number): { readonly runnable: Runnable; readonly ms: number } | undefined {
    const whileMs = nowMs - this.#sinceMs;
    if (whileMs < limits.starvingWhileMs) return undefined;
    const [runnable, ms] = [this.#candidate, this.#tookMs];
    const isStarving = ms >= whileMs * limits.starvingShare && this.#whileOthersWaitedMs >= ms / 2;
    this.#sinceMs = nowMs;
    this.#candidate = undefined;
    this.#lead = this.#tookMs = this.#whileOthersWaitedMs = 0;
    return isStarving && runnable !== undefined ? { runnable, ms } : undefined;
  }
}

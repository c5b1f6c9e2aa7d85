/**
 * Notices a run that stands still although it is held by something of its own, and says what by.
 *
 * A source that gives nothing is no stall: whoever waits for the world waits.
 */
import type { Cancel, Clock } from '../base/environment/clock.ts';
import type { Explanation } from './explain.ts';
import { streamLimits } from './limits.ts';

export class StallWatch {
  readonly #clock: Clock;
  readonly #progress: () => number;
  readonly #explain: () => readonly Explanation[];
  readonly #stalled: (explanations: readonly Explanation[], forMs: number) => void;
  #timer: Cancel | undefined;
  #lastProgress = -1;
  #sinceMs = 0;
  #said = false;

  /**
   * @param options.progress a number that changes whenever anything was done.
   * @param options.stalled called once for each time the run stands still.
   */
  constructor(options: {
    readonly clock: Clock;
    readonly progress: () => number;
    readonly explain: () => readonly Explanation[];
    readonly stalled: (explanations: readonly Explanation[], forMs: number) => void;
  }) {
    this.#clock = options.clock;
    this.#progress = options.progress;
    this.#explain = options.explain;
    this.#stalled = options.stalled;
    this.#look();
  }

  stop(): void {
    this.#timer?.();
  }

  #look(): void {
    this.#timer = this.#clock.timer(streamLimits.stallMs / 4, () => this.#look());
    const nowMs = this.#clock.monotonicMs();
    const progress = this.#progress();
    if (progress !== this.#lastProgress) {
      this.#lastProgress = progress;
      this.#sinceMs = nowMs;
      this.#said = false;
      return;
    }
    const forMs = nowMs - this.#sinceMs;
    if (this.#said || forMs < streamLimits.stallMs) return;
    const holding = this.#explain().filter(({ kind }) => kind !== 'source' && kind !== 'ended' && kind !== 'work');
    if (holding.length === 0) return;
    this.#said = true;
    this.#stalled(holding, forMs);
  }
}

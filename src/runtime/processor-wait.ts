/**
 * How long a thread was ready to run and was given no processor: on a machine that has more to do than it can, that looks
 * like something held the thread, and is nothing that anybody's code did. Always 0 where the machine does not tell.
 */
import type { Clock } from '../base/environment/clock.ts';

export class ProcessorWait {
  readonly #clock: Clock;
  #readAtMs: number;
  #waitedMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#readAtMs = clock.monotonicMs();
    this.#waitedMs = clock.waitedMs?.() ?? 0;
  }

  /** Begins anew. */
  mark(): void {
    this.#readAtMs = this.#clock.monotonicMs();
    this.#waitedMs = this.#clock.waitedMs?.() ?? this.#waitedMs;
  }

  /** How much of the last `ms` it was, as far as is known: the time before, since the last mark, has its share of it. */
  within(ms: number): number {
    const [readAtMs, before] = [this.#readAtMs, this.#waitedMs];
    this.mark();
    const share = Math.min(1, ms / Math.max(1, this.#readAtMs - readAtMs));
    return (this.#waitedMs - before) * share;
  }
}

/**
 * A bound on how often something happens: so many times a second, and a burst of them at once.
 *
 * The token bucket of traffic shaping (Turner, "New directions in communications", 1986): it holds `burst` tokens at most and
 * gets `perSecond` new ones each second. It holds two numbers, whatever happens.
 */
import type { Clock } from './environment/clock.ts';

export interface Rate {
  readonly perSecond: number;
  /** As often at once, after a time without any. */
  readonly burst: number;
}

export class TokenBucket {
  readonly #clock: Clock;
  readonly #rate: Rate;
  #tokens: number;
  #filledMs: number;

  constructor(clock: Clock, rate: Rate) {
    this.#clock = clock;
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#filledMs = clock.monotonicMs();
  }

  /** Takes one token. False where there is none. */
  take(): boolean {
    this.#fill();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Takes as many as something has turned out to cost, be they there or not. */
  charge(count: number): void {
    this.#fill();
    this.#tokens -= count;
  }

  /** How long it takes until there are `count` tokens, in whole ms; at least 1 where there are too few now. */
  waitMs(count: number): number {
    this.#fill();
    const missing = Math.min(count, this.#rate.burst) - this.#tokens;
    return missing <= 0 ? 0 : Math.max(1, Math.ceil((missing * 1_000) / this.#rate.perSecond));
  }

  #fill(): void {
    const nowMs = this.#clock.monotonicMs();
    const { perSecond, burst } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#filledMs) * perSecond) / 1_000);
    this.#filledMs = nowMs;
  }
}

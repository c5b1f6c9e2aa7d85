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

/** What one token is made of: so many of these come in a ms as tokens in a second, and none of it is rounded. */
const token = 1_000;

export class TokenBucket {
  readonly #clock: Clock;
  readonly #rate: Rate;
  /** In thousandths of a token. */
  #held: number;
  #filledMs: number;

  constructor(clock: Clock, rate: Rate) {
    this.#clock = clock;
    this.#rate = rate;
    this.#held = rate.burst * token;
    this.#filledMs = clock.monotonicMs();
  }

  /** Takes one token. False where there is none. */
  take(): boolean {
    this.#fill();
    if (this.#held < token) return false;
    this.#held -= token;
    return true;
  }

  /** Takes as many as something has turned out to cost, be they there or not. */
  charge(count: number): void {
    this.#fill();
    this.#held -= count * token;
  }

  /** How long it takes until there are `count` tokens, in whole ms; at least 1 where there are too few now. */
  waitMs(count: number): number {
    this.#fill();
    const { perSecond, burst } = this.#rate;
    const missing = Math.min(count, burst) * token - this.#held;
    return missing <= 0 ? 0 : Math.max(1, Math.ceil(missing / perSecond));
  }

  #fill(): void {
    const nowMs = this.#clock.monotonicMs();
    const { perSecond, burst } = this.#rate;
    this.#held = Math.min(burst * token, this.#held + (nowMs - this.#filledMs) * perSecond);
    this.#filledMs = nowMs;
  }
}

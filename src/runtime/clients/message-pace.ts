/**
 * How many messages a second a client may have: what it says beyond that is handled all the same, and settled later.
 *
 * A client has 256 messages at most that are not settled. So one that says more is slowed down by its own window, as by an actor
 * that is slow, and loses nothing; one that goes beyond its window is ended. What is held back is a number.
 */
import type { Cancel, Clock } from '../../base/environment/clock.ts';
import { limits } from '../../base/limits.ts';
import { TokenBucket } from '../../base/token-bucket.ts';

export interface MessagePaceOptions {
  readonly clock: Clock;
  readonly perSecond: number;
  /** Settles so many. */
  readonly settle: (count: number) => void;
  /** It is held back: told once a second at most. */
  readonly onSlowed: () => void;
}

/** How many are let go at once, so that no timer is needed for each. */
const together = 16;

export class MessagePace {
  readonly #options: MessagePaceOptions;
  readonly #bucket: TokenBucket;
  #held = 0;
  #cancel: Cancel | undefined = undefined;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(options: MessagePaceOptions) {
    const { clock, perSecond } = options;
    this.#options = options;
    this.#bucket = new TokenBucket(clock, { perSecond, burst: perSecond });
  }

  /** A message was dealt with: it is settled now, or in its time. */
  dealtWith(): void {
    if (this.#held === 0 && this.#bucket.take()) {
      this.#options.settle(1);
      return;
    }
    this.#held += 1;
    if (this.#cancel !== undefined) return;
    this.#tell();
    this.#wait();
  }

  end(): void {
    this.#cancel?.();
    this.#held = 0;
  }

  #wait(): void {
    const ms = this.#bucket.waitMs(Math.min(this.#held, together));
    this.#cancel = this.#options.clock.timer(ms, () => this.#letGo());
  }

  #letGo(): void {
    this.#cancel = undefined;
    let count = 0;
    while (count < this.#held && this.#bucket.take()) count += 1;
    this.#held -= count;
    if (this.#held > 0) this.#wait();
    if (count > 0) this.#options.settle(count);
  }

  #tell(): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#toldMs < limits.refusalLogMs) return;
    this.#toldMs = nowMs;
    this.#options.onSlowed();
  }
}

/**
 * The heartbeat: tells a link whose cable was cut from one that is idle.
 *
 * After a cut cable a WebSocket still says OPEN, for many minutes. So each side pings every 5 s, any frame from the
 * peer is a sign of life, and 15 s without one end the link. Time is the monotonic clock. A peer that talks but never
 * answers a ping does not read what we write; after 30 s it is too slow. Pings are numbered and a pong answers all
 * before it, so a lost one does no harm.
 */
import type { Cancel, Clock } from '../base/environment/clock.ts';
import { transportLimits } from './limits.ts';

export interface HeartbeatTimes {
  readonly pingEveryMs: number;
  readonly silenceMaxMs: number;
  readonly unansweredMaxMs: number;
}

export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly times?: HeartbeatTimes;
  readonly sendPing: (number: number) => void;
  /** Called at most once; nothing else is called after it. */
  readonly onDead: (why: 'silent' | 'too-slow') => void;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #times: HeartbeatTimes;
  #lastHeardMs: number;
  #sent = 0;
  #answered = 0;
  /** When the peer last answered, or when the first unanswered ping was sent. */
  #answeredMs: number;
  #cancelPing: Cancel;
  #cancelCheck: Cancel;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#times = options.times ?? transportLimits;
    this.#lastHeardMs = this.#answeredMs = options.clock.monotonicMs();
    this.#cancelPing = options.clock.timer(this.#times.pingEveryMs, () => this.#ping());
    this.#cancelCheck = this.#checkIn(this.#times.silenceMaxMs);
  }

  /** Any frame of the peer arrived. */
  heard(): void {
    this.#lastHeardMs = this.#options.clock.monotonicMs();
  }

  /** The peer answered ping `number`. False when that is no ping it could answer. */
  answered(number: number): boolean {
    if (number <= this.#answered || number > this.#sent) return false;
    this.#answered = number;
    this.#answeredMs = this.#options.clock.monotonicMs();
    return true;
  }

  stop(): void {
    this.#cancelPing();
    this.#cancelCheck();
  }

  #ping(): void {
    const now = this.#options.clock.monotonicMs();
    if (this.#sent === this.#answered) this.#answeredMs = now;
    else if (now - this.#answeredMs >= this.#times.unansweredMaxMs) {
      this.#end('too-slow');
      return;
    }
    this.#cancelPing = this.#options.clock.timer(this.#times.pingEveryMs, () => this.#ping());
    this.#sent += 1;
    this.#options.sendPing(this.#sent);
  }

  #checkIn(delayMs: number): Cancel {
    const dueMs = this.#options.clock.monotonicMs() + delayMs;
    return this.#options.clock.timer(delayMs, () => this.#check(dueMs));
  }

  #check(dueMs: number): void {
    const now = this.#options.clock.monotonicMs();
    const leftMs = this.#lastHeardMs + this.#times.silenceMaxMs - now;
    // A timer this late means that we were stopped ourselves: what the peer sent meanwhile is yet to be read.
    const wasStopped = now - dueMs >= this.#times.pingEveryMs;
    if (leftMs > 0) this.#cancelCheck = this.#checkIn(leftMs);
    else if (wasStopped) this.#cancelCheck = this.#checkIn(this.#times.pingEveryMs);
    else this.#end('silent');
  }

  #end(why: 'silent' | 'too-slow'): void {
    this.stop();
    this.#options.onDead(why);
  }
}

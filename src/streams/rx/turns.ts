/**
 * Turns by key, so many in so much time.
 *
 * The generic cell rate algorithm (ITU-T I.371): each turn has a time at which it may be taken, one interval after the one
 * before, and may come `burst - 1` intervals early.
 */
import type { Subscription } from 'rxjs';
import { UsageError } from '../../base/errors.ts';
import type { Here } from './here.ts';

/** How fast elements are let go, or attempts begin. */
export interface RateLimitOptions<T> {
  /** How many, in `perMs`. */
  readonly elements: number;
  /** The time for so many, in ms; by element where each says its own, as a host says how often it may be asked. */
  readonly perMs: number | ((item: T) => number);
  /** How many may go at once after a pause; 1 unless given, which spreads them evenly. */
  readonly burst?: number;
  /** Limits each key by itself. Elements of one key stay in order. */
  readonly key?: (item: T) => unknown;
}

interface Turn {
  readonly intervalMs: number;
  readonly take: () => void;
}

/** Those of one key that wait. */
interface Lane {
  readonly waiting: Turn[];
  /** When the next one may go if none may come early. */
  nextMs: number;
  timer: Subscription | undefined;
}

/** Keys with nothing to remember are forgotten when there are this many more than at the last time. */
const lanesBetweenSweeps = 1_000;

/** @throws UsageError where an option is out of range. */
export function checkRate<T>(what: string, { elements, perMs, burst = 1 }: RateLimitOptions<T>): void {
  for (const [option, value] of Object.entries({ elements, perMs, burst })) {
    if (typeof value === 'function') continue;
    if (!isRate(value) || (option === 'burst' && value < 1))
      throw new UsageError(
        `${what} was given ${option}: ${String(value)}, which is out of range; it is a number above 0`,
      );
  }
}

function isRate(value: number): boolean {
  return value > 0 && value < Number.POSITIVE_INFINITY;
}

export class Turns<T> {
  readonly #here: Here;
  readonly #what: string;
  readonly #options: RateLimitOptions<T>;
  readonly #early: number;
  readonly #lanes = new Map<unknown, Lane>();
  #sweepAt = lanesBetweenSweeps;
  waiting = 0;
  emptied: (() => void) | undefined;

  /** @param what the operator, for errors */
  constructor(here: Here, what: string, options: RateLimitOptions<T>) {
    this.#here = here;
    this.#what = what;
    this.#options = options;
    this.#early = (options.burst ?? 1) - 1;
  }

  /** Calls `take` when it is the turn of the item, maybe at once. Answers how to give the turn up. @throws UsageError */
  wait(item: T, key: unknown, take: () => void): () => void {
    let lane = this.#lanes.get(key);
    const turn = { intervalMs: this.#intervalMsOf(item), take };
    if (lane === undefined) {
      if (this.#lanes.size >= this.#sweepAt) this.#sweep();
      lane = { waiting: [], nextMs: 0, timer: undefined };
      this.#lanes.set(key, lane);
    }
    lane.waiting.push(turn);
    this.waiting += 1;
    if (lane.timer === undefined) this.#work(lane);
    return () => {
      const place = lane.waiting.indexOf(turn);
      if (place < 0) return;
      lane.waiting.splice(place, 1);
      this.waiting -= 1;
    };
  }

  close(): void {
    for (const { timer } of this.#lanes.values()) timer?.unsubscribe();
    this.#lanes.clear();
  }

  #intervalMsOf(item: T): number {
    const { elements, perMs } = this.#options;
    if (typeof perMs === 'number') return perMs / elements;
    const given = perMs(item);
    if (isRate(given)) return given / elements;
    throw new UsageError(
      `${this.#what} was given perMs: ${String(given)} by its function; it is a number of ms above 0`,
    );
  }

  #work(lane: Lane): void {
    lane.timer = undefined;
    const { clock } = this.#here.ledger;
    while (lane.waiting.length > 0) {
      const nowMs = clock.monotonicMs();
      const { intervalMs, take } = lane.waiting[0]!;
      const waitMs = lane.nextMs - this.#early * intervalMs - nowMs;
      if (waitMs > 0) {
        lane.timer = this.#here.on().schedule(() => this.#work(lane), waitMs);
        return;
      }
      lane.nextMs = Math.max(lane.nextMs, nowMs) + intervalMs;
      this.waiting -= 1;
      lane.waiting.shift();
      take();
    }
    if (this.waiting === 0) this.emptied?.();
  }

  #sweep(): void {
    const nowMs = this.#here.ledger.clock.monotonicMs();
    for (const [key, lane] of this.#lanes) {
      if (lane.waiting.length === 0 && lane.nextMs <= nowMs) this.#lanes.delete(key);
    }
    this.#sweepAt = this.#lanes.size + lanesBetweenSweeps;
  }
}

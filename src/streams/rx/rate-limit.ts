/**
 * `rateLimit`: no more than so many elements in so much time, without losing any: the others wait, held.
 *
 * The generic cell rate algorithm (ITU-T I.371): each element has a time at which it may go, one interval after the
 * one before, and may come `burst - 1` intervals early.
 */
import { type MonoTypeOperatorFunction, Observable, Subscriber, type Subscription } from 'rxjs';
import { UsageError } from '../../base/errors.ts';
import type { Here } from './here.ts';
import { type Held, Holder } from './holder.ts';
import { onlyInFlow } from './own-here.ts';

/** How fast `rateLimit` lets elements go. */
export interface RateLimitOptions<T> {
  /** How many elements, in `perMs`. */
  readonly elements: number;
  /** The time for so many, in ms. */
  readonly perMs: number;
  /** How many may go at once after a pause; 1 unless given, which spreads them evenly. */
  readonly burst?: number;
  /** Limits each key by itself. Elements of one key stay in order. */
  readonly key?: (item: T) => unknown;
}

/** The elements of one key that wait. */
interface Lane<T> {
  readonly waiting: Held<T>[];
  /** When the next one may go if none may come early. */
  nextMs: number;
  timer: Subscription | undefined;
}

/** Keys with nothing to remember are forgotten when there are this many more than at the last time. */
const lanesBetweenSweeps = 1_000;

/** @throws UsageError where an option is out of range, or outside of a flow. */
export function rateLimit<T>(options: RateLimitOptions<T>): MonoTypeOperatorFunction<T> {
  const { elements, perMs, burst = 1, key } = options;
  for (const [option, value] of Object.entries({ elements, perMs, burst })) {
    if (!(value > 0 && value < Number.POSITIVE_INFINITY) || (option === 'burst' && value < 1)) {
      throw new UsageError(`rateLimit({ ${option}: ${String(value)} }) is out of range; it is a number above 0`);
    }
  }
  return onlyInFlow<T, T>('rateLimit', (source, here) => {
    const holder = new Holder<T>(here, 'rateLimit');
    const out = new Observable<T>((subscriber) => {
      const lanes = new Lanes<T>(here, perMs / elements, burst, (held) =>
        holder.letGo(held, () => subscriber.next(held.value)),
      );
      let ended = false;
      lanes.emptied = () => {
        if (ended) subscriber.complete();
      };
      subscriber.add(() => lanes.close());
      holder.arrivals(source, key).subscribe(
        new Limiting<T>(
          subscriber,
          (held) => lanes.add(held),
          () => {
            ended = true;
            if (lanes.waiting === 0) subscriber.complete();
          },
        ),
      );
    });
    return holder.over(out);
  });
}

class Lanes<T> {
  readonly #here: Here;
  readonly #intervalMs: number;
  readonly #earlyMs: number;
  readonly #letGo: (held: Held<T>) => void;
  readonly #lanes = new Map<unknown, Lane<T>>();
  #sweepAt = lanesBetweenSweeps;
  waiting = 0;
  emptied: (() => void) | undefined;

  constructor(here: Here, intervalMs: number, burst: number, letGo: (held: Held<T>) => void) {
    this.#here = here;
    this.#intervalMs = intervalMs;
    this.#earlyMs = (burst - 1) * intervalMs;
    this.#letGo = letGo;
  }

  add(held: Held<T>): void {
    let lane = this.#lanes.get(held.key);
    if (lane === undefined) {
      if (this.#lanes.size >= this.#sweepAt) this.#sweep();
      lane = { waiting: [], nextMs: 0, timer: undefined };
      this.#lanes.set(held.key, lane);
    }
    lane.waiting.push(held);
    this.waiting += 1;
    if (lane.timer === undefined) this.#work(lane);
  }

  close(): void {
    for (const { timer } of this.#lanes.values()) timer?.unsubscribe();
    this.#lanes.clear();
  }

  #work(lane: Lane<T>): void {
    lane.timer = undefined;
    const { clock } = this.#here.ledger;
    while (lane.waiting.length > 0) {
      const nowMs = clock.monotonicMs();
      const waitMs = lane.nextMs - this.#earlyMs - nowMs;
      if (waitMs > 0) {
        lane.timer = this.#here.on().schedule(() => this.#work(lane), waitMs);
        return;
      }
      lane.nextMs = Math.max(lane.nextMs, nowMs) + this.#intervalMs;
      this.waiting -= 1;
      this.#letGo(lane.waiting.shift()!);
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

class Limiting<T> extends Subscriber<Held<T>> {
  readonly #add: (held: Held<T>) => void;
  readonly #ended: () => void;

  constructor(destination: Subscriber<T>, add: (held: Held<T>) => void, ended: () => void) {
    super(destination as Subscriber<unknown>);
    this.#add = add;
    this.#ended = ended;
  }

  protected override _next(held: Held<T>): void {
    this.#add(held);
  }

  protected override _complete(): void {
    this.#ended();
  }
}

/**
 * Deadlines of asks and offers, swept by one coarse timer.
 *
 * A timer each costs twice as much as the whole ask, and `AbortSignal.timeout` twenty times (measured). Waits of the
 * same length expire in the order they began, so there is one linked list for each length: adding and settling are a few
 * pointer writes, and a sweep looks at the heads alone. The timer runs only while something waits.
 */
import type { Cancel, Clock } from '../base/environment/clock.ts';
import { limits } from '../base/limits.ts';

/** Something that waits for at most so long. */
export abstract class Waiting {
  /** Monotonic; 0 until the first sweep after it began. */
  deadlineMs = 0;
  /** Neighbours in the list of its length; undefined when it is in none. */
  next: Waiting | undefined = undefined;
  previous: Waiting | undefined = undefined;
  list: WaitList | undefined = undefined;

  /** The deadline has passed; it is in no list any more. */
  abstract expire(): void;
}

class WaitList {
  readonly lengthMs: number;
  first: Waiting | undefined = undefined;
  last: Waiting | undefined = undefined;

  constructor(lengthMs: number) {
    this.lengthMs = lengthMs;
  }
}

export class Deadlines {
  readonly #clock: Clock;
  readonly #lists = new Map<number, WaitList>();
  #recent: WaitList;
  #open = 0;
  #sweep: Cancel | undefined = undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#recent = this.#listOf(limits.askTimeoutMs);
  }

  /** How many waits are open. */
  get open(): number {
    return this.#open;
  }

  /** All that wait now. */
  *waiting(): Iterable<Waiting> {
    for (const list of this.#lists.values()) {
      for (let one = list.first; one !== undefined; one = one.next) yield one;
    }
  }

  add(waiting: Waiting, timeoutMs: number): void {
    const list = this.#recent.lengthMs === timeoutMs ? this.#recent : this.#listOf(timeoutMs);
    this.#recent = list;
    waiting.list = list;
    waiting.previous = list.last;
    if (list.last === undefined) list.first = waiting;
    else list.last.next = waiting;
    list.last = waiting;
    this.#open += 1;
    this.#sweep ??= this.#clock.wake(limits.deadlineSweepMs, this.#onSweep);
  }

  /** Takes a wait out, settled or given up. Calling it again does nothing. */
  remove(waiting: Waiting): void {
    const list = waiting.list;
    if (list === undefined) return;
    if (waiting.previous === undefined) list.first = waiting.next;
    else waiting.previous.next = waiting.next;
    if (waiting.next === undefined) list.last = waiting.previous;
    else waiting.next.previous = waiting.previous;
    waiting.list = undefined;
    waiting.next = undefined;
    waiting.previous = undefined;
    this.#open -= 1;
  }

  /** What is left of a wait, in ms; travels in place of the clock reading. */
  remainingMs(waiting: Waiting): number {
    const { deadlineMs, list } = waiting;
    if (deadlineMs === 0) return list === undefined ? 0 : list.lengthMs;
    return Math.max(0, deadlineMs - this.#clock.monotonicMs());
  }

  close(): void {
    this.#sweep?.();
    this.#sweep = undefined;
  }

  readonly #onSweep = (): void => {
    this.#sweep = undefined;
    const now = this.#clock.monotonicMs();
    for (const [lengthMs, list] of this.#lists) {
      for (let young = list.last; young !== undefined && young.deadlineMs === 0; young = young.previous) {
        young.deadlineMs = now + lengthMs;
      }
      for (let head = list.first; head !== undefined && head.deadlineMs <= now; head = list.first) {
        this.remove(head);
        head.expire();
      }
      if (list.first === undefined && list !== this.#recent) this.#lists.delete(lengthMs);
    }
    if (this.#open > 0) this.#sweep ??= this.#clock.wake(limits.deadlineSweepMs, this.#onSweep);
  };

  #listOf(lengthMs: number): WaitList {
    let list = this.#lists.get(lengthMs);
    if (list === undefined) {
      list = new WaitList(lengthMs);
      this.#lists.set(lengthMs, list);
    }
    return list;
  }
}

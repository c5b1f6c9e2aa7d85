/**
 * Timers in event time: one for each owner (a row, a window, a key with a process), which fires when the watermark
 * reaches it.
 *
 * A binary heap that knows where each owner stands in it, so that setting, moving and clearing one costs the logarithm
 * of how many there are, and finding what is due looks at nothing else. Timers of one time fire in their order.
 */

/** An estimate of what a timer takes, in bytes. */
export const timerBytes = 32;

export class Timers {
  /** Owners, as a heap. */
  #heap: number[] = [];
  /** Where each owner stands in the heap; -1 for nowhere. */
  #places: number[] = [];
  #times: number[] = [];
  #orders: number[] = [];

  /** Timers that are set. */
  get size(): number {
    return this.#heap.length;
  }

  /** An estimate of what they take, in bytes. */
  get bytes(): number {
    return this.#heap.length * timerBytes;
  }

  /** When the earliest is due; Infinity where none is set. */
  get nextMs(): number {
    const owner = this.#heap[0];
    return owner === undefined ? Infinity : this.#times[owner]!;
  }

  /** When the timer of an owner is due; undefined where it has none. */
  timeOf(owner: number): number | undefined {
    return (this.#places[owner] ?? -1) < 0 ? undefined : this.#times[owner];
  }

  /**
   * Sets the timer of an owner, or moves the one that it has.
   *
   * @param owner a whole number from 0 on, small: the timers are columns.
   * @param order which of two that are due at the same time fires first.
   */
  set(owner: number, timeMs: number, order: number): void {
    while (this.#places.length <= owner) this.#add();
    const place = this.#places[owner]!;
    this.#times[owner] = timeMs;
    this.#orders[owner] = order;
    if (place < 0) {
      this.#heap.push(owner);
      this.#rise(this.#heap.length - 1);
    } else {
      this.#rise(place);
      this.#sink(this.#places[owner]!);
    }
  }

  clear(owner: number): void {
    const place = this.#places[owner] ?? -1;
    if (place < 0) return;
    this.#places[owner] = -1;
    const last = this.#heap.pop()!;
    if (last !== owner) {
      this.#heap[place] = last;
      this.#places[last] = place;
      this.#rise(place);
      this.#sink(this.#places[last]!);
    }
    if (this.#heap.length > 0) return;
    this.#heap = [];
    this.#places = [];
    this.#times = [];
    this.#orders = [];
  }

  /** The owner of the earliest timer that is due by `untilMs`, which is cleared; undefined where none is. */
  takeDue(untilMs: number): number | undefined {
    const owner = this.#heap[0];
    if (owner === undefined || this.#times[owner]! > untilMs) return undefined;
    this.clear(owner);
    return owner;
  }

  /** Lets go what a flood took. No owner is `end` or above. */
  trim(end: number): void {
    if (this.#places.length <= end * 4) return;
    this.#places.length = end;
    this.#times.length = end;
    this.#orders.length = end;
  }

  /** One place more in the columns, which have no gaps. */
  #add(): void {
    this.#places.push(-1);
    this.#times.push(0);
    this.#orders.push(0);
  }

  #rise(from: number): void {
    const heap = this.#heap;
    const owner = heap[from]!;
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (!this.#before(owner, heap[above]!)) break;
      this.#put(heap[above]!, place);
      place = above;
    }
    this.#put(owner, place);
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const owner = heap[from]!;
    let place = from;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && this.#before(heap[below + 1]!, heap[below]!)) below += 1;
      if (!this.#before(heap[below]!, owner)) break;
      this.#put(heap[below]!, place);
      place = below;
    }
    this.#put(owner, place);
  }

  #put(owner: number, place: number): void {
    this.#heap[place] = owner;
    this.#places[owner] = place;
  }

  #before(one: number, other: number): boolean {
    const apart = this.#times[one]! - this.#times[other]!;
    return apart < 0 || (!(apart > 0) && this.#orders[one]! < this.#orders[other]!);
  }
}

/**
 * Timers in event time: one for each owner (a row, a window, a key with a process), which fires when the watermark
 * reaches it.
 *
 * A binary heap that knows where each owner stands in it, so that setting, moving and clearing one costs the logarithm
 * of how many there are, and finding what is due looks at nothing else. What is compared lies in the heap itself, and
 * not with its owner, since a heap of many is read all over. Timers of one time fire in their order.
 */
import { capacityAtLeast, capacityFor } from './slots.ts';

/** The numbers of a timer in the heap: when it is due, which of one time is first, and whose it is. */
const [timeField, orderField, ownerField] = [0, 1, 2] as const;
const width = 3;
/** What a timer takes, with the place of its owner, in bytes. */
export const timerBytes: number = width * 8 + 4;

export class Timers {
  #heap = new Float64Array(capacityAtLeast * width);
  #size = 0;
  /** Where each owner stands in the heap, and 1; 0 for nowhere. */
  #places = new Int32Array(capacityAtLeast);

  /** Timers that are set. */
  get size(): number {
    return this.#size;
  }

  /** What they take, in bytes. */
  get bytes(): number {
    return this.#heap.byteLength + this.#places.byteLength;
  }

  /** When the earliest is due; Infinity where none is set. */
  get nextMs(): number {
    return this.#size === 0 ? Infinity : this.#heap[timeField]!;
  }

  /** Whether the timer of an owner is due by `untilMs`. */
  isDueBy(owner: number, untilMs: number): boolean {
    const place = this.#placeOf(owner);
    return place >= 0 && this.#heap[place * width + timeField]! <= untilMs;
  }

  /**
   * Sets the timer of an owner, or moves the one that it has.
   *
   * @param owner a whole number from 0 on, small: the timers are columns.
   * @param order which of two that are due at the same time fires first.
   */
  set(owner: number, timeMs: number, order: number): void {
    let place = this.#placeOf(owner);
    if (place < 0) {
      place = this.#size;
      this.#size += 1;
      this.#makeRoom(owner);
    } else place = this.#sinkHole(place);
    this.#rise(place, owner, timeMs, order);
  }

  clear(owner: number): void {
    const place = this.#placeOf(owner);
    if (place < 0) return;
    this.#places[owner] = 0;
    this.#size -= 1;
    const last = this.#size * width;
    const heap = this.#heap;
    if (place < this.#size) {
      const [timeMs, order, lastOwner] = [heap[last + timeField]!, heap[last + orderField]!, heap[last + ownerField]!];
      this.#rise(this.#sinkHole(place), lastOwner, timeMs, order);
    }
    if (this.#size === 0) this.trim(0);
  }

  /** The owner of the earliest timer that is due by `untilMs`, which is cleared; undefined where none is. */
  takeDue(untilMs: number): number | undefined {
    if (this.#size === 0 || this.#heap[timeField]! > untilMs) return undefined;
    const owner = this.#heap[ownerField]!;
    this.clear(owner);
    return owner;
  }

  /** Lets go what a flood took. No owner is `end` or above. */
  trim(end: number): void {
    const owners = capacityFor(end, this.#places.length);
    if (owners < this.#places.length) this.#places = this.#places.slice(0, owners);
    const timers = capacityFor(this.#size, this.#heap.length / width);
    if (timers * width < this.#heap.length) this.#heap = this.#heap.slice(0, timers * width);
  }

  #placeOf(owner: number): number {
    return owner < this.#places.length ? this.#places[owner]! - 1 : -1;
  }

  #makeRoom(owner: number): void {
    if (this.#size * width > this.#heap.length) {
      const heap = new Float64Array(this.#heap.length * 2);
      heap.set(this.#heap);
      this.#heap = heap;
    }
    let owners = this.#places.length;
    if (owner < owners) return;
    while (owner >= owners) owners *= 2;
    const places = new Int32Array(owners);
    places.set(this.#places);
    this.#places = places;
  }

  /**
   * Moves a hole down to where nothing is below it, the earlier of two rising into it, and answers its place. What then
   * fills it comes from the end of the heap, so it mostly belongs there (Floyd; Knuth 5.2.3, exercise 18).
   */
  #sinkHole(from: number): number {
    const heap = this.#heap;
    const size = this.#size;
    let hole = from;
    for (let below = 2 * hole + 1; below < size; below = 2 * hole + 1) {
      const other = below + 1;
      const otherFirst =
        other < size &&
        (heap[other * width]! < heap[below * width]! ||
          (heap[other * width]! === heap[below * width]! &&
            heap[other * width + orderField]! < heap[below * width + orderField]!));
      if (otherFirst) below = other;
      this.#move(below, hole);
      hole = below;
    }
    return hole;
  }

  /** Puts a timer into a hole, or above it where it is due before. */
  #rise(hole: number, owner: number, timeMs: number, order: number): void {
    const heap = this.#heap;
    let place = hole;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const aboveMs = heap[above * width]!;
      if (aboveMs < timeMs || (aboveMs === timeMs && heap[above * width + orderField]! <= order)) break;
      this.#move(above, place);
      place = above;
    }
    heap[place * width + timeField] = timeMs;
    heap[place * width + orderField] = order;
    heap[place * width + ownerField] = owner;
    this.#places[owner] = place + 1;
  }

  #move(from: number, to: number): void {
    const heap = this.#heap;
    const owner = heap[from * width + ownerField]!;
    heap[to * width + timeField] = heap[from * width + timeField]!;
    heap[to * width + orderField] = heap[from * width + orderField]!;
    heap[to * width + ownerField] = owner;
    this.#places[owner] = to + 1;
  }
}

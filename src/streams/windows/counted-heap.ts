/**
 * Numbers with how often each is there, and the best of them, the least or the greatest: a binary heap of the different ones.
 *
 * One that is there no more stays in the heap until it comes to its top, or until half of the heap are such, so adding
 * and removing cost the logarithm of how many different ones there are, on average.
 */
export class CountedHeap {
  /** Of all that are in the heap; 0 for one that is there no more. */
  readonly #counts = new Map<number, number>();
  #heap: number[] = [];
  #gone = 0;
  readonly #beats: (one: number, other: number) => boolean;

  /** @param beats whether one is better than another. */
  constructor(beats: (one: number, other: number) => boolean) {
    this.#beats = beats;
  }

  /** Undefined where there is none. */
  get best(): number | undefined {
    return this.#heap[0];
  }

  add(value: number, times = 1): void {
    const count = this.#counts.get(value);
    this.#counts.set(value, (count ?? 0) + times);
    if (count === undefined) this.#push(value);
    else if (count === 0) this.#gone -= 1;
  }

  addAll(other: CountedHeap): void {
    for (const [value, count] of other.#counts) if (count > 0) this.add(value, count);
  }

  /** @throws RangeError where it is not there. */
  remove(value: number): void {
    const count = this.#counts.get(value) ?? 0;
    if (count === 0) {
      throw new RangeError(`${value} is taken back and was not added: an equal element must give an equal value`);
    }
    this.#counts.set(value, count - 1);
    if (count > 1) return;
    this.#gone += 1;
    while (this.#heap.length > 0 && this.#counts.get(this.#heap[0]!) === 0) this.#dropBest();
    if (this.#gone * 2 > this.#heap.length) this.#compact();
  }

  #push(value: number): void {
    const heap = this.#heap;
    let place = heap.length;
    heap.push(value);
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (!this.#beats(value, heap[above]!)) break;
      heap[place] = heap[above]!;
      place = above;
    }
    heap[place] = value;
  }

  #dropBest(): void {
    this.#counts.delete(this.#heap[0]!);
    this.#gone -= 1;
    const last = this.#heap.pop()!;
    if (this.#heap.length > 0) this.#sink(last);
  }

  /** Puts a value in the place of the best. */
  #sink(value: number): void {
    const heap = this.#heap;
    let place = 0;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && this.#beats(heap[below + 1]!, heap[below]!)) below += 1;
      if (!this.#beats(heap[below]!, value)) break;
      heap[place] = heap[below]!;
      place = below;
    }
    heap[place] = value;
  }

  #compact(): void {
    const kept: number[] = [];
    for (const [value, count] of this.#counts) {
      if (count > 0) kept.push(value);
      else this.#counts.delete(value);
    }
    this.#gone = 0;
    // A sorted array is a heap.
    this.#heap = kept.sort((a, b) => (this.#beats(a, b) ? -1 : this.#beats(b, a) ? 1 : 0));
  }
}

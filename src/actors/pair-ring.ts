/**
 * A queue of pairs in one array: the backlog of a mailbox.
 *
 * Two slots an entry and no object, since envelope objects fall behind 1.8–5 times when the backlog is long (measured).
 * The array is a power of two and doubles; one that grew large is dropped when it runs empty.
 */
const initialSlots = 16;
const keptSlotsMax = 8_192;

export class PairRing<A, B> {
  #slots: unknown[] = new Array(initialSlots);
  #mask = initialSlots - 1;
  #head = 0;
  /** Pairs in the queue. */
  size = 0;

  push(first: A, second: B): void {
    if (this.size * 2 === this.#slots.length) this.#grow();
    const at = (this.#head + this.size * 2) & this.#mask;
    this.#slots[at] = first;
    this.#slots[at + 1] = second;
    this.size += 1;
  }

  /** Puts a pair before all others. */
  unshift(first: A, second: B): void {
    if (this.size * 2 === this.#slots.length) this.#grow();
    this.#head = (this.#head - 2) & this.#mask;
    this.#slots[this.#head] = first;
    this.#slots[this.#head + 1] = second;
    this.size += 1;
  }

  /** The first half of the oldest pair. The ring must not be empty. */
  peekFirst(): A {
    return this.#slots[this.#head] as A;
  }

  /** Removes the oldest pair and gives its second half; read `peekFirst` before. */
  shiftSecond(): B {
    const at = this.#head;
    const second = this.#slots[at + 1] as B;
    this.#slots[at] = undefined;
    this.#slots[at + 1] = undefined;
    this.#head = (at + 2) & this.#mask;
    this.size -= 1;
    if (this.size === 0 && this.#slots.length > keptSlotsMax) this.#reset();
    return second;
  }

  #grow(): void {
    const old = this.#slots;
    const grown: unknown[] = new Array(old.length * 2);
    const firstPart = old.length - this.#head;
    for (let index = 0; index < firstPart; index += 1) grown[index] = old[this.#head + index];
    for (let index = 0; index < this.#head; index += 1) grown[firstPart + index] = old[index];
    this.#slots = grown;
    this.#mask = grown.length - 1;
    this.#head = 0;
  }

  #reset(): void {
    this.#slots = new Array(initialSlots);
    this.#mask = initialSlots - 1;
    this.#head = 0;
  }
}

/** A first-in first-out queue in one array that is a power of two; it never shrinks below its first size. */
const initialSlots = 16;
const keptSlotsMax = 8_192;

export class Ring<T> {
  #slots: (T | undefined)[] = new Array(initialSlots);
  #mask = initialSlots - 1;
  #head = 0;
  size = 0;

  push(value: T): void {
    if (this.size === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.size) & this.#mask] = value;
    this.size += 1;
  }

  /** The oldest value, which stays; undefined when the ring is empty. */
  peek(): T | undefined {
    return this.#slots[this.#head];
  }

  /** Removes the oldest value; undefined when the ring is empty. */
  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const at = this.#head;
    const value = this.#slots[at];
    this.#slots[at] = undefined;
    this.#head = (at + 1) & this.#mask;
    this.size -= 1;
    if (this.size === 0 && this.#slots.length > keptSlotsMax) this.clear();
    return value;
  }

  /** The values, the oldest first. */
  *values(): Generator<T> {
    for (let index = 0; index < this.size; index += 1) yield this.#slots[(this.#head + index) & this.#mask] as T;
  }

  clear(): void {
    this.#slots = new Array(initialSlots);
    this.#mask = initialSlots - 1;
    this.#head = 0;
    this.size = 0;
  }

  #grow(): void {
    const old = this.#slots;
    const grown: (T | undefined)[] = new Array(old.length * 2);
    for (let index = 0; index < this.size; index += 1) grown[index] = old[(this.#head + index) & this.#mask];
    this.#slots = grown;
    this.#mask = grown.length - 1;
    this.#head = 0;
  }
}

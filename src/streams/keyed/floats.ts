/** A column of numbers by slot, which grows as slots are used and goes back to its first size when none is. */
const cellsAtLeast = 64;

export class Floats {
  readonly #empty: number;
  #cells: Float64Array;
  /** Cells that hold something else than `empty`. */
  #used = 0;

  /** @param empty what a slot holds that was never set, or was cleared. */
  constructor(empty: number) {
    this.#empty = empty;
    this.#cells = new Float64Array(cellsAtLeast).fill(empty);
  }

  /** Slots from this on are empty. */
  get length(): number {
    return this.#cells.length;
  }

  get bytes(): number {
    return this.#cells.byteLength;
  }

  get(slot: number): number {
    const cells = this.#cells;
    return slot < cells.length ? cells[slot]! : this.#empty;
  }

  set(slot: number, value: number): void {
    if (slot >= this.#cells.length) this.#grow(slot);
    const cells = this.#cells;
    if (Object.is(cells[slot], this.#empty)) this.#used += 1;
    cells[slot] = value;
    if (Object.is(value, this.#empty)) this.#oneLess();
  }

  clear(slot: number): void {
    const cells = this.#cells;
    if (slot >= cells.length || Object.is(cells[slot], this.#empty)) return;
    cells[slot] = this.#empty;
    this.#oneLess();
  }

  /** With the last one goes what a flood took. */
  #oneLess(): void {
    this.#used -= 1;
    if (this.#used > 0 || this.#cells.length === cellsAtLeast) return;
    this.#cells = new Float64Array(cellsAtLeast).fill(this.#empty);
  }

  #grow(slot: number): void {
    const before = this.#cells;
    let length = before.length;
    while (length <= slot) length *= 2;
    this.#cells = new Float64Array(length);
    this.#cells.set(before);
    this.#cells.fill(this.#empty, before.length);
  }
}

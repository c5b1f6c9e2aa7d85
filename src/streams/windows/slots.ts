/** Small whole numbers from 0 on, given out and taken back: places in columns, which are used again. */
export class Slots {
  readonly #free: number[] = [];
  #next = 0;

  /** How many are given out. */
  get used(): number {
    return this.#next - this.#free.length;
  }

  take(): number {
    const slot = this.#free.pop();
    if (slot !== undefined) return slot;
    this.#next += 1;
    return this.#next - 1;
  }

  /** The first `used` are given out, and no others. */
  restart(used: number): void {
    this.#free.length = 0;
    this.#next = used;
  }

  /** Once all are back, it begins at 0 again, so that what a flood took can be let go. */
  give(slot: number): void {
    this.#free.push(slot);
    if (this.#free.length < this.#next) return;
    this.#free.length = 0;
    this.#next = 0;
  }
}

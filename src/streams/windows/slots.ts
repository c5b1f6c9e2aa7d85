/**
 * Small whole numbers from 0 on, given out and taken back: places in columns, which are used again.
 *
 * What a flood took is let go: `compact` forgets free places at the end, and has the lowest given out first, so that
 * those that are in use move down as they come and go.
 */

/** Below this many it is not worth it. */
const compactFrom = 1_024;

export class Slots {
  /** The next is at the end. */
  #free: number[] = [];
  #next = 0;
  /** The most that were given out, and how many came back, since it was last looked at. */
  #peak = 0;
  #given = 0;

  /** How many are given out. */
  get used(): number {
    return this.#next - this.#free.length;
  }

  /** All that are given out are below this. */
  get end(): number {
    return this.#next;
  }

  take(): number {
    let slot = this.#free.pop();
    if (slot === undefined) {
      slot = this.#next;
      this.#next += 1;
    }
    if (this.used > this.#peak) this.#peak = this.used;
    return slot;
  }

  give(slot: number): void {
    this.#free.push(slot);
    this.#given += 1;
    if (this.#free.length < this.#next) return;
    this.#free = [];
    this.#next = 0;
    this.#given = 0;
    this.#peak = 0;
  }

  /**
   * Where three of four were never needed since it was last called, forgets what is free at the end. It costs little
   * for each that came back. True where `end` is lower now, so that columns may be shorter.
   */
  compact(): boolean {
    const end = this.#next;
    if (end < compactFrom || this.#given * 16 < end) return false;
    const peak = this.#peak;
    this.#peak = this.used;
    this.#given = 0;
    if (peak * 4 > end) return false;
    const isFree = new Uint8Array(end);
    for (const slot of this.#free) isFree[slot] = 1;
    while (isFree[this.#next - 1] === 1) this.#next -= 1;
    const free: number[] = [];
    for (let slot = this.#next - 1; slot >= 0; slot -= 1) if (isFree[slot] === 1) free.push(slot);
    this.#free = free;
    return this.#next < end;
  }
}

/**
 * Small whole numbers from 0 on, given out and taken back: places in columns, which are used again.
 *
 * What a flood took is let go. Where much fewer are in use than once were, those above a ceiling are not given out
 * again, and when the last of them is back, the end of the columns is there.
 */

/** Below this many it is not worth it. */
const settleFrom = 1_024;
/** Calls of `settle` between two looks at how many were in use: windows that closed. */
const callsPerLook = 16;

/** The least that a column has room for. */
export const capacityAtLeast = 64;

/** Half of what a column has room for, and again, as long as that is not half full with `needed`. */
export function capacityFor(needed: number, capacity: number): number {
  let fits = capacity;
  while (fits > capacityAtLeast && needed * 4 <= fits) fits /= 2;
  return fits;
}

export class Slots {
  /** The next is the last of them. */
  #free: number[] = [];
  /** Those at the ceiling and above that are back. */
  #aside: number[] = [];
  #ceiling = Infinity;
  /** How many at the ceiling and above are not back. */
  #above = 0;
  #used = 0;
  #end = 0;
  /** The most in use since the last look, and calls since then. */
  #peak = 0;
  #calls = 0;

  /** How many are given out. */
  get used(): number {
    return this.#used;
  }

  /** All that are given out are below this. */
  get end(): number {
    return this.#end;
  }

  take(): number {
    this.#used += 1;
    if (this.#used > this.#peak) this.#peak = this.#used;
    return this.#free.pop() ?? this.#takeMore();
  }

  give(slot: number): void {
    this.#used -= 1;
    if (this.#used === 0) this.#forget(0);
    else if (slot < this.#ceiling) this.#free.push(slot);
    else {
      this.#aside.push(slot);
      this.#above -= 1;
      if (this.#above > 0) return;
      this.#forget(this.#ceiling);
      this.lower();
    }
  }

  /** Whether it had better come back soon. */
  isAboveCeiling(slot: number): boolean {
    return slot >= this.#ceiling;
  }

  /**
   * To be called when many may have come back, such as those of a window. Afterwards `end` may be lower. True where
   * there is a ceiling from now on.
   */
  settle(): boolean {
    this.#calls += 1;
    if (this.#calls < callsPerLook) return false;
    const peak = this.#peak;
    this.#peak = this.#used;
    this.#calls = 0;
    const before = this.#ceiling;
    this.lower(peak);
    return this.#ceiling < before;
  }

  /** Sets a ceiling, if so few are needed that it is worth it; costs a look at all, of which it takes away half. */
  lower(needed: number = this.#used): void {
    if (this.#end < settleFrom || needed * 4 > this.#end || this.#ceiling < Infinity) return;
    const ceiling = Math.max(needed * 2, settleFrom / 2);
    const isFree = new Uint8Array(this.#end);
    for (const slot of this.#free) isFree[slot] = 1;
    this.#free = [];
    for (let slot = this.#end - 1; slot >= 0; slot -= 1) {
      if (isFree[slot] === 1) (slot < ceiling ? this.#free : this.#aside).push(slot);
    }
    this.#ceiling = ceiling;
    this.#above = this.#end - ceiling - this.#aside.length;
    if (this.#above === 0) this.#forget(ceiling);
  }

  /** More are needed than there are below the ceiling. */
  #takeMore(): number {
    this.#free = this.#aside;
    this.#aside = [];
    this.#ceiling = Infinity;
    const slot = this.#free.pop();
    if (slot !== undefined) return slot;
    this.#end += 1;
    return this.#end - 1;
  }

  /** Nothing is in use from `end` on. */
  #forget(end: number): void {
    if (end === 0) this.#free = [];
    this.#aside = [];
    this.#ceiling = Infinity;
    this.#end = end;
  }
}

/** The one order of numbers in aggregates: as in SQL, NaN is above all others, and equal to itself. */

export function isAbove(one: number, other: number): boolean {
  return one > other || (Number.isNaN(one) && !Number.isNaN(other));
}

/** For `sort`. */
export function ascending(one: number, other: number): number {
  return isAbove(one, other) ? 1 : isAbove(other, one) ? -1 : 0;
}

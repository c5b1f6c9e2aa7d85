/**
 * When rows are needed no longer: a hierarchical timing wheel (Varghese and Lauck, SOSP 1987) over the rows of a side.
 *
 * A row stands in the bucket of the highest hexadecimal digit in which the last ms that it is needed in differs from
 * where the wheel is. So most buckets that the wheel passes are due as a whole, and one is split: a row is touched a
 * few times in all, however many there are, and what is due is known to the ms. Rows of a bucket leave as they came.
 */
import { none } from '../windows/key-table.ts';
import type { SideRows } from './side-rows.ts';

const levels = 13;
/** The bucket of rows that have no digit in common with where the wheel is. */
const far = levels * 16;
/** The bucket of rows that were due when they came. */
const overdue = far + 1;
const buckets = overdue + 1;

/** There may be rows that are due, after some more work. */
export const working = -2;

export class ExpiryWheel {
  readonly #rows: SideRows;
  /** The first row and the last of each bucket; behind them those of the buckets that the wheel has passed. */
  readonly #first = new Int32Array(2 * buckets).fill(none);
  readonly #last = new Int32Array(2 * buckets).fill(none);
  /** Buckets that hold what is due, or is to be split, in their order. */
  #passed: number[] = [];
  #atMs = -Infinity;

  constructor(rows: SideRows) {
    this.#rows = rows;
  }

  /** Whether a row that is last needed at `endMs` would be due at once. */
  isPast(endMs: number): boolean {
    return Math.floor(endMs) < this.#atMs;
  }

  /** Puts a row where it is due after the ms of its end; one that ends never, nowhere. */
  insert(row: number): void {
    const endMs = this.#rows.endOf(row);
    if (endMs !== Infinity) this.#append(row, this.#bucketOf(Math.floor(endMs)));
  }

  /** Takes a row out, where it is in. */
  remove(row: number): void {
    const rows = this.#rows;
    const sooner = rows.sooner(row);
    const later = rows.later(row);
    // The ends of a bucket name it, below -1.
    if (sooner >= 0) rows.setLater(sooner, later);
    else if (sooner === none) return;
    else this.#first[-2 - sooner] = later >= 0 ? later : none;
    if (later >= 0) rows.setSooner(later, sooner);
    else this.#last[-2 - later] = sooner >= 0 ? sooner : none;
    rows.setSooner(row, none);
    rows.setLater(row, none);
  }

  /** Goes on to `watermarkMs`. All that was due before has been taken. */
  advance(watermarkMs: number): void {
    const toMs = Math.floor(watermarkMs);
    if (!(toMs > this.#atMs)) return;
    let level = 0;
    let scale = 1 / 16;
    while (level < levels && Math.floor(toMs * scale) !== Math.floor(this.#atMs * scale)) {
      level += 1;
      scale /= 16;
    }
    const until = level === levels ? far : level * 16 + digitOf(toMs, scale);
    for (let bucket = 0; bucket <= until; bucket += 1) this.#pass(bucket);
    this.#atMs = toMs;
  }

  /** A row that is due, which is taken out; `working`, or `none` where none is. */
  next(): number {
    for (let count = 0; count < 256; count += 1) {
      let row = this.#first[overdue]!;
      if (row === none) {
        const bucket = this.#passed[0];
        if (bucket === undefined) return none;
        row = this.#first[bucket]!;
        if (row === none) {
          this.#passed.shift();
          continue;
        }
      }
      this.remove(row);
      const tick = Math.floor(this.#rows.endOf(row));
      if (tick < this.#atMs) return row;
      this.#append(row, this.#bucketOf(tick));
    }
    return working;
  }

  /** Rows have other numbers. */
  renumber(numbers: Int32Array): void {
    for (const ends of [this.#first, this.#last]) {
      for (let bucket = 0; bucket < ends.length; bucket += 1) {
        if (ends[bucket] !== none) ends[bucket] = numbers[ends[bucket]!]!;
      }
    }
  }

  #bucketOf(tick: number): number {
    const atMs = this.#atMs;
    if (tick < atMs) return overdue;
    let scale = 1 / 16;
    for (let level = 0; level < levels; level += 1) {
      if (Math.floor(tick * scale) === Math.floor(atMs * scale)) return level * 16 + digitOf(tick, scale);
      scale /= 16;
    }
    return far;
  }

  #append(row: number, bucket: number): void {
    const last = this.#last[bucket]!;
    if (last === none) this.#first[bucket] = row;
    else this.#rows.setLater(last, row);
    this.#rows.setSooner(row, last === none ? -2 - bucket : last);
    this.#rows.setLater(row, -2 - bucket);
    this.#last[bucket] = row;
  }

  /** The rows of a bucket become those of its twin, since others may come into it now. */
  #pass(bucket: number): void {
    const first = this.#first[bucket]!;
    if (first === none) return;
    const last = this.#last[bucket]!;
    const passed = bucket + buckets;
    this.#rows.setSooner(first, -2 - passed);
    this.#rows.setLater(last, -2 - passed);
    this.#first[passed] = first;
    this.#last[passed] = last;
    this.#first[bucket] = none;
    this.#last[bucket] = none;
    this.#passed.push(passed);
  }
}

/** The digit of a whole number that `scale` moves behind the point. */
function digitOf(tick: number, scale: number): number {
  return Math.floor(tick * scale * 16) - Math.floor(tick * scale) * 16;
}

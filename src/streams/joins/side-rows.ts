/**
 * The rows of one side of a join in columns: links and times as numbers, and the element as one reference.
 *
 * The rows of a key are a ring through its newest, by event time or as they came, so that the oldest is one step away.
 * Each row may stand in an {@link ExpiryWheel} too, by links of its own. Where most rows are free the columns are made
 * anew, smaller, and rows change their numbers: only between two pieces of work.
 */
import { none } from '../windows/key-table.ts';

/** Links of a row, side by side: its key, its neighbours in the ring, its neighbours in the wheel, a mark of the join. */
const linkWidth = 6;
const [slotAt, olderAt, newerAt, laterAt, soonerAt, markAt] = [0, 1, 2, 3, 4, 5] as const;
const rowsAtLeast = 64;

export class SideRows {
  #links = new Int32Array(rowsAtLeast * linkWidth);
  /** Of each row, its event time and the last ms in which it is needed. */
  #times = new Float64Array(rowsAtLeast * 2);
  #items: unknown[] = [];
  /** The newest row of each key, by its slot. */
  #newest = new Int32Array(rowsAtLeast).fill(none);
  #capacity = rowsAtLeast;
  /** Rows from here on were never used. */
  #top = 0;
  /** The first of the rows that are free again, which are linked as if in the ring. */
  #free: number = none;
  /** Rows in use. */
  size = 0;

  /** What the columns take, in bytes. */
  get bytes(): number {
    return this.#links.byteLength + this.#times.byteLength + this.#newest.byteLength + this.#top * 8;
  }

  itemOf(row: number): unknown {
    return this.#items[row];
  }

  timeOf(row: number): number {
    return this.#times[row * 2]!;
  }

  endOf(row: number): number {
    return this.#times[row * 2 + 1]!;
  }

  setEnd(row: number, endMs: number): void {
    this.#times[row * 2 + 1] = endMs;
  }

  slotOf(row: number): number {
    return this.#links[row * linkWidth + slotAt]!;
  }

  markOf(row: number): number {
    return this.#links[row * linkWidth + markAt]!;
  }

  setMark(row: number, mark: number): void {
    this.#links[row * linkWidth + markAt] = mark;
  }

  /** The newest row of a key; `none` where it has none. */
  newest(slot: number): number {
    return slot < this.#newest.length ? this.#newest[slot]! : none;
  }

  /** The oldest row of a key; `none` where it has none. */
  oldest(slot: number): number {
    const newest = this.newest(slot);
    return newest === none ? none : this.#links[newest * linkWidth + newerAt]!;
  }

  /** The row of the same key behind this one; `none` behind the newest. */
  newer(row: number): number {
    const at = row * linkWidth;
    return row === this.#newest[this.#links[at + slotAt]!] ? none : this.#links[at + newerAt]!;
  }

  /** The row of the same key before this one; `none` before the oldest. */
  older(row: number): number {
    const older = this.#links[row * linkWidth + olderAt]!;
    return older === this.#newest[this.#links[row * linkWidth + slotAt]!] ? none : older;
  }

  /** A new row of a key, behind all of it. */
  push(slot: number, item: unknown, timeMs: number, endMs: number): number {
    const row = this.#allocate(slot, item, timeMs, endMs);
    this.#link(row, slot, this.newest(slot), true);
    return row;
  }

  /** A new row of a key, behind those of a time up to its own. All rows of the key came so. */
  insert(slot: number, item: unknown, timeMs: number, endMs: number): number {
    const row = this.#allocate(slot, item, timeMs, endMs);
    const newest = this.newest(slot);
    if (newest === none || this.#times[newest * 2]! <= timeMs) {
      this.#link(row, slot, newest, true);
      return row;
    }
    let older = newest;
    do older = this.#links[older * linkWidth + olderAt]!;
    while (older !== newest && this.#times[older * 2]! > timeMs);
    // Where all are newer it stands behind the newest, which closes the ring, and so is the oldest.
    this.#link(row, slot, older, false);
    return row;
  }

  remove(row: number): void {
    const links = this.#links;
    const at = row * linkWidth;
    const slot = links[at + slotAt]!;
    const older = links[at + olderAt]!;
    const newer = links[at + newerAt]!;
    if (older === row) this.#newest[slot] = none;
    else {
      links[older * linkWidth + newerAt] = newer;
      links[newer * linkWidth + olderAt] = older;
      if (this.#newest[slot] === row) this.#newest[slot] = older;
    }
    this.#items[row] = undefined;
    links[at + slotAt] = none;
    links[at + newerAt] = this.#free;
    this.#free = row;
    this.size -= 1;
  }

  // ── its place in the wheel ──

  later(row: number): number {
    return this.#links[row * linkWidth + laterAt]!;
  }

  setLater(row: number, later: number): void {
    this.#links[row * linkWidth + laterAt] = later;
  }

  sooner(row: number): number {
    return this.#links[row * linkWidth + soonerAt]!;
  }

  setSooner(row: number, sooner: number): void {
    this.#links[row * linkWidth + soonerAt] = sooner;
  }

  /** Where three of four rows are free: makes the columns smaller. Answers the new number of each row, if so. */
  shrink(): Int32Array | undefined {
    if (this.#capacity <= rowsAtLeast || this.size * 4 > this.#capacity) return undefined;
    const numbers = new Int32Array(this.#top).fill(none);
    let count = 0;
    for (let row = 0; row < this.#top; row += 1) {
      if (this.#links[row * linkWidth + slotAt] === none) continue;
      numbers[row] = count;
      count += 1;
    }
    const before = { links: this.#links, times: this.#times, items: this.#items };
    while (this.#capacity > rowsAtLeast && this.#capacity >= this.size * 4) this.#capacity /= 2;
    this.#links = new Int32Array(this.#capacity * linkWidth);
    this.#times = new Float64Array(this.#capacity * 2);
    this.#items = [];
    for (let row = 0; row < numbers.length; row += 1) {
      const now = numbers[row]!;
      if (now === none) continue;
      for (let field = 0; field < linkWidth; field += 1) {
        const link = before.links[row * linkWidth + field]!;
        const toRow = field !== slotAt && field !== markAt && link >= 0;
        this.#links[now * linkWidth + field] = toRow ? numbers[link]! : link;
      }
      this.#times[now * 2] = before.times[row * 2]!;
      this.#times[now * 2 + 1] = before.times[row * 2 + 1]!;
      this.#items.push(before.items[row]);
    }
    this.#top = count;
    this.#free = none;
    this.#newest = this.#newest.map((row) => (row === none ? none : numbers[row]!));
    return numbers;
  }

  /** All slots are below `end`: where three of four places are not needed, gives them back. */
  trimSlots(end: number): void {
    if (this.#newest.length <= rowsAtLeast || end * 4 > this.#newest.length) return;
    this.#newest = this.#newest.slice(0, Math.max(rowsAtLeast, end));
  }

  /** No key has a row. */
  forgetSlots(): void {
    if (this.#newest.length > rowsAtLeast) this.#newest = new Int32Array(rowsAtLeast).fill(none);
  }

  #allocate(slot: number, item: unknown, timeMs: number, endMs: number): number {
    let row = this.#free;
    if (row === none) {
      row = this.#top;
      this.#top += 1;
      if (row === this.#capacity) this.#grow();
    } else this.#free = this.#links[row * linkWidth + newerAt]!;
    const links = this.#links;
    const at = row * linkWidth;
    links[at + slotAt] = slot;
    links[at + laterAt] = none;
    links[at + soonerAt] = none;
    links[at + markAt] = 0;
    this.#times[row * 2] = timeMs;
    this.#times[row * 2 + 1] = endMs;
    this.#items[row] = item;
    this.size += 1;
    return row;
  }

  /** Puts a row behind another of its key, or alone. */
  #link(row: number, slot: number, older: number, isNewest: boolean): void {
    const links = this.#links;
    if (older === none) {
      links[row * linkWidth + olderAt] = row;
      links[row * linkWidth + newerAt] = row;
    } else {
      const newer = links[older * linkWidth + newerAt]!;
      links[row * linkWidth + olderAt] = older;
      links[row * linkWidth + newerAt] = newer;
      links[older * linkWidth + newerAt] = row;
      links[newer * linkWidth + olderAt] = row;
    }
    if (!isNewest) return;
    if (slot >= this.#newest.length) this.#growSlots(slot);
    this.#newest[slot] = row;
  }

  #grow(): void {
    this.#capacity *= 2;
    const links = new Int32Array(this.#capacity * linkWidth);
    links.set(this.#links);
    this.#links = links;
    const times = new Float64Array(this.#capacity * 2);
    times.set(this.#times);
    this.#times = times;
  }

  #growSlots(slot: number): void {
    const newest = new Int32Array(Math.max(this.#newest.length * 2, slot + 1)).fill(none);
    newest.set(this.#newest);
    this.#newest = newest;
  }
}

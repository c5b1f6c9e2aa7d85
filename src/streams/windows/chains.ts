/**
 * Chains: the rows of each key, from the newest to the oldest, linked through their own fields.
 *
 * A key mostly has one row or two, and an element mostly goes to the newest, so it costs one look-up, of its key. A
 * row is taken out of its chain wherever it stands; a key without rows is gone.
 */
import type { Key } from '../../base/hash-key.ts';
import { streamLimits } from '../limits.ts';
import type { GroupHeld } from '../processor.ts';
import type { Aggregate } from './aggregate.ts';
import { KeyTable, none } from './key-table.ts';
import { Rows } from './rows.ts';

/** The fields that every row begins with. `at` is what the chain is ordered by. */
const [slotField, olderField, newerField, atField] = [0, 1, 2, 3] as const;
/** Where the fields of whoever keeps the chains begin. */
export const ownFields = 4;

export class Chains {
  readonly keys: KeyTable = new KeyTable();
  readonly rows: Rows;
  readonly #rowsOfGroup = new Float64Array(streamLimits.keyGroups);

  /** @param fields how many numbers of each row are the caller's own; the first is `ownFields`. */
  constructor(fields: number, aggregates: Readonly<Record<string, Aggregate<unknown, unknown>>>) {
    this.rows = new Rows(ownFields + fields, aggregates);
  }

  get bytes(): number {
    return this.keys.bytes + this.rows.bytes;
  }

  /** What each group of keys holds, of those that hold something. */
  groups(bytesPerRow: number): GroupHeld[] {
    const groups: GroupHeld[] = [];
    for (let group = 0; group < this.#rowsOfGroup.length; group += 1) {
      const keys = this.keys.keysOfGroup(group);
      if (keys === 0) continue;
      const rowBytes = this.#rowsOfGroup[group]! * (this.rows.rowBytes + bytesPerRow);
      groups.push({ group, keys, stateBytes: this.keys.bytesOfGroup(group) + rowBytes });
    }
    return groups;
  }

  /** Lets go what a flood took and is not needed any more, when no row that is free is looked at any more. */
  trim(): void {
    this.rows.trim();
    this.keys.trim();
  }

  keyOf(row: number): Key {
    return this.keys.keyAt(this.#get(row, slotField));
  }

  slotOf(row: number): number {
    return this.#get(row, slotField);
  }

  at(row: number): number {
    return this.#get(row, atField);
  }

  /** Must not change the order of the chain. */
  moveTo(row: number, at: number): void {
    this.set(row, atField, at);
  }

  older(row: number): number {
    return this.#get(row, olderField);
  }

  newer(row: number): number {
    return this.#get(row, newerField);
  }

  get(row: number, field: number): number {
    return this.rows.cells[row * this.rows.width + field]!;
  }

  set(row: number, field: number, value: number): void {
    this.rows.cells[row * this.rows.width + field] = value;
  }

  /** The newest row of a key that is at `at` or before it; `none` where there is none. */
  find(slot: number, at: number): number {
    const { cells, width } = this.rows;
    let row = this.keys.headAt(slot);
    while (row !== none && cells[row * width + atField]! > at) row = cells[row * width + olderField]!;
    return row;
  }

  /** A new row of a key at `at`, placed before the rows that are older: `older`, as `find` gave it. */
  insert(slot: number, at: number, older: number): number {
    const row = this.rows.allocate();
    this.#rowsOfGroup[this.keys.groupAt(slot)]! += 1;
    const newer = older === none ? this.oldest(slot) : this.newer(older);
    const { cells, width } = this.rows;
    const place = row * width;
    cells[place + slotField] = slot;
    cells[place + atField] = at;
    cells[place + olderField] = older;
    cells[place + newerField] = newer;
    if (older !== none) cells[older * width + newerField] = row;
    if (newer === none) this.keys.setHead(slot, row);
    else cells[newer * width + olderField] = row;
    return row;
  }

  /** Takes a row out of its chain; its key is gone with its last one. */
  remove(row: number): void {
    const slot = this.slotOf(row);
    const older = this.older(row);
    const newer = this.newer(row);
    this.#rowsOfGroup[this.keys.groupAt(slot)]! -= 1;
    if (older !== none) this.set(older, newerField, newer);
    if (newer !== none) this.set(newer, olderField, older);
    else if (older !== none) this.keys.setHead(slot, older);
    else this.keys.delete(slot);
    this.rows.free(row);
  }

  /** The first row of a key; `none` where it has none. */
  oldest(slot: number): number {
    let row = this.keys.headAt(slot);
    if (row === none) return none;
    for (let older = this.older(row); older !== none; older = this.older(row)) row = older;
    return row;
  }

  #get(row: number, field: number): number {
    return this.rows.cells[row * this.rows.width + field]!;
  }
}

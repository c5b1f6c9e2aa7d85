/**
 * The keys that have state: each has a slot, and in it the head of a chain of rows and the group of the key.
 *
 * Whole numbers are found by a table of their own. Texts, and numbers that are none of these, have a Map each, so that
 * 1 and '1' are never mixed.
 */
import type { Key } from '../../base/hash-key.ts';
import { keyGroupOf } from '../key-groups.ts';
import { streamLimits } from '../limits.ts';
import { NumberIndex } from './number-index.ts';
import { Slots } from './slots.ts';

/** No row: the end of a chain. */
export const none = -1;

/** The numbers of a slot: its key, where that is a number; the head of its chain; its group. */
const [keyField, headField, groupField] = [0, 1, 2] as const;
const width = 3;
const slotsAtLeast = 64;
/** What an entry of a Map takes, with its bucket; what a text takes beside its characters. */
const [mapEntryBytes, textBytes] = [40, 24];

export class KeyTable {
  readonly #whole = new NumberIndex(width);
  readonly #texts = new Map<string, number>();
  readonly #otherNumbers = new Map<number, number>();
  readonly #slots = new Slots();
  #cells = new Float64Array(slotsAtLeast * width);
  /** The keys that are texts, by slot; as long as the last of them needs. */
  #textAt: (string | undefined)[] = [];
  readonly #keysOfGroup = new Float64Array(streamLimits.keyGroups);
  /** Of texts. */
  readonly #bytesOfGroup = new Float64Array(streamLimits.keyGroups);
  #textBytes = 0;

  /** Keys that have state. */
  get size(): number {
    return this.#slots.used;
  }

  /** An estimate of what the keys take, in bytes. */
  get bytes(): number {
    return this.#cells.byteLength + this.#whole.bytes + this.#otherNumbers.size * mapEntryBytes + this.#textBytes;
  }

  /** Keys of a group that have state. */
  keysOfGroup(group: number): number {
    return this.#keysOfGroup[group]!;
  }

  /** An estimate of what the keys of a group take, in bytes. */
  bytesOfGroup(group: number): number {
    return this.#keysOfGroup[group]! * (width * 8 + 8) + this.#bytesOfGroup[group]!;
  }

  /** The slot of a key, made where it has none. */
  slotOf(key: Key): number {
    const slot = this.find(key);
    return slot === undefined ? this.#create(key) : slot;
  }

  /** The slot of a key; undefined where it has none. */
  find(key: Key): number | undefined {
    if (typeof key === 'string') return this.#texts.get(key);
    if (!Number.isSafeInteger(key)) return this.#otherNumbers.get(key);
    const slot = this.#whole.find(key, this.#cells);
    return slot < 0 ? undefined : slot;
  }

  /** All slots, in an order that depends on nothing but the keys that came and went. */
  slots(): number[] {
    return [...this.#whole.slots(), ...this.#otherNumbers.values(), ...this.#texts.values()];
  }

  keyAt(slot: number): Key {
    const text = slot < this.#textAt.length ? this.#textAt[slot] : undefined;
    return text === undefined ? this.#cells[slot * width + keyField]! : text;
  }

  headAt(slot: number): number {
    return this.#cells[slot * width + headField]!;
  }

  /** The group of the key, in [0, 128). */
  groupAt(slot: number): number {
    return this.#cells[slot * width + groupField]!;
  }

  setHead(slot: number, row: number): void {
    this.#cells[slot * width + headField] = row;
  }

  /** The key has no state any more. */
  delete(slot: number): void {
    const key = this.keyAt(slot);
    const group = this.groupAt(slot);
    if (typeof key === 'string') {
      this.#texts.delete(key);
      this.#countText(key, group, -1);
      this.#textAt[slot] = undefined;
    } else if (Number.isSafeInteger(key)) this.#whole.delete(key, slot, this.#cells);
    else this.#otherNumbers.delete(key);
    this.#keysOfGroup[group]! -= 1;
    this.#slots.give(slot);
  }

  /** Lets go what a flood took and is not needed any more. Costs little for each key that went. */
  trim(): void {
    if (!this.#slots.compact() && this.#slots.end > 0) return;
    this.#whole.trim(this.#cells);
    const { end } = this.#slots;
    if (this.#textAt.length > end) this.#textAt = this.#textAt.slice(0, end);
    let capacity = this.#cells.length / width;
    while (capacity > slotsAtLeast && end * 4 <= capacity) capacity /= 2;
    if (capacity * width < this.#cells.length) this.#cells = this.#cells.slice(0, capacity * width);
  }

  #create(key: Key): number {
    const slot = this.#slots.take();
    const place = slot * width;
    if (place >= this.#cells.length) {
      const cells = new Float64Array(this.#cells.length * 2);
      cells.set(this.#cells);
      this.#cells = cells;
    }
    const cells = this.#cells;
    const group = keyGroupOf(key);
    cells[place + headField] = none;
    cells[place + groupField] = group;
    if (typeof key === 'string') {
      this.#texts.set(key, slot);
      while (this.#textAt.length <= slot) this.#textAt.push(undefined);
      this.#textAt[slot] = key;
      this.#countText(key, group, 1);
    } else {
      cells[place + keyField] = key;
      if (Number.isSafeInteger(key)) this.#whole.add(key, slot, cells);
      else this.#otherNumbers.set(key, slot);
    }
    this.#keysOfGroup[group]! += 1;
    return slot;
  }

  #countText(text: string, group: number, sign: 1 | -1): void {
    const bytes = sign * (mapEntryBytes + textBytes + text.length);
    this.#textBytes += bytes;
    this.#bytesOfGroup[group]! += bytes;
  }
}

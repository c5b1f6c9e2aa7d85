/**
 * The keys that have state: each has a slot, and in it the head of a chain of rows and the group of the key.
 *
 * Whole numbers are found by a table of their own. Texts, and numbers that are none of these, have a Map each, so that
 * 1 and '1' are never mixed.
 */
import type { Key } from '../../base/hash-key.ts';
import { keyGroupOf } from '../key-groups.ts';
import { streamLimits } from '../limits.ts';
import type { GroupHeld } from '../processor.ts';
import { NumberIndex } from './number-index.ts';
import { capacityAtLeast, capacityFor, Slots } from './slots.ts';

/** No row: the end of a chain. */
export const none = -1;
/** In place of a head: the key has no state, and its slot waits for it to come back. */
const retired = -2;
/**
 * How many may wait, beside as many as have state. In windows that follow each other the same keys come and go, and a
 * key that comes back costs half of one that is new.
 */
const retiredMax = 16_384;

/** The numbers of a slot: its key, where that is a number; the head of its chain; its group. */
const [keyField, headField, groupField] = [0, 1, 2] as const;
const width = 3;
/** What an entry of a Map takes, with its bucket; what a text takes beside its characters. */
const [mapEntryBytes, textBytes] = [40, 24];

export class KeyTable {
  readonly #whole = new NumberIndex(width);
  readonly #texts = new Map<string, number>();
  readonly #otherNumbers = new Map<number, number>();
  readonly #slots = new Slots();
  #cells = new Float64Array(capacityAtLeast * width);
  /** The keys that are texts, by slot; as long as the last of them needs. */
  #textAt: (string | undefined)[] = [];
  readonly #keysOfGroup = new Float64Array(streamLimits.keyGroups);
  /** Of texts. */
  readonly #bytesOfGroup = new Float64Array(streamLimits.keyGroups);
  #textBytes = 0;
  #retired = 0;

  /** Keys that have state. */
  get size(): number {
    return this.#slots.used - this.#retired;
  }

  /** An estimate of what the keys take, in bytes. */
  get bytes(): number {
    return this.#cells.byteLength + this.#whole.bytes + this.#otherNumbers.size * mapEntryBytes + this.#textBytes;
  }

  /** All slots are below this. */
  get end(): number {
    return this.#slots.end;
  }

  /** Keys of a group that have state. */
  keysOfGroup(group: number): number {
    return this.#keysOfGroup[group]!;
  }

  /** An estimate of what the keys of a group take, in bytes. */
  bytesOfGroup(group: number): number {
    return this.#keysOfGroup[group]! * (width * 8 + 8) + this.#bytesOfGroup[group]!;
  }

  /** What each group holds that has keys, where `otherBytes` are kept of all keys together beside the keys. */
  groups(otherBytes: number): GroupHeld[] {
    const groups: GroupHeld[] = [];
    const bytesPerKey = otherBytes / this.size;
    for (let group = 0; group < this.#keysOfGroup.length; group += 1) {
      const keys = this.#keysOfGroup[group]!;
      if (keys > 0) groups.push({ group, keys, stateBytes: Math.round(this.bytesOfGroup(group) + keys * bytesPerKey) });
    }
    return groups;
  }

  /** The slot of a key, made where it has none. */
  slotOf(key: Key): number {
    let slot = this.#lookUp(key);
    if (slot < 0) slot = this.#create(key);
    else if (this.headAt(slot) === retired) {
      this.#retired -= 1;
      this.#count(slot, 1);
      this.setHead(slot, none);
    }
    return slot;
  }

  /** The slot of a key; undefined where it has none. */
  find(key: Key): number | undefined {
    const slot = this.#lookUp(key);
    return slot < 0 || this.headAt(slot) === retired ? undefined : slot;
  }

  /** All slots, in an order that depends on nothing but the keys that came and went. */
  slots(): number[] {
    const slots = [...this.#whole.slots(), ...this.#otherNumbers.values(), ...this.#texts.values()];
    return this.#retired === 0 ? slots : slots.filter((slot) => this.headAt(slot) !== retired);
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
    this.#count(slot, -1);
    this.setHead(slot, retired);
    this.#retired += 1;
    if (this.#slots.isAboveCeiling(slot)) {
      this.#retired -= 1;
      this.#forget(slot);
    }
    if (this.size === 0 || this.#retired > this.size + retiredMax) this.#forgetRetired();
  }

  /**
   * Lets go what a flood took and is not needed any more; to be called when a window closes, or the like. A flood of
   * tens of thousands is noticed when its keys go.
   */
  trim(): void {
    if (this.#slots.settle()) this.#forgetRetired();
    else this.#shrink();
  }

  /** -1 where the key is not known. */
  #lookUp(key: Key): number {
    if (typeof key === 'string') return this.#texts.get(key) ?? -1;
    return Number.isSafeInteger(key) ? this.#whole.find(key, this.#cells) : (this.#otherNumbers.get(key) ?? -1);
  }

  #forgetRetired(): void {
    this.#retired = 0;
    for (let slot = 0; slot < this.#slots.end; slot += 1) if (this.headAt(slot) === retired) this.#forget(slot);
    this.#slots.lower();
    this.#shrink();
  }

  /** The columns are as long as the slots need. */
  #shrink(): void {
    const capacity = capacityFor(this.#slots.end, this.#cells.length / width);
    if (capacity * width === this.#cells.length) return;
    this.#whole.trim(this.#cells);
    this.#cells = this.#cells.slice(0, capacity * width);
    this.#textAt = this.#textAt.slice(0, capacity);
  }

  #forget(slot: number): void {
    const key = this.keyAt(slot);
    if (typeof key === 'string') {
      this.#texts.delete(key);
      this.#textAt[slot] = undefined;
      this.#textBytes -= textBytesOf(key);
    } else if (Number.isSafeInteger(key)) this.#whole.delete(key, slot, this.#cells);
    else this.#otherNumbers.delete(key);
    this.setHead(slot, none);
    this.#slots.give(slot);
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
    cells[place + headField] = none;
    cells[place + groupField] = keyGroupOf(key);
    if (typeof key === 'string') {
      this.#texts.set(key, slot);
      while (this.#textAt.length <= slot) this.#textAt.push(undefined);
      this.#textAt[slot] = key;
      this.#textBytes += textBytesOf(key);
    } else {
      cells[place + keyField] = key;
      if (Number.isSafeInteger(key)) this.#whole.add(key, slot, cells);
      else this.#otherNumbers.set(key, slot);
    }
    this.#count(slot, 1);
    return slot;
  }

  /** A key has state from now on, or has none any more. */
  #count(slot: number, sign: 1 | -1): void {
    const group = this.groupAt(slot);
    this.#keysOfGroup[group]! += sign;
    const text = slot < this.#textAt.length ? this.#textAt[slot] : undefined;
    if (text !== undefined) this.#bytesOfGroup[group]! += sign * textBytesOf(text);
  }
}

function textBytesOf(text: string): number {
  return mapEntryBytes + textBytes + text.length;
}

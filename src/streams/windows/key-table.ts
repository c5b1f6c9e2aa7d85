/**
 * The keys that have state: each has a slot, and in it the head of a chain of rows.
 *
 * Numbers have a Map of their own, since a Map looks them up without a hash of text and never mixes 1 with '1'.
 */
import type { Key } from '../../base/hash-key.ts';
import { Slots } from './slots.ts';

/** No row: the end of a chain. */
export const none = -1;
/** So many slots are kept however few are in use. */
const slotsAtLeast = 1_024;

export class KeyTable {
  readonly #numbers = new Map<number, number>();
  readonly #texts = new Map<string, number>();
  readonly #slots = new Slots();
  #keys: Key[] = [];
  #heads: number[] = [];
  #textCharacters = 0;

  /** Keys that have state. */
  get size(): number {
    return this.#slots.used;
  }

  /** An estimate of what the keys take, in bytes. */
  get bytes(): number {
    // A Map keeps about 32 bytes an entry, and the columns 16; a text has a header of 16.
    return this.size * 48 + this.#texts.size * 16 + this.#textCharacters;
  }

  /** The slot of a key, made where it has none. */
  slotOf(key: Key): number {
    return this.find(key) ?? this.#create(key);
  }

  /** The slot of a key; undefined where it has none. */
  find(key: Key): number | undefined {
    return typeof key === 'number' ? this.#numbers.get(key) : this.#texts.get(key);
  }

  /** All slots, numbers first, each kind in the order in which its keys came. */
  slots(): number[] {
    return [...this.#numbers.values(), ...this.#texts.values()];
  }

  keyAt(slot: number): Key {
    return this.#keys[slot]!;
  }

  headAt(slot: number): number {
    return this.#heads[slot]!;
  }

  setHead(slot: number, row: number): void {
    this.#heads[slot] = row;
  }

  /** The key has no state any more. */
  delete(slot: number): void {
    const key = this.#keys[slot]!;
    if (typeof key === 'number') this.#numbers.delete(key);
    else {
      this.#texts.delete(key);
      this.#textCharacters -= key.length;
    }
    // A long text is not to be kept by the column.
    this.#keys[slot] = 0;
    this.#slots.give(slot);
    if (this.#slots.used > 0) return;
    this.#keys = [];
    this.#heads = [];
  }

  /** Where three of four slots are free: gives memory back. Answers the new slot of each old one, if so. */
  shrink(): Int32Array | undefined {
    if (this.#keys.length <= slotsAtLeast || this.size * 4 > this.#keys.length) return undefined;
    const slots = new Int32Array(this.#keys.length).fill(none);
    const keys: Key[] = [];
    const heads: number[] = [];
    for (const table of [this.#numbers, this.#texts] as Map<Key, number>[]) {
      for (const [key, slot] of table) {
        slots[slot] = keys.length;
        table.set(key, keys.length);
        keys.push(key);
        heads.push(this.#heads[slot]!);
      }
    }
    this.#keys = keys;
    this.#heads = heads;
    this.#slots.restart(keys.length);
    return slots;
  }

  #create(key: Key): number {
    const slot = this.#slots.take();
    if (typeof key === 'number') this.#numbers.set(key, slot);
    else {
      this.#texts.set(key, slot);
      this.#textCharacters += key.length;
    }
    this.#keys[slot] = key;
    this.#heads[slot] = none;
    return slot;
  }
}

/** Whose state is read and written now: the key of the call of a handler, and what time it is for it. */
import type { Key } from '../../base/hash-key.ts';
import { StateOutsideCall } from '../errors.ts';
import type { GroupHeld } from '../processor.ts';
import { KeyTable, none } from '../windows/key-table.ts';

/** In place of a slot: no handler is called now. */
const outside = -1;

export class StateOwner {
  readonly stage: string;
  /** The head of each key is how many things it has: states that hold something, and timers. */
  readonly #keys = new KeyTable();
  #slot = outside;
  /** What is due by then is gone. */
  nowMs: number = -Infinity;
  /** When something counts as written that is written now. */
  touchMs: number = -Infinity;

  constructor(stage: string) {
    this.stage = stage;
  }

  get size(): number {
    return this.#keys.size;
  }

  get bytes(): number {
    return this.#keys.bytes;
  }

  groups(otherBytes: number): readonly GroupHeld[] {
    return this.#keys.groups(otherBytes);
  }

  /** The slot of the key whose call it is. @throws StateOutsideCall where none is. */
  get slot(): number {
    if (this.#slot === outside) throw new StateOutsideCall(this.stage);
    return this.#slot;
  }

  /** @throws StateOutsideCall outside of a call. */
  check(): void {
    if (this.#slot === outside) throw new StateOutsideCall(this.stage);
  }

  /** Many keys may have gone: what they took is let go. */
  trim(): void {
    this.#keys.trim();
  }

  keyAt(slot: number): Key {
    return this.#keys.keyAt(slot);
  }

  /** A call for a key begins. Answers its slot. */
  begin(key: Key): number {
    const keys = this.#keys;
    const slot = keys.slotOf(key);
    if (keys.headAt(slot) === none) keys.setHead(slot, 0);
    this.#slot = slot;
    return slot;
  }

  /** The call is over. A key that has nothing is gone. */
  end(): void {
    const slot = this.#slot;
    this.#slot = outside;
    if (this.#keys.headAt(slot) === 0) this.#keys.delete(slot);
  }

  /** A key has one thing more. */
  more(slot: number): void {
    this.#keys.setHead(slot, this.#keys.headAt(slot) + 1);
  }

  /** A key has one thing less; with the last it is gone, unless it is its call. */
  less(slot: number): void {
    const left = this.#keys.headAt(slot) - 1;
    this.#keys.setHead(slot, left);
    if (left === 0 && slot !== this.#slot) this.#keys.delete(slot);
  }
}

/**
 * Keys in their order, in pieces of a few hundred: a key is put in its place by moving what is behind it in its piece
 * (a sorted list of lists). Numbers come before texts; texts are ordered by their UTF-16 code units, as `<` does.
 */
import type { Key } from '../../base/hash-key.ts';

const pieceMax = 512;

export function compareKeys(left: Key, right: Key): number {
  if (typeof left !== typeof right) return typeof left === 'number' ? -1 : 1;
  if (left < right) return -1;
  if (left > right) return 1;
  // NaN is below all numbers, so that it has a place.
  if (left === right) return 0;
  return Number(Number.isNaN(right)) - Number(Number.isNaN(left));
}

export class SortedKeys {
  /** None is empty. */
  readonly #pieces: Key[][] = [];

  add(key: Key): void {
    const pieces = this.#pieces;
    if (pieces.length === 0) {
      pieces.push([key]);
      return;
    }
    const at = Math.min(this.#pieceOf(key), pieces.length - 1);
    const piece = pieces[at]!;
    piece.splice(placeIn(piece, key), 0, key);
    if (piece.length > pieceMax) pieces.splice(at + 1, 0, piece.splice(pieceMax >> 1));
  }

  delete(key: Key): void {
    const at = this.#pieceOf(key);
    const piece = this.#pieces[at];
    if (piece === undefined) return;
    const place = placeIn(piece, key);
    if (place === piece.length || compareKeys(piece[place]!, key) !== 0) return;
    piece.splice(place, 1);
    if (piece.length === 0) this.#pieces.splice(at, 1);
  }

  /** Keys from `from` on, until below `to`. */
  *upward(from: Key | undefined, to: Key | undefined): Generator<Key> {
    const pieces = this.#pieces;
    let at = from === undefined ? 0 : this.#pieceOf(from);
    let place = from === undefined || at === pieces.length ? 0 : placeIn(pieces[at]!, from);
    for (; at < pieces.length; at += 1, place = 0) {
      for (const piece = pieces[at]!; place < piece.length; place += 1) {
        const key = piece[place]!;
        if (to !== undefined && compareKeys(key, to) >= 0) return;
        yield key;
      }
    }
  }

  /** The same, from the last to the first. */
  *downward(from: Key | undefined, to: Key | undefined): Generator<Key> {
    const pieces = this.#pieces;
    let at = to === undefined ? pieces.length : this.#pieceOf(to);
    let place = to === undefined || at === pieces.length ? 0 : placeIn(pieces[at]!, to);
    for (;;) {
      for (place -= 1; place >= 0; place -= 1) {
        const key = pieces[at]![place]!;
        if (from !== undefined && compareKeys(key, from) < 0) return;
        yield key;
      }
      at -= 1;
      if (at < 0) return;
      place = pieces[at]!.length;
    }
  }

  /** The first piece whose last key is not below `key`; the number of pieces where there is none. */
  #pieceOf(key: Key): number {
    let [low, high] = [0, this.#pieces.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareKeys(this.#pieces[middle]!.at(-1)!, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The place of the first key that is not below `key`. */
function placeIn(piece: readonly Key[], key: Key): number {
  let [low, high] = [0, piece.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareKeys(piece[middle]!, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * A consistent hash: keys and routees are points on one ring, and a key belongs to the next routee on it.
 *
 * Each routee has many points, so that shares are even, and a routee that comes or goes takes keys from, or leaves them
 * to, all others alike: of n routees about every n-th key moves and the others stay (Karger et al., "Consistent Hashing
 * and Random Trees", 1997).
 */
import { hashKey, type Key } from '../../base/hash-key.ts';

export class HashRing {
  /** Sorted. */
  readonly #points: Uint32Array;
  /** Whose the points are: indices into the names. */
  readonly #owners: Uint16Array;

  /**
   * @param names of the routees; the same names give the same ring on whatever place.
   * @param pointsEach Points of each on the ring.
   */
  constructor(names: readonly string[], pointsEach: number) {
    // Equal points go to the smaller name, and not to whoever came first.
    const byName = names.map((_name, index) => index).sort((a, b) => (names[a]! < names[b]! ? -1 : 1));
    const all: { readonly point: number; readonly owner: number }[] = [];
    for (const owner of byName) {
      for (let n = 0; n < pointsEach; n += 1) all.push({ point: hashKey(`${names[owner]}/${n}`), owner });
    }
    all.sort((a, b) => a.point - b.point);
    this.#points = Uint32Array.from(all, ({ point }) => point);
    this.#owners = Uint16Array.from(all, ({ owner }) => owner);
  }

  /** The index of the name that a key belongs to; there must be at least one. */
  ownerOf(key: Key): number {
    const points = this.#points;
    const hash = hashKey(key);
    let low = 0;
    let high = points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (points[middle]! < hash) low = middle + 1;
      else high = middle;
    }
    // Past the last point the ring begins anew.
    return this.#owners[low === points.length ? 0 : low]!;
  }
}

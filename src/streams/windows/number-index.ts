/**
 * Where the slots of whole-number keys are found: a table with open addressing that holds slots, and finds keys in the
 * column that has them.
 *
 * A Map of numbers takes an entry of its own for each key, and much time where keys come and go. Here a look-up is one
 * place in the table and one in the column, which the caller needs next. A key that goes leaves no mark: those behind
 * it move up (Knuth, The Art of Computer Programming 3, 6.4, algorithm R).
 */

/** The next odd number to 2^32 divided by the golden ratio: its multiples lie evenly in their high bits. */
const golden = 0x9e3779b1;
const placesAtLeast = 64;

export class NumberIndex {
  /** Slots and 1, or 0 for none; at most half of them are taken. */
  #places = new Int32Array(placesAtLeast);
  #shift = 32 - Math.log2(placesAtLeast);
  #size = 0;
  /** Numbers of a slot in the column, of which the first is the key. */
  readonly #width: number;

  constructor(width: number) {
    this.#width = width;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#places.byteLength;
  }

  /** -1 where there is none. */
  find(key: number, column: Float64Array): number {
    const places = this.#places;
    const width = this.#width;
    const last = places.length - 1;
    for (let place = hashOf(key) >>> this.#shift; ; place = (place + 1) & last) {
      const slot = places[place]! - 1;
      if (slot < 0 || column[slot * width] === key) return slot;
    }
  }

  /** A key that is not there yet; the column says it already. */
  add(key: number, slot: number, column: Float64Array): void {
    this.#size += 1;
    if (this.#size * 2 > this.#places.length) this.#resize(this.#places.length * 2, column);
    this.#put(key, slot);
  }

  /** A key that is there; the column still says it. */
  delete(key: number, slot: number, column: Float64Array): void {
    const places = this.#places;
    const last = places.length - 1;
    let empty = hashOf(key) >>> this.#shift;
    while (places[empty]! !== slot + 1) empty = (empty + 1) & last;
    for (let place = (empty + 1) & last; places[place]! !== 0; place = (place + 1) & last) {
      const wanted = hashOf(column[(places[place]! - 1) * this.#width]!) >>> this.#shift;
      // It may move up unless the place that it wants lies between the empty one and its own.
      if (((place - wanted) & last) < ((place - empty) & last)) continue;
      places[empty] = places[place]!;
      empty = place;
    }
    places[empty] = 0;
    this.#size -= 1;
  }

  /** Lets go what is not needed any more. */
  trim(column: Float64Array): void {
    let length = this.#places.length;
    while (length > placesAtLeast && this.#size * 8 <= length) length /= 2;
    if (length < this.#places.length) this.#resize(length, column);
  }

  slots(): number[] {
    const slots: number[] = [];
    for (const place of this.#places) if (place > 0) slots.push(place - 1);
    return slots;
  }

  #resize(length: number, column: Float64Array): void {
    const slots = this.slots();
    this.#places = new Int32Array(length);
    this.#shift = 32 - Math.log2(length);
    for (const slot of slots) this.#put(column[slot * this.#width]!, slot);
  }

  #put(key: number, slot: number): void {
    const places = this.#places;
    const last = places.length - 1;
    let place = hashOf(key) >>> this.#shift;
    while (places[place]! !== 0) place = (place + 1) & last;
    places[place] = slot + 1;
  }
}

/** Of a safe integer; its high bits are the good ones. */
function hashOf(key: number): number {
  const low = key | 0;
  return low === key ? Math.imul(low, golden) : Math.imul(low ^ Math.imul(key / 2 ** 32, golden), golden);
}

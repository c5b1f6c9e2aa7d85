/**
 * The forms of `sum`, `mean`, `min` and `max` for where elements are taken back.
 *
 * A sum that takes back what it added may not come back to where it was: rounding loses low digits, and Infinity and
 * NaN swallow everything. So the sum keeps what each addition lost (the error-free transformation TwoSum of Knuth, as
 * in Ogita, Rump and Oishi, "Accurate sum and dot product", SIAM J. Sci. Comput. 2005), and counts what is not finite.
 */
import { custom, ofCells, type Retractable } from './aggregate.ts';
import { CountedHeap } from './counted-heap.ts';

/** The sum, what rounding lost of it, and how many were NaN, Infinity and -Infinity. */
const sumWidth = 5;

function addTo(cells: Float64Array, at: number, value: number, times: 1 | -1): void {
  if (!Number.isFinite(value)) {
    cells[at + (Number.isNaN(value) ? 2 : value > 0 ? 3 : 4)]! += times;
    return;
  }
  const signed = value * times;
  const before = cells[at]!;
  const after = before + signed;
  const taken = after - before;
  cells[at] = after;
  cells[at + 1]! += before - (after - taken) + (signed - taken);
}

function mergeSums(cells: Float64Array, at: number, from: number): void {
  addTo(cells, at, cells[from]!, 1);
  for (let cell = 1; cell < sumWidth; cell += 1) cells[at + cell]! += cells[from + cell]!;
}

function sumOf(cells: Float64Array, at: number): number {
  if (cells[at + 2] !== 0 || (cells[at + 3] !== 0 && cells[at + 4] !== 0)) return Number.NaN;
  if (cells[at + 3] !== 0) return Infinity;
  if (cells[at + 4] !== 0) return -Infinity;
  return cells[at]! + cells[at + 1]!;
}

export function retractingSum<T>(value: (item: T) => number | null): Retractable<T, number> {
  const change =
    (times: 1 | -1) =>
    (cells: Float64Array, at: number, item: T): void => {
      const number = value(item);
      if (number !== null) addTo(cells, at, number, times);
    };
  return ofCells<T, number>({
    width: sumWidth,
    add: change(1),
    retract: change(-1),
    merge: mergeSums,
    result: sumOf,
  });
}

export function retractingMean<T>(value: (item: T) => number | null): Retractable<T, number | null> {
  const change =
    (times: 1 | -1) =>
    (cells: Float64Array, at: number, item: T): void => {
      const number = value(item);
      if (number === null) return;
      addTo(cells, at, number, times);
      cells[at + sumWidth]! += times;
    };
  return ofCells<T, number | null>({
    width: sumWidth + 1,
    add: change(1),
    retract: change(-1),
    merge: (cells, at, from) => {
      mergeSums(cells, at, from);
      cells[at + sumWidth]! += cells[from + sumWidth]!;
    },
    result: (cells, at) => (cells[at + sumWidth] === 0 ? null : sumOf(cells, at) / cells[at + sumWidth]!),
  });
}

export function retractingExtreme<T>(
  value: (item: T) => number | null,
  beats: (candidate: number, best: number) => boolean,
): Retractable<T, number | null> {
  return custom<T, CountedHeap, number | null>({
    create: () => new CountedHeap(beats),
    add: (heap, item) => {
      const number = value(item);
      if (number !== null) heap.add(number);
      return heap;
    },
    retract: (heap, item) => {
      const number = value(item);
      if (number !== null) heap.remove(number);
      return heap;
    },
    merge: (into, from) => {
      into.addAll(from);
      return into;
    },
    result: (heap) => heap.best ?? null,
  });
}

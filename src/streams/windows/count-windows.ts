/**
 * Windows of a number of elements of a key, in the order in which they come.
 *
 * A key's elements are cut into slices where windows begin and where they end, as sliced windows cut time. With its
 * last element a window is given, and slices that no later window needs go; a key whose last slice goes begins anew.
 * At the end of the input the windows that are not full are given, by the first element of their key that is kept.
 */
import type { GroupHeld } from '../processor.ts';
import { Chains, ownFields } from './chains.ts';
import { none } from './key-table.ts';
import type { CountSpec } from './window.ts';
import { Windowing, type WindowingOptions, type WindowResult, type WindowsHeld } from './windowing.ts';

/** Elements in the slice; the lowest and the highest of their times; the arrival of the first of them. */
const [countField, lowField, highField, orderField] = [0, 1, 2, 3].map((field) => ownFields + field) as [
  number,
  number,
  number,
  number,
];

export class CountWindows extends Windowing {
  readonly #spec: CountSpec;
  readonly #chains: Chains;
  /** The key whose window is full. */
  #full: number | undefined;
  #arrivals = 0;
  /** Keys whose windows are given at the end, the first last. */
  #ending: number[] = [];
  resultTimeMs: number = -Infinity;

  constructor(spec: CountSpec, options: WindowingOptions) {
    super(options);
    this.#spec = spec;
    this.#chains = new Chains(4, options.aggregates);
  }

  get due(): boolean {
    return this.#full !== undefined;
  }

  get held(): WindowsHeld {
    const { rows, keys, bytes } = this.#chains;
    return { windows: rows.size, keys: keys.size, stateBytes: bytes };
  }

  get groups(): readonly GroupHeld[] {
    return this.#chains.groups(0);
  }

  protected take(item: unknown, timeMs: number): boolean {
    const chains = this.#chains;
    const slot = chains.keys.slotOf(this.keyOf(item));
    const head = chains.keys.headAt(slot);
    const position = head === none ? 0 : chains.at(head) + chains.get(head, countField);
    const row = head === none || this.#beginsAt(position) ? this.#slice(slot, position, head, timeMs) : head;
    chains.rows.add(row, item, timeMs);
    chains.set(row, countField, chains.get(row, countField) + 1);
    if (timeMs < chains.get(row, lowField)) chains.set(row, lowField, timeMs);
    if (timeMs > chains.get(row, highField)) chains.set(row, highField, timeMs);
    this.#arrivals += 1;
    const { size, slide } = this.#spec;
    if (position + 1 >= size && (position + 1 - size) % slide === 0) this.#full = slot;
    return true;
  }

  protected override onAdvance(_beforeMs: number, watermarkMs: number): void {
    if (watermarkMs !== Infinity) return;
    const { keys } = this.#chains;
    const orderOf = (slot: number): number => this.#chains.get(this.#chains.oldest(slot), orderField);
    this.#ending = keys.slots().sort((a, b) => orderOf(b) - orderOf(a));
  }

  protected give(): WindowResult | undefined {
    const full = this.#full;
    this.#full = undefined;
    if (full !== undefined) return this.#resultOf(full).result;
    const slot = this.#ending.at(-1);
    if (slot === undefined) return undefined;
    const { result, gone } = this.#resultOf(slot);
    if (gone) this.#ending.pop();
    return result;
  }

  #beginsAt(position: number): boolean {
    const within = position % this.#spec.slide;
    return within === 0 || within === this.#spec.size % this.#spec.slide;
  }

  #slice(slot: number, position: number, head: number, timeMs: number): number {
    const row = this.#chains.insert(slot, position, head);
    this.#chains.set(row, lowField, timeMs);
    this.#chains.set(row, highField, timeMs);
    this.#chains.set(row, orderField, this.#arrivals);
    return row;
  }

  /** The result of all that a key holds. What no later window needs goes. */
  #resultOf(slot: number): { readonly result: WindowResult; readonly gone: boolean } {
    const chains = this.#chains;
    const { rows } = chains;
    const key = chains.keys.keyAt(slot);
    const first = chains.oldest(slot);
    const keptFrom = chains.at(first) + this.#spec.slide;
    const alone = chains.newer(first) === none;
    const whole = alone ? first : rows.allocate();
    let [lowMs, highMs] = [Infinity, -Infinity];
    for (let row = first; row !== none; row = chains.newer(row)) {
      if (!alone) rows.merge(whole, row);
      lowMs = Math.min(lowMs, chains.get(row, lowField));
      highMs = Math.max(highMs, chains.get(row, highField));
    }
    const value = rows.result(whole);
    if (!alone) rows.free(whole);
    let row = first;
    while (row !== none && chains.at(row) < keptFrom) {
      const newer = chains.newer(row);
      chains.remove(row);
      row = newer;
    }
    if (row === none) chains.trim();
    this.resultTimeMs = highMs;
    return { result: { key, window: Object.freeze({ startMs: lowMs, endMs: highMs + 1 }), value }, gone: row === none };
  }
}

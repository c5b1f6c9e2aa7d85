/**
 * Tumbling and sliding windows that are emitted once, from slices: an element is added to one slice, however many
 * windows it is in, and the slices of a window are merged when it is due.
 *
 * Time is cut where windows begin and where they end, so a window of `n` slides has at most `2n` slices (the paired
 * windows of Krishnamurthy, Wu and Franklin, "On-the-fly sharing for streamed aggregation", SIGMOD 2006). A tumbling
 * window is one slice, and nothing is merged. A slice goes with the last window that it is part of.
 *
 * Results come by window end. Within one window the keys come by the first slice that holds them, and in that by their
 * first element.
 */
import type { GroupHeld } from '../processor.ts';
import { Chains, ownFields } from './chains.ts';
import { none } from './key-table.ts';
import { Slots } from './slots.ts';
import { Timers } from './timers.ts';
import type { AlignedSpec, TimeWindow } from './window.ts';
import { rowsAtATime, Windowing, type WindowingOptions, type WindowResult, type WindowsHeld } from './windowing.ts';

/** The start of the window that a row was last given out with. */
const givenField = ownFields;

/** A row in the list of its slice. */
const listedBytes = 8;

interface Slice {
  readonly startMs: number;
  readonly endMs: number;
  /** In the order of the keys' first elements. */
  readonly rows: number[];
}

/** A window on its way out. */
interface Leaving {
  readonly window: TimeWindow;
  readonly slices: readonly Slice[];
  /**
   * The row that slices of a key are merged in; undefined where there is one slice. It is taken before any row of the
   * window is free, since a row that is free must keep what it says until the window is gone.
   */
  readonly merged: number | undefined;
  slice: number;
  row: number;
}

export class SlicedWindows extends Windowing {
  readonly #spec: AlignedSpec;
  /** Where in each slide windows end, in ms; 0 where they end as others begin. */
  readonly #endsAtMs: number;
  readonly #chains: Chains;
  readonly #slices = new Map<number, Slice>();
  /** Windows that hold something, by their start: their owner in `#timers`. */
  readonly #windows = new Map<number, number>();
  readonly #starts: number[] = [];
  readonly #owners = new Slots();
  readonly #timers = new Timers();
  /** The slice of the last element: mostly the next one's too. */
  #recent: Slice | undefined;
  #leaving: Leaving | undefined;
  readonly due = false;
  resultTimeMs: number = -Infinity;

  constructor(spec: AlignedSpec, options: WindowingOptions) {
    super(options);
    this.#spec = spec;
    this.#endsAtMs = spec.sizeMs % spec.slideMs;
    this.#chains = new Chains(1, options.aggregates);
  }

  get held(): WindowsHeld {
    const stateBytes =
      this.#chains.bytes + this.#chains.rows.size * listedBytes + this.#windows.size * 96 + this.#timers.bytes;
    return {
      windows: this.#windows.size,
      keys: this.#chains.keys.size,
      stateBytes,
    };
  }

  get groups(): readonly GroupHeld[] {
    return this.#chains.groups(listedBytes);
  }

  protected take(item: unknown, timeMs: number): boolean {
    let slice = this.#recent;
    if (slice === undefined || timeMs < slice.startMs || timeMs >= slice.endMs) {
      slice = this.#sliceAt(timeMs);
      if (slice === undefined) return false;
      this.#recent = slice;
    }
    const chains = this.#chains;
    const slot = chains.keys.slotOf(this.keyOf(item));
    let row = chains.find(slot, slice.startMs);
    if (row === none || chains.at(row) !== slice.startMs) {
      row = chains.insert(slot, slice.startMs, row);
      chains.set(row, givenField, Number.NaN);
      slice.rows.push(row);
    }
    chains.rows.add(row, item, timeMs);
    return true;
  }

  protected give(): WindowResult | 'working' | undefined {
    for (let count = 0; count < rowsAtATime; count += 1) {
      this.#leaving ??= this.#nextDue();
      const leaving = this.#leaving;
      if (leaving === undefined) return undefined;
      const slice = leaving.slices[leaving.slice];
      if (slice === undefined) this.#close(leaving);
      else if (leaving.row === slice.rows.length) {
        leaving.slice += 1;
        leaving.row = 0;
      } else {
        const row = slice.rows[leaving.row]!;
        leaving.row += 1;
        if (this.#chains.get(row, givenField) !== leaving.window.startMs) return this.#resultFrom(row, leaving);
      }
    }
    return 'working';
  }

  /** The slice of a time, made where there is none; undefined where all its windows have closed. */
  #sliceAt(timeMs: number): Slice | undefined {
    const { sizeMs, slideMs, offsetMs } = this.#spec;
    const beginsMs = Math.floor((timeMs - offsetMs) / slideMs) * slideMs + offsetMs;
    const endsMs = beginsMs + this.#endsAtMs;
    const startMs = timeMs < endsMs ? beginsMs : endsMs;
    const known = this.#slices.get(startMs);
    if (known !== undefined) return known;
    // The last of its windows begins where its slide does.
    if (beginsMs + sizeMs + this.latenessMs <= this.watermarkMs) return undefined;
    const slice = { startMs, endMs: timeMs < endsMs ? endsMs : beginsMs + slideMs, rows: [] };
    this.#slices.set(startMs, slice);
    for (let start = beginsMs; start + sizeMs > startMs; start -= slideMs) {
      if (start + sizeMs + this.latenessMs <= this.watermarkMs) break;
      if (!this.#windows.has(start)) this.#openWindow(start);
    }
    return slice;
  }

  #openWindow(startMs: number): void {
    const owner = this.#owners.take();
    this.#starts[owner] = startMs;
    this.#windows.set(startMs, owner);
    this.#timers.set(owner, startMs + this.#spec.sizeMs + this.latenessMs, startMs);
  }

  #nextDue(): Leaving | undefined {
    const owner = this.#timers.takeDue(this.watermarkMs);
    if (owner === undefined) return undefined;
    const startMs = this.#starts[owner]!;
    const endMs = startMs + this.#spec.sizeMs;
    const slices: Slice[] = [];
    for (let start = startMs; start < endMs; start += this.#spec.slideMs) {
      const cuts = this.#endsAtMs === 0 ? [start] : [start, start + this.#endsAtMs];
      for (const cut of cuts) {
        const slice = cut < endMs ? this.#slices.get(cut) : undefined;
        if (slice !== undefined) slices.push(slice);
      }
    }
    this.resultTimeMs = endMs - 1;
    const merged = slices.length > 1 ? this.#chains.rows.allocate() : undefined;
    return { window: Object.freeze({ startMs, endMs }), slices, merged, slice: 0, row: 0 };
  }

  /** The result of a key, whose first row in the window is `first`. Rows that no later window needs go. */
  #resultFrom(first: number, { window, merged }: Leaving): WindowResult {
    const chains = this.#chains;
    const { rows } = chains;
    const key = chains.keyOf(first);
    const second = chains.newer(first);
    const alone = second === none || chains.at(second) >= window.endMs;
    const keptFromMs = window.startMs + this.#spec.slideMs;
    if (alone && chains.at(first) < keptFromMs) {
      const value = rows.result(first);
      chains.remove(first);
      return { key, window, value };
    }
    const whole = alone ? first : merged!;
    if (!alone) {
      rows.clear(whole);
      for (let row = first; row !== none && chains.at(row) < window.endMs; row = chains.newer(row)) {
        rows.merge(whole, row);
      }
    }
    const value = rows.result(whole);
    for (let row = first; row !== none && chains.at(row) < window.endMs; ) {
      const newer = chains.newer(row);
      chains.set(row, givenField, window.startMs);
      if (chains.at(row) < keptFromMs) chains.remove(row);
      row = newer;
    }
    return { key, window, value };
  }

  #close({ window, slices, merged }: Leaving): void {
    this.#leaving = undefined;
    if (merged !== undefined) this.#chains.rows.free(merged);
    const owner = this.#windows.get(window.startMs)!;
    this.#windows.delete(window.startMs);
    this.#owners.give(owner);
    for (const slice of slices) {
      if (slice.startMs >= window.startMs + this.#spec.slideMs) break;
      this.#slices.delete(slice.startMs);
      if (this.#recent === slice) this.#recent = undefined;
    }
    this.#chains.trim();
  }
}

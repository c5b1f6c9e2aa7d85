/** Pairs whose elements are in one window of event time: see `during`. */
import type { ProcessorContext } from '../processor.ts';
import { none } from '../windows/key-table.ts';
import type { AlignedSpec, TimeWindow } from '../windows/window.ts';
import type { JoinSide } from './join-side.ts';
import type { DuringSpec, JoinHow } from './join-spec.ts';
import { leftPort } from './keyed-join.ts';
import { PairingJoin } from './pairing-join.ts';

export class DuringJoin extends PairingJoin {
  readonly #window: AlignedSpec;
  /** The element's windows that are open, by where they begin. */
  #firstMs = 0;
  #lastMs = 0;
  /** The next window of a pair that shares more than are given at once; NaN where it begins with its first. */
  #nextMs = Number.NaN;
  /** The window that was given last. */
  #given: TimeWindow = Object.freeze({ startMs: Number.NaN, endMs: Number.NaN });

  constructor({ window }: DuringSpec, how: JoinHow, context: ProcessorContext) {
    super(how, context);
    this.#window = window;
  }

  protected prepare(): boolean {
    const { timeMs } = this;
    this.checkTime(timeMs);
    const { sizeMs } = this.#window;
    this.#lastMs = this.#lastStart(timeMs);
    if (this.#lastMs + sizeMs <= this.watermarkMs) return false;
    this.#firstMs = Math.max(this.#firstStart(timeMs), this.#firstStart(this.watermarkMs));
    const isLeft = this.port === leftPort;
    // A left that may be without a match is looked at whenever one of its windows closes.
    const endsWithMs = isLeft && this.how !== 'inner' ? this.#firstMs : this.#lastMs;
    this.endMs = endsWithMs + sizeMs - 1;
    this.fromMs = this.#firstMs;
    // Whether a left has no match is seen when the window closes.
    this.untilMs = this.how === 'anti' ? -Infinity : this.#lastMs + sizeMs;
    return true;
  }

  protected keep({ rows }: JoinSide, slot: number): number {
    return rows.insert(slot, this.item, this.timeMs, this.endMs);
  }

  protected unmatchedMs(_timeMs: number, endMs: number): number {
    return endMs;
  }

  protected override pair(row: number): boolean {
    const { rows } = this.other;
    const other = rows.itemOf(row);
    const otherMs = rows.timeOf(row);
    const { slideMs } = this.#window;
    const lastMs = Math.min(this.#lastMs, this.#lastStart(otherMs));
    let startMs = Number.isNaN(this.#nextMs) ? Math.max(this.#firstMs, this.#firstStart(otherMs)) : this.#nextMs;
    while (startMs <= lastMs) {
      if (this.room <= 0) {
        this.#nextMs = startMs;
        return false;
      }
      this.room -= 1;
      const window = this.#windowAt(startMs);
      const pair = this.port === leftPort ? [this.item, other, window] : [other, this.item, window];
      this.context.emit(pair, window.endMs - 1);
      startMs += slideMs;
    }
    this.#nextMs = Number.NaN;
    return true;
  }

  /** A window of a left closes, or of a pair's left all do. */
  protected override leftDue(row: number): void {
    const { left } = this;
    if (this.how === 'inner') {
      this.remove(left, row);
      return;
    }
    const { rows } = left;
    const { sizeMs, slideMs } = this.#window;
    const endMs = rows.endOf(row) + 1;
    const item = rows.itemOf(row);
    if (!this.#hasRight(rows.slotOf(row), endMs - sizeMs, endMs)) {
      const window = this.#windowAt(endMs - sizeMs);
      this.give(this.how === 'left' ? [item, undefined, window] : [item, window], endMs - 1);
    }
    if (endMs - sizeMs + slideMs > rows.timeOf(row)) {
      this.remove(left, row);
      return;
    }
    rows.setEnd(row, endMs + slideMs - 1);
    left.wheel.insert(row);
  }

  #hasRight(slot: number, startMs: number, endMs: number): boolean {
    const { rows } = this.right;
    let row = rows.oldest(slot);
    while (row !== none && rows.timeOf(row) < startMs) row = rows.newer(row);
    return row !== none && rows.timeOf(row) < endMs;
  }

  /** Where the last window that holds a time begins. */
  #lastStart(timeMs: number): number {
    const { slideMs, offsetMs } = this.#window;
    return Math.floor((timeMs - offsetMs) / slideMs) * slideMs + offsetMs;
  }

  /** Where the first window that holds a time begins. */
  #firstStart(timeMs: number): number {
    const { sizeMs, slideMs, offsetMs } = this.#window;
    return (Math.floor((timeMs - sizeMs - offsetMs) / slideMs) + 1) * slideMs + offsetMs;
  }

  #windowAt(startMs: number): TimeWindow {
    if (this.#given.startMs !== startMs) {
      this.#given = Object.freeze({ startMs, endMs: startMs + this.#window.sizeMs });
    }
    return this.#given;
  }
}

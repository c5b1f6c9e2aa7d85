/**
 * Joins that give a pair when its second element comes: an element is compared with the rows of its key that the other
 * side has, oldest first, and is kept for those that come later.
 */
import { resultsAtATime } from '../processor.ts';
import { none } from '../windows/key-table.ts';
import type { JoinSide } from './join-side.ts';
import { KeyedJoin, leftPort } from './keyed-join.ts';

/** The mark of a left that has had a match. */
const matchedMark = 1;

export abstract class PairingJoin extends KeyedJoin {
  /** The element that is being joined. */
  protected item: unknown;
  protected timeMs: number = Number.NaN;
  protected port = 0;
  /** The last ms in which it is kept for those that come later. */
  protected endMs: number = Infinity;
  /** Rows that it is compared with have times in here, both included, and do not end before `endsFromMs`. */
  protected fromMs: number = -Infinity;
  protected untilMs: number = Infinity;
  protected endsFromMs: number = -Infinity;
  #slot: number = none;
  #matched = false;
  /** The next row to compare it with; `none` where it is done. */
  #row: number = none;

  /** Elements have been compared with so many rows only that there are more. */
  get due(): boolean {
    return this.#row !== none;
  }

  add(item: unknown, timeMs: number, port: number): boolean {
    this.item = item;
    this.timeMs = timeMs;
    this.port = port;
    if (!this.prepare()) return false;
    this.#slot = this.slotOf(item, port);
    this.#matched = false;
    this.#row = this.other.rows.oldest(this.#slot);
    this.#compare();
    return true;
  }

  override work(): boolean {
    if (this.#row === none) return super.work();
    this.#compare();
    return true;
  }

  /** Says until when the element is kept, and what it is compared with; false where it is late. */
  protected abstract prepare(): boolean;
  /** Keeps the element as a row of its side, which it answers. */
  protected abstract keep(side: JoinSide, slot: number): number;
  /** The time of a left that goes without a match. */
  protected abstract unmatchedMs(timeMs: number, endMs: number): number;

  /** Gives what the element and a row of the other side come to; false where there is more of it. */
  protected pair(row: number): boolean {
    const { rows } = this.other;
    const other = rows.itemOf(row);
    const otherMs = rows.timeOf(row);
    const timeMs = otherMs > this.timeMs ? otherMs : this.timeMs;
    this.context.emit(this.port === leftPort ? [this.item, other] : [other, this.item], timeMs);
    return true;
  }

  /** Gives a left that has no match. */
  protected unmatched(item: unknown, timeMs: number): void {
    this.give(this.how === 'left' ? [item, undefined] : item, timeMs);
  }

  protected get other(): JoinSide {
    return this.port === leftPort ? this.right : this.left;
  }

  protected leftDue(row: number): void {
    const { rows } = this.left;
    if (this.how !== 'inner' && rows.markOf(row) !== matchedMark) {
      this.unmatched(rows.itemOf(row), this.unmatchedMs(rows.timeOf(row), rows.endOf(row)));
    }
    this.remove(this.left, row);
  }

  protected rightDue(row: number): void {
    this.remove(this.right, row);
  }

  /** Compares the element with some rows; when that is all of them, it is kept. */
  #compare(): void {
    const { rows } = this.other;
    const { fromMs, untilMs, endsFromMs } = this;
    let row = this.#row;
    this.room = resultsAtATime;
    while (row !== none) {
      const rowMs = rows.timeOf(row);
      if (rowMs > untilMs) break;
      const next = rows.newer(row);
      const apart = rowMs < fromMs || rows.endOf(row) < endsFromMs;
      if (this.room <= 0 || !(apart || this.#match(row))) {
        this.#row = row;
        return;
      }
      this.room -= 1;
      if (this.#matched && this.how === 'anti') break;
      row = next;
    }
    this.#row = none;
    this.#settle();
  }

  /** False where there is more to give of this row. */
  #match(row: number): boolean {
    const isLeft = this.port === leftPort;
    if (this.how === 'anti' && !isLeft) {
      const { left } = this;
      left.wheel.remove(row);
      left.rows.remove(row);
      return true;
    }
    if (isLeft) this.#matched = true;
    else if (this.how === 'left') this.left.rows.setMark(row, matchedMark);
    return this.how === 'anti' || this.pair(row);
  }

  /** All rows were compared: the element is kept, if others may come that it is compared with. */
  #settle(): void {
    const isLeft = this.port === leftPort;
    const side = isLeft ? this.left : this.right;
    const alone = isLeft && !this.#matched;
    if (side.wheel.isPast(this.endMs)) {
      if (alone && this.how !== 'inner') this.unmatched(this.item, this.unmatchedMs(this.timeMs, this.endMs));
    } else if (alone || !isLeft || this.how !== 'anti') {
      const row = this.keep(side, this.#slot);
      if (isLeft && this.#matched) side.rows.setMark(row, matchedMark);
      side.wheel.insert(row);
    }
    this.item = undefined;
    this.release(this.#slot);
  }
}

/** Each element of the left side with the version of the right that is valid at its time: see `asOf`. */

import type { ProcessorContext } from '../processor.ts';
import { none } from '../windows/key-table.ts';
import type { AsOfSpec, JoinHow } from './join-spec.ts';
import { KeyedJoin, leftPort } from './keyed-join.ts';

/** The mark of a version whose time event time has passed: the one that is valid now. */
const validMark = 1;

export class AsOfJoin extends KeyedJoin {
  readonly #ttlMs: number;
  readonly due = false;

  constructor({ ttlMs }: AsOfSpec, how: JoinHow, context: ProcessorContext) {
    super(how, context);
    this.#ttlMs = ttlMs;
  }

  add(item: unknown, timeMs: number, port: number): boolean {
    this.checkTime(timeMs);
    if (timeMs < this.watermarkMs) return false;
    const slot = this.slotOf(item, port);
    const { rows, wheel } = port === leftPort ? this.left : this.right;
    // The order of lefts is that of the wheel.
    const row = port === leftPort ? rows.push(slot, item, timeMs, timeMs) : rows.insert(slot, item, timeMs, timeMs);
    wheel.insert(row);
    return true;
  }

  protected leftDue(row: number): void {
    const { rows } = this.left;
    const item = rows.itemOf(row);
    const timeMs = rows.timeOf(row);
    const version = this.#versionAt(rows.slotOf(row), timeMs);
    if (version !== none) {
      if (this.how !== 'anti') this.give([item, this.right.rows.itemOf(version)], timeMs);
    } else if (this.how === 'left') this.give([item, undefined], timeMs);
    else if (this.how === 'anti') this.give(item, timeMs);
    this.remove(this.left, row);
  }

  /** Event time has passed a version: those before it are needed no longer. Or it has passed its ttl. */
  protected rightDue(row: number): void {
    const { right } = this;
    const { rows, wheel } = right;
    if (rows.markOf(row) === validMark) {
      this.remove(right, row);
      return;
    }
    const older = rows.older(row);
    if (older !== none && rows.markOf(older) === validMark) this.remove(right, older);
    const newer = rows.newer(row);
    if (newer !== none && wheel.isPast(rows.timeOf(newer))) {
      this.remove(right, row);
      return;
    }
    rows.setMark(row, validMark);
    rows.setEnd(row, rows.timeOf(row) + this.#ttlMs);
    wheel.insert(row);
  }

  #versionAt(slot: number, timeMs: number): number {
    const { rows } = this.right;
    let row = rows.newest(slot);
    while (row !== none && rows.timeOf(row) > timeMs) row = rows.older(row);
    return row === none || rows.timeOf(row) + this.#ttlMs < timeMs ? none : row;
  }
}

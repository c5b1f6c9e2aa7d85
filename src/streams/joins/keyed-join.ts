/**
 * What all joins have: two sides of rows by the same keys, and lefts and rights that go as event time goes on.
 *
 * Lefts that are due go before rights, so that what a left without a match has been waiting for is there until then.
 */
import type { Key } from '../../base/hash-key.ts';
import { type GroupHeld, type Processor, type ProcessorContext, resultsAtATime, type StateHeld } from '../processor.ts';
import { KeyTable, none } from '../windows/key-table.ts';
import { working } from './expiry-wheel.ts';
import { JoinSide } from './join-side.ts';
import type { JoinHow } from './join-spec.ts';

/** The ports of a join. */
export const leftPort = 0;
export const rightPort = 1;

/** Operators such as `startWith` give elements before any came whose event time they could have. */
const untimed =
  'an operator before the join made an element before the first one came, so it has no event time; make it later';

export abstract class KeyedJoin implements Processor {
  protected readonly context: ProcessorContext;
  protected readonly how: JoinHow;
  protected readonly keys: KeyTable = new KeyTable();
  protected readonly left: JoinSide = new JoinSide();
  protected readonly right: JoinSide = new JoinSide();
  readonly #leftKeyOf: (item: unknown) => Key;
  readonly #rightKeyOf: (item: unknown) => Key;
  protected watermarkMs: number = -Infinity;
  /** The watermark that was passed on: no result may be below it. */
  #passedMs = -Infinity;
  /** Results to be given, or rows to be looked at, before this piece of work ends. */
  protected room = 0;

  constructor(how: JoinHow, context: ProcessorContext) {
    this.how = how;
    this.context = context;
    this.#leftKeyOf = context.keyOf[leftPort]!;
    this.#rightKeyOf = context.keyOf[rightPort]!;
  }

  abstract readonly due: boolean;
  abstract add(item: unknown, timeMs: number, port: number): boolean;
  /** A left is needed no longer. It is removed here, or put into the wheel again. */
  protected abstract leftDue(row: number): void;
  protected abstract rightDue(row: number): void;

  get held(): StateHeld {
    const { keys, left, right } = this;
    return {
      keys: keys.size,
      leftRows: left.rows.size,
      rightRows: right.rows.size,
      stateBytes: keys.bytes + left.rows.bytes + right.rows.bytes,
    };
  }

  get groups(): readonly GroupHeld[] {
    return this.keys.groups(this.held.stateBytes - this.keys.bytes);
  }

  advance(watermarkMs: number): void {
    this.watermarkMs = watermarkMs;
    this.left.wheel.advance(watermarkMs);
    this.right.wheel.advance(watermarkMs);
  }

  work(): boolean {
    this.room = resultsAtATime;
    while (this.room > 0) {
      const row = this.left.wheel.next();
      if (row === none) break;
      this.room -= 1;
      if (row !== working) this.leftDue(row);
    }
    while (this.room > 0) {
      const row = this.right.wheel.next();
      if (row === none) break;
      this.room -= 1;
      if (row !== working) this.rightDue(row);
    }
    if (this.room < resultsAtATime) return true;
    this.#passedMs = this.watermarkMs;
    this.#shrink();
    return false;
  }

  /** Gives memory back where most of it is not needed any more. */
  #shrink(): void {
    const { keys, left, right } = this;
    left.shrink();
    right.shrink();
    keys.trim();
    left.rows.trimSlots(keys.end);
    right.rows.trimSlots(keys.end);
  }

  /** The slot of an element's key, made where it has none; `release` lets go of it. */
  protected slotOf(item: unknown, port: number): number {
    return this.keys.slotOf(port === leftPort ? this.#leftKeyOf(item) : this.#rightKeyOf(item));
  }

  /** A key without rows is gone. */
  protected release(slot: number): void {
    if (this.left.rows.newest(slot) !== none || this.right.rows.newest(slot) !== none) return;
    this.keys.delete(slot);
    if (this.keys.size > 0) return;
    this.left.rows.forgetSlots();
    this.right.rows.forgetSlots();
  }

  protected remove(side: JoinSide, row: number): void {
    const slot = side.rows.slotOf(row);
    side.wheel.remove(row);
    side.rows.remove(row);
    this.release(slot);
  }

  /** Gives a left for which nothing more is waited. Times with fractions of a ms may have been passed by. */
  protected give(value: unknown, timeMs: number): void {
    this.context.emit(value, timeMs < this.#passedMs ? this.#passedMs : timeMs);
  }

  /** @throws RangeError where an element has no event time. */
  protected checkTime(timeMs: number): void {
    if (Number.isNaN(timeMs)) throw new RangeError(untimed);
  }
}

/** Pairs that are near each other in event time: see `within`. */
import type { ProcessorContext } from '../processor.ts';
import type { JoinSide } from './join-side.ts';
import type { JoinHow, WithinSpec } from './join-spec.ts';
import { leftPort } from './keyed-join.ts';
import { PairingJoin } from './pairing-join.ts';

export class WithinJoin extends PairingJoin {
  readonly #beforeMs: number;
  readonly #afterMs: number;
  readonly #afterOf: ((left: unknown) => number) | undefined;

  constructor({ beforeMs, afterMs }: WithinSpec<unknown>, how: JoinHow, context: ProcessorContext) {
    super(how, context);
    this.#beforeMs = beforeMs;
    this.#afterMs = typeof afterMs === 'number' ? afterMs : 0;
    this.#afterOf = typeof afterMs === 'number' ? undefined : afterMs;
  }

  protected prepare(): boolean {
    const { timeMs } = this;
    this.checkTime(timeMs);
    if (timeMs < this.watermarkMs) return false;
    if (this.port === leftPort) {
      this.endMs = timeMs + this.#after();
      this.fromMs = timeMs - this.#beforeMs;
      this.untilMs = this.endMs;
      this.endsFromMs = -Infinity;
    } else {
      this.endMs = timeMs + this.#beforeMs;
      this.fromMs = -Infinity;
      this.untilMs = this.endMs;
      // A left ends where its interval does.
      this.endsFromMs = timeMs;
    }
    return true;
  }

  protected keep({ rows }: JoinSide, slot: number): number {
    return rows.insert(slot, this.item, this.timeMs, this.endMs);
  }

  protected unmatchedMs(timeMs: number, endMs: number): number {
    return Math.max(timeMs, endMs);
  }

  #after(): number {
    if (this.#afterOf === undefined) return this.#afterMs;
    const afterMs = this.#afterOf(this.item);
    if (Number.isFinite(afterMs)) return afterMs;
    throw new RangeError(
      `within({ afterMs: (left) => … }) gave ${String(afterMs)}; it gives a finite number of ms, from the left's time ` +
        'to the end of its interval',
    );
  }
}

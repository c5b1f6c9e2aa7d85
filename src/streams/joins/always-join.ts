/** All pairs of a key, whenever both are there: see `always`. */
import type { Cancel } from '../../base/environment/clock.ts';
import type { ProcessorContext } from '../processor.ts';
import type { JoinSide } from './join-side.ts';
import type { AlwaysSpec, JoinHow } from './join-spec.ts';
import { leftPort } from './keyed-join.ts';
import { PairingJoin } from './pairing-join.ts';

/** How often rows are looked for whose ttl has passed by the clock, as a part of the ttl, and in ms. */
const looksPerTtl = 8;
const longestWaitMs = 1_000;

export class AlwaysJoin extends PairingJoin {
  readonly #leftTtlMs: number;
  readonly #rightTtlMs: number;
  /** How often to look at the clock; undefined where event time counts, or no ttl does. */
  readonly #everyMs: number | undefined;
  #cancelTimer: Cancel | undefined;
  /** The clock, as it was last looked at. */
  #clockMs = 0;
  /** The clock went on since rows were last looked for. */
  #ticked = false;
  /** Rows may have been found that are not gone yet. */
  #expiring = false;

  constructor({ leftTtlMs, rightTtlMs }: AlwaysSpec, how: JoinHow, context: ProcessorContext) {
    super(how, context);
    this.#leftTtlMs = leftTtlMs;
    this.#rightTtlMs = rightTtlMs;
    const shortestMs = Math.min(leftTtlMs, rightTtlMs);
    this.#everyMs =
      context.timed || shortestMs === Infinity
        ? undefined
        : Math.max(1, Math.min(shortestMs / looksPerTtl, longestWaitMs));
  }

  override get due(): boolean {
    return this.#ticked || this.#expiring || super.due;
  }

  override advance(watermarkMs: number): void {
    // By the clock only the end of the input counts.
    if (this.context.timed || watermarkMs === Infinity) super.advance(watermarkMs);
  }

  override work(): boolean {
    if (super.work()) return true;
    this.#expiring = this.#ticked;
    if (!this.#ticked) return false;
    this.#ticked = false;
    this.left.wheel.advance(this.#clockMs);
    this.right.wheel.advance(this.#clockMs);
    return true;
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  protected prepare(): boolean {
    const ttlMs = this.port === leftPort ? this.#leftTtlMs : this.#rightTtlMs;
    if (ttlMs === Infinity) this.endMs = Infinity;
    else if (this.context.timed) {
      this.checkTime(this.timeMs);
      this.endMs = this.timeMs + ttlMs;
    } else this.endMs = this.#now() + ttlMs;
    return true;
  }

  protected keep({ rows }: JoinSide, slot: number): number {
    return rows.push(slot, this.item, this.timeMs, this.endMs);
  }

  protected unmatchedMs(_timeMs: number, endMs: number): number {
    return this.context.timed ? endMs : Number.NaN;
  }

  /** The clock, read once until it is looked at again. */
  #now(): number {
    if (this.#cancelTimer === undefined) {
      this.#clockMs = this.context.clock.monotonicMs();
      this.#cancelTimer = this.context.clock.timer(this.#everyMs!, this.#look);
    }
    return this.#clockMs;
  }

  readonly #look = (): void => {
    this.#cancelTimer = undefined;
    if (this.left.rows.size === 0 && this.right.rows.size === 0) return;
    this.#now();
    this.#ticked = true;
    this.context.wake();
  };
}

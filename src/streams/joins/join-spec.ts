/** How two streams that are split by the same key are joined: in windows, by an interval, as of a time, or always. */
import { UsageError } from '../../base/errors.ts';
import { timeMsMax } from '../event-time.ts';
import type { AlignedSpec, TimeWindow } from '../windows/window.ts';

/**
 * What becomes of elements of the left side: `inner` gives pairs; `left` gives pairs, and those that have no match by
 * themselves; `anti` gives those alone that have no match.
 */
export type JoinHow = 'inner' | 'left' | 'anti';

/** Pairs of one window. Made by {@link during}. */
export interface DuringSpec {
  /** By window. */
  readonly kind: 'during';
  /** The windows. */
  readonly window: AlignedSpec;
}

/** Pairs that are near each other in event time. Made by {@link within}. */
export interface WithinSpec<L> {
  /** By an interval around each element of the left side. */
  readonly kind: 'within';
  /** How far below the left's time the interval begins, in ms. */
  readonly beforeMs: number;
  /** How far above the left's time it ends, in ms. */
  readonly afterMs: number | ((left: L) => number);
}

/** Each element with the version of its time. Made by {@link asOf}. */
export interface AsOfSpec {
  /** By versions. */
  readonly kind: 'as-of';
  /** How long a version is valid, in ms. */
  readonly ttlMs: number;
}

/** All pairs. Made by {@link always}. */
export interface AlwaysSpec {
  /** Whenever both are there. */
  readonly kind: 'always';
  /** How long elements of the left side are kept, in ms. */
  readonly leftTtlMs: number;
  /** How long elements of the right side are kept, in ms. */
  readonly rightTtlMs: number;
}

/** How elements of a key are joined, whose left side is of type `L`. */
export type JoinSpec<L> = DuringSpec | WithinSpec<L> | AsOfSpec | AlwaysSpec;

/** What a join gives. */
export type JoinResult<H extends JoinHow, L, R> = {
  readonly inner: readonly [L, R];
  readonly left: readonly [L, R | undefined];
  readonly anti: L;
}[H];

/** What a join during windows gives: the window comes last. */
export type WindowJoinResult<H extends JoinHow, L, R> = {
  readonly inner: readonly [L, R, TimeWindow];
  readonly left: readonly [L, R | undefined, TimeWindow];
  readonly anti: readonly [L, TimeWindow];
}[H];

/**
 * Pairs whose elements are in one window of event time: `[left, right, window]`, once for each window that they share.
 *
 * - A pair is given at once; what has no match in a window, when that closes. The event time of a result is the last
 *   ms of its window.
 * - State: elements of both sides until the last of their windows has closed.
 * - Late: an element whose windows have all closed.
 *
 * @param window {@link tumbling} or {@link sliding}.
 * @throws UsageError for any other window.
 */
export function during(window: AlignedSpec): DuringSpec {
  if ((window as AlignedSpec | undefined)?.kind !== 'aligned') {
    throw new UsageError('during(…) takes tumbling({ sizeMs }) or sliding({ sizeMs, slideMs })');
  }
  return Object.freeze({ kind: 'during', window });
}

/**
 * Pairs with `left.time − beforeMs ≤ right.time ≤ left.time + afterMs`, both ends included: `[left, right]`.
 *
 * - A pair is given at once, at the later of both times. A left without a match is given when event time has passed the
 *   end of its interval, at that end, or at its own time where the interval ends before it.
 * - State: a left until event time has passed `left.time + afterMs`, a right until it has passed `right.time + beforeMs`.
 * - Late: an element below the watermark.
 *
 * @param options.beforeMs below 0 where the interval begins after the left's time.
 * @param options.afterMs below 0 where it ends before the left's time. A function is called once for each left; where it
 *   gives an interval that ends before it begins, that left has no match.
 * @throws UsageError unless they are finite, and the interval does not end before it begins.
 */
export function within<L>(options: { beforeMs: number; afterMs: number | ((left: L) => number) }): WithinSpec<L> {
  const { beforeMs, afterMs } = options;
  checkMs('within({ beforeMs })', beforeMs, -timeMsMax);
  if (typeof afterMs === 'function') return Object.freeze({ kind: 'within', beforeMs, afterMs });
  checkMs('within({ afterMs })', afterMs, -timeMsMax);
  if (beforeMs + afterMs < 0) {
    throw new UsageError(
      `within({ beforeMs: ${beforeMs}, afterMs: ${afterMs} }) ends before it begins, so nothing would match; the ` +
        'interval is from left.time - beforeMs to left.time + afterMs',
    );
  }
  return Object.freeze({ kind: 'within', beforeMs, afterMs });
}

/**
 * Each left with the version of the right that is valid at its time: the latest with `right.time ≤ left.time`, of
 * several of one time the one that came last: `[left, right]`.
 *
 * - A left waits until event time has passed its own, and is given at that.
 * - State: lefts that wait, and of each key the versions from the one that is valid at the watermark on: that one stays
 *   until another replaces it, or for `ttlMs`.
 * - Late: an element below the watermark.
 *
 * @param options.ttlMs how long a version is valid after its time, unless another replaces it; for ever unless given,
 *   so that a version of every key is kept.
 * @throws UsageError unless `ttlMs` is a number of ms from 0 on.
 */
export function asOf(options: { ttlMs?: number } = {}): AsOfSpec {
  return Object.freeze({ kind: 'as-of', ttlMs: ttlOf('asOf({ ttlMs })', options.ttlMs) });
}

/**
 * All pairs of a key, whenever both are there: `[left, right]`, at the later of both times. It needs no event time.
 *
 * - State: all elements of both sides, for as long as their ttl says: until event time has passed their time and the
 *   ttl, or by the clock, at most an eighth later, where the flow has no event time on both sides. Without a ttl a side
 *   grows for as long as the run goes on.
 * - `left` and `anti` need `leftTtlMs`: a left has no match when it goes without having had one.
 * - Late: nothing. What comes after its ttl is joined with what is there, and not kept. A pair of two elements below the
 *   watermark is below it too.
 *
 * @param options.leftTtlMs how long elements of the left side are kept, in ms; for ever unless given.
 * @param options.rightTtlMs the same of the right side.
 * @throws UsageError unless they are numbers of ms from 0 on.
 */
export function always(options: { leftTtlMs?: number; rightTtlMs?: number } = {}): AlwaysSpec {
  return Object.freeze({
    kind: 'always',
    leftTtlMs: ttlOf('always({ leftTtlMs })', options.leftTtlMs),
    rightTtlMs: ttlOf('always({ rightTtlMs })', options.rightTtlMs),
  });
}

function ttlOf(option: string, ttlMs: number | undefined): number {
  if (ttlMs === undefined) return Infinity;
  checkMs(option, ttlMs, 0);
  return ttlMs;
}

function checkMs(option: string, valueMs: number, fromMs: number): void {
  if (typeof valueMs === 'number' && valueMs >= fromMs && valueMs <= timeMsMax) return;
  const range = fromMs === 0 ? 'from 0 on' : 'and is finite';
  throw new UsageError(`${option} takes a number of ms ${range}; it was given ${String(valueMs)}`);
}

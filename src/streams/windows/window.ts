/** Windows: how the elements of a key are cut into groups, by event time or by their number. */
import { UsageError } from '../../base/errors.ts';
import { streamLimits } from '../limits.ts';

/** A span of event time, `[startMs, endMs)`, in ms since the epoch. */
export interface TimeWindow {
  /** Its first ms. -Infinity of a global window. */
  readonly startMs: number;
  /** The ms after its last. Infinity of a global window. */
  readonly endMs: number;
}

/** Windows of a fixed length, one every `slideMs`. Made by {@link tumbling} and {@link sliding}. */
export interface AlignedSpec {
  /** Cut by event time alone. */
  readonly kind: 'aligned';
  /** How long each is, in ms. */
  readonly sizeMs: number;
  /** How far apart they begin, in ms; their length where they follow each other without a gap. */
  readonly slideMs: number;
  /** When one of them begins, in ms since the epoch, below `slideMs`. */
  readonly offsetMs: number;
}

/** Windows that end where a key is silent. Made by {@link session}. */
export interface SessionSpec {
  /** Cut by silence. */
  readonly kind: 'session';
  /** The silence that ends one, in ms. */
  readonly gapMs: number;
  /** The most event time between its first element and its end, in ms; Infinity where it has no bound. */
  readonly maxMs: number;
}

/** Windows of a number of elements. Made by {@link countWindow}. */
export interface CountSpec {
  /** Cut by elements. */
  readonly kind: 'count';
  /** How many elements each holds. */
  readonly size: number;
  /** After how many a new one begins. */
  readonly slide: number;
}

/** One window for all of a key's elements. Made by {@link globalWindow}. */
export interface GlobalSpec {
  /** Not cut. */
  readonly kind: 'global';
}

/** How the elements of a key are cut. */
export type WindowSpec = AlignedSpec | SessionSpec | CountSpec | GlobalSpec;

/**
 * Windows of `sizeMs` that follow each other without a gap, aligned to the epoch in UTC: hours begin at full hours.
 *
 * @param options.offsetMs moves where they begin: `-3_600_000` with days gives days of UTC+1. 0 unless given.
 * @throws UsageError unless `sizeMs` is a whole number from 1 on, and `offsetMs` a whole number.
 */
export function tumbling(options: { sizeMs: number; offsetMs?: number }): AlignedSpec {
  const { sizeMs, offsetMs = 0 } = options;
  checkWhole('tumbling({ sizeMs })', sizeMs, 'milliseconds');
  if (!Number.isSafeInteger(offsetMs)) {
    throw new UsageError(`tumbling({ offsetMs }) takes whole milliseconds; it was given ${String(offsetMs)}`);
  }
  return Object.freeze({ kind: 'aligned', sizeMs, slideMs: sizeMs, offsetMs: ((offsetMs % sizeMs) + sizeMs) % sizeMs });
}

/**
 * Windows of `sizeMs`, one every `slideMs`, aligned to the epoch in UTC: an element is in all that hold its time.
 *
 * An element is added once, to its slice; the slices of a window are joined when it is emitted. With a trigger that
 * gives early or late results it is added to each of its windows.
 *
 * @throws UsageError unless both are whole numbers from 1 on, `slideMs` is at most `sizeMs`, and an element is in at
 *   most 4,096 windows.
 */
export function sliding(options: { sizeMs: number; slideMs: number }): AlignedSpec {
  const { sizeMs, slideMs } = options;
  checkWhole('sliding({ sizeMs })', sizeMs, 'milliseconds');
  checkWhole('sliding({ slideMs })', slideMs, 'milliseconds');
  checkSlide('sliding({ sizeMs, slideMs })', sizeMs, slideMs);
  return Object.freeze({ kind: 'aligned', sizeMs, slideMs, offsetMs: 0 });
}

/**
 * Windows that end where a key is silent for `gapMs`: two elements of a key are in one session if less than `gapMs` of
 * event time lies between them, or between each and the next of a row of elements that joins them. A session is
 * `[first, last + gapMs)`. An element that comes out of order may join two sessions into one.
 *
 * @param options.maxMs ends a session however busy its key is: an element `maxMs` or more from the first of it begins
 *   the next. Unless given, a key that is never silent keeps its session for ever.
 * @throws UsageError unless `gapMs` is a whole number from 1 on, and `maxMs` one from `gapMs` on.
 */
export function session(options: { gapMs: number; maxMs?: number }): SessionSpec {
  const { gapMs, maxMs = Infinity } = options;
  checkWhole('session({ gapMs })', gapMs, 'milliseconds');
  if (maxMs !== Infinity && (!Number.isSafeInteger(maxMs) || maxMs < gapMs)) {
    throw new UsageError(`session({ maxMs }) takes whole milliseconds from gapMs on; it was given ${String(maxMs)}`);
  }
  return Object.freeze({ kind: 'session', gapMs, maxMs });
}

/**
 * Windows of `size` elements of a key, in the order in which they come, one every `slide` elements: as `bufferCount`.
 * Each is emitted with its last element; what is not full when the input ends is emitted then. Nothing is late.
 *
 * Its `startMs` is the lowest time of its elements, and its `endMs` the ms after the highest. A key that comes no more
 * keeps the state of a window that is not full until the input ends.
 *
 * @param options.slide `size` unless given.
 * @throws UsageError unless both are whole numbers from 1 on, `slide` is at most `size`, and an element is in at most
 *   4,096 windows.
 */
export function countWindow(options: { size: number; slide?: number }): CountSpec {
  const { size, slide = size } = options;
  checkWhole('countWindow({ size })', size, 'elements');
  checkWhole('countWindow({ slide })', slide, 'elements');
  checkSlide('countWindow({ size, slide })', size, slide);
  return Object.freeze({ kind: 'count', size, slide });
}

/**
 * One window for all of a key's elements, which ends with the input. It needs a trigger that emits before:
 * `onWatermark({ early: { everyCount } })`, or `{ everyMs }`. Its state goes when the input ends.
 */
export function globalWindow(): GlobalSpec {
  return Object.freeze({ kind: 'global' });
}

function checkWhole(what: string, value: number, unit: string): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new UsageError(`${what} takes whole ${unit} from 1 on; it was given ${String(value)}`);
}

function checkSlide(what: string, size: number, slide: number): void {
  if (slide > size) {
    throw new UsageError(`${what}: a slide of ${slide} is above the size of ${size}, so some elements had no window`);
  }
  if (Math.ceil(size / slide) > streamLimits.windowsPerElementMax) {
    throw new UsageError(
      `${what}: an element is in ${Math.ceil(size / slide)} windows; at most ${streamLimits.windowsPerElementMax}`,
    );
  }
}

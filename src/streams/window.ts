/** Windows over event time: how an element's time is cut into spans. */
import { UsageError } from '../base/errors.ts';

/** A span of event time, `[startMs, endMs)`, in ms since the epoch. */
export interface TimeWindow {
  /** Its first ms. */
  readonly startMs: number;
  /** The ms after its last. */
  readonly endMs: number;
}

/** How time is cut. Made by {@link tumbling}. */
export interface WindowSpec {
  /** How spans follow each other: without a gap. */
  readonly kind: 'tumbling';
  /** How long each is, in ms. */
  readonly sizeMs: number;
}

/**
 * Windows of `sizeMs` that follow each other without a gap, aligned to the epoch in UTC: hours begin at full hours.
 *
 * @throws UsageError unless `sizeMs` is a whole number from 1 on.
 */
export function tumbling(options: { sizeMs: number }): WindowSpec {
  const { sizeMs } = options;
  if (!Number.isSafeInteger(sizeMs) || sizeMs < 1) {
    throw new UsageError(`tumbling({ sizeMs }) takes whole milliseconds from 1 on; it was given ${String(sizeMs)}`);
  }
  return Object.freeze({ kind: 'tumbling', sizeMs });
}

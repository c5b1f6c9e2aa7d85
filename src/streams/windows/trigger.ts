/** Triggers: when a window's results are given. */
import { UsageError } from '../../base/errors.ts';

/** Once for each key and window, when it is over. Made by {@link onClose}. */
export interface OnClose {
  /** Each result is a new one. */
  readonly kind: 'append';
}

/** Several times for each key and window, each time of all its elements so far. Made by {@link onWatermark}. */
export interface OnWatermark {
  /** A result takes the place of those before it. */
  readonly kind: 'update';
  /** Ms of event time between two early results; Infinity for none. */
  readonly everyMs: number;
  /** Elements after which an early result is given; Infinity for none. */
  readonly everyCount: number;
  /** Whether each late element gives a result, or all of them one when the window closes. */
  readonly late: boolean;
}

/** When results are given: `append` once for each key and window, `update` again whenever more is known. */
export type Trigger = OnClose | OnWatermark;

/** When a result was given, whose values are of type `V`. */
export interface Pane<V = unknown> {
  /** How many results of its key and window came before it. */
  readonly index: number;
  /** Before the watermark reached the window's end, when it did, or because of an element that came after. */
  readonly timing: 'early' | 'on-time' | 'late';
  /** True where no other result of its key and window will follow; false where one may. */
  readonly final: boolean;
  /** Of sessions: other windows of its key that this one takes the place of, and what was last given of each. */
  readonly replaces?: readonly { readonly startMs: number; readonly endMs: number; readonly value: V }[];
}

/**
 * A window is emitted once: when the watermark has reached its end and the allowed lateness has passed. Every result
 * stands, which is the default.
 */
export function onClose(): OnClose {
  return Object.freeze({ kind: 'append' });
}

/**
 * A window is emitted when the watermark reaches its end, and again for what comes within the allowed lateness. Each
 * result is of all elements so far and takes the place of the one before: its `pane` says which it is.
 *
 * @param options.early results before the end, of keys that have changed: after every `everyCount` elements of a key
 *   and window, and whenever the watermark passes a multiple of `everyMs`, in event time.
 * @param options.late false to gather late elements and give one result of them when the window closes, instead of
 *   one for each. True unless given.
 * @throws UsageError unless `everyMs` and `everyCount` are whole numbers from 1 on.
 */
export function onWatermark(
  options: { early?: { everyMs?: number; everyCount?: number }; late?: boolean } = {},
): OnWatermark {
  const { early = {}, late = true } = options;
  const { everyMs = Infinity, everyCount = Infinity } = early;
  for (const [name, value] of Object.entries({ everyMs, everyCount })) {
    if (value === Infinity || (Number.isSafeInteger(value) && value >= 1)) continue;
    throw new UsageError(`onWatermark({ early: { ${name} } }) takes whole numbers from 1 on; it was ${String(value)}`);
  }
  return Object.freeze({ kind: 'update', everyMs, everyCount, late });
}

/** Whether early results by time are given when the watermark goes from `beforeMs` to `watermarkMs`. */
export function isEarlyTick({ everyMs }: OnWatermark, beforeMs: number, watermarkMs: number): boolean {
  if (everyMs === Infinity || watermarkMs === Infinity) return false;
  return Math.floor(watermarkMs / everyMs) > Math.floor(beforeMs / everyMs);
}

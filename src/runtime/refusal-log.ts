/** Lines about what others did wrong: few a second, with how many there were, so that a flood of it is no flood in the log. */
import type { Clock } from '../base/environment/clock.ts';
import { limits } from '../base/limits.ts';

/** What it is about, and the text of the line. */
export type RefusalLine = (fields: Readonly<Record<string, unknown>>, text: string) => void;

/**
 * @param write how a line is logged
 * @param linesMax lines within `limits.refusalLogMs`; what exceeds them is only counted
 */
export function refusalLog(clock: Clock, write: RefusalLine, linesMax = 1): RefusalLine {
  let refused = 0;
  let lines = 0;
  let sinceMs = Number.NEGATIVE_INFINITY;
  return (fields, text) => {
    refused += 1;
    const now = clock.monotonicMs();
    if (now - sinceMs >= limits.refusalLogMs) {
      sinceMs = now;
      lines = 0;
    }
    if (lines === linesMax) return;
    lines += 1;
    write({ ...fields, refused }, `${text}; ${refused} so far`);
  };
}

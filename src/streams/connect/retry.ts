/** How long to wait before a request is tried again. */
import type { Random } from '../../base/environment/random.ts';
import { connectLimits } from '../limits.ts';

/**
 * Doubles from try to try up to the longest, and takes a random part from the half on, so that those who failed together
 * do not come back together.
 *
 * @param retry the how manieth in a row, from 0 on
 */
export function retryDelayMs(retry: number, random: Random, firstMs: number = connectLimits.retryFirstMs): number {
  const longestMs = Math.min(connectLimits.retryLongestMs, firstMs * 2 ** retry);
  return longestMs * (0.5 + random.fraction() / 2);
}

/** What `Retry-After` (RFC 9110) asks for, in ms; undefined where it asks for nothing that can be read. */
export function retryAfterMs(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  const text = header.trim();
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), connectLimits.retryAfterMsMax) : undefined;
}

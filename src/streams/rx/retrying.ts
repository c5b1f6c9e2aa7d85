/** When `each` tries an element again that failed, and after which wait. */
import type { Random } from '../../base/environment/random.ts';
import { UsageError } from '../../base/errors.ts';
import { streamLimits } from '../limits.ts';

/** How often an element is tried again, when, and after which errors. */
export interface RetryOptions {
  /** Attempts beyond the first. */
  readonly max: number;
  /** The wait before the second attempt, in ms; doubled each time, up to 30 s. 0 unless given. */
  readonly backoffMs?: number;
  /**
   * The wait in place of a backoff: the same each time, or by the number of attempts that failed (from 1 on) and the last
   * error, such as what a `Retry-After` asks for. A function that answers undefined leaves it to `backoffMs`. No wait is
   * longer than 300,000 ms; longer wishes count as this.
   */
  readonly delayMs?: number | ((attempt: number, error: unknown) => number | undefined);
  /**
   * How much of the wait is left to chance, from 0 to 1, so that elements that failed together are not tried together: with
   * 0.5, as unless given, from half of the wait to all of it. What a `delayMs` function asks for is kept as it is.
   */
  readonly jitter?: number;
  /** Whether an error is worth another attempt, after so many (from 1 on); all are unless given. */
  readonly retryIf?: (error: unknown, attempt: number) => boolean;
}

/** @throws UsageError where an option is out of range. */
export function checkRetry(
  { max, backoffMs, delayMs, jitter }: RetryOptions,
  operator: 'each' | 'lookup' = 'each',
): void {
  const least = {
    max,
    backoffMs: backoffMs ?? 0,
    delayMs: typeof delayMs === 'number' ? delayMs : 0,
    jitter: jitter ?? 0,
  };
  for (const [option, value] of Object.entries(least)) {
    if (value >= 0 && !(option === 'jitter' && value > 1)) continue;
    const range = option === 'jitter' ? 'it is from 0 to 1' : 'it is 0 at least';
    throw new UsageError(`${operator}(…, { retry: { ${option}: ${String(value)} } }) is out of range; ${range}`);
  }
  if (typeof delayMs === 'number' && backoffMs !== undefined)
    throw new UsageError(
      `${operator}(…, { retry: { delayMs, backoffMs } }) says two waits; give a number to one of them only`,
    );
}

/**
 * The wait before the next attempt in ms, or false where there is none.
 *
 * @param attempt how many have failed
 * @throws UsageError where `delayMs` gives no time, and what the user's functions throw
 */
export function retryWaitMs(options: RetryOptions, attempt: number, error: unknown, random: Random): number | false {
  const { max, backoffMs = 0, delayMs, jitter = 0.5, retryIf } = options;
  if (attempt > max || retryIf?.(error, attempt) === false) return false;
  const asked = typeof delayMs === 'function' ? delayMs(attempt, error) : undefined;
  if (asked !== undefined) {
    if (!(asked >= 0)) throw new UsageError(`retry: { delayMs } gave ${String(asked)}, which is no time in ms`);
    return Math.min(asked, streamLimits.retryDelayMaxMs);
  }
  const waitMs =
    typeof delayMs === 'number'
      ? Math.min(delayMs, streamLimits.retryDelayMaxMs)
      : Math.min(backoffMs * 2 ** (attempt - 1), streamLimits.retryBackoffMaxMs);
  return waitMs * (1 - jitter * random.fraction());
}

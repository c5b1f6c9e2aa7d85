/** Options of producers, checked. */
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';

/** @throws UsageError */
export function checkedCount(given: unknown, min: number, max: number, byDefault: number, what: string): number {
  if (given === undefined) return byDefault;
  if (Number.isSafeInteger(given) && (given as number) >= min && (given as number) <= max) return given as number;
  throw new UsageError(`${what} must be a whole number from ${min} to ${max}; it was given ${String(given)}`);
}

/** @throws UsageError */
export function checkedMs(given: unknown, byDefault: number, what: string): number {
  if (given === undefined) return byDefault;
  if (typeof given === 'number' && given >= 0 && given <= limits.askTimeoutMsMax) return given;
  throw new UsageError(`${what} must lie between 0 and ${limits.askTimeoutMsMax} ms; it was given ${String(given)}`);
}

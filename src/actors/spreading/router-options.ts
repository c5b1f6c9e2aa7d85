/** What the definitions of routers and pools check alike. */
import { UsageError } from '../../base/errors.ts';

export function isCount(value: unknown, from: number, to: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= from && (value as number) <= to;
}

/** @throws UsageError */
export function checkedCount(value: unknown, from: number, to: number, what: string): number {
  if (isCount(value, from, to)) return value;
  throw new UsageError(`${what} must be a whole number from ${from} to ${to}; it was given ${String(value)}`);
}

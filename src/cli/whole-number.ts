/** Numbers on the command line. */
import { UsageError } from '../base/errors.ts';

/** @throws UsageError for anything but a whole number of up to 6 digits. */
export function wholeNumber(option: string, text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new UsageError(`${option} takes a whole number; it was given "${text}"`);
}

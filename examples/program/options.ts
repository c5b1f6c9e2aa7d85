/** Options of a command line, as all examples take them. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from 'troupe';

/** What was given for each option. @throws UsageError for what is no option, and for one without its value. */
export function given<const O extends NonNullable<ParseArgsConfig['options']>>(argv: readonly string[], options: O) {
  try {
    return parseArgs({ args: [...argv], options }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message} (--help lists the options)`, { cause: error });
  }
}

/** @throws UsageError for what is no whole number from `min` to `max`. */
export function whole(option: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  const range = `${min.toLocaleString('en')} to ${max.toLocaleString('en')}`;
  throw new UsageError(`${option} takes a whole number from ${range}; it was given "${text}"`);
}

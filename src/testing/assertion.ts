/**
 * How an expectation fails: as the `AssertionError` of Node, which every runner knows, with `actual` and `expected` for
 * its diff.
 */
import { AssertionError } from 'node:assert';
import { inspect } from 'node:util';
import { limits } from './limits.ts';

/** @param from The function that the test called: the stack begins below it. */
export function unmet(message: string, actual: unknown, expected: unknown, from: Function): AssertionError {
  return new AssertionError({ message, actual, expected, operator: 'troupe', stackStartFn: from as () => void });
}

/** A value in an error text: on one line, and not longer than a reader takes in. */
export function shown(value: unknown): string {
  const text = inspect(value, { depth: 4, breakLength: Number.POSITIVE_INFINITY });
  return text.length > limits.shownCharactersMax ? `${text.slice(0, limits.shownCharactersMax)}…` : text;
}

/** A list in an error text: an indented line each, the first of them only. */
export function shownList(lines: readonly string[]): string {
  const first = lines.slice(0, limits.shownMax).map((line) => `\n  ${line}`);
  const left = lines.length - first.length;
  return `${first.join('')}${left > 0 ? `\n  and ${left} more` : ''}`;
}

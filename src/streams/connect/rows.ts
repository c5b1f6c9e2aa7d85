/** Makes rows of what a source has read, by the user's schema; what does not fit fails the run, or is counted. */
import * as z from 'zod';
import { describeThrown, UsageError } from '../../base/errors.ts';
import { SourceFailed } from '../errors.ts';
import type { Line } from './line-cutter.ts';

/** What becomes of a row that does not fit: it fails the run (the default), or is left out and counted as dropped. */
export type OnBadRow = 'fail' | 'skip';

/** @throws UsageError where `row` is no schema of zod */
export function checkRow(what: string, row: unknown): void {
  if ((row as z.ZodType | undefined)?._zod?.def === undefined)
    throw new UsageError(`${what} takes a zod schema as row, such as z.object({ … })`);
}

/** @throws UsageError */
export function checkOnBadRow(what: string, onBadRow: unknown): void {
  if (onBadRow === undefined || onBadRow === 'fail' || onBadRow === 'skip') return;
  throw new UsageError(`${what} takes onBadRow: 'fail' or 'skip'; it was given ${String(onBadRow)}`);
}

export class Rows<T> {
  readonly #schema: z.ZodType<T> | undefined;
  readonly #onBadRow: OnBadRow;
  /** Rows that were left out. */
  dropped = 0;

  /** @param schema Where there is none, a row is the text of its line. */
  constructor(schema: z.ZodType<T> | undefined, onBadRow: OnBadRow = 'fail') {
    this.#schema = schema;
    this.#onBadRow = onBadRow;
  }

  get isSkipping(): boolean {
    return this.#onBadRow === 'skip';
  }

  /** Adds a value to `rows`. @param where says to a human where it stands @throws SourceFailed `row` or `schema` */
  add(rows: T[], value: unknown, where: () => string): void {
    let parsed: z.ZodSafeParseResult<T>;
    try {
      parsed = this.#schema!.safeParse(value);
    } catch (thrown) {
      const text = `the row schema of ${where()} cannot be used: ${describeThrown(thrown)}`;
      throw new SourceFailed('schema', `${text}; it must be synchronous`, thrown);
    }
    if (parsed.success) rows.push(parsed.data);
    else this.refuse(where, `does not fit the row schema${issueOf(parsed.error)}`, parsed.error);
  }

  /** Adds what a line says in JSON. A line of blanks is none. */
  addJson(rows: T[], text: string, where: () => string): void {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (thrown) {
      if (text.trim() !== '') this.refuse(where, `is no JSON: ${describeThrown(thrown)}`, thrown);
      return;
    }
    this.add(rows, value, where);
  }

  addLine(rows: T[], line: Line, where: () => string): void {
    if (line.text === undefined) this.refuse(where, `is ${line.problem}`);
    else if (this.#schema === undefined) rows.push(line.text as T);
    else this.addJson(rows, line.text, where);
  }

  /** Counts a row that is none. @throws SourceFailed `row` unless such are left out */
  refuse(where: () => string, why: string, cause?: unknown): void {
    if (this.#onBadRow === 'fail') {
      const text = `${where()} ${why}. Mend it, widen the row schema, or leave such rows out with onBadRow: 'skip'`;
      throw new SourceFailed('row', text, cause);
    }
    this.dropped += 1;
  }
}

/** The first thing that does not fit, and where; never the value, which may be a secret. */
export function issueOf(error: z.ZodError): string {
  const issue = error.issues[0]!;
  return `${issue.path.length === 0 ? '' : ` at ${z.core.toDotPath(issue.path)}`}: ${issue.message}`;
}

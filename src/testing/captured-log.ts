/** A log that keeps what it is given, for tests that check what people are told. */
import type { Logger } from '../base/logger.ts';
import { shownList, unmet } from './assertion.ts';
import { limits } from './limits.ts';

/** One line as the system wrote it. A failure has its stack in `fields.stack`. */
export interface LogLine {
  /** How grave it is. */
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  /** What the line says for programs: paths, codes, counts. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** What it says for people. */
  readonly text: string;
}

/** Which lines are meant: those that have all of what is named. */
export interface LogFilter {
  /** How grave it is. */
  readonly level?: LogLine['level'];
  /** A part of the text, or what it matches. */
  readonly text?: string | RegExp;
  /** A part of the stack in `fields.stack`, or what it matches. */
  readonly stack?: string | RegExp;
}

/** What a system under test logged so far. Settle first: a line that is still to come is not seen. */
export class CapturedLog implements Logger {
  /** Every line, in order; the first 65,536. */
  readonly lines: LogLine[] = [];

  /** The lines of one level. */
  of(level: LogLine['level']): readonly LogLine[] {
    return this.matching({ level });
  }

  /** The lines that are meant by `filter`. */
  matching(filter: LogFilter): readonly LogLine[] {
    return this.lines.filter(
      ({ level, text, fields }) =>
        (filter.level === undefined || filter.level === level) &&
        fits(text, filter.text) &&
        fits(fields.stack, filter.stack),
    );
  }

  /**
   * Expects that exactly one line is meant by `filter`, as in `log.expectOne({ level: 'error', stack: /at deposit/ })`.
   *
   * @returns that line.
   * @throws AssertionError with all lines, when it is none or several.
   */
  expectOne(filter: LogFilter): LogLine {
    const found = this.matching(filter);
    const [line] = found;
    if (found.length === 1 && line !== undefined) return line;
    throw this.#unmet(`one log line ${described(filter)}`, found.length, [filter], this.expectOne);
  }

  /** Expects that no line is meant by `filter`; any line unless given. @throws AssertionError with all lines */
  expectNone(filter: LogFilter = {}): void {
    const found = this.matching(filter);
    if (found.length > 0) throw this.#unmet(`no log line ${described(filter)}`, found.length, [], this.expectNone);
  }

  error(fields: Readonly<Record<string, unknown>>, text: string): void {
    this.#add('error', fields, text);
  }

  warn(fields: Readonly<Record<string, unknown>>, text: string): void {
    this.#add('warn', fields, text);
  }

  info(fields: Readonly<Record<string, unknown>>, text: string): void {
    this.#add('info', fields, text);
  }

  debug(fields: Readonly<Record<string, unknown>>, text: string): void {
    this.#add('debug', fields, text);
  }

  #add(level: LogLine['level'], fields: LogLine['fields'], text: string): void {
    if (this.lines.length < limits.keptMax) this.lines.push({ level, fields, text });
  }

  #unmet(what: string, count: number, expected: unknown, from: Function): Error {
    const all = this.lines.map(({ level, text }) => `${level}: ${text}`);
    const text = all.length === 0 ? 'nothing was logged' : `the log holds ${all.length} lines:${shownList(all)}`;
    return unmet(`expected ${what}, but there were ${count}; ${text}`, this.lines, expected, from);
  }
}

function fits(text: unknown, wanted: string | RegExp | undefined): boolean {
  if (wanted === undefined) return true;
  if (typeof text !== 'string') return false;
  // `search` and not `test`: that remembers where a global pattern matched last.
  return typeof wanted === 'string' ? text.includes(wanted) : text.search(wanted) >= 0;
}

function described(filter: LogFilter): string {
  const parts = Object.entries(filter).map(([name, value]) => `${name} ${String(value)}`);
  return parts.length === 0 ? 'at all' : `with ${parts.join(', ')}`;
}

/** A logger that keeps what it is given, for tests that check what people are told. */
import type { Logger } from '../../src/base/logger.ts';

export interface LogLine {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export class CapturingLogger implements Logger {
  readonly lines: LogLine[] = [];

  /** The lines of one level. */
  of(level: LogLine['level']): readonly LogLine[] {
    return this.lines.filter((line) => line.level === level);
  }

  error(fields: Readonly<Record<string, unknown>>, text: string): void {
    this.lines.push({ level: 'error', fields, text });
  }

  warn(fields: Readonly<Record<string, unknown>>, text: string): void {
    this.lines.push({ level: 'warn', fields, text });
  }

  info(fields: Readonly<Record<string, unknown>>, text: string): void {
    this.lines.push({ level: 'info', fields, text });
  }

  debug(fields: Readonly<Record<string, unknown>>, text: string): void {
    this.lines.push({ level: 'debug', fields, text });
  }
}

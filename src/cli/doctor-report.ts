/** What `troupe doctor` found, as lines for people or as JSON for machines. */
import { styleText } from 'node:util';

/** How much a finding matters: only a problem makes the program fail. */
export type Level = 'ok' | 'warning' | 'problem' | 'skipped';

/** One thing that was looked at. */
export interface Checked {
  readonly check: string;
  readonly level: Level;
  readonly text: string;
  /** What to do, each enough by itself; empty where all is well. */
  readonly waysOut: readonly string[];
  /** Of the error behind it, for machines. */
  readonly code?: string;
  /** Of the same. */
  readonly reason?: string;
}

/** Where lines are written, and what that can show. */
export interface Screen {
  /** Undefined where lines are not wrapped, as in a file. */
  readonly columns: number | undefined;
  readonly colours: boolean;
}

const marks: { readonly [L in Level]: readonly [mark: string, style: 'green' | 'yellow' | 'red' | 'gray'] } = {
  ok: ['✓', 'green'],
  warning: ['!', 'yellow'],
  problem: ['✗', 'red'],
  skipped: ['-', 'gray'],
};
const checkColumns = 14;
/** Before the text: two blanks, the mark, a blank, the name of the check. */
const indent = 4 + checkColumns;
/** Lines longer than this are hard to read, and shorter ones hold no path. */
const columnsMax = 120;
const textColumnsMin = 40;

/** One finding: its text, wrapped beside its name, and the ways out below. */
export function linesOf({ check, level, text, waysOut }: Checked, screen: Screen): string {
  const styled = stylerOf(screen);
  const [mark, style] = marks[level];
  const columns = columnsOf(screen);
  const [first = '', ...more] = wrapped(text, columns);
  const lines = [`  ${styled(style, mark)} ${styled('bold', check.padEnd(checkColumns))}${first}`];
  for (const line of more) lines.push(' '.repeat(indent) + line);
  waysOut.forEach((way, index) => {
    const lead = index === 0 ? '→ ' : 'or ';
    const [start = '', ...rest] = wrapped(way, columns - 3);
    lines.push(' '.repeat(indent) + styled('cyan', lead.padEnd(3)) + start);
    for (const line of rest) lines.push(' '.repeat(indent + 3) + line);
  });
  return lines.join('\n');
}

/** The last line. */
export function verdictOf(checks: readonly Checked[], screen: Screen): string {
  const styled = stylerOf(screen);
  const count = (level: Level): number => checks.filter((one) => one.level === level).length;
  const [problems, warnings] = [count('problem'), count('warning')];
  const also = warnings === 0 ? '' : `, ${counted(warnings, 'warning')}`;
  if (problems > 0) return styled('red', `${counted(problems, 'problem')}${also}`);
  return styled(warnings > 0 ? 'yellow' : 'green', `Nothing stands in the way${also}.`);
}

/** The same for machines: one line of JSON. */
export function jsonOf(version: string, checks: readonly Checked[]): string {
  return JSON.stringify({ troupe: version, ok: isFine(checks), checks });
}

/** True when nothing that was found keeps actors from starting. */
export function isFine(checks: readonly Checked[]): boolean {
  return checks.every(({ level }) => level !== 'problem');
}

/** What is left for texts. */
function columnsOf({ columns }: Screen): number {
  if (columns === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(textColumnsMin, Math.min(columns, columnsMax) - indent);
}

/** Whether colours are shown has been settled: styleText is not to ask again. */
function stylerOf({ colours }: Screen): (style: Parameters<typeof styleText>[0], text: string) => string {
  return (style, text) => (colours ? styleText(style, text, { validateStream: false }) : text);
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** At blanks; a path that is longer than a line stays whole, so that it can be copied. */
function wrapped(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= columns) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

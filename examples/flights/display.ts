/** How far the job is: redrawn in place on a terminal, else a plain line every second. */
import type { WriteStream } from 'node:tty';
import { stripVTControlCharacters, styleText } from 'node:util';

export interface Progress {
  readonly elapsedMs: number;
  readonly rows: number;
  readonly rowsExpected: number;
  readonly windowed: number;
  readonly late: number;
  readonly lines: number;
  /** Where the rows are worked on. */
  readonly places: readonly PlaceProgress[];
  /** How often the source had to wait for the places behind it. */
  readonly sourceCreditWaits: number;
  /** How often the lines had to wait for the sink. */
  readonly sinkCreditWaits: number;
  readonly residentBytes: number;
  readonly processes: number;
}

/** What one place did so far. */
export interface PlaceProgress {
  readonly name: string;
  readonly rows: number;
  readonly windows: number;
  /** How often it had to wait for those behind it. */
  readonly creditWaits: number;
}

const redrawMs = 100;
const plainLineMs = 1_000;
const barCells = 30;

export class Display {
  readonly #stream: WriteStream;
  readonly #isTerminal: boolean;
  readonly #rate = new Rate();
  #linesDrawn = 0;
  #nextMs = 0;

  constructor(stream: WriteStream) {
    this.#stream = stream;
    this.#isTerminal = stream.isTTY === true && process.env.TERM !== 'dumb';
  }

  /** Shows `progress`, if the last one was long enough ago. */
  update(progress: Progress): void {
    this.#rate.add(progress);
    if (progress.elapsedMs < this.#nextMs) return;
    this.#nextMs = progress.elapsedMs + (this.#isTerminal ? redrawMs : plainLineMs);
    this.#show(progress);
  }

  /** Shows the last state, which stays. */
  finish(progress: Progress): void {
    this.#rate.all(progress);
    this.#show(progress);
    this.#linesDrawn = 0;
  }

  #show(progress: Progress): void {
    if (!this.#isTerminal) {
      this.#stream.write(`${plainLine(progress, this.#rate.perSecond)}\n`);
      return;
    }
    const columns = this.#stream.columns || 80;
    const lines = picture(progress, this.#rate.perSecond).map((line) => cut(line, columns - 1));
    const up = this.#linesDrawn === 0 ? '' : `\u001b[${this.#linesDrawn}A`;
    // Erasing each line's rest, and not the screen, does not flicker.
    this.#stream.write(`${up}\r${lines.map((line) => `${line}\u001b[K\n`).join('')}`);
    this.#linesDrawn = lines.length;
  }
}

/** Rows per second, over the last second or so. */
class Rate {
  #seen: { ms: number; rows: number }[] = [];
  perSecond = 0;

  add({ elapsedMs, rows }: Progress): void {
    this.#seen = this.#seen.filter(({ ms }) => ms > elapsedMs - 1_500);
    this.#seen.push({ ms: elapsedMs, rows });
    const first = this.#seen[0]!;
    if (elapsedMs > first.ms) this.perSecond = (1_000 * (rows - first.rows)) / (elapsedMs - first.ms);
  }

  /** From the beginning to the end. */
  all({ elapsedMs, rows }: Progress): void {
    this.perSecond = elapsedMs === 0 ? 0 : (1_000 * rows) / elapsedMs;
  }
}

function plainLine(progress: Progress, perSecond: number): string {
  const places = progress.places.map(({ name, rows }) => `${name} ${count(rows)}`);
  return [
    `${seconds(progress.elapsedMs)}: ${count(progress.rows)} of ${count(progress.rowsExpected)} rows`,
    `${count(perSecond)} rows/s`,
    ...places,
    `credit waits ${count(waits(progress))}`,
    memory(progress),
  ].join(', ');
}

function picture(progress: Progress, perSecond: number): string[] {
  const part = progress.rowsExpected === 0 ? 1 : Math.min(1, progress.rows / progress.rowsExpected);
  const full = Math.round(part * barCells);
  const bar = styled('cyan', '█'.repeat(full)) + styled('gray', '░'.repeat(barCells - full));
  const done = `${String(Math.floor(part * 100)).padStart(3)}%`;
  const rate = styled('bold', `${count(perSecond)} rows/s`);
  const width = Math.max(...progress.places.map(({ name }) => name.length), 'source'.length);
  const most = Math.max(1, ...progress.places.map(({ rows }) => rows));
  return [
    `${bar} ${done}  ${rate}  ${seconds(progress.elapsedMs)}`,
    `  ${'source'.padEnd(width)}  ${cell(progress.rows, 'rows read')}  ${cell(progress.sourceCreditWaits, 'credit waits', 7)}`,
    ...progress.places.map(({ name, rows, creditWaits }) => {
      const share = styled('cyan', '▪'.repeat(Math.round((10 * rows) / most)).padEnd(10));
      return `  ${name.padEnd(width)}  ${cell(rows, 'rows     ')}  ${cell(creditWaits, 'credit waits', 7)}  ${share}`;
    }),
    `  ${'sink'.padEnd(width)}  ${cell(progress.lines, 'lines    ')}  ${cell(progress.sinkCreditWaits, 'credit waits', 7)}`,
    `  ${styled('gray', memory(progress))}`,
  ];
}

function cell(value: number, unit: string, digits = 11): string {
  return `${count(value).padStart(digits)} ${unit}`;
}

function waits(progress: Progress): number {
  return progress.places.reduce(
    (sum, place) => sum + place.creditWaits,
    progress.sourceCreditWaits + progress.sinkCreditWaits,
  );
}

function memory({ residentBytes, processes }: Progress): string {
  return `resident memory ${count(residentBytes / 2 ** 20)} MiB in ${processes === 1 ? 'one process' : `${processes} processes`}`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

/** Whole numbers with thousands told apart, the same in every locale. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function styled(style: 'cyan' | 'gray' | 'bold', text: string): string {
  return process.env.NO_COLOR ? text : styleText(style, text);
}

/** A line that the terminal would wrap could not be redrawn in place. */
function cut(line: string, columns: number): string {
  const plain = stripVTControlCharacters(line);
  return plain.length <= columns ? line : plain.slice(0, Math.max(0, columns));
}

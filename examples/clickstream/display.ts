/** The table of entry pages as it changes: redrawn in place on a terminal, else printed once, at the end. */
import type { WriteStream } from 'node:tty';
import type { EntryPage } from './entry-pages.ts';

const redrawMs = 100;
const plainLineMs = 1_000;

export class Display {
  readonly #stream: WriteStream;
  readonly #isTerminal: boolean;
  #linesDrawn = 0;
  #nextMs = 0;

  constructor(stream: WriteStream) {
    this.#stream = stream;
    this.#isTerminal = stream.isTTY === true && process.env.TERM !== 'dumb';
  }

  /** Shows how far it is, if the last time was long enough ago. */
  update(progress: string, table: readonly EntryPage[]): void {
    const nowMs = performance.now();
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + (this.#isTerminal ? redrawMs : plainLineMs);
    if (this.#isTerminal) this.#draw([progress, ...linesOf(table)]);
    else this.#stream.write(`${progress}\n`);
  }

  /** Shows the last state, which stays. */
  finish(progress: string, table: readonly EntryPage[]): void {
    this.#draw([progress, ...linesOf(table)]);
    this.#linesDrawn = 0;
  }

  #draw(lines: readonly string[]): void {
    if (!this.#isTerminal) {
      this.#stream.write(lines.map((line) => `${line}\n`).join(''));
      return;
    }
    const columns = (this.#stream.columns ?? 80) - 1;
    const up = this.#linesDrawn === 0 ? '' : `\u001b[${this.#linesDrawn}A`;
    // Erasing each line's rest, and not the screen, does not flicker.
    this.#stream.write(`${up}\r${lines.map((line) => `${line.slice(0, columns)}\u001b[K\n`).join('')}`);
    this.#linesDrawn = lines.length;
  }
}

function linesOf(table: readonly EntryPage[]): string[] {
  const rows = table.map(({ page, sessions, bounces, meanPages }) => [
    page.padEnd(24),
    sessions.toLocaleString('en').padStart(9),
    `${((100 * bounces) / sessions).toFixed(1)}%`.padStart(12),
    meanPages.toFixed(1).padStart(12),
  ]);
  const head = ['entry page'.padEnd(24), ' sessions', ' saw no more', '  mean pages'];
  return [head, ...rows].map((cells) => `  ${cells.join('')}`);
}

/** Lines that are redrawn in place on a terminal; where it is none, the first of them once a second. */
import type { WriteStream } from 'node:tty';

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

  /** Shows the lines, if the last time was long enough ago. */
  update(lines: readonly string[]): void {
    const nowMs = performance.now();
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + (this.#isTerminal ? redrawMs : plainLineMs);
    if (this.#isTerminal) this.#draw(lines);
    else this.#stream.write(`${lines[0]}\n`);
  }

  /** Shows the last lines, which stay. */
  finish(lines: readonly string[]): void {
    if (this.#isTerminal) this.#draw(lines);
    else this.#stream.write(lines.map((line) => `${line}\n`).join(''));
  }

  #draw(lines: readonly string[]): void {
    const columns = (this.#stream.columns || 80) - 1;
    const up = this.#linesDrawn === 0 ? '' : `\u001b[${this.#linesDrawn}A`;
    // Erasing each line's rest, and not the screen, does not flicker.
    this.#stream.write(`${up}\r${lines.map((line) => `${line.slice(0, columns)}\u001b[K\n`).join('')}`);
    this.#linesDrawn = lines.length;
  }
}

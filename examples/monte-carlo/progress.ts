// npm run example:monte-carlo
/** How far the work is: a bar that is redrawn on a terminal, else a plain line every second. */
import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';
import type { Batch } from './sampler.ts';

const redrawMs = 50;
const plainLineMs = 1_000;
const barCells = 40;
/** For what stands beside it: a line that wraps could not be redrawn in place. */
const besideCells = 32;

export class Progress {
  readonly #stream: WriteStream;
  readonly #samplesExpected: number;
  readonly #isTerminal: boolean;
  readonly #startedMs = performance.now();
  #samples = 0;
  #nextMs: number;
  #ended = false;

  constructor(stream: WriteStream, batches: readonly Batch[]) {
    this.#stream = stream;
    this.#samplesExpected = batches.reduce((sum, { samples }) => sum + samples, 0);
    this.#isTerminal = stream.isTTY === true && process.env.TERM !== 'dumb';
    this.#nextMs = this.#isTerminal ? 0 : plainLineMs;
  }

  add({ samples }: Batch): void {
    this.#samples += samples;
    const elapsedMs = performance.now() - this.#startedMs;
    if (elapsedMs < this.#nextMs && this.#samples < this.#samplesExpected) return;
    this.#nextMs = elapsedMs + (this.#isTerminal ? redrawMs : plainLineMs);
    const part = this.#samples / this.#samplesExpected;
    const rate = `${count((1_000 * this.#samples) / elapsedMs)} samples/s`;
    if (this.#isTerminal)
      this.#stream.write(`\r${bar(part, this.#stream.columns || 80)} ${percent(part)}  ${rate}\u001b[K`);
    else this.#stream.write(`${percent(part)}, ${count(this.#samples)} samples, ${rate}\n`);
  }

  /** Leaves the bar where it is, so that what follows stands below it. */
  end(): void {
    if (this.#isTerminal && this.#samples > 0 && !this.#ended) this.#stream.write('\n');
    this.#ended = true;
  }
}

function bar(part: number, columns: number): string {
  const cells = Math.max(0, Math.min(barCells, columns - besideCells));
  const full = Math.floor(part * cells);
  const [done, left] = ['█'.repeat(full), '░'.repeat(cells - full)];
  return process.env.NO_COLOR ? done + left : styleText('cyan', done) + styleText('gray', left);
}

const percent = (part: number): string => `${Math.floor(100 * part)}%`.padStart(4);

/** Whole numbers with thousands told apart, the same in every locale. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

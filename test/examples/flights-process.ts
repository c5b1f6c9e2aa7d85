/** The flights program in a process of its own, with its output piped. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { withoutStalls } from '../support/without-stalls.ts';

const program = fileURLToPath(new URL('../../dist-examples/flights/main.js', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class FlightsProcess {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  #stdout = '';
  #stderr = '';
  readonly #finished: Promise<Finished>;

  constructor(args: readonly string[], script: string = program) {
    // A group of its own, as a terminal makes one for each command.
    this.child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.child.stdout.on('data', (bytes: Buffer) => {
      this.#stdout += bytes.toString();
    });
    this.child.stderr.on('data', (bytes: Buffer) => {
      this.#stderr += bytes.toString();
    });
    this.#finished = once(this.child, 'close').then(([code]) => ({
      code: code as number | null,
      stdout: this.#stdout,
      stderr: withoutStalls(this.#stderr),
    }));
  }

  finished(): Promise<Finished> {
    return this.#finished;
  }

  /** Waits until it has told of rows for the first time. */
  async streaming(): Promise<void> {
    while (!/: [1-9][\d,]* of [\d,]+ rows/.test(this.#stdout)) {
      await Promise.race([
        once(this.child.stdout, 'data'),
        this.#finished.then(({ code, stderr }) => Promise.reject(new Error(`it ended with ${code}: ${stderr}`))),
      ]);
    }
  }

  /** What Ctrl-C does: a signal to the whole group that the terminal knows of. */
  interrupt(): void {
    process.kill(-this.child.pid!, 'SIGINT');
  }
}

export function flights(...args: readonly string[]): Promise<Finished> {
  return new FlightsProcess(args).finished();
}

/** Compares an output with what DuckDB makes of the same rows. */
export function compareWithOracle(out: string, rows: number, of: 'flights' | 'routes' = 'flights'): Promise<Finished> {
  const oracle = fileURLToPath(new URL(`../../scripts/${of}-oracle.mjs`, import.meta.url));
  return new FlightsProcess(['--out', out, '--rows', String(rows)], oracle).finished();
}

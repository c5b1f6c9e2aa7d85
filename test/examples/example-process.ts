/** An example in a process of its own, with its output piped. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { withoutStalls } from '../support/without-stalls.ts';
import type { Finished } from './flights-process.ts';

export class ExampleProcess {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly finished: Promise<Finished>;
  #stdout = '';
  #stderr = '';

  /** @param script from the root of the repository */
  constructor(script: string, args: readonly string[]) {
    const path = fileURLToPath(new URL(`../../${script}`, import.meta.url));
    // A group of its own, as a terminal makes one for each command.
    this.child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.child.stdout.on('data', (bytes: Buffer) => {
      this.#stdout += bytes.toString();
    });
    this.child.stderr.on('data', (bytes: Buffer) => {
      this.#stderr += bytes.toString();
    });
    this.finished = once(this.child, 'close').then(([code]) => ({
      code: code as number | null,
      stdout: this.#stdout,
      stderr: withoutStalls(this.#stderr),
    }));
  }

  /** Waits until it has printed something that fits. */
  async printed(text: RegExp): Promise<void> {
    while (!text.test(this.#stdout)) {
      await Promise.race([
        once(this.child.stdout, 'data'),
        this.finished.then(({ code, stderr }) => Promise.reject(new Error(`it ended with ${code}: ${stderr}`))),
      ]);
    }
  }

  /** What Ctrl-C does: a signal to the whole group that the terminal knows of. */
  interrupt(): void {
    process.kill(-this.child.pid!, 'SIGINT');
  }
}

/** The numbers of the first text that fits, in its groups. */
export function numbersIn(stdout: string, text: RegExp): number[] {
  const found = text.exec(stdout);
  if (found === null) throw new Error(`there is no ${text} in: ${stdout}`);
  return found.slice(1).map((digits) => Number(digits.replaceAll(',', '')));
}

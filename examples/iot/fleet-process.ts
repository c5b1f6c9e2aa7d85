/** The process of the devices, started and stopped by this program. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { TroupeError } from 'troupe';
import type { Tally } from './device.ts';

const program = fileURLToPath(new URL('./fleet.js', import.meta.url));

export class FleetProcess implements Disposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  /** What the devices did. Rejects where the process ends without saying so. */
  readonly done: Promise<Tally>;

  constructor(url: string, options: { devices: number; forMs: number; seed: number }) {
    const { devices, forMs, seed } = options;
    this.#child = spawn(process.execPath, [program, url, String(devices), String(forMs), String(seed)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      // A process group of its own: Ctrl-C goes to this process, which ends the devices.
      detached: true,
    });
    this.done = this.#tally();
    // It may fail before somebody looks.
    this.done.catch(() => undefined);
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }

  async #tally(): Promise<Tally> {
    let text = '';
    this.#child.stdout.on('data', (bytes: Buffer) => {
      text += bytes.toString();
    });
    const [code, signal] = (await once(this.#child, 'close')) as [number | null, string | null];
    if (code === 0) return JSON.parse(text) as Tally;
    throw new TroupeError(
      'FleetFailed',
      `the process of the devices ended (${signal ?? `exit code ${code}`}); start again`,
    );
  }
}

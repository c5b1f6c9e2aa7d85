/** The second node: `troupe node` in a process of its own, with a fresh secret, started and stopped by this program. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { TroupeError } from 'troupe';

const program = fileURLToPath(new URL('./dist/cli/main.js', import.meta.resolve('troupe/package.json')));
const readyWithinMs = 20_000;
const stopWithinMs = 800;

export class NodeProcess implements AsyncDisposable {
  readonly address: string;
  /** What both nodes prove to each other that they know. */
  readonly secret: string;
  /** Aborts when the process ends; its reason says how. */
  readonly ended: AbortSignal;
  readonly #child: Child;
  readonly #folder: string;

  constructor(address: string, secret: string, child: Child, folder: string) {
    this.address = address;
    this.secret = secret;
    this.ended = endOf(child);
    this.#child = child;
    this.#folder = folder;
  }

  get processId(): number {
    return this.#child.pid!;
  }

  /** Ends its standard input, which tells it to stop; kills it if it does not. */
  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#child);
    await this.discardSecret();
  }

  /** Removes the secret's file, so that nothing of it is left however this process ends. */
  async discardSecret(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

type Child = ChildProcessByStdio<Writable, Readable, null>;

/**
 * Starts the node on a free port of this machine. It loads the module at `registry`, and also ends when this process
 * does, however that ends.
 */
export async function startNode(options: { registry: URL; role: string; signal: AbortSignal }): Promise<NodeProcess> {
  const { registry, role, signal } = options;
  const folder = await mkdtemp(join(tmpdir(), 'troupe-flights-'));
  const secret = randomBytes(32).toString('hex');
  const secretFile = join(folder, 'secret');
  let child: Child | undefined;
  try {
    await writeFile(secretFile, secret, { mode: 0o600 });
    const at = ['--registry', fileURLToPath(registry), '--listen', 'ws://127.0.0.1:0', '--secret-file', secretFile];
    const as = ['--role', role, '--name', 'second', '--exit-with-stdin', '--log-level', 'error'];
    // A process group of its own: Ctrl-C goes to this process, which stops the node when its own work has stopped.
    child = spawn(process.execPath, [program, 'node', ...at, ...as], {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
    });
    return new NodeProcess(await addressOf(child, signal), secret, child, folder);
  } catch (error) {
    if (child !== undefined) await end(child);
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function addressOf(child: Child, signal: AbortSignal): Promise<string> {
  const timeout = AbortSignal.timeout(readyWithinMs);
  const lines = createInterface({ input: child.stdout, signal: AbortSignal.any([signal, timeout]) });
  for await (const line of lines) {
    const address = /^listening on (ws:\S+)$/.exec(line)?.[1];
    if (address !== undefined) return address;
  }
  signal.throwIfAborted();
  throw new TroupeError(
    'NodeProcessFailed',
    `the second node did not start (${stateOf(child)}); it says why above, or try --no-node`,
  );
}

/** Our own link would wait for it to come back. */
function endOf(child: Child): AbortSignal {
  const ended = new AbortController();
  child.once('exit', () => {
    const text = `the second node ended (${stateOf(child)}), and what it held is lost; start the run again`;
    ended.abort(new TroupeError('NodeProcessFailed', text));
  });
  return ended.signal;
}

function stateOf(child: Child): string {
  if (child.exitCode !== null) return `exit code ${child.exitCode}`;
  return child.signalCode ?? `not ready after ${readyWithinMs} ms`;
}

async function end(child: Child): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.stdin.end();
  const stopped = new AbortController();
  const killer = sleep(stopWithinMs, undefined, { signal: stopped.signal }).then(
    () => child.kill('SIGKILL'),
    () => false,
  );
  await ended;
  stopped.abort();
  await killer;
}

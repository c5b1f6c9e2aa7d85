/** A second node as a user starts it: `troupe node …` in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface NodeProcess {
  readonly process: ChildProcess;
  readonly address: string;
}

const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const registry = fileURLToPath(new URL('./fixtures/actors.ts', import.meta.url));

/** Starts a node with the test actors and waits until it listens. */
export async function startNode(
  secretFile: string,
  listen = 'ws://127.0.0.1:0',
  more: readonly string[] = [],
): Promise<NodeProcess> {
  const args = [
    'node',
    '--registry',
    registry,
    '--listen',
    listen,
    '--secret-file',
    secretFile,
    '--role',
    'workers',
    '--exit-with-stdin',
    ...more,
  ];
  const child = spawn(process.execPath, ['--import', 'tsx', cli, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (text: Buffer) => {
    errors += text.toString();
  });
  const address = await Promise.race([
    (async () => {
      for await (const line of createInterface({ input: child.stdout })) {
        const found = /listening on (ws:\S+)/.exec(line);
        if (found !== null) return found[1]!;
      }
      throw new Error(`the node ended before it listened: ${errors}`);
    })(),
    once(child, 'exit').then(([code]) => {
      throw new Error(`the node ended with exit code ${code}: ${errors}`);
    }),
  ]);
  return { process: child, address };
}

/** Ends a node and waits until it is gone. */
export async function endNode(
  { process: child }: NodeProcess,
  signal: NodeJS.Signals = 'SIGTERM',
): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const gone = once(child, 'exit');
  child.kill(signal);
  const [code] = await gone;
  return code as number | null;
}

/** A folder with a secret file in it, and how to remove it. */
export async function secretFolder(): Promise<{
  readonly file: string;
  readonly other: string;
  remove(): Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-test-'));
  const file = join(folder, 'secret');
  const other = join(folder, 'other');
  await writeFile(file, 'x'.repeat(48), { mode: 0o600 });
  await writeFile(other, 'y'.repeat(48), { mode: 0o600 });
  return { file, other, remove: () => rm(folder, { recursive: true }) };
}

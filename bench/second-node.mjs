/** A second node in a process of its own, started by the command that users have, with a shared secret. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createSystem, secret } from 'troupe';

export const registry = new URL('./counter.mjs', import.meta.url);
const role = 'bench';

/** Joins a second node. @returns the system here, the role and the process there, and what ends both. */
export async function joinSecondNode(isolation, actors = registry) {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-bench-'));
  try {
    const secretFile = join(folder, 'secret');
    writeFileSync(secretFile, 'x'.repeat(48), { mode: 0o600 });
    const { child, address } = await startNode(actors, secretFile);
    const system = await createSystem({
      registry: actors,
      isolation,
      join: [address],
      auth: secret({ file: secretFile }),
    });
    return {
      system,
      role,
      pid: child.pid,
      async end() {
        await system.shutdown();
        const gone = once(child, 'exit');
        child.kill();
        await gone;
      },
    };
  } finally {
    // Both sides have read it by now.
    rmSync(folder, { recursive: true });
  }
}

async function startNode(actors, secretFile) {
  const cli = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
  const where = ['--registry', fileURLToPath(actors), '--listen', 'ws://127.0.0.1:0', '--role', role];
  // When this process ends, however it does, standard input ends, and so does the node.
  const args = [cli, 'node', ...where, '--secret-file', secretFile, '--exit-with-stdin'];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /listening on (\S+)/.exec(line)?.[1];
    if (address !== undefined) return { child, address };
  }
  throw new Error('the second node ended before it listened');
}

/** What tests of the benchmarks share: the command with tiny counts, and their modules. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** The benchmarks are plain JavaScript, as a user without TypeScript would write them. */
export const load = async <T>(file: string): Promise<T> => (await import(`${root}bench/${file}`)) as T;

export interface Line {
  readonly program?: string;
  readonly contestant: string;
  readonly perSecond?: number | null;
  readonly error?: string;
  readonly notRun?: string;
}

/** `npm run bench -- --quick` with what is built. */
export function bench(
  args: readonly string[],
  env: Record<string, string> = {},
): { status: number | null; lines: Line[] } {
  const all = ['scripts/bench.mjs', '--quick', '--no-build', ...args];
  const run = spawnSync(process.execPath, all, { cwd: root, encoding: 'utf8', env: { ...process.env, ...env } });
  const lines = run.stdout.split('\n').filter((line) => line.startsWith('{'));
  return { status: run.status, lines: lines.map((line) => JSON.parse(line) as Line) };
}

/** A search path on which there is Node and nothing else. */
export function emptyPath(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'troupe-path-'));
  symlinkSync(process.execPath, join(path, 'node'));
  return { path, remove: () => rmSync(path, { recursive: true }) };
}

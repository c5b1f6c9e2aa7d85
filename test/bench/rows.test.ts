import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const budgets = JSON.parse(readFileSync(`${root}/bench/budgets.json`, 'utf8')) as Record<string, object>;

interface Line {
  readonly row: string;
  readonly ratio: number | null;
  readonly error?: string;
}

test('every row that has a budget runs with tiny counts and finds its totals right', { timeout: 120_000 }, () => {
  const args = ['scripts/bench.mjs', '--quick', '--rounds', '1', '--no-build'];
  const run = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  const jsonLines = run.stdout.split('\n').filter((line) => line.startsWith('{'));
  const lines = jsonLines.map((line) => JSON.parse(line) as Line);
  expect(lines.filter(({ error }) => error !== undefined)).toEqual([]);
  expect(lines.map(({ row }) => row).sort()).toEqual(Object.keys(budgets).sort());
  expect(lines.every(({ ratio }) => Number.isFinite(ratio))).toBe(true);
  expect(run.status).toBe(0);
});

test('an unknown row is refused with the part that was asked for', () => {
  const args = ['scripts/bench.mjs', '--only', 'no such row', '--no-build'];
  const run = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  expect(run.status).toBe(1);
  expect(run.stderr).toContain('no row\'s name contains "no such row"');
});

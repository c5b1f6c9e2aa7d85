/** `npm run nexmark` as it is run: its table, its figures, its exit codes. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Measured } from '../../bench/nexmark/report.ts';
import { ExampleProcess } from '../examples/example-process.ts';

describe('npm run nexmark', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'troupe-nexmark-program-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('measures two queries in processes of their own, finds them equal to SQL, and writes the figures down', async () => {
    const json = join(folder, 'figures.json');
    const given = ['--queries', 'q2,q18', '--events', '20000', '--repeat', '2', '--json', json];
    const { code, stdout, stderr } = await new ExampleProcess('dist-bench/nexmark.js', given).finished;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^ +q2 .* equal +175$/m);
    expect(stdout).toMatch(/^ +q18 .* equal +54, 65$/m);
    const { all } = JSON.parse(await readFile(json, 'utf8')) as { all: Measured[] };
    expect(all.map(({ query, runs, compared, problems }) => ({ query, runs, compared, problems }))).toEqual([
      { query: 'q2', runs: 2, compared: true, problems: [] },
      { query: 'q18', runs: 2, compared: true, problems: [] },
    ]);
    for (const { eventsPerCpuSecond, peakBytes } of all) {
      expect(eventsPerCpuSecond).toBeGreaterThan(0);
      expect(peakBytes).toBeGreaterThan(0);
    }
    expect(all[0]!.stateBytes).toBe(0);
    expect(all[1]!.stateBytes).toBeGreaterThan(0);
  }, 120_000);

  it('exits with 2 for a query that there is not, and names those that there are', async () => {
    const { code, stderr } = await new ExampleProcess('dist-bench/nexmark.js', ['--queries', 'q6']).finished;
    expect(code).toBe(2);
    expect(stderr).toMatch(/there is no q6; there are q0, q1/);
  });

  it('refuses a group that the step of 953 does not mix', async () => {
    const { code, stderr } = await new ExampleProcess('dist-bench/nexmark.js', ['--group', '1906']).finished;
    expect(code).toBe(2);
    expect(stderr).toMatch(/no multiple of 953/);
  });
});

/** The oracle of Nexmark sees what is wrong: a row too few, another value, an event that was not late. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Arguments, defaults } from '../../bench/nexmark/arguments.ts';
import { type Execution, execute, openSystem } from '../../bench/nexmark/execute.ts';
import { verdictOn } from '../../bench/nexmark/oracle.ts';
import { queries } from '../../bench/nexmark/queries.ts';

describe('the oracle', () => {
  const { q5, q11 } = queries as { q5: (typeof queries)[string]; q11: (typeof queries)[string] };
  let folder: string;
  let args: Arguments;
  let ran: Execution;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'troupe-nexmark-oracle-'));
    args = { ...defaults, events: 2_000, ratePerSecond: 50, batch: 20, rows: join(folder, 'q11.jsonl') };
    const system = await openSystem(0);
    ran = await execute(system, 'q11', args);
    await system.shutdown();
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('finds nothing wrong with what the flow gave', async () => {
    expect(await verdictOn(q11, args, ran)).toEqual({ rows: ran.rows, differences: [] });
  });

  it('tells a row too few, and another checksum, without the rows', async () => {
    const rows = ran.rows - 1;
    const unwritten = { ...args, rows: null };
    expect((await verdictOn(q11, unwritten, { ...ran, rows })).differences).toEqual([
      `${rows} rows where SQL gives ${ran.rows}`,
    ]);
    expect((await verdictOn(q11, unwritten, { ...ran, checksum: ran.checksum ^ 1 })).differences).toEqual([
      `other values in some of ${ran.rows} rows`,
    ]);
  });

  it('tells the row that is missing, and the one that is there instead', async () => {
    const changed = join(folder, 'changed.jsonl');
    const text = await readFile(args.rows!, 'utf8');
    await writeFile(
      changed,
      text.replace(/"bid_count":(\d+)/, (_, count) => `"bid_count":${Number(count) + 1}`),
    );
    const { differences } = await verdictOn(q11, { ...args, rows: changed }, ran);
    expect(differences.map((difference) => difference.split(':')[0]).sort()).toEqual(['missing', 'not in SQL']);
  });

  it('tells events that were given as late and were not, and late ones that were not given', async () => {
    const inTime = { ...ran, late: { late: [{ auction: 1_000 }] } };
    const { differences } = await verdictOn(q5, { ...args, rows: null }, inTime);
    expect(differences).toContain('1 events in "late (bid)" were not late');
    const mixed = { ...args, rows: null, group: 1_000 };
    const missed = await verdictOn(q5, mixed, { ...ran, late: {} });
    expect(missed.differences.some((text) => /late events are not in "late \(bid\)"/.test(text))).toBe(true);
  });
});

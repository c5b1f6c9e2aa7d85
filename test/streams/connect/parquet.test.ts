import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { parquet } from '../../../src/streams/connect/parquet.ts';
import { read } from './context.ts';

const file = 'node_modules/vega-datasets/data/flights-3m.parquet';
const Row = z.object({ date: z.date(), delay: z.int(), origin: z.string() });
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'troupe-parquet-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('parquet', () => {
  it('reads the 272,727 rows of the first row group in batches of 1,024, INT64 as numbers', async () => {
    const rows = await read(parquet({ file, row: Row }), 272_727);
    expect(rows).toHaveLength(272_727);
    expect(rows[0]).toEqual({ date: new Date('2001-01-01T00:01:00.000Z'), delay: 33, origin: 'LAS' });
    expect(rows.at(-1)).toEqual({ date: new Date('2001-01-17T15:35:00.000Z'), delay: -10, origin: 'HOU' });
    expect(rows.every((row, n) => n === 0 || row.date >= rows[n - 1]!.date)).toBe(true);
  });

  it('reads a timestamp as a number, an INT64 as a bigint, and all five columns where the schema says so', async () => {
    const row = z.object({
      date: z.number(),
      delay: z.bigint(),
      distance: z.number().nullable(),
      origin: z.string().optional(),
      destination: z.enum(['PHX', 'ORD', 'ATL']).or(z.string()),
    });
    const [first] = await read(parquet({ file, row }), 1);
    expect(first).toEqual({
      date: Date.parse('2001-01-01T00:01:00.000Z'),
      delay: 33n,
      distance: 2_176,
      origin: 'LAS',
      destination: 'PHL',
    });
  });

  it.each([
    ['missing', 'no/such.parquet', Row, 'there is no file'],
    ['unreadable', '.', Row, 'cannot be read'],
    ['schema', file, z.object({ depature: z.date() }), 'it has date, delay, distance, origin, destination'],
    ['row', file, z.object({ delay: z.int().max(30) }), 'row 0 of'],
    ['row', file, z.object({ origin: z.number() }), 'does not fit the row schema at origin'],
    ['schema', file, z.object({ delay: z.int().refine(async () => true) }), 'it must be synchronous'],
  ] as const)('fails as SourceFailed(%s) for %s', async (reason, path, row, text) => {
    const reading = read(parquet({ file: path, row: row as z.ZodObject }));
    await expect(reading).rejects.toMatchObject({ code: 'SourceFailed', reason });
    await expect(reading).rejects.toThrow(text);
  });

  it('fails as SourceFailed(corrupt) for an empty, a cut, a foreign and a damaged file', async () => {
    const bytes = await readFile(file);
    const damaged = Buffer.from(bytes);
    damaged.fill(0xff, 1_000, 600_000);
    const lying = Buffer.from(bytes);
    lying.writeUInt32LE(0xffffffff, lying.length - 8);
    const files = {
      empty: Buffer.alloc(0),
      cut: bytes.subarray(0, 100_000),
      text: 'date,delay\n1,2\n',
      damaged,
      lying,
    };
    for (const [name, content] of Object.entries(files)) {
      const path = join(folder, name);
      await writeFile(path, content);
      const reading = read(parquet({ file: path, row: Row }));
      await expect(reading, name).rejects.toMatchObject({ code: 'SourceFailed', reason: 'corrupt' });
      await expect(reading, name).rejects.toThrow('damaged');
    }
  });

  it('refuses a row schema that is no object', () => {
    expect(() => parquet({ file, row: z.string() as never })).toThrow('takes a z.object');
    expect(() => parquet({ file, row: undefined as never })).toThrow('takes a z.object');
  });
});

import { batchOf, type Source } from 'troupe/streams';
import { describe, expect, it } from 'vitest';
import { firstRows } from '../../examples/flights/first-rows.ts';
import { shuffled } from '../../examples/flights/shuffle.ts';
import { contextOf } from '../streams/connect/context.ts';

interface Row {
  readonly index: number;
  readonly ms: number;
}

const byMs = 30_000;

/** 20,000 rows, some 0 to 99 ms apart, in batches of 1 to 700. */
const sorted: Source<Row> = {
  name: 'sorted',
  async *open() {
    let ms = 0;
    for (let index = 0; index < 20_000; ) {
      const batch: Row[] = [];
      for (let size = 1 + ((index * 31) % 700); size > 0 && index < 20_000; size -= 1, index += 1) {
        ms += (index * 7919) % 100;
        batch.push({ index, ms });
      }
      yield batch;
    }
  },
};

async function allOf(source: Source<Row>): Promise<Row[]> {
  const rows: Row[] = [];
  const { signal } = new AbortController();
  for await (const batch of source.open(contextOf(signal))) rows.push(...batchOf(batch).items);
  return rows;
}

const time = (row: Row): number => row.ms;

describe('a shuffled source', () => {
  it('gives each of 20,000 rows once, most of them in another place', async () => {
    const rows = await allOf(shuffled(sorted, { time, byMs }));
    expect(rows.map(({ index }) => index).sort((a, b) => a - b)).toEqual(Array.from({ length: 20_000 }, (_, n) => n));
    expect(rows.filter(({ index }, at) => index !== at).length).toBeGreaterThan(19_000);
  });

  it('brings no row as much as 30 s behind the latest one before it, and some nearly so', async () => {
    let latestMs = -Infinity;
    let furthestMs = 0;
    for (const { ms } of await allOf(shuffled(sorted, { time, byMs }))) {
      latestMs = Math.max(latestMs, ms);
      furthestMs = Math.max(furthestMs, latestMs - ms);
    }
    expect(furthestMs).toBeLessThan(byMs);
    expect(furthestMs).toBeGreaterThan(0.9 * byMs);
  });

  it('gives the same order in every run', async () => {
    const source = shuffled(sorted, { time, byMs });
    expect(await allOf(source)).toEqual(await allOf(source));
  });

  it('is the source itself when it displaces by nothing', () => {
    expect(shuffled(sorted, { time, byMs: 0 })).toBe(sorted);
  });
});

describe('the first rows of a source', () => {
  it('are as many as asked for, in the middle of a batch too', async () => {
    for (const rows of [1, 700, 12_345]) expect(await allOf(firstRows(sorted, rows))).toHaveLength(rows);
  });

  it('are all rows where there are fewer', async () => {
    expect(await allOf(firstRows(sorted, 30_000))).toHaveLength(20_000);
  });
});

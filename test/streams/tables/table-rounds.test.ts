/** A range over partitions of which one is ahead of the other. */
import { expect, test } from 'vitest';
import type { Processor, ProcessorContext } from '../../../src/streams/processor.ts';
import type { StageRef } from '../../../src/streams/stage-protocol.ts';
import { PartitionedTable } from '../../../src/streams/tables/table.ts';
import { tableProcessor } from '../../../src/streams/tables/table-processor.ts';

interface Row {
  readonly id: number;
  readonly at: number;
}

function partition(): Processor & { put(...rows: Row[]): void; to(watermarkMs: number): void; readonly ref: StageRef } {
  const processor = tableProcessor({ name: 'rows', changes: false, entriesMax: 10, ttlMs: undefined }).make({
    stage: 'table',
    timed: true,
    keyOf: [(row: unknown) => (row as Row).id],
    clock: { monotonicMs: () => 0 },
  } as unknown as ProcessorContext);
  const outcome = async ({ question }: { question: unknown }): Promise<unknown> => ({
    ok: true,
    value: await processor.query!(question),
  });
  return Object.assign(processor, {
    put: (...rows: Row[]) => rows.forEach((row) => void processor.add(row, row.at, 0)),
    to: (watermarkMs: number) => {
      processor.advance(watermarkMs);
      while (processor.work());
    },
    ref: { query: { outcome } } as unknown as StageRef,
  });
}

test('waits for the one behind, and reads the one ahead as it was when it was asked', async () => {
  const [ahead, behind] = [partition(), partition()];
  const table = new PartitionedTable('job', 'rows', () => [ahead.ref, behind.ref]);
  ahead.put({ id: 1, at: 10 }, { id: 3, at: 10 }, { id: 1, at: 60 }, { id: 1, at: 90 });
  ahead.to(80);
  behind.put({ id: 2, at: 10 });
  behind.to(50);
  let answer: unknown;
  const asked = table.range().then((given) => {
    answer = given;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(answer).toBe(undefined);
  // It goes on meanwhile.
  ahead.put({ id: 1, at: 150 }, { id: 3, at: 160 });
  ahead.to(200);
  behind.put({ id: 2, at: 70 }, { id: 2, at: 85 });
  behind.to(79);
  await new Promise((resolve) => setImmediate(resolve));
  expect(answer).toBe(undefined);
  behind.to(100);
  await asked;
  expect(answer).toEqual({
    asOfMs: 80,
    entries: [
      { key: 1, value: { id: 1, at: 60 } },
      { key: 2, value: { id: 2, at: 70 } },
      { key: 3, value: { id: 3, at: 10 } },
    ],
  });
  // Nothing is kept for it any more.
  await new Promise((resolve) => setImmediate(resolve));
  for (const one of [ahead, behind]) one.to(300);
  expect(ahead.held).toMatchObject({ keys: 2, versions: 2 });
  expect(behind.held).toMatchObject({ keys: 1, versions: 1 });
});

test('is refused where a partition stops before it is there', async () => {
  const [ahead, behind] = [partition(), partition()];
  ahead.to(80);
  behind.to(50);
  const asked = new PartitionedTable('job', 'rows', () => [ahead.ref, behind.ref]).range();
  await new Promise((resolve) => setImmediate(resolve));
  behind.stop!();
  await expect(asked).rejects.toMatchObject({ code: 'TableUnavailable', reason: 'ended' });
});

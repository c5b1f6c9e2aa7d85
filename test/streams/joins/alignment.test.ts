import { setImmediate as pass } from 'node:timers/promises';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { flow } from '../../../src/streams/flow.ts';
import { forEach } from '../../../src/streams/for-each.ts';
import { within } from '../../../src/streams/joins/join-spec.ts';
import type { Source } from '../../../src/streams/source.ts';
import { type LocalRun, runLocally } from '../local-run.ts';

const elements = 60_000;
/** So many elements, one every `stepMs`, from when the run is known. */
function every(stepMs: number, known: Promise<void>): Source<{ id: number; at: number }> {
  return {
    name: 'every',
    bounded: true,
    async *open() {
      await known;
      for (let from = 0; from < elements; from += 500) {
        yield Array.from({ length: 500 }, (_, n) => ({ id: n % 100, at: (from + n) * stepMs }));
      }
    },
  };
}

test('a side that is ten times as far in event time waits in its queues where results are taken slowly, and not as rows of the join', async () => {
  let local: LocalRun | undefined;
  let know!: () => void;
  const known = new Promise<void>((resolve) => {
    know = resolve;
  });
  let most = 0;
  let pairs = 0;
  const watch = async (): Promise<void> => {
    pairs += 1;
    if (pairs % 100 > 0) return;
    await pass();
    for (const { stages } of local?.counts() ?? []) {
      const { leftRows = 0, rightRows = 0 } = stages.find(({ name }) => name === 'join')?.counts ?? {};
      most = Math.max(most, leftRows + rightRows);
    }
  };
  local = await runLocally(
    flow('speeds', { args: z.object({}) }, (f) => {
      const slow = f.from(every(1, known), { time: (row) => row.at });
      const fast = f.from(every(10, known), { time: (row) => row.at });
      const byId = fast.keyBy((row) => row.id);
      return slow
        .keyBy((row) => row.id)
        .join(byId, within({ beforeMs: 1_000, afterMs: 1_000 }))
        .to(forEach(watch));
    }),
    {},
  );
  know();
  await local.done;
  expect(pairs).toBeGreaterThan(1_000);
  // Some 2,100: what is held of an interval of 2 s, and a batch or two. Taken in turns, it is 55,000.
  expect(most).toBeLessThan(8_000);
});

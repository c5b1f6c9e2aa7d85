import { describe, expect, test, vi } from 'vitest';
import * as z from 'zod';
import { parquet } from '../../src/streams/connect/parquet.ts';
import { flow } from '../../src/streams/flow.ts';
import { fromIterable } from '../../src/streams/from-iterable.ts';
import { onlySplit, type Source, type SourceBatch } from '../../src/streams/source.ts';
import { count } from '../../src/streams/windows/numbers.ts';
import { tumbling } from '../../src/streams/windows/window.ts';
import { runLocally } from './local-run.ts';

const none = z.object({});

/** Numbers from 0 on, of which each instance gives its own; `silent` says that it is caught up, until its time comes. */
function numbers(upTo: number, silent?: number, until?: Promise<void>): Source<number> {
  return {
    name: 'numbers',
    bounded: silent === undefined,
    parallel: true,
    async *open({ part = { index: 0, of: 1 } }): AsyncGenerator<SourceBatch<number>> {
      const split = `${part.index}`;
      if (part.index === silent) {
        yield { items: [], split, caughtUp: true };
        await until;
      } else {
        const own = Array.from({ length: upTo }, (_, number) => number).filter((n) => n % part.of === part.index);
        for (let at = 0; at < own.length; at += 100) yield { items: own.slice(at, at + 100), split };
      }
    },
  };
}

describe('a source that several instances read', () => {
  test.each([1, 2, 5])(
    'gives each element once, by %d of them, and windows of all of them are whole',
    async (parallelism) => {
      const run = await runLocally(
        flow('parallel', { args: none }, (f) =>
          f
            .from(numbers(10_000), { time: (number) => number }, { parallelism })
            .keyBy((number) => number % 7, { parallelism: 2 })
            .window(tumbling({ sizeMs: 1_000 }))
            .aggregate({ n: count() })
            .output('counts'),
        ),
        {},
      );
      await run.done;
      const results = run.outputs as { value: { n: number } }[];
      expect(results).toHaveLength(70);
      expect(results.reduce((sum, { value }) => sum + value.n, 0)).toBe(10_000);
      expect(run.stage('window')).toMatchObject({ in: 10_000, late: 0 });
      expect(run.stage('source')).toMatchObject({ in: 10_000 });
    },
  );

  test('is not waited for where one instance of it is idle', async () => {
    let end!: () => void;
    const until = new Promise<void>((resolve) => {
      end = resolve;
    });
    const run = await runLocally(
      flow('half-idle', { args: none }, (f) =>
        f
          .from(numbers(1_000, 1, until), { time: (number) => number, idleMs: false }, { parallelism: 2 })
          .keyBy(() => 0)
          .window(tumbling({ sizeMs: 100 }))
          .aggregate({ n: count() })
          .output('counts'),
      ),
      {},
    );
    // The other half of the numbers is read, and all windows but the last close, while one instance is silent.
    await vi.waitFor(() => expect(run.outputs.length).toBeGreaterThanOrEqual(9), { timeout: 10_000 });
    end();
    await run.done;
    expect(run.outputs).toHaveLength(10);
  });

  test('is refused where it can be read by one only', () => {
    const built = flow('two', { args: none }, (f) =>
      f.from(fromIterable([1]), undefined, { parallelism: 2 }).output('all'),
    );
    expect(() => built.bounds({})).toThrow(/asks source 'iterable' for parallelism 2, but it can be read by one/);
  });

  test('shares the row groups of a Parquet file, and goes on from the positions of each', async () => {
    const source = parquet({
      file: 'node_modules/vega-datasets/data/flights-3m.parquet',
      row: z.object({ delay: z.int() }),
    });
    const rowsOf = async (index: number, from?: ReadonlyMap<string, number>): Promise<[number, string, number]> => {
      let [rows, split, position] = [0, onlySplit, 0];
      const context = { signal: new AbortController().signal, part: { index, of: 4 }, from };
      for await (const given of source.open(context as never)) {
        const batch = given as SourceBatch<{ delay: number }>;
        rows += batch.items.length;
        [split, position] = [batch.split!, batch.position as number];
      }
      return [rows, split, position];
    };
    const parts = await Promise.all([0, 1, 2, 3].map((index) => rowsOf(index)));
    expect(parts.reduce((sum, [rows]) => sum + rows, 0)).toBe(3_000_000);
    expect(new Set(parts.map(([, split]) => split)).size).toBe(4);
    const [, split, position] = parts[2]!;
    expect(await rowsOf(2, new Map([[split, position - 10]]))).toEqual([10, split, position]);
  });
});

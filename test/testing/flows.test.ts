/** A flow under virtual time: its stages are actors, so they settle and repeat like others. */
import { map } from 'rxjs';
import { expect, it } from 'vitest';
import * as z from 'zod';
import { registry } from '../../src/index.ts';
import { count, flow, forEach, fromIterable, tumbling } from '../../src/streams/index.ts';
import { testSystem } from '../../src/testing/index.ts';

it('a flow of 1,000 elements over windows ends with 10 sums, with none of 5 seeds otherwise, and no time passes', async () => {
  let sums: string[] = [];
  const byTen = flow('by-ten', { args: z.object({}) }, (f) =>
    f
      .from(fromIterable(Array.from({ length: 1_000 }, (_, n) => n)), { time: (n) => n })
      .via('key', ($) => $.pipe(map((n) => ({ n, key: n % 2 }))))
      .keyBy(({ key }) => key, { parallelism: 2 })
      .window(tumbling({ sizeMs: 200 }))
      .aggregate({ many: count() })
      .to(forEach(({ key, window, value }) => void sums.push(`${key} ${window.startMs} ${value.many}`))),
  );
  for (const seed of [undefined, 1, 2, 3, 4, 5]) {
    sums = [];
    await using t = await testSystem({ registry: registry(byTen), ...(seed !== undefined && { seed }) });
    const run = await t.run(byTen);
    await run.done;
    expect([...sums].sort()).toEqual([0, 200, 400, 600, 800].flatMap((at) => [`0 ${at} 100`, `1 ${at} 100`]).sort());
    expect(t.time.elapsedMs).toBe(0);
  }
});

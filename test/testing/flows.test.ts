/** A flow under virtual time: its stages are actors, so they settle and repeat like others. */
import { map } from 'rxjs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actor, ask, protocol, refOf, registry, tell } from '../../src/index.ts';
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

describe('a flow into an operation of an actor', () => {
  const Store = protocol('store', {
    hold: tell(z.object({ ms: z.int() })),
    put: tell(z.int()),
    puts: ask({ output: z.array(z.int()) }),
  });
  const store = actor(
    Store,
    { args: z.object({}), state: () => [] as number[], mailbox: { highWater: 2, capacity: 4 } },
    { hold: (_puts, { ms }, ctx) => ctx.delay(ms), put: (puts, n) => void puts.push(n), puts: (puts) => puts },
  );
  const numbers = Array.from({ length: 10 }, (_, n) => n);
  const intoStore = flow('into-store', { args: z.object({ to: refOf(Store) }) }, (f, { to }) =>
    f.from(fromIterable(numbers)).to(to.put),
  );

  it('waits for an actor that is stuck for a minute, and then goes on', async () => {
    await using t = await testSystem({ registry: registry(intoStore, store) });
    const ref = await t.spawn(store);
    ref.hold({ ms: 60_000 });
    const run = await t.run(intoStore, { args: { to: ref } });
    await t.time.advance(59_000);
    await t.time.advance(2_000);
    await run.done;
    expect(await ref.puts()).toEqual(numbers);
  });

  it('is cancelled at once while it waits for one', async () => {
    await using t = await testSystem({ registry: registry(intoStore, store) });
    const ref = await t.spawn(store);
    ref.hold({ ms: 60_000 });
    const run = await t.run(intoStore, { args: { to: ref } });
    await t.time.advance(10_000);
    await run.cancel();
    expect(t.time.elapsedMs).toBe(10_000);
  });
});

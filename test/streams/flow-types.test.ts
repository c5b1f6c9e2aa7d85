/** What compiles and what does not; `tsc -p tsconfig.check.json` is the test, this file only runs it once. */
import { filter, map, type Observable } from 'rxjs';
import { expect, it } from 'vitest';
import * as z from 'zod';
import { node, spread, thread } from '../../src/runtime/placement.ts';
import { parquet } from '../../src/streams/connect/parquet.ts';
import {
  collect,
  count,
  type Flow,
  flow,
  forEach,
  fromIterable,
  jsonl,
  type Keyed,
  max,
  mean,
  onClose,
  onWatermark,
  type Pane,
  tumbling,
} from '../../src/streams/index.ts';

const Row = z.object({ date: z.date(), delay: z.number().nullable(), origin: z.string() });
declare const hot$: Observable<{ by: number }>;

const delays = flow('delays', { args: z.object({ file: z.string(), out: z.string() }) }, (f, { file, out }) =>
  f
    .from(parquet({ file, row: Row }), { time: (row) => row.date.getTime(), outOfOrderMs: 60_000 })
    .via('clean', ($) =>
      $.pipe(
        filter((row) => row.delay !== null),
        map((row) => ({ origin: row.origin, delay: row.delay ?? 0, raw: row.delay })),
      ),
    )
    .keyBy((row) => row.origin, { parallelism: 3, on: spread([thread(), thread(), node({ role: 'workers' })]) })
    .window(tumbling({ sizeMs: 3_600_000 }), { allowedLatenessMs: 300_000, late: 'late' })
    .aggregate({
      flights: count(),
      slow: count((row) => row.delay > 15),
      meanDelay: mean((row) => row.delay),
      maxRaw: max((row) => row.raw),
    })
    .via('shape', ($) =>
      $.pipe(
        map(({ key, window, value }) => {
          const origin: string = key;
          const mean: number = value.meanDelay;
          const maxRaw: number | null = value.maxRaw;
          // @ts-expect-error null where the values may be null
          const never: number = value.maxRaw;
          // @ts-expect-error no such aggregate
          value.nope;
          return { origin, hour: new Date(window.startMs).toISOString(), flights: value.flights, mean, maxRaw, never };
        }),
      ),
    )
    .to(jsonl({ file: out })),
);
const typed: Flow<
  z.ZodObject<{ file: z.ZodString; out: z.ZodString }>,
  { late: { origin: string; delay: number } }
> = delays;

/** Results say a pane where several of a key and window may come, and else do not. */
const panes = [
  flow('append', { args: z.object({}) }, (f) =>
    f
      .from(fromIterable([1]), { time: Number })
      .keyBy((n) => n)
      .window(tumbling({ sizeMs: 10 }), { trigger: onClose() })
      .aggregate({ n: count(), all: collect(), some: collect(String, { overflow: 'drop' }) })
      .to(
        forEach((result) => {
          const all: number[] = result.value.all;
          const some: readonly string[] = result.value.some.items;
          // @ts-expect-error every result is the only one
          void result.pane;
          // @ts-expect-error what may drop says how many it did
          void result.value.some.length;
          void [all, some];
        }),
      ),
  ),
  flow('update', { args: z.object({}) }, (f) =>
    f
      .from(fromIterable([1]), { time: Number })
      .keyBy((n) => n)
      .window(tumbling({ sizeMs: 10 }), { trigger: onWatermark({ early: { everyCount: 2 } }) })
      .aggregate({ n: count() })
      .to(
        forEach((result) => {
          const pane: Pane = result.pane;
          const timing: 'early' | 'on-time' | 'late' = result.pane.timing;
          void [pane, timing];
        }),
      ),
  ),
];

const refused = [
  // @ts-expect-error a hot Observable needs a named strategy
  () => flow('h', { args: z.object({}) }, (f) => f.from(hot$).to(jsonl({ file: 'x' }))),
  // @ts-expect-error a key is a string or a number
  () => flow('k', { args: z.object({}) }, (f) => f.from(fromIterable([1])).keyBy(() => ({}))),
  // @ts-expect-error a flow has an end
  () => flow('e', { args: z.object({}) }, (f) => f.from(fromIterable([1]))),
  () =>
    flow('s', { args: z.object({}) }, (f) =>
      // @ts-expect-error the sink takes another type
      f.from(fromIterable([1])).to(forEach((text: string) => void text)),
    ),
  () =>
    flow('o', { args: z.object({}) }, (f) =>
      // @ts-expect-error an unknown strategy
      f.fromHot(hot$, { overflow: 'some', capacity: 1 }).to(jsonl({ file: 'x' })),
    ),
];

it('a flow infers from its source to its sink, and refuses what does not fit', () => {
  expect(typed.name).toBe('delays');
  expect(refused).toHaveLength(5);
  expect(panes.map(({ name }) => name)).toEqual(['append', 'update']);
});

const withRows = flow('with-rows', { args: z.object({}) }, (f) => {
  const flights = f.from(fromIterable([{ airport: 'SEA' as string | null, delay: 1 }]));
  const airports = (): Keyed<{ id: string; name: string }, string, {}> =>
    f.from(fromIterable([{ id: 'SEA', name: 'Seattle' }])).keyBy((row) => row.id);
  const { inner, left, anti, bad } = flights.broadcast('inner', 'left', 'anti', 'bad');
  return f.ends(
    inner
      .withTable(airports(), { by: (flight) => flight.airport })
      .via('inner-name', ($) => $.pipe(map(([flight, row]): string => flight.delay + row.name)))
      .output('inner-out'),
    left
      .withTable(airports(), { by: (flight) => flight.airport, how: 'left', parallelism: 2 })
      // @ts-expect-error the row may be missing
      .via('left-name', ($) => $.pipe(map(([, row]): string => row.name)))
      .output('left-out'),
    anti
      .withTable(airports(), { by: (flight) => flight.airport, how: 'anti' })
      .via('anti-delay', ($) => $.pipe(map((flight): number => flight.delay)))
      .output('anti-out'),
    // @ts-expect-error a number is no key of these rows
    bad.withTable(airports(), { by: (flight) => flight.delay }).output('bad-out'),
    f
      .from(fromIterable([{ id: 'SEA' }]))
      .keyBy((one) => one.id)
      .withTable(airports().latest())
      .via('latest-name', ($) => $.pipe(map(([one, row]): string => one.id + row.name)))
      .output('latest-out'),
  );
});
void withRows;

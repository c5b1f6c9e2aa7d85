/** The main job: flights in, and per origin and hour what their delays came to. */
import { map } from 'rxjs';
import { here, node, spread, thread, type Where } from 'troupe';
import { count, flow, jsonl, max, mean, tumbling } from 'troupe/streams';
import { parquet } from 'troupe/streams/parquet';
import * as z from 'zod';
import { firstRows } from './first-rows.ts';
import { shuffled } from './shuffle.ts';
import { slowSink } from './slow-sink.ts';

const Flight = z.object({ date: z.number(), delay: z.number(), origin: z.string() });

export const args = z.object({
  file: z.string(),
  airports: z.string(),
  out: z.string(),
  rows: z.int(),
  shuffleMs: z.number(),
  outOfOrderMs: z.number(),
  slowSinkMs: z.number(),
  threads: z.int(),
  withNode: z.boolean(),
});

const time = (flight: z.infer<typeof Flight>): number => flight.date;

export const flightDelays = flow('flight-delays', { args }, (f, args) => {
  const flights = firstRows(parquet({ file: args.file, row: Flight }), args.rows);
  const places = placesOf(args);
  return f
    .from(shuffled(flights, { time, byMs: args.shuffleMs }), { time, outOfOrderMs: args.outOfOrderMs })
    .keyBy((flight) => flight.origin, { parallelism: places.length, on: spread(places) })
    .window(tumbling({ sizeMs: 3_600_000 }))
    .aggregate({
      flights: count(),
      meanDelay: mean((flight) => flight.delay),
      maxDelay: max((flight) => flight.delay),
      late: count((flight) => flight.delay > 15),
    })
    .via('line', ($) =>
      $.pipe(map(({ key, window, value }) => ({ origin: key, hour: hourOf(window.startMs), ...value }))),
    )
    .to(slowSink(jsonl({ file: args.out }), args.slowSinkMs));
});

function hourOf(startMs: number): string {
  return new Date(startMs).toISOString();
}

export function placesOf({ threads, withNode }: z.infer<typeof args>): Where[] {
  const places = [...Array.from({ length: threads }, thread), ...(withNode ? [node({ role: 'workers' })] : [])];
  return places.length === 0 ? [here()] : places;
}

/** The main job: flights in, and per origin and hour what their delays came to. */
import { map } from 'rxjs';
import { node, spread, thread } from 'troupe';
import { count, flow, jsonl, max, mean, tumbling } from 'troupe/streams';
import { parquet } from 'troupe/streams/parquet';
import * as z from 'zod';
import { firstRows } from './first-rows.ts';
import { shuffled } from './shuffle.ts';
import { slowSink } from './slow-sink.ts';

const Flight = z.object({ date: z.number(), delay: z.number(), origin: z.string() });
type Flight = z.infer<typeof Flight>;

const args = z.object({
  file: z.string(),
  out: z.string(),
  rows: z.int(),
  shuffleMs: z.number(),
  outOfOrderMs: z.number(),
  slowSinkMs: z.number(),
  threads: z.int(),
  withNode: z.boolean(),
});

const time = (flight: Flight): number => flight.date;

export const flightDelays = flow('flight-delays', { args }, (f, args) => {
  const flights = shuffled(firstRows(parquet({ file: args.file, row: Flight }), args.rows), { time, byMs: args.shuffleMs });
  const places = placesOf(args);
  return f
    .from(flights, { time, outOfOrderMs: args.outOfOrderMs })
    .keyBy((flight) => flight.origin, { parallelism: places.length, on: spread(places) })
    .window(tumbling({ sizeMs: 3_600_000 }))
    .aggregate({
      flights: count(),
      meanDelay: mean((flight) => flight.delay),
      maxDelay: max((flight) => flight.delay),
      late: count((flight) => flight.delay > 15),
    })
    .via('line', ($) => $.pipe(map(({ key, window, value }) => ({ origin: key, hour: new Date(window.startMs).toISOString(), ...value }))))
    .to(slowSink(jsonl({ file: args.out }), args.slowSinkMs));
});

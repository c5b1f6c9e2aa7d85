/** Flights in, and per route and day what the delays of the last seven days came to, with where the route leads. */
import { map } from 'rxjs';
import { spread } from 'troupe';
import { count, flow, jsonl, quantiles, sliding } from 'troupe/streams';
import { csv } from 'troupe/streams/csv';
import { parquet } from 'troupe/streams/parquet';
import * as z from 'zod';
import { firstRows } from './first-rows.ts';
import { args, placesOf } from './flow.ts';
import { shuffled } from './shuffle.ts';
import { slowSink } from './slow-sink.ts';

const Flight = z.object({ date: z.number(), delay: z.number(), origin: z.string(), destination: z.string() });
const Airport = z.object({ iata: z.string(), city: z.string(), state: z.string() });
const dayMs = 86_400_000;

const time = (flight: z.infer<typeof Flight>): number => flight.date;

export const delaysByRoute = flow('delays-by-route', { args }, (f, args) => {
  const flights = firstRows(parquet({ file: args.file, row: Flight }), args.rows);
  const places = placesOf(args);
  const delays = f
    .from(shuffled(flights, { time, byMs: args.shuffleMs }), { time, outOfOrderMs: args.outOfOrderMs })
    .keyBy((flight) => `${flight.origin} ${flight.destination}`, { parallelism: places.length, on: spread(places) })
    .window(sliding({ sizeMs: 7 * dayMs, slideMs: dayMs }))
    .aggregate({ flights: count(), delays: quantiles((flight) => flight.delay, [0.5, 0.9]) });
  const { origins, destinations } = f
    .from(csv({ file: args.airports, row: Airport }))
    .broadcast('origins', 'destinations');
  return delays
    .withTable(
      origins.keyBy((airport) => airport.iata),
      { by: ({ key }) => key.slice(0, 3), how: 'left' },
    )
    .withTable(
      destinations.keyBy((airport) => airport.iata),
      { by: ([{ key }]) => key.slice(4), how: 'left' },
    )
    .via('line', ($) =>
      $.pipe(
        map(([[{ key, window, value }, from], to]) => ({
          origin: key.slice(0, 3),
          destination: key.slice(4),
          from: cityOf(from),
          to: cityOf(to),
          until: new Date(window.endMs).toISOString().slice(0, 10),
          flights: value.flights,
          median: value.delays?.[0],
          p90: value.delays?.[1],
        })),
      ),
    )
    .to(slowSink(jsonl({ file: args.out }), args.slowSinkMs));
});

function cityOf(airport: z.infer<typeof Airport> | undefined): string | null {
  return airport === undefined ? null : `${airport.city}, ${airport.state}`;
}

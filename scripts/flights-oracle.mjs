// Compares the main job's output with what DuckDB makes of the same Parquet file, window by window.
//
//   node scripts/flights-oracle.mjs [--out out/flight-delays.jsonl] [--rows n] [--file flights.parquet]
//
// Windows, counts and maxima must be identical, means within 1e-9, every window there exactly once. Exits with 1 if not.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { conclude, openDatabase, text } from './oracle.mjs';

const { values: given } = parseArgs({
  options: {
    out: { type: 'string', default: 'out/flight-delays.jsonl' },
    rows: { type: 'string', default: String(Number.MAX_SAFE_INTEGER) },
    file: {
      type: 'string',
      default: fileURLToPath(new URL('../data/flights-3m.parquet', import.meta.resolve('vega-datasets'))),
    },
  },
});

const { database, one } = await openDatabase();

await database.run(`
  create table expected as
  select origin, strftime(date_trunc('hour', date), '%Y-%m-%dT%H:%M:%S.000Z') as hour, count(*) as flights,
    avg(delay) as meanDelay, max(delay) as maxDelay, count(*) filter (delay > 15) as late
  from read_parquet(${text(given.file)}, file_row_number = true)
  where file_row_number < ${Number(given.rows)}
  group by all`);
await database.run(`
  create table actual as
  from read_json(${text(given.out)}, format = 'newline_delimited', columns = {origin: 'VARCHAR', hour: 'VARCHAR',
    flights: 'BIGINT', meanDelay: 'DOUBLE', maxDelay: 'BIGINT', late: 'BIGINT'})`);

const compared = await one(`
  select (select count(*) from expected) as windows,
    (select coalesce(sum(flights), 0)::bigint from expected) as flights,
    (select count(*) from actual) as lines,
    (select count(*) from actual) - (select count(*) from (select distinct origin, hour from actual)) as twice,
    count(*) filter (e.origin is null) as unexpected,
    count(*) filter (a.origin is null) as missing,
    count(*) filter (a.flights <> e.flights) as flightsDiffer,
    count(*) filter (a.maxDelay <> e.maxDelay) as maxDelayDiffers,
    count(*) filter (a.late <> e.late) as lateDiffers,
    count(*) filter (not (abs(a.meanDelay - e.meanDelay) <= 1e-9)) as meanDelayDiffers,
    count(*) filter (a.origin is not null and (a.flights is null or a.meanDelay is null or a.maxDelay is null
      or a.late is null)) as incomplete
  from expected e full outer join actual a on a.origin = e.origin and a.hour = e.hour`);

const { windows, flights, lines, ...findings } = compared;
console.log(`oracle: ${windows} windows of ${flights} flights; output: ${lines} lines`);
conclude(findings, windows === lines && windows > 0);

// Compares the output of `npm start -- --delays-by-route` with what DuckDB makes of the same files, window by window.
//
//   node scripts/routes-oracle.mjs [--out out/delays-by-route.jsonl] [--rows n]
//
// Windows, counts, medians, 90th percentiles (within 1e-9) and cities must be equal, every window there exactly once. Exits
// with 1 if not.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { conclude, openDatabase, text } from './oracle.mjs';

const { values: given } = parseArgs({
  options: {
    out: { type: 'string', default: 'out/delays-by-route.jsonl' },
    rows: { type: 'string', default: String(Number.MAX_SAFE_INTEGER) },
  },
});
const dataFile = (name) => fileURLToPath(new URL(`../data/${name}`, import.meta.resolve('vega-datasets')));

const { database, one } = await openDatabase();

// A flight of day d is in the windows that end at midnight after d, and after each of the six days behind it.
await database.run(`
  create table expected as
  with windows as (
    select origin, destination, delay, date_trunc('day', date)::date + ahead::integer as until
    from read_parquet(${text(dataFile('flights-3m.parquet'))}, file_row_number = true), range(1, 8) as days(ahead)
    where file_row_number < ${Number(given.rows)}),
  routes as (
    select origin, destination, until, count(*) as flights, quantile_cont(delay, 0.5) as median, quantile_cont(delay, 0.9) as p90
    from windows group by all),
  airports as (
    select iata, city || ', ' || state as place
    from read_csv(${text(dataFile('airports.csv'))}, header = true, all_varchar = true))
  select routes.*, origins.place as "from", destinations.place as "to"
  from routes left join airports origins on origins.iata = origin left join airports destinations on destinations.iata = destination`);
await database.run(`
  create table actual as
  from read_json(${text(given.out)}, format = 'newline_delimited', columns = {origin: 'VARCHAR', destination: 'VARCHAR',
    "from": 'VARCHAR', "to": 'VARCHAR', until: 'DATE', flights: 'BIGINT', median: 'DOUBLE', p90: 'DOUBLE'})`);

const compared = await one(`
  select (select count(*) from expected) as windows,
    (select coalesce(sum(flights), 0)::bigint from expected) as flights,
    (select count(*) from actual) as lines,
    (select count(*) from actual) - (select count(*) from (select distinct origin, destination, until from actual)) as twice,
    count(*) filter (e.origin is null) as unexpected,
    count(*) filter (a.origin is null) as missing,
    count(*) filter (a.flights is distinct from e.flights) as flightsDiffer,
    count(*) filter (not coalesce(abs(a.median - e.median) <= 1e-9, false)) as mediansDiffer,
    count(*) filter (not coalesce(abs(a.p90 - e.p90) <= 1e-9, false)) as p90sDiffer,
    count(*) filter (a."from" is distinct from e."from" or a."to" is distinct from e."to") as citiesDiffer
  from expected e full outer join actual a using (origin, destination, until)`);

const { windows, flights, lines, ...findings } = compared;
console.log(`oracle: ${windows} windows of ${flights / 7} flights; output: ${lines} lines`);
conclude(findings, windows === lines && windows > 0);

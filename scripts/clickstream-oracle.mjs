// Compares the sessions of `npm run example:clickstream` with what DuckDB makes of the same logs, session by session.
//
//   node scripts/clickstream-oracle.mjs [--out out/clickstream]
//
// It knows the format of the logs and what a session is for itself. Every session must be there exactly once, with equal
// times, pages, hits, bytes, first and last page. Exits with 1 if not.
import { parseArgs } from 'node:util';
import { conclude, openDatabase, text } from './oracle.mjs';

const { values: given } = parseArgs({ options: { out: { type: 'string', default: 'out/clickstream' } } });
const format = String.raw`^(\S+) \S+ \S+ \[([^\]]+)\] "([A-Z]+) (\S+) HTTP/[0-9.]+" ([0-9]{3}) ([0-9]+|-) "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"$`;

const { database, one } = await openDatabase();

await database.run(`
  create table lines as
  select unnest(string_split(rtrim(content, chr(10)), chr(10))) as line from read_text(${text(`${given.out}/web-*/*.log`)})`);
await database.run(`
  create table hits as
  with fields as (
    select regexp_extract(line, ${text(format)},
      ['address', 'time', 'method', 'target', 'status', 'bytes', 'referer', 'agent']) as f
    from lines),
  parsed as (
    select f.address || ' ' || f.agent as visitor, f.agent as agent,
      epoch_ms(try_strptime(replace(f.time, ' +0000', ''), '%d/%b/%Y:%H:%M:%S')) as time,
      string_split(f.target, '?')[1] as path, f.method as method, try_cast(f.status as integer) as status,
      coalesce(try_cast(f.bytes as bigint), 0) as bytes
    from fields)
  select *, method = 'GET' and status < 400 and not regexp_matches(path, '[.](css|js|png|jpg|svg|woff2|ico)$') as page
  from parsed where time is not null`);
await database.run(`
  create table expected as
  with steps as (
    select *, case when time - lag(time) over (partition by visitor order by time) < 30 * 60 * 1000 then 0 else 1 end as begins
    from hits where not regexp_matches(agent, '(?i)bot|crawl|spider|curl|python')),
  numbered as (select *, sum(begins) over (partition by visitor order by time) as session from steps)
  select visitor, min(time) as start, max(time) - min(time) as durationMs, count(*) filter (page) as pages,
    count(*) as hits, sum(bytes)::bigint as bytes,
    min({ time: time, path: path }) filter (page) as first, min({ time: -time, path: path }) filter (page) as last
  from numbered group by visitor, session`);
await database.run(`
  create table actual as
  select *, epoch_ms(strptime(start, '%Y-%m-%dT%H:%M:%S.000Z')) as startMs
  from read_json(${text(`${given.out}/sessions.jsonl`)}, format = 'newline_delimited', columns = {visitor: 'VARCHAR',
    start: 'VARCHAR', durationMs: 'BIGINT', pages: 'BIGINT', hits: 'BIGINT', bytes: 'BIGINT', entry: 'VARCHAR',
    exit: 'VARCHAR'})`);

const compared = await one(`
  select (select count(*) from expected) as sessions,
    (select coalesce(sum(hits), 0)::bigint from expected) as hits,
    (select count(*) from lines) - (select count(*) from hits) as broken,
    (select count(*) from hits) - (select coalesce(sum(hits), 0)::bigint from expected) as bots,
    (select count(*) from actual) as lines,
    (select count(*) from actual) - (select count(*) from (select distinct visitor, start from actual)) as twice,
    count(*) filter (e.visitor is null) as unexpected,
    count(*) filter (a.visitor is null) as missing,
    count(*) filter (a.durationMs is distinct from e.durationMs) as durationDiffers,
    count(*) filter (a.pages is distinct from e.pages) as pagesDiffer,
    count(*) filter (a.hits is distinct from e.hits) as hitsDiffer,
    count(*) filter (a.bytes is distinct from e.bytes) as bytesDiffer,
    count(*) filter (a.entry is distinct from e.first.path) as entryDiffers,
    count(*) filter (a.exit is distinct from e.last.path) as exitDiffers
  from expected e full outer join actual a on a.visitor = e.visitor and a.startMs = e.start`);

const { sessions, hits, broken, bots, lines, ...findings } = compared;
console.log(
  `oracle: ${sessions} sessions of ${hits} lines, ${bots} of bots, ${broken} broken; output: ${lines} sessions`,
);
conclude(findings, sessions > 0);

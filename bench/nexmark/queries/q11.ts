/** q11, user sessions: how many bids somebody makes while less than 10 s lie between them. */
import { map } from 'rxjs';
import { count, flow, session } from 'troupe/streams';
import { args, instances } from '../arguments.ts';
import { query } from '../query.ts';
import { results } from '../results.ts';
import { bids } from '../tables.ts';

const sql = `
  with steps as (
    select bidder, dateTime,
      dateTime - lag(dateTime, 1, 0) over (partition by bidder order by dateTime) >= 10000 as begins from bid),
  sessions as (
    select bidder, dateTime,
      sum(begins::int) over (partition by bidder order by dateTime range unbounded preceding) as session from steps)
  select bidder, count(*) as bid_count, min(dateTime) as starttime, max(dateTime) + 10000 as endtime
  from sessions group by bidder, session`;

export const q11 = query({
  sql,
  late: { late: { table: 'bid', of: 'bid' } },
  flink: [40, 46],
  flow: flow('q11', { args }, (f, given) =>
    bids(f, given)
      .via(
        'bidders',
        map(({ bidder, dateTime }) => ({ bidder, dateTime })),
      )
      .keyBy(({ bidder }) => bidder, instances(given))
      .window(session({ gapMs: 10_000 }), { late: 'late' })
      .aggregate({ bid_count: count() })
      .via(
        'rows',
        map(({ key, window, value: { bid_count } }) => {
          return { bidder: key, bid_count, starttime: window.startMs, endtime: window.endMs };
        }),
      )
      .to(results(given)),
  ),
});

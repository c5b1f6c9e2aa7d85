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

/** Bid by bid: one joins the sessions that are near and open, and is late where it would be a closed one alone. */
const lateSql = `
  with bidders as (
    select bidder, list({ t: dateTime, w: watermark, known: []::struct(b bigint, e bigint, n bigint)[] } order by seq) as bids
    from bid group by bidder),
  folded as (
    select bidder, unnest(list_reduce(bids, lambda before, bid: list_transform(
      [list_filter(before.known, lambda s: s.e > bid.w and s.e > bid.t and s.b < bid.t + 10000)],
      lambda near: { t: bid.t, w: bid.w, known: case
        when len(near) = 0 and bid.t + 10000 <= bid.w then before.known
        else list_filter(before.known, lambda s: not list_contains(near, s)) || [{
          b: list_min(list_transform(near, lambda s: s.b) || [bid.t]),
          e: list_max(list_transform(near, lambda s: s.e) || [bid.t + 10000]),
          n: list_sum(list_transform(near, lambda s: s.n) || [1::bigint])::bigint }] end })[1],
      { t: 0::bigint, w: 0::bigint, known: []::struct(b bigint, e bigint, n bigint)[] }).known) as s
    from bidders)
  select bidder, s.n as bid_count, s.b as starttime, s.e as endtime from folded`;

export const q11 = query({
  sql,
  lateSql,
  late: { late: { from: { bid: 'bid' } } },
  floor: 100,
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

/** q5, hot items: of the last 10 s, every 2 s, the auctions with most bids; all of them where several have as many. */
import { map } from 'rxjs';
import { count, flow, sliding, topN, tumbling } from 'troupe/streams';
import { mergeMap } from 'troupe/streams/rx';
import { args, instances } from '../arguments.ts';
import { query, windowClosed } from '../query.ts';
import { results } from '../results.ts';
import { bids } from '../tables.ts';

const sql = `
  with counts as materialized (
    select auction, count(*) as num, starttime
    from (select *, unnest(range(dateTime // 2000 * 2000 - 8000, dateTime + 1, 2000)) as starttime from bid)
    where starttime + 10000 > watermark
    group by auction, starttime),
  most as (select max(num) as maxn, starttime from counts group by starttime)
  select auction, num, starttime from counts join most using (starttime) where num >= maxn`;

export const q5 = query({
  sql,
  late: { late: { from: { bid: 'bid' }, when: windowClosed(10_000, 2_000) } },
  floor: 100,
  flink: [22, 75],
  flow: flow('q5', { args }, (f, given) =>
    bids(f, given)
      .via(
        'auctions',
        map(({ auction }) => ({ auction })),
      )
      .keyBy(({ auction }) => auction, instances(given))
      .window(sliding({ sizeMs: 10_000, slideMs: 2_000 }), { late: 'late' })
      .aggregate({ num: count() })
      .via(
        'counts',
        map(({ key, value, window }) => ({ auction: key, num: value.num, starttime: window.startMs })),
      )
      .keyBy(({ starttime }) => starttime)
      .window(tumbling({ sizeMs: 2_000 }))
      .aggregate({ hottest: topN(1, ({ num }) => num, { ties: true }) })
      .via(
        'rows',
        mergeMap(({ value }) => value.hottest),
      )
      .to(results(given)),
  ),
});

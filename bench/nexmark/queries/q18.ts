/** q18, the last bid of everybody on each auction; of several at the same time the one that came last. */
import { flow } from 'troupe/streams';
import { args, instances } from '../arguments.ts';
import { query } from '../query.ts';
import { finalTable } from '../results.ts';
import { bids } from '../tables.ts';

const sql = `
  select auction, bidder, price, channel, url, dateTime, extra
  from (select *, row_number() over (partition by bidder, auction order by dateTime desc, seq desc) as rank from bid)
  where rank <= 1`;

/** Ids of auctions are below this. */
const auctionsMax = 2 ** 26;

export const q18 = query({
  sql,
  floor: 40,
  flink: [54, 65],
  flow: flow('q18', { args }, (f, given) =>
    bids(f, given)
      .keyBy(({ bidder, auction }) => bidder * auctionsMax + auction, instances(given))
      .latest()
      .to(
        finalTable(given, ({ auction, bidder, price, channel, url, dateTime, extra }) => {
          return { auction, bidder, price, channel, url, dateTime, extra };
        }),
      ),
  ),
});

/** q4, average price of a category: of the highest bid on each auction while it was open, so far. */
import { map } from 'rxjs';
import { first, flow, max, mean, within } from 'troupe/streams';
import { args, instances } from '../arguments.ts';
import type { Auction } from '../events.ts';
import { query } from '../query.ts';
import { finalTable } from '../results.ts';
import { auctionsAndBids } from '../tables.ts';

const sql = `
  select category, trunc(avg(final))::bigint as price from (
    select max(B.price) as final, A.category
    from auction A join bid B on A.id = B.auction and B.dateTime between A.dateTime and A.expires
    group by A.id, A.category)
  group by category`;

const stayOpenMs = ({ dateTime, expires }: Pick<Auction, 'dateTime' | 'expires'>): number => expires - dateTime;

export const q4 = query({
  sql,
  late: { late: { from: { auction: 'auction', bid: 'bid' } } },
  floor: 40,
  flink: [34, 28],
  flow: flow('q4', { args }, (f, given) => {
    const { auction, bid } = auctionsAndBids(f, given);
    const prices = bid
      .via(
        'prices',
        map(({ auction, price, dateTime }) => ({ auction, price, dateTime })),
      )
      .keyBy((one) => one.auction);
    return auction
      .via(
        'open',
        map(({ id, category, dateTime, expires }) => ({ id, category, dateTime, expires })),
      )
      .keyBy(({ id }) => id, instances(given))
      .join(prices, within({ beforeMs: 0, afterMs: stayOpenMs }), { late: 'late' })
      .via(
        'bids',
        map(([{ id, category }, { price }]) => ({ id, category, price })),
      )
      .keyBy(({ id }) => id, instances(given))
      .aggregate(
        { final: max(({ price }) => price), category: first(({ category }) => category) },
        { emit: 'watermark' },
      )
      .regroup(({ category }) => category)
      .aggregate({ price: mean(({ final }) => final) })
      .to(finalTable(given, ({ price }, category) => ({ category, price: Math.trunc(price) })));
  }),
});

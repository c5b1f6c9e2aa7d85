/** q9, winning bids: the highest on each auction while it was open, of several the earliest, and the first that came. */
import { flow, maxBy, within } from 'troupe/streams';
import { args, instances } from '../arguments.ts';
import type { Auction } from '../events.ts';
import { query } from '../query.ts';
import { finalTable } from '../results.ts';
import { auctionsAndBids } from '../tables.ts';

const sql = `
  select id, itemName, description, initialBid, reserve, dateTime, expires, seller, category, extra, auction, bidder,
    price, bid_dateTime, bid_extra
  from (
    select A.*, B.auction, B.bidder, B.price, B.dateTime as bid_dateTime, B.extra as bid_extra,
      row_number() over (partition by A.id order by B.price desc, B.dateTime asc, B.seq asc) as rownum
    from auction A join bid B on A.id = B.auction and B.dateTime between A.dateTime and A.expires)
  where rownum <= 1`;

const stayOpenMs = ({ dateTime, expires }: Auction): number => expires - dateTime;

export const q9 = query({
  sql,
  late: { late: { from: { auction: 'auction', bid: 'bid' } } },
  floor: 40,
  flink: [14, 14],
  flow: flow('q9', { args }, (f, given) => {
    const { auction, bid } = auctionsAndBids(f, given);
    return auction
      .keyBy(({ id }) => id, instances(given))
      .join(
        bid.keyBy((one) => one.auction),
        within({ beforeMs: 0, afterMs: stayOpenMs }),
        { late: 'late' },
      )
      .keyBy(([{ id }]) => id, instances(given))
      .aggregate({
        winning: maxBy(
          ([, { price }]) => price,
          ([, { dateTime }]) => -dateTime,
        ),
      })
      .to(
        finalTable(given, ({ winning: [auction, bid] }) => ({
          id: auction.id,
          itemName: auction.itemName,
          description: auction.description,
          initialBid: auction.initialBid,
          reserve: auction.reserve,
          dateTime: auction.dateTime,
          expires: auction.expires,
          seller: auction.seller,
          category: auction.category,
          extra: auction.extra,
          auction: bid.auction,
          bidder: bid.bidder,
          price: bid.price,
          bid_dateTime: bid.dateTime,
          bid_extra: bid.extra,
        })),
      );
  }),
});

/** q20, bids with their auctions, of category 10. */
import { filter, map } from 'rxjs';
import { always, flow } from 'troupe/streams';
import { args, instances } from '../arguments.ts';
import { query } from '../query.ts';
import { results } from '../results.ts';
import { auctionsAndBids } from '../tables.ts';

const sql = `
  select auction, bidder, price, channel, url, B.dateTime as bid_dateTime, B.extra as bid_extra, itemName, description,
    initialBid, reserve, A.dateTime as auction_dateTime, expires, seller, category, A.extra as auction_extra
  from bid B join auction A on B.auction = A.id where A.category = 10`;

export const q20 = query({
  sql,
  flink: [19, 18],
  flow: flow('q20', { args }, (f, given) => {
    const { auction, bid } = auctionsAndBids(f, given);
    return bid
      .keyBy((one) => one.auction, instances(given))
      .join(
        auction
          .via(
            'category',
            filter(({ category }) => category === 10),
          )
          .keyBy(({ id }) => id),
        always(),
      )
      .via(
        'rows',
        map(([bid, auction]) => {
          const { dateTime: bid_dateTime, extra: bid_extra, bidder, price, channel, url } = bid;
          const { dateTime: auction_dateTime, extra: auction_extra, itemName, description, initialBid } = auction;
          const { reserve, expires, seller, category, id } = auction;
          return {
            auction: id,
            bidder,
            price,
            channel,
            url,
            bid_dateTime,
            bid_extra,
            itemName,
            description,
            initialBid,
            reserve,
            auction_dateTime,
            expires,
            seller,
            category,
            auction_extra,
          };
        }),
      )
      .to(results(given));
  }),
});

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
  floor: 40,
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
        map(([bid, auction]) => ({
          auction: auction.id,
          bidder: bid.bidder,
          price: bid.price,
          channel: bid.channel,
          url: bid.url,
          bid_dateTime: bid.dateTime,
          bid_extra: bid.extra,
          itemName: auction.itemName,
          description: auction.description,
          initialBid: auction.initialBid,
          reserve: auction.reserve,
          auction_dateTime: auction.dateTime,
          expires: auction.expires,
          seller: auction.seller,
          category: auction.category,
          auction_extra: auction.extra,
        })),
      )
      .to(results(given));
  }),
});

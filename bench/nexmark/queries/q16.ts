/** q16, channels: bids, bidders and auctions of each channel and day, in all and by the rank of the price. */
import { count, countDistinct, flow, max } from 'troupe/streams';
import { args, instances } from '../arguments.ts';
import { dayOf, minuteOf } from '../clock-texts.ts';
import type { Bid } from '../events.ts';
import { query } from '../query.ts';
import { finalTable } from '../results.ts';
import { bids } from '../tables.ts';

const day = `strftime(make_timestamp_ms(dateTime), '%Y-%m-%d')`;
const [rank1, rank2, rank3] = ['price < 10000', 'price >= 10000 and price < 1000000', 'price >= 1000000'];
const sql = `
  select channel, ${day} as day, max(strftime(make_timestamp_ms(dateTime), '%H:%M')) as minute, count(*) as total_bids,
    count(*) filter (where ${rank1}) as rank1_bids, count(*) filter (where ${rank2}) as rank2_bids,
    count(*) filter (where ${rank3}) as rank3_bids, count(distinct bidder) as total_bidders,
    count(distinct bidder) filter (where ${rank1}) as rank1_bidders,
    count(distinct bidder) filter (where ${rank2}) as rank2_bidders,
    count(distinct bidder) filter (where ${rank3}) as rank3_bidders, count(distinct auction) as total_auctions,
    count(distinct auction) filter (where ${rank1}) as rank1_auctions,
    count(distinct auction) filter (where ${rank2}) as rank2_auctions,
    count(distinct auction) filter (where ${rank3}) as rank3_auctions
  from bid group by channel, day`;

const bidder = (bid: Bid): number => bid.bidder;
const auction = (bid: Bid): number => bid.auction;
const first = ({ price }: Bid): boolean => price < 10_000;
const second = ({ price }: Bid): boolean => price >= 10_000 && price < 1_000_000;
const third = ({ price }: Bid): boolean => price >= 1_000_000;

const counts = {
  minute: max(({ dateTime }: Bid) => Math.floor(dateTime / 60_000)),
  total_bids: count(),
  rank1_bids: count(first),
  rank2_bids: count(second),
  rank3_bids: count(third),
  total_bidders: countDistinct(bidder),
  rank1_bidders: countDistinct(bidder, first),
  rank2_bidders: countDistinct(bidder, second),
  rank3_bidders: countDistinct(bidder, third),
  total_auctions: countDistinct(auction),
  rank1_auctions: countDistinct(auction, first),
  rank2_auctions: countDistinct(auction, second),
  rank3_auctions: countDistinct(auction, third),
};

export const q16 = query({
  sql,
  floor: 40,
  flink: [19],
  flow: flow('q16', { args }, (f, given) =>
    bids(f, given)
      .keyBy(({ channel, dateTime }) => `${channel} ${dayOf(dateTime)}`, instances(given))
      .aggregate(counts, { emit: 'watermark' })
      .to(
        finalTable(given, (of, key) => ({
          channel: key.slice(0, -11),
          day: key.slice(-10),
          minute: minuteOf(of.minute * 60_000),
          total_bids: of.total_bids,
          rank1_bids: of.rank1_bids,
          rank2_bids: of.rank2_bids,
          rank3_bids: of.rank3_bids,
          total_bidders: of.total_bidders,
          rank1_bidders: of.rank1_bidders,
          rank2_bidders: of.rank2_bidders,
          rank3_bidders: of.rank3_bidders,
          total_auctions: of.total_auctions,
          rank1_auctions: of.rank1_auctions,
          rank2_auctions: of.rank2_auctions,
          rank3_auctions: of.rank3_auctions,
        })),
      ),
  ),
});

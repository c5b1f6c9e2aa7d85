/**
 * q7, highest bid: of every 10 s, the bids at the highest price. As in the original both ends of the 10 s count, so a bid
 * at the end of a window is compared with that window's price too.
 */
import { map } from 'rxjs';
import { flow, max, tumbling, within } from 'troupe/streams';
import { args, instances } from '../arguments.ts';
import { query, windowClosed } from '../query.ts';
import { results } from '../results.ts';
import { bids } from '../tables.ts';

/** `bid_in_time` are the bids, but for those that came too late to be compared. */
const sql = `
  select B.auction, B.price, B.bidder, B.dateTime, B.extra
  from bid_in_time B join (
    select max(price) as maxprice, dateTime // 10000 * 10000 + 10000 as endtime from bid group by endtime) M
  on B.price = M.maxprice and B.dateTime between M.endtime - 10000 and M.endtime`;

export const q7 = query({
  sql,
  late: {
    late: { from: { bid: 'bid' }, when: windowClosed(10_000) },
    tooLate: { from: { bid: 'bid_in_time' } },
  },
  floor: 100,
  flink: [12, 23],
  flow: flow('q7', { args }, (f, given) => {
    const { all, compared } = bids(f, given).broadcast('all', 'compared');
    return all
      .via(
        'prices',
        map(({ price, dateTime }) => ({ price, dateTime })),
      )
      .keyBy(() => 'all')
      .window(tumbling({ sizeMs: 10_000 }), { late: 'late' })
      .aggregate({ price: max(({ price }) => price) })
      .keyBy(({ value }) => value.price, instances(given))
      .join(
        compared.keyBy(({ price }) => price),
        within({ beforeMs: 9_999, afterMs: 1 }), // a window's result has the time of its last ms
        { late: 'tooLate' },
      )
      .via(
        'rows',
        map(([, { auction, price, bidder, dateTime, extra }]) => ({ auction, price, bidder, dateTime, extra })),
      )
      .to(results(given));
  }),
});

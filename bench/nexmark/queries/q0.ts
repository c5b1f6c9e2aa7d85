/** q0, pass through: what reading and writing alone takes. */
import { map } from 'rxjs';
import { flow } from 'troupe/streams';
import { args } from '../arguments.ts';
import { query } from '../query.ts';
import { results } from '../results.ts';
import { bids } from '../tables.ts';

const sql = `
  select auction, bidder, price, channel, url, dateTime, extra from bid`;

export const q0 = query({
  sql,
  perEvent: true,
  floor: 500,
  flink: [155, 379],
  flow: flow('q0', { args }, (f, given) =>
    bids(f, given)
      .via(
        'select',
        map(({ auction, bidder, price, channel, url, dateTime, extra }) => {
          return { auction, bidder, price, channel, url, dateTime, extra };
        }),
      )
      .to(results(given)),
  ),
});

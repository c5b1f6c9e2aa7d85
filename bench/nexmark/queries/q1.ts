/** q1, currency conversion: prices in euros. */
import { map } from 'rxjs';
import { flow } from 'troupe/streams';
import { args } from '../arguments.ts';
import { query } from '../query.ts';
import { results } from '../results.ts';
import { bids } from '../tables.ts';

const sql = `
  select auction, bidder, 0.908::double * price as price, dateTime, extra from bid`;

export const q1 = query({
  sql,
  perEvent: true,
  floor: 500,
  flink: [158, 395],
  flow: flow('q1', { args }, (f, given) =>
    bids(f, given)
      .via(
        'euros',
        map(({ auction, bidder, price, dateTime, extra }) => ({
          auction,
          bidder,
          price: 0.908 * price,
          dateTime,
          extra,
        })),
      )
      .to(results(given)),
  ),
});

/** q2, selection: the bids on some auctions. */
import { filter, map } from 'rxjs';
import { flow } from 'troupe/streams';
import { args } from '../arguments.ts';
import { query } from '../query.ts';
import { results } from '../results.ts';
import { bids } from '../tables.ts';

const sql = `
  select auction, price from bid where auction % 123 = 0`;

export const q2 = query({
  sql,
  perEvent: true,
  floor: 500,
  flink: [175],
  flow: flow('q2', { args }, (f, given) =>
    bids(f, given)
      .via('selection', ($) =>
        $.pipe(
          filter(({ auction }) => auction % 123 === 0),
          map(({ auction, price }) => ({ auction, price })),
        ),
      )
      .to(results(given)),
  ),
});

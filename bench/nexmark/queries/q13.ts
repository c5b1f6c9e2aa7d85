/** q13, bounded side input: bids with a value from a table that does not change. */
import { map } from 'rxjs';
import { flow, fromIterable } from 'troupe/streams';
import { args, instances } from '../arguments.ts';
import { query } from '../query.ts';
import { results } from '../results.ts';
import { bids } from '../tables.ts';

const sql = `
  select auction, bidder, price, dateTime, value
  from bid join (select range as key, range as value from range(10000)) on auction % 10000 = key`;

const sideInput = Array.from({ length: 10_000 }, (_, number) => ({ key: number, value: number }));

export const q13 = query({
  sql,
  perEvent: true,
  floor: 150,
  flink: [131],
  flow: flow('q13', { args }, (f, given) => {
    const side = f.from(fromIterable(sideInput)).keyBy(({ key }) => key);
    return bids(f, given)
      .withTable(side, { by: ({ auction }) => auction % 10_000, ...instances(given) })
      .via(
        'rows',
        map(([{ auction, bidder, price, dateTime }, { value }]) => ({ auction, bidder, price, dateTime, value })),
      )
      .to(results(given));
  }),
});

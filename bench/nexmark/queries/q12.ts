/**
 * q12, windows of processing time: how many bids somebody makes in 10 s by the clock. No two runs give the same windows,
 * so what is compared is that all bids of everybody are in some window.
 */
import { filter, map } from 'rxjs';
import { count, flow, processingTime, tumbling } from 'troupe/streams';
import { args, instances, sources } from '../arguments.ts';
import { isBid } from '../events.ts';
import { query } from '../query.ts';
import { results } from '../results.ts';
import { nexmark } from '../source.ts';

const sql = `
  select bidder from bid`;

export const q12 = query({
  sql,
  perEvent: true,
  floor: 150,
  flink: [76, 194],
  flow: flow('q12', { args }, (f, given) =>
    f
      .from(nexmark(given), processingTime(), sources(given))
      .via('bid', filter(isBid))
      .via(
        'bidders',
        map(({ bidder }) => ({ bidder })),
      )
      .keyBy(({ bidder }) => bidder, instances(given))
      .window(tumbling({ sizeMs: 10_000 }))
      .aggregate({ bid_count: count() })
      .via(
        'rows',
        map(({ key, window, value: { bid_count } }) => ({ bidder: key, bid_count, starttime: window.startMs })),
      )
      .to(results(given, { of: ({ bidder }) => ({ bidder }), times: ({ bid_count }) => bid_count })),
  ),
});

/**
 * What one pass of a program does with a link, and how it makes sure that the work was done.
 *
 * A link has `tellAll(count)`, which tells messages numbered from 1 on as fast as its backpressure lets it, `tally()`,
 * what the receiver has handled since the last time, `add(message)`, a request for the total, and `ordered`, whether it
 * promises that messages arrive in the order in which they left.
 */
import { askAtDepth } from '../ask-at-depth.mjs';
import { checkTotal } from '../measure.mjs';

const depth = 64;

export const passes = {
  'one-way': (link) => async (count) => {
    await link.tellAll(count);
    const found = await link.tally();
    checkTotal('messages', found.count, count);
    checkTotal('their numbers, added up', found.sum, (count * (count + 1)) / 2);
    if (link.ordered) checkTotal('messages out of order', found.outOfOrder, 0);
  },
  requests: (link) => {
    let expected = 0;
    return async (count) => {
      expected += count;
      checkTotal('the highest total', await askAtDepth(depth, count, link.add), expected);
    };
  },
};

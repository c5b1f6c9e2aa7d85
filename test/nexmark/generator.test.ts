/** Nexmark's events: the same for a seed and an id, in the original's proportions. */
import { describe, expect, it } from 'vitest';
import type { Auction, Bid, NexmarkEvent, Person } from '../../bench/nexmark/events.ts';
import { Generator } from '../../bench/nexmark/generator.ts';

const options = { seed: 7, ratePerSecond: 10_000, group: 1, bidderIdTwice: false };
const baseMs = Date.UTC(2015, 6, 15);

function eventsOf(count: number, given: Partial<typeof options> = {}): NexmarkEvent[] {
  const generator = new Generator({ ...options, ...given });
  return Array.from({ length: count }, (_, n) => generator.arrival(n));
}

describe('the generator of Nexmark', () => {
  it('makes an event from its id alone, in any order', () => {
    const expected = eventsOf(300);
    const generator = new Generator(options);
    for (const id of [299, 3, 150, 3, 0]) expect(generator.event(id)).toEqual(expected[id]);
  });

  it('makes other events of another seed', () => {
    expect(eventsOf(100, { seed: 8 })).not.toEqual(eventsOf(100));
  });

  it('makes 1 person, 3 auctions and 46 bids of 50, with ids from 1,000 on, 10,000 in a second', () => {
    const events = eventsOf(50_000);
    const persons = events.filter((event): event is Person => event.type === 'person');
    const auctions = events.filter((event): event is Auction => event.type === 'auction');
    expect(persons.map(({ id }) => id)).toEqual(Array.from({ length: 1_000 }, (_, n) => 1_000 + n));
    expect(auctions.map(({ id }) => id)).toEqual(Array.from({ length: 3_000 }, (_, n) => 1_000 + n));
    expect(events.map(({ dateTime }) => dateTime)).toEqual(events.map((_, id) => baseMs + Math.floor(id / 10)));
  });

  it('has half of the bids on hot auctions, three of four by hot bidders, at prices from 1 to 1,000,000', () => {
    const bids = eventsOf(200_000).filter((event): event is Bid => event.type === 'bid');
    const share = (of: (bid: Bid) => boolean): number => bids.filter(of).length / bids.length;
    expect(share(({ auction }) => auction % 100 === 0)).toBeCloseTo(0.5, 1);
    expect(share(({ bidder }) => bidder % 100 === 1)).toBeCloseTo(0.75, 1);
    expect(share(({ channel }) => ['Google', 'Facebook', 'Baidu', 'Apple'].includes(channel))).toBeCloseTo(0.5, 1);
    for (const power of [3, 4, 5, 6, 7])
      expect(share(({ price }) => price < 10 ** power)).toBeCloseTo((power - 2) / 6, 1);
    expect(share(({ price }) => price >= 100 && price <= 100_000_000)).toBe(1);
  });

  it('pads events to about 200, 500 and 100 bytes', () => {
    const meanOf = (type: NexmarkEvent['type']): number => {
      const sizes = eventsOf(50_000)
        .filter((event) => event.type === type)
        .map(sizeOf);
      return sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
    };
    expect(Math.abs(meanOf('person') / 200 - 1)).toBeLessThan(0.05);
    expect(Math.abs(meanOf('auction') / 500 - 1)).toBeLessThan(0.05);
    expect(Math.abs(meanOf('bid') / 100 - 1)).toBeLessThan(0.05);
  });

  it('gives all events of a group of 1,000, in another order, before the next group', () => {
    const inOrder = eventsOf(3_000);
    const mixed = eventsOf(3_000, { group: 1_000 });
    expect(mixed[1]).toEqual(inOrder[953]);
    for (const begin of [0, 1_000, 2_000]) {
      const sorted = (events: NexmarkEvent[]) =>
        events
          .slice(begin, begin + 1_000)
          .map((event) => JSON.stringify(event))
          .sort();
      expect(sorted(mixed)).toEqual(sorted(inOrder));
    }
  });

  it('adds the first id of persons to bidders twice where it is told to', () => {
    const bidders = (bidderIdTwice: boolean) =>
      eventsOf(500, { bidderIdTwice }).flatMap((event) => (event.type === 'bid' ? [event.bidder] : []));
    expect(bidders(true)).toEqual(bidders(false).map((bidder) => bidder + 1_000));
  });
});

/** As the original counts: 8 bytes a number, of a bid without channel and url. */
function sizeOf(event: NexmarkEvent): number {
  const { type, ...fields } = event as NexmarkEvent & { channel?: string; url?: string };
  if (type === 'bid') for (const name of ['channel', 'url'] as const) delete fields[name];
  return Object.entries(fields)
    .filter(([name]) => type === 'person' || name !== 'expires')
    .reduce((sum, [, value]) => sum + (typeof value === 'string' ? value.length : 8), 0);
}

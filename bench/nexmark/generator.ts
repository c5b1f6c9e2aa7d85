/**
 * Nexmark's events, with the constants of the original (github.com/nexmark/nexmark), but seeded by event id: any event can
 * be made alone, so that a run can be split or begun in its middle, and an oracle sees the same events.
 *
 * Of 50 ids in a row one is a person, three are auctions, 46 are bids. Many auctions are of few "hot" sellers, and many
 * bids are by few bidders and on few auctions. Bids may name auctions and persons that come a little later.
 */
import { Channels } from './channels.ts';
import { Draws } from './draws.ts';
import type { Auction, Bid, NexmarkEvent, Person } from './events.ts';
import { Texts } from './texts.ts';

export interface GeneratorOptions {
  /** Other events; 1 unless given. */
  readonly seed: number;
  /** Events in a second of event time. */
  readonly ratePerSecond: number;
  /** Events come in a mixed order within groups of so many: 1 in order. It has no common divisor with 953. */
  readonly group: number;
  /** Adds the first id of persons to bidders twice, as the original in Java does: no bidder is then a known person. */
  readonly bidderIdTwice: boolean;
}

const baseTimeMs = Date.UTC(2015, 6, 15);
const firstId = 1_000;
const firstCategory = 10;
/** Ids in a row, and how many of them are what; the rest are bids. */
const round = 50;
const personsPerRound = 1;
const auctionsPerRound = 3;
/** How far ahead of the latest an id may be that is named, and among how many of the last it is chosen. */
const idLead = 10;
const activePersons = 1_000;
const auctionsInFlight = 100;
/** Every so many ids one is hot. */
const hotEvery = 100;
const groupStep = 953;
/** Bytes that the events are padded to. */
const personBytes = 200;
const auctionBytes = 500;
const bidBytes = 100;
const numberBytes = 8;

const firstNames = 'Peter,Paul,Luke,John,Saul,Vicky,Kate,Julie,Sarah,Deiter,Walter'.split(',');
const lastNames = 'Shultz,Abrams,Spencer,White,Bartels,Walton,Smith,Jones,Noris'.split(',');
const names = firstNames.flatMap((first) => lastNames.map((last) => `${first} ${last}`));
const cities = 'Phoenix,Los Angeles,San Francisco,Boise,Portland,Bend,Redmond,Seattle,Kent,Cheyenne'.split(',');
const states = 'AZ,CA,ID,OR,WA,WY'.split(',');

export class Generator {
  readonly #draws: Draws;
  readonly #texts: Texts;
  readonly #channels: Channels;
  readonly #group: number;
  readonly #msPerEvent: number;
  readonly #firstBidder: number;

  constructor({ seed, ratePerSecond, group, bidderIdTwice }: GeneratorOptions) {
    this.#draws = new Draws(seed);
    this.#texts = new Texts(seed, this.#draws);
    this.#channels = new Channels(this.#draws, this.#texts);
    this.#group = group;
    this.#msPerEvent = 1_000 / ratePerSecond;
    this.#firstBidder = bidderIdTwice ? 2 * firstId : firstId;
  }

  /** The event that comes as the `n`th, from 0. */
  arrival(n: number): NexmarkEvent {
    if (this.#group === 1) return this.event(n);
    const begin = n - (n % this.#group);
    return this.event(begin + ((n * groupStep) % this.#group));
  }

  /** The event `id`, from 0. */
  event(id: number): NexmarkEvent {
    this.#draws.of(id);
    const inRound = id % round;
    if (inRound < personsPerRound) return this.#person(id);
    return inRound < personsPerRound + auctionsPerRound ? this.#auction(id) : this.#bid(id);
  }

  #person(id: number): Person {
    const draws = this.#draws;
    const texts = this.#texts;
    const name = names[draws.below(names.length)]!;
    const emailAddress = `${texts.words(7)}@${texts.words(5)}.com`;
    const creditCard = `${this.#digits()} ${this.#digits()} ${this.#digits()} ${this.#digits()}`;
    const city = cities[draws.below(cities.length)]!;
    const state = states[draws.below(states.length)]!;
    const size =
      numberBytes + name.length + emailAddress.length + creditCard.length + city.length + state.length + numberBytes;
    return {
      type: 'person',
      id: firstId + lastPerson(id),
      name,
      emailAddress,
      creditCard,
      city,
      state,
      dateTime: this.#timeOf(id),
      extra: texts.padding(size, personBytes),
    };
  }

  #auction(id: number): Auction {
    const draws = this.#draws;
    const texts = this.#texts;
    const itemName = texts.words(20);
    const description = texts.words(100);
    const initialBid = this.#price();
    const dateTime = this.#timeOf(id);
    // Until as many auctions more have begun as are in flight.
    const horizonMs = this.#timeOf(id + Math.floor((auctionsInFlight * round) / auctionsPerRound)) - dateTime;
    return {
      type: 'auction',
      id: firstId + lastAuction(id),
      itemName,
      description,
      initialBid,
      reserve: initialBid + this.#price(),
      dateTime,
      expires: dateTime + 1 + draws.below(Math.max(horizonMs * 2, 1)),
      seller: firstId + (draws.below(4) > 0 ? hot(lastPerson(id)) : this.#anyPerson(id)),
      category: firstCategory + draws.below(5),
      extra: texts.padding(7 * numberBytes + itemName.length + description.length, auctionBytes),
    };
  }

  #bid(id: number): Bid {
    const draws = this.#draws;
    const auction = firstId + (draws.below(2) > 0 ? hot(lastAuction(id)) : this.#anyAuction(id));
    const bidder = this.#firstBidder + (draws.below(4) > 0 ? hot(lastPerson(id)) + 1 : this.#anyPerson(id));
    const price = this.#price();
    const { name, url } = this.#channels.of(draws);
    return {
      type: 'bid',
      auction,
      bidder,
      price,
      channel: name,
      url,
      dateTime: this.#timeOf(id),
      extra: this.#texts.padding(4 * numberBytes, bidBytes),
    };
  }

  #timeOf(id: number): number {
    return baseTimeMs + Math.floor(id * this.#msPerEvent);
  }

  #price(): number {
    return Math.round(10 ** (this.#draws.fraction() * 6) * 100);
  }

  #digits(): string {
    return String(this.#draws.below(10_000)).padStart(4, '0');
  }

  /** One of the last persons, or of the next. */
  #anyPerson(id: number): number {
    const count = lastPerson(id) + 1;
    const active = Math.min(count, activePersons);
    return count - active + this.#draws.below(active + idLead);
  }

  /** One of the last auctions, or of the next. */
  #anyAuction(id: number): number {
    const last = lastAuction(id);
    const first = Math.max(last - auctionsInFlight, 0);
    return first + this.#draws.below(last - first + 1 + idLead);
  }
}

/** The number of the last person at the event `id`, or the person's own. */
function lastPerson(id: number): number {
  return Math.floor(id / round) * personsPerRound;
}

/** The number of the last auction at the event `id`, or the auction's own. -1 before the first. */
function lastAuction(id: number): number {
  const inRound = id % round;
  const before = Math.floor(id / round) * auctionsPerRound;
  if (inRound < personsPerRound) return before - 1;
  return before + Math.min(inRound - personsPerRound, auctionsPerRound - 1);
}

function hot(number: number): number {
  // The original divides as integers, so what is before the first is the first.
  return Math.trunc(number / hotEvery) * hotEvery;
}

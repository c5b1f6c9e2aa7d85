/** The tables that the queries read: one source of all events, and views of it, as in Nexmark's own DDL. */
import { filter } from 'rxjs';
import type { FlowBuilder, Stage } from 'troupe/streams';
import { type Arguments, outOfOrderMs, sources } from './arguments.ts';
import { type Auction, type Bid, isAuction, isBid, isPerson, type NexmarkEvent, type Person } from './events.ts';
import { nexmark } from './source.ts';

export function events(f: FlowBuilder, args: Arguments): Stage<NexmarkEvent> {
  return f.from(nexmark(args), { time: (event) => event.dateTime, outOfOrderMs }, sources(args));
}

export function bids(f: FlowBuilder, args: Arguments): Stage<Bid> {
  return events(f, args).via('bid', filter(isBid));
}

export function personsAndAuctions(
  f: FlowBuilder,
  args: Arguments,
): { person: Stage<Person>; auction: Stage<Auction> } {
  return events(f, args).partition({ person: isPerson, auction: isAuction });
}

export function auctionsAndBids(f: FlowBuilder, args: Arguments): { auction: Stage<Auction>; bid: Stage<Bid> } {
  return events(f, args).partition({ auction: isAuction, bid: isBid });
}

/** What happens at Nexmark's auction house. Times are ms since the epoch, prices are cents. */

export interface Person {
  readonly type: 'person';
  readonly id: number;
  readonly name: string;
  readonly emailAddress: string;
  readonly creditCard: string;
  readonly city: string;
  readonly state: string;
  readonly dateTime: number;
  /** Letters that make the event as large as a real one may be. */
  readonly extra: string;
}

export interface Auction {
  readonly type: 'auction';
  readonly id: number;
  readonly itemName: string;
  readonly description: string;
  readonly initialBid: number;
  readonly reserve: number;
  readonly dateTime: number;
  readonly expires: number;
  /** Id of a person. */
  readonly seller: number;
  readonly category: number;
  readonly extra: string;
}

export interface Bid {
  readonly type: 'bid';
  /** Id of an auction, which may come later. */
  readonly auction: number;
  /** Id of a person, who may come later. */
  readonly bidder: number;
  readonly price: number;
  readonly channel: string;
  readonly url: string;
  readonly dateTime: number;
  readonly extra: string;
}

export type NexmarkEvent = Person | Auction | Bid;

export function isPerson(event: NexmarkEvent): event is Person {
  return event.type === 'person';
}

export function isAuction(event: NexmarkEvent): event is Auction {
  return event.type === 'auction';
}

export function isBid(event: NexmarkEvent): event is Bid {
  return event.type === 'bid';
}

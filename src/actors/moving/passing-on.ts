/** Offers that waited for room at an actor which has moved: what they wait for now is the room over there. */
import type { Cell } from '../cell.ts';
import type { OfferWaiting } from '../offer.ts';

/** Makes it an offer of the cell's own, whose outcome becomes the offer's. */
export function passOffer(offer: OfferWaiting, cell: Cell): void {
  if (offer.settled) return;
  const { deadlines } = cell.host;
  if (!cell.hasMoved) {
    // It is back.
    if (cell.hasRoom) {
      deadlines.remove(offer);
      offer.admit((envelope, message) => void cell.accept(envelope, message));
    } else cell.awaitRoom(offer);
    return;
  }
  const timeoutMs = deadlines.remainingMs(offer);
  deadlines.remove(offer);
  const given = new AbortController();
  offer.onRefused = () => given.abort();
  const { operation } = offer.envelope;
  cell.way.to.offer(operation, offer.message, { timeoutMs, signal: given.signal }, cell).then(
    () => {
      if (!offer.settled) offer.admit(() => undefined);
    },
    (error: Error) => offer.refuse(error),
  );
}

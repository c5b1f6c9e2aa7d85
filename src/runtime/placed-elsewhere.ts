/** An actor that runs at another place for a stand-in of this one. */
import type { Envelope } from '../actors/mailbox.ts';
import { NotDelivered } from '../actors/outcomes.ts';
import { diesHere, passOn } from '../actors/passing/pass-on.ts';
import { relayAsk } from '../actors/passing/relay.ts';
import type { PlacedCell } from '../actors/placed/placed-cell.ts';
import type { Placed, PlaceRequest } from '../actors/placed/placement.ts';
import type { Watcher } from '../actors/target.ts';
import { isA } from '../base/thrown.ts';
import { restart, spawnPlaced, takeDown } from './placed-items.ts';
import type { RemotePlace } from './remote-place.ts';
import type { RemoteTarget } from './remote-target.ts';

class PlacedElsewhere implements Placed {
  readonly target: RemoteTarget;
  readonly #place: RemotePlace;
  readonly #standIn: PlacedCell;

  constructor(place: RemotePlace, target: RemoteTarget, standIn: PlacedCell) {
    this.#place = place;
    this.target = target;
    this.#standIn = standIn;
  }

  pass(envelope: Envelope, message: unknown): boolean {
    const { operation, request, origin } = envelope;
    // The reader of a stream holds nobody, so it is dealt with once it is read.
    if (origin?.isExact !== true || operation.kind === 'stream') {
      return passOn(this.#standIn, this.target, envelope, message);
    }
    const dealtWith = (): void => origin.settled();
    if (request === undefined) {
      this.#place.job(this.target, operation, message, undefined, dealtWith).catch((error: unknown) => {
        diesHere(this.#standIn, operation, message, isA(error, NotDelivered) ? 'unreachable' : 'invalid');
      });
      return true;
    }
    relayAsk(
      this.#standIn,
      request,
      (asked, options, owner) => this.#place.job(this.target, asked, message, { options, owner }, dealtWith),
      () => {
        // A reply does not say that the handler is done.
      },
    );
    return true;
  }

  whenRoom(): Promise<void> {
    return this.target.whenRoom();
  }

  takeDown(): void {
    takeDown(this.#place, this.target.cell);
  }

  restart(): Promise<void> {
    return restart(this.#place, this.target.cell);
  }

  stop(kill: boolean, drain: boolean): void {
    this.target.stop(kill, { drain }).catch(() => {
      // It takes long; the watch tells when it has ended.
    });
  }
}

/** @throws SpawnFailed, PlaceLost */
export async function placeElsewhere(place: RemotePlace, request: PlaceRequest, argsWire: unknown): Promise<Placed> {
  const { actor, name, standIn, ended } = request;
  const watcher: Watcher = {
    terminated: (reason) => ended(reason, reason === 'place-lost' ? place.lostBy() : undefined),
  };
  const own = { cell: standIn.address().cell, branch: standIn.branch() };
  const { cell, branch } = await spawnPlaced(place, { actor, args: argsWire, name, ...own }, watcher);
  return new PlacedElsewhere(place, place.target(cell, branch, standIn.protocolName), standIn);
}

/** An actor that was placed at the very place of its stand-in, as a worker may be the one with the least to do. */
import type { ActorBehavior } from '../behavior.ts';
import type { Cell } from '../cell.ts';
import type { Host } from '../host.ts';
import type { Envelope } from '../mailbox.ts';
import { RoomNotice } from '../offer.ts';
import { passOn } from '../passing/pass-on.ts';
import type { Deputy } from './deputy.ts';
import type { PlacedCell } from './placed-cell.ts';
import type { Placed, PlaceOwner, PlaceRequest } from './placement.ts';

class PlacedHere implements Placed {
  readonly target: Cell;
  readonly #standIn: PlacedCell;

  constructor(cell: Cell, standIn: PlacedCell) {
    this.target = cell;
    this.#standIn = standIn;
  }

  pass(envelope: Envelope, message: unknown): boolean {
    return passOn(this.#standIn, this.target, envelope, message);
  }

  whenRoom(): Promise<void> {
    if (this.target.hasRoom || this.target.isOver) return Promise.resolve();
    return new Promise((resolve) => this.target.awaitRoom(new RoomNotice(resolve)));
  }

  takeDown(): void {
    deputyOf(this.target).takeDown(this.target);
  }

  restart(): Promise<void> {
    return deputyOf(this.target).restart(this.target);
  }

  stop(kill: boolean, drain: boolean): void {
    void this.target.stop(kill, { drain });
  }
}

/** @throws SpawnFailed */
export async function placeHere(host: Host, definition: ActorBehavior, request: PlaceRequest): Promise<Placed> {
  const { args, name, standIn, ended } = request;
  const cell = host.spawnPlaced(definition, args, name, ownerHere(standIn));
  cell.watch({ terminated: (reason) => ended(reason) });
  if (cell.started !== undefined) await cell.started;
  return new PlacedHere(cell, standIn);
}

function deputyOf(cell: Cell): Deputy {
  return cell.parent as Deputy;
}

function ownerHere(standIn: PlacedCell): PlaceOwner {
  return {
    placeId: standIn.host.placeId,
    path: standIn.path(),
    branch: standIn.branch(),
    isOfNode: true,
    watch: (watcher) => standIn.watch(watcher),
    unwatch: (watcher) => standIn.unwatch(watcher),
    escalated: (error) => standIn.escalatedThere(error),
  };
}

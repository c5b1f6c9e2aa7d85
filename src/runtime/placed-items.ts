/**
 * What two places say to each other about actors that one has placed at the other: the spawn for a stand-in, its restart,
 * and an escalation to its parent. Both directions of each.
 */
import { PlaceLost } from '../actors/place-lost.ts';
import { PlacedCell } from '../actors/placed/placed-cell.ts';
import type { PlaceOwner } from '../actors/placed/placement.ts';
import type { Watcher } from '../actors/target.ts';
import { limits } from '../base/limits.ts';
import { failureFromWire, failureToWire } from './failure-codec.ts';
import { Kind } from './items.ts';
import type { RemotePlace } from './remote-place.ts';
import { readSpawned, type Spawned } from './spawned.ts';

/** An actor that is to start at another place, for a stand-in of this one. */
export interface SpawnForStandIn {
  /** The name it is registered under. */
  readonly actor: string;
  readonly args: unknown;
  readonly name: string | undefined;
  /** Number of the stand-in, and its path below this place. */
  readonly cell: number;
  readonly branch: string;
}

/** @param watcher told how it ended, from its start on @throws SpawnFailed, PlaceLost */
export async function spawnPlaced(place: RemotePlace, spawn: SpawnForStandIn, watcher: Watcher): Promise<Spawned> {
  if (!place.isConnected) throw place.lostBy();
  const { actor, args, name, cell, branch } = spawn;
  const fields = [actor, args, name ?? null, cell, branch, place.openWatch(watcher, branch)];
  try {
    return await place.control<Spawned>(Kind.place, fields, {
      timeoutMs: limits.controlTimeoutMs,
      read: readSpawned,
      lost: () => ({ error: place.lostBy() }),
      expired: () => tooLate(place, `start the actor "${actor}"`),
      isUndone: true,
    }).answer;
  } catch (error) {
    place.dropWatch(watcher);
    throw error;
  }
}

/** Has an actor that this place placed there take no more turns until it restarts. */
export function takeDown(place: RemotePlace, cell: number): void {
  place.send(Kind.restart, 0, cell, false);
}

/** Has it make its state anew. @throws PlaceLost */
export async function restart(place: RemotePlace, cell: number): Promise<void> {
  await place.control<void>(Kind.restart, [cell, true], {
    timeoutMs: limits.controlTimeoutMs,
    read: () => undefined,
    lost: () => ({ error: place.lostBy() }),
    expired: () => tooLate(place, 'restart an actor'),
  }).answer;
}

function tooLate({ placeId }: RemotePlace, what: string): PlaceLost {
  return new PlaceLost(placeId, 'unreachable', `it did not ${what} within ${limits.controlTimeoutMs} ms`);
}

/** The stand-in there of an actor here. */
export function standInAt(place: RemotePlace, cell: number, branch: string, protocolName: string): PlaceOwner {
  const standIn = place.target(cell, branch, protocolName);
  return {
    placeId: place.placeId,
    path: standIn.path(),
    branch,
    isOfNode: !place.foreign,
    watch: (watcher) => standIn.watch(watcher),
    unwatch: (watcher) => standIn.unwatch(watcher),
    escalated: (error) => place.sendBehindAll(Kind.escalated, cell, failureToWire(error, undefined, place.stacks)),
  };
}

/** An actor there escalates: only to a stand-in whose actor is there. */
export function escalated(place: RemotePlace, cell: number, failure: unknown): void {
  const standIn = place.host.cell(cell);
  if (!(standIn instanceof PlacedCell) || standIn.placedAt?.place !== place.placeId) return;
  const { outside } = place.host;
  standIn.escalatedThere(
    failureFromWire(failure, undefined, (type, wire, what) => place.decode(type, false, wire, outside, what)),
  );
}

/**
 * Where actors live that have moved, as this place knows it: by what they go by, which is where they were spawned.
 *
 * A place learns it from whoever it sends to in vain, and keeps it for as long as the actor lives. Another node speaks of
 * its own actors and its own places alone.
 */
import type { ActorBehavior } from '../actors/behavior.ts';
import type { Cell } from '../actors/cell.ts';
import type { Host } from '../actors/host.ts';
import type { Snapshot } from '../actors/moving/destination.ts';
import { Way } from '../actors/moving/way.ts';
import { placeIdPattern } from '../actors/place-id.ts';
import type { Address } from '../actors/target.ts';
import { limits } from '../base/limits.ts';
import type { RemotePlace } from './remote-place.ts';
import type { RemoteTarget } from './remote-target.ts';

/** What it needs of the router. */
export interface PlacesHere {
  /** The place of that id, connected where there is a way; made where it is known by name only. */
  known(placeId: string): RemotePlace;
  /** The same with an open session, if there is a way. */
  place(placeId: string): RemotePlace | undefined;
}

export class Routes {
  readonly #host: Host;
  readonly #places: PlacesHere;
  /** Those that have moved: held, since a route is not to be forgotten while messages are under way on it. */
  readonly #routed = new Set<RemoteTarget>();

  constructor(host: Host, places: PlacesHere) {
    this.#host = host;
    this.#places = places;
  }

  /** How many actors of other places are known to have moved. */
  get size(): number {
    return this.#routed.size;
  }

  /** `from` says where an actor lives. @throws where it says what makes no sense */
  told(from: RemotePlace, fields: readonly unknown[], at: number): void {
    const [cell, place, branch, protocol, hop, toPlace, toCell] = fields.slice(at, at + 7);
    if (!isNumber(cell) || !isPlace(place) || !isNumber(hop) || !isPlace(toPlace) || !isNumber(toCell)) {
      throw new Error('a route of no actor, or to none');
    }
    if (!isText(branch, limits.branchCharactersMax) || !isText(protocol, limits.nameCharactersMax)) {
      throw new Error('a route of an actor without a path or a protocol');
    }
    // Nobody sends the messages of others to where they like.
    const node = from.placeId.slice(0, from.placeId.indexOf('/') + 1);
    if (from.foreign && !(place.startsWith(node) && toPlace.startsWith(node))) return;
    if (from.foreign && this.#routed.size >= limits.routesOfNodesMax) return;
    this.#moved({ place, cell }, branch, protocol, hop, { place: toPlace, cell: toCell });
  }

  #moved(identity: Address, branch: string, protocol: string, hop: number, at: Address): void {
    // It is here, or was: the cell that it had knows.
    const own = this.#host.knownAs(identity);
    const isHere = at.place === this.#host.placeId;
    if (isHere || (own !== undefined && !own.hasMoved)) return;
    const station = this.#places.place(at.place)?.station(at.cell, branch, protocol, identity);
    if (station === undefined) return;
    if (own !== undefined) own.way.switchTo(station, hop);
    else if (identity.place !== this.#host.placeId) this.#wayOf(identity, branch, protocol).switchTo(station, hop);
  }

  /** The way to an actor that this place has known elsewhere, or not at all. */
  #wayOf(identity: Address, branch: string, protocol: string): Way {
    const place = this.#places.known(identity.place);
    const target = place.target(identity.cell, branch, protocol);
    if (target.way !== undefined) return target.way;
    const watchers = place.takeWatchersOf(identity.cell);
    const way = new Way(place.direct(identity.cell, branch, protocol), 0, () => {
      target.way = undefined;
      this.#routed.delete(target);
    });
    target.way = way;
    this.#routed.add(target);
    if (place.isConnected) way.follow();
    for (const watcher of watchers) way.watch(watcher, true);
    return way;
  }

  /** The way of those here to an actor that is about to arrive for the first time. */
  here({ place, cell, name }: Snapshot, behavior: ActorBehavior): Way {
    return this.#wayOf({ place, cell }, `/${name ?? behavior.name}`, behavior.protocol.name);
  }

  /** An actor is to come here from another place than its home: home knows of it before anything is settled. */
  async announce({ place, cell, hop }: Snapshot, from: RemotePlace, number: number): Promise<void> {
    if (place === from.placeId || place === this.#host.placeId) return;
    await this.#places.place(place)?.expects(cell, hop, { place: this.#host.placeId, cell: number });
  }

  /** An actor of this place may live there from its next move on. */
  expected(fields: readonly unknown[], at: number): void {
    const [cell, hop, place, number] = fields.slice(at + 1, at + 5);
    if (!isNumber(cell) || !isNumber(hop) || !isPlace(place) || !isNumber(number)) {
      throw new Error('news of a move that makes no sense');
    }
    const own = this.#host.cell(cell);
    if (own === undefined || !own.hasMoved) return;
    const station = this.#places.place(place)?.station(number, own.branch(), own.protocolName, own.identity);
    if (station !== undefined) own.way.mayLead(station, hop);
  }

  /** The actor runs here now: its home is told, wherever it came from. */
  tellHome(cell: Cell, from: RemotePlace): void {
    const { place, cell: number } = cell.identity;
    if (place === from.placeId || place === this.#host.placeId) return;
    this.#places.place(place)?.sendRoute(number, place, cell, cell.station);
  }
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isPlace(value: unknown): value is string {
  return typeof value === 'string' && placeIdPattern.test(value);
}

function isText(value: unknown, charactersMax: number): value is string {
  return typeof value === 'string' && value.length <= charactersMax;
}

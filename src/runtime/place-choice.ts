/**
 * A `Where` settled into the id of a place: for what the system spawns, and for children of actors on any of its threads.
 *
 * Made on the main thread, which knows its workers and links; a worker asks it (`worker-placement.ts`).
 */
import { SpawnFailed } from '../actors/errors.ts';
import type { NodePlace, ThreadPlace, Where } from '../actors/placed/where.ts';
import type { Address } from '../actors/target.ts';
import { limits } from '../base/limits.ts';
import { isA } from '../base/thrown.ts';
import { nodeOf } from './router.ts';

/** A `Where` without choice left in it, but for that among threads and nodes. A place stands for itself. */
export type SettledWhere = Exclude<Where, { kind: 'spread' }> | { readonly kind: 'place'; readonly place: string };

/** Who knows the places there are. */
export interface PlaceSources {
  /** The main place of this node. */
  readonly main: string;
  /** A worker thread of this process. @throws SpawnFailed */
  thread(where: ThreadPlace): Promise<string>;
  /** The place where the actor of that address lives. */
  homeOf(address: Address): string;
  /** The worker threads that run. */
  readonly running: readonly string[];
  /** A place of another node. @throws SpawnFailed */
  node(where: NodePlace, actorName: string): string;
  /** @throws SpawnFailed where the node of that place has other code for the actor */
  refuseIfDiffering(placeId: string, actorName: string): void;
}

export class PlaceChoice {
  readonly #sources: PlaceSources;
  /** Whose turn it is among the places of a spread, by what it spreads over. */
  readonly #turns = new Map<string, number>();
  /** How many threads were chosen while the system shut down. */
  #late = 0;

  constructor(sources: PlaceSources) {
    this.#sources = sources;
  }

  settle(where: Where): SettledWhere {
    if (where.kind === 'thread' && where.with !== undefined) {
      const { main, homeOf } = this.#sources;
      const place = homeOf(where.with);
      return place !== main && nodeOf(place) === nodeOf(main) ? where : { kind: 'place', place };
    }
    if (where.kind !== 'spread') return where;
    const key = JSON.stringify(where);
    const turn = this.#turns.get(key) ?? 0;
    // The oldest goes: who spreads over more sorts of places than this begins some of them anew.
    this.#turns.delete(key);
    if (this.#turns.size >= limits.spreadsMax) this.#turns.delete(this.#turns.keys().next().value!);
    this.#turns.set(key, turn + 1);
    return this.settle(where.places[turn % where.places.length]!);
  }

  /** The id of a place. @param from the place that spawns @throws SpawnFailed */
  choose(where: Where, actorName: string, from: string): Promise<string> {
    return this.placeOf(this.settle(where), actorName, from);
  }

  /** The same, for what is settled already. */
  async placeOf(settled: SettledWhere, actorName: string, from: string): Promise<string> {
    switch (settled.kind) {
      case 'here':
        return from;
      case 'thread':
        return this.#thread(settled);
      case 'node':
        return this.#checked(this.#sources.node(settled, actorName), actorName);
      case 'place':
        return this.#checked(settled.place, actorName);
      default:
        return settled satisfies never;
    }
  }

  #checked(placeId: string, actorName: string): string {
    this.#sources.refuseIfDiffering(placeId, actorName);
    return placeId;
  }

  async #thread(where: ThreadPlace): Promise<string> {
    try {
      return await this.#sources.thread(where);
    } catch (error) {
      // What is being drained may still start what it needs, on the threads that there are.
      const { running } = this.#sources;
      if (!isA(error, SpawnFailed) || error.reason !== 'shutdown' || running.length === 0) throw error;
      this.#late += 1;
      return running[this.#late % running.length]!;
    }
  }
}

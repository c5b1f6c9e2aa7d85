/**
 * A `Where` settled into the id of a place: for what the system spawns, and for children of actors on any of its threads.
 *
 * Made on the main thread, which knows its workers and links; a worker asks it (`worker-placement.ts`).
 */
import { SpawnFailed } from '../actors/errors.ts';
import type { Where } from '../actors/placed/where.ts';
import { limits } from '../base/limits.ts';
import { isA } from '../base/thrown.ts';

/** Who knows the places there are. */
export interface PlaceSources {
  /** A worker thread of this process. @throws SpawnFailed */
  thread(where: Extract<Where, { kind: 'thread' }>): Promise<string>;
  /** The worker threads that run. */
  readonly running: readonly string[];
  /** A place of another node. @throws SpawnFailed */
  node(role: string, actorName: string): string;
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

  /** A `Where` without choice left in it. */
  settle(where: Where): Exclude<Where, { kind: 'spread' }> {
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
  async choose(where: Where, actorName: string, from: string): Promise<string> {
    const settled = this.settle(where);
    switch (settled.kind) {
      case 'here':
        return from;
      case 'thread':
        return this.#thread(settled);
      case 'node':
        return this.#sources.node(settled.role, actorName);
      default:
        return settled satisfies never;
    }
  }

  async #thread(where: Extract<Where, { kind: 'thread' }>): Promise<string> {
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

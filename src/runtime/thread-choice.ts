/**
 * Which thread something is placed on: the threads that there are and may be, and the choice between them.
 *
 * Of threads without a name: one that holds no actor, else another while there may be more, else the one with the least to
 * do. Where they are alike they take turns.
 */
import { SpawnFailed } from '../actors/errors.ts';
import type { Environment } from '../base/environment/environment.ts';
import { limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import type { ThreadPolicy } from './thread-options.ts';
import { ThreadSlot } from './thread-slot.ts';

export interface ThreadChoiceOptions {
  readonly environment: Environment;
  readonly log: Logger;
  readonly threads: ThreadPolicy;
  /** How many messages are under way to a place. */
  readonly underWayTo: (placeId: string) => number;
}

export class ThreadChoice {
  readonly #options: ThreadChoiceOptions;
  readonly #slots: ThreadSlot[] = [];
  readonly #named = new Map<string, ThreadSlot>();
  #picks = 0;
  #warned = false;

  constructor(options: ThreadChoiceOptions) {
    this.#options = options;
  }

  /** All that there are, those without a worker included. */
  get all(): readonly ThreadSlot[] {
    return [...this.#slots, ...this.#named.values()];
  }

  /** How many without a name run or start. */
  get running(): number {
    return this.#slots.filter(({ worker }) => worker !== undefined).length;
  }

  /** How many of these are not about to be ended. */
  get staying(): number {
    return this.#slots.filter(({ worker, retiring }) => worker !== undefined && retiring === undefined).length;
  }

  /** The thread for what comes next; the one of that name if one is given. @throws SpawnFailed where there are too many */
  pick(name: string | undefined): ThreadSlot {
    const slot = name === undefined ? this.#choose() : this.#slotNamed(name);
    this.#picks += 1;
    slot.picked = this.#picks;
    slot.pickedMs = this.#nowMs;
    return slot;
  }

  /** A thread without a worker: the one that may be started first, else a new one. */
  unused(): ThreadSlot {
    const nowMs = this.#nowMs;
    const [known] = this.#slots
      .filter(({ worker }) => worker === undefined)
      .sort((one, other) => one.delayMs(nowMs) - other.delayMs(nowMs));
    const mayBeMore = this.#slots.length < this.#options.threads.max;
    if (known !== undefined && (known.delayMs(nowMs) === 0 || !mayBeMore)) return known;
    const slot = new ThreadSlot(this.#options.threads);
    this.#slots.push(slot);
    return slot;
  }

  /** Says once that there may be more threads than cores. */
  warnOfCores(threads: number = this.#named.size + this.#options.threads.max): void {
    const { environment, log } = this.#options;
    const cores = environment.places.parallelism;
    if (this.#warned || threads <= cores) return;
    this.#warned = true;
    log.warn(
      { threads, cores },
      `up to ${threads} worker threads on ${cores} cores: they take turns on the cores, and each costs memory and a copy ` +
        'of the code; more actors need no more threads',
    );
  }

  get #nowMs(): number {
    return this.#options.environment.clock.monotonicMs();
  }

  #choose(): ThreadSlot {
    const nowMs = this.#nowMs;
    const { threads } = this.#options;
    // What was placed there lately may not be in the count of its actors yet.
    const uncountedMs = 2 * threads.beatMs;
    const free = this.#slots.filter(
      (slot) =>
        slot.up !== undefined &&
        slot.retiring === undefined &&
        slot.actors === 0 &&
        nowMs - slot.pickedMs > uncountedMs &&
        this.#busyness(slot, nowMs) < 1,
    );
    if (free.length > 0) return this.#leastBusy(free, nowMs);
    if (this.running < threads.max) return this.unused();
    const running = this.#slots.filter(({ worker }) => worker !== undefined);
    const staying = running.filter(({ retiring }) => retiring === undefined);
    return this.#leastBusy(staying.length > 0 ? staying : running, nowMs);
  }

  /** Of those that are about as busy as the least busy one, the one that was picked longest ago. */
  #leastBusy(slots: readonly ThreadSlot[], nowMs: number): ThreadSlot {
    const busy = slots.map((slot) => this.#busyness(slot, nowMs));
    const alike = Math.min(...busy) + limits.threadUseAlike;
    return slots
      .filter((_, index) => busy[index]! < alike)
      .reduce((best, one) => (one.picked < best.picked ? one : best));
  }

  /** The use of its loop, and whole frames that are under way to it: less than that is chance. */
  #busyness(slot: ThreadSlot, nowMs: number): number {
    if (slot.up === undefined) return 0;
    const frames = Math.floor(this.#options.underWayTo(slot.up.placeId) / limits.frameMessagesMax);
    return slot.useOf(nowMs) + frames;
  }

  #slotNamed(name: string): ThreadSlot {
    const known = this.#named.get(name);
    if (known !== undefined) return known;
    for (const [other, { worker }] of this.#named) if (worker === undefined) this.#named.delete(other);
    const { max } = this.#options.threads;
    if (this.#named.size + max >= limits.threadsMax) {
      throw new SpawnFailed(
        'no-place',
        `thread "${name}" cannot be had: ${this.#named.size} threads have names already, beside ${max} others, and ` +
          `${limits.threadsMax} is the most; let actors share threads`,
      );
    }
    const slot = new ThreadSlot(this.#options.threads, name);
    this.#named.set(name, slot);
    this.warnOfCores();
    return slot;
  }
}

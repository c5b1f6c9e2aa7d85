/** One thread of the pool: the worker that runs there now, and what is known for the choice between it and others. */

import type { PlaceLoss } from '../actors/place-lost.ts';
import { backoffMs, RestartBudget } from '../actors/restart-budget.ts';
import type { PlaceTree } from '../actors/tree.ts';
import { ActivityAt } from '../base/activity.ts';
import type { PlaceHandle } from '../base/environment/place.ts';
import { limits } from '../base/limits.ts';
import type { PhaseLeft } from './place-phases.ts';
import type { ThreadActivity } from './thread-activity.ts';
import type { WorkerPhase } from './thread-messages.ts';
import type { ThreadPolicy } from './thread-options.ts';

/** A worker thread that runs. */
export interface Worker {
  readonly placeId: string;
  readonly handle: PlaceHandle;
  readonly activity: ThreadActivity;
  /** Why it is being ended, where that is not its own doing. */
  loss: PlaceLoss | undefined;
  /** True once it has ended, as far as all others are told. */
  isOver: boolean;
  /** Called with what the phase of the shutdown left that it was told of last. */
  phaseDone: (left: PhaseLeft, phase?: WorkerPhase) => void;
  /** True once it did not answer when its actors were to stop. */
  isBlocked: boolean;
  /** Those who wait for the listing of its actors. */
  readonly treesWanted: ((tree: PlaceTree) => void)[];
  /** Called when it has said whether it can be ended for want of actors. */
  retired: (isEmpty: boolean) => void;
}

export class ThreadSlot {
  /** Of a thread that is picked by name alone. */
  readonly name: string | undefined;
  /** Resolves when the worker takes actors; undefined while there is none, and none starts. */
  worker: Promise<Worker> | undefined = undefined;
  /** The worker once it takes actors. */
  up: Worker | undefined = undefined;
  /** Resolves when it is known whether the worker goes on, while it is being ended for want of actors. */
  retiring: Promise<void> | undefined = undefined;
  /** When it was last chosen, in picks. */
  picked = 0;
  /** The same in ms. */
  pickedMs = 0;
  readonly #policy: ThreadPolicy;
  readonly #deaths: RestartBudget;
  /** When the next worker may be started. */
  #startsMs = 0;
  #emptySinceMs: number | undefined = undefined;
  #use = 0;
  #useMs = Number.NEGATIVE_INFINITY;

  constructor(policy: ThreadPolicy, name?: string) {
    this.#policy = policy;
    this.#deaths = new RestartBudget(policy);
    this.name = name;
  }

  /** Its worker died, or did not start: the next waits the longer, the more did so before it. */
  died(nowMs: number, chance: number): void {
    const earlier = this.#deaths.used(nowMs);
    this.#deaths.spend(nowMs);
    this.#startsMs = nowMs + backoffMs(this.#policy.backoff, earlier, chance);
  }

  /** There is no worker any more. */
  ended(worker: Worker): void {
    if (this.up !== worker) return;
    this.worker = undefined;
    this.up = undefined;
  }

  /** How long to wait before the next worker is started. */
  delayMs(nowMs: number): number {
    return Math.max(0, this.#startsMs - nowMs);
  }

  /** Its worker takes actors now. */
  started(worker: Worker, nowMs: number): void {
    this.up = worker;
    this.#emptySinceMs = undefined;
    // From here on: what it took to load the code is no use of its loop by actors.
    worker.handle.utilisation();
    this.#use = 0;
    this.#useMs = nowMs;
  }

  /** Top-level actors there, as of its last beat. */
  get actors(): number {
    return this.up === undefined ? 0 : Atomics.load(this.up.activity.slots, ActivityAt.actors);
  }

  /** Which part of the time its loop was in use lately, from 0 to 1. */
  useOf(nowMs: number): number {
    if (this.up === undefined) return 0;
    if (nowMs - this.#useMs >= limits.threadUseMs) {
      this.#use = this.up.handle.utilisation();
      this.#useMs = nowMs;
    }
    return this.#use;
  }

  /** For how long it has held no actor, and was not chosen to. To be asked now and then: it knows what it sees. */
  emptyForMs(nowMs: number): number {
    if (this.up === undefined || this.actors > 0) this.#emptySinceMs = undefined;
    else this.#emptySinceMs ??= nowMs;
    if (this.#emptySinceMs === undefined) return 0;
    return nowMs - Math.max(this.#emptySinceMs, this.pickedMs);
  }
}

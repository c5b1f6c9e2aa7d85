/**
 * The heartbeat of a worker thread: a count in shared memory that grows while its event loop goes around.
 *
 * The main thread looks at the counts in rounds of its own, and what it counts are its rounds and no time: while the machine
 * sleeps, or the main thread itself is held, there is no round, and no thread is taken for blocked.
 */
import { ActivityAt } from '../base/activity.ts';
import type { Cancel, Clock } from '../base/environment/clock.ts';
import type { ThreadActivity } from './thread-activity.ts';
import { beatMsWithin } from './thread-options.ts';

/** Beats from now on, in this thread, and says with each beat how many top-level actors it holds. */
export function keepBeating(clock: Clock, { slots }: ThreadActivity, beatMs: number, actors: () => number): void {
  const beat = (): void => {
    Atomics.store(slots, ActivityAt.actors, actors());
    Atomics.add(slots, ActivityAt.beats, 1);
    clock.timer(beatMs, beat);
  };
  beat();
}

/** A thread that is listened to. */
export interface Beating {
  readonly activity: ThreadActivity;
  /** It has not beaten for as long as it may. Told once. */
  onBlocked(): void;
}

interface Heard {
  beats: number;
  /** Rounds in which nothing new was heard. */
  silentRounds: number;
}

export class Heartbeats {
  readonly #clock: Clock;
  readonly #isInspected: () => boolean;
  readonly #roundMs: number;
  readonly #silentRoundsMax: number;
  readonly #heard = new Map<Beating, Heard>();
  #cancel: Cancel | undefined = undefined;

  /** @param blockedMs how long a thread may be silent; infinite where nobody is to listen */
  constructor(clock: Clock, blockedMs: number, isInspected: () => boolean) {
    this.#clock = clock;
    this.#isInspected = isInspected;
    this.#roundMs = beatMsWithin(blockedMs);
    this.#silentRoundsMax = Math.ceil(blockedMs / this.#roundMs);
  }

  /** Listens to a thread. @returns a function that ends it */
  listen(thread: Beating): () => void {
    if (this.#silentRoundsMax === Number.POSITIVE_INFINITY) return () => undefined;
    this.#heard.set(thread, { beats: beatsOf(thread), silentRounds: 0 });
    this.#cancel ??= this.#clock.timer(this.#roundMs, this.#round);
    return () => {
      this.#heard.delete(thread);
      if (this.#heard.size > 0) return;
      this.#cancel?.();
      this.#cancel = undefined;
    };
  }

  readonly #round = (): void => {
    this.#cancel = this.#clock.timer(this.#roundMs, this.#round);
    const isInspected = this.#isInspected();
    for (const [thread, heard] of [...this.#heard]) {
      const beats = beatsOf(thread);
      if (beats !== heard.beats || isInspected) {
        heard.beats = beats;
        heard.silentRounds = 0;
        continue;
      }
      heard.silentRounds += 1;
      if (heard.silentRounds < this.#silentRoundsMax) continue;
      this.#heard.delete(thread);
      thread.onBlocked();
    }
  };
}

function beatsOf({ activity }: Beating): number {
  return Atomics.load(activity.slots, ActivityAt.beats);
}

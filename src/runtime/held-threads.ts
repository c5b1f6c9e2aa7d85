/**
 * Worker threads that do not answer: seen by the main thread, from what they last wrote into shared memory.
 *
 * A thread that beats no more is told of after a second, after two, after four. Nothing is asked of it.
 */
import { ActivityAt } from '../base/activity.ts';
import type { Cancel, Clock } from '../base/environment/clock.ts';
import { limits } from '../base/limits.ts';
import { adviceFor, type Stall } from './stall.ts';
import type { ThreadActivity } from './thread-activity.ts';

interface Thread {
  readonly activity: ThreadActivity;
  readonly labels: Map<number, string>;
  beats: number;
  /** When the last beat was seen. */
  beatMs: number;
  /** How often in a row no beat was seen. */
  misses: number;
  /** At how many ms it is told of next. */
  tellAtMs: number;
}

/** What a thread is at, as far as is known. */
export type ThreadAt = Pick<Stall, 'path' | 'operation'>;

export class HeldThreads {
  readonly #clock: Clock;
  readonly #pathOf: (placeId: string, cell: number) => string;
  readonly #tell: ((stall: Stall) => void) | undefined;
  readonly #threads = new Map<string, Thread>();
  #cancel: Cancel | undefined = undefined;

  /** @param tell told of threads that are held; nobody looks without it. */
  constructor(
    clock: Clock,
    pathOf: (placeId: string, cell: number) => string,
    tell: ((stall: Stall) => void) | undefined,
  ) {
    this.#clock = clock;
    this.#pathOf = pathOf;
    this.#tell = tell;
  }

  /** A thread takes actors from now on, and beats. */
  started(placeId: string, activity: ThreadActivity): void {
    const beats = activity.slots[ActivityAt.beats]!;
    const labels = this.#threads.get(placeId)?.labels ?? new Map<number, string>();
    const beatMs = this.#clock.monotonicMs();
    this.#threads.set(placeId, { activity, labels, beats, beatMs, misses: 0, tellAtMs: limits.heldFirstMs });
    if (this.#tell !== undefined) this.#cancel ??= this.#clock.timer(limits.heldCheckMs, this.#look);
  }

  ended(placeId: string): void {
    this.#threads.delete(placeId);
  }

  /** What a thread calls its operations. */
  named(placeId: string, first: number, labels: readonly string[]): void {
    const known = this.#threads.get(placeId)?.labels;
    for (const [index, label] of labels.entries()) known?.set(first + index, label);
  }

  /** What a thread is at now: also one that is held. */
  at(placeId: string): ThreadAt {
    const thread = this.#threads.get(placeId);
    const cell = thread?.activity.slots[ActivityAt.cell] ?? 0;
    if (thread === undefined || cell === 0) return { path: undefined, operation: undefined };
    const operation = thread.labels.get(thread.activity.slots[ActivityAt.operation]!);
    return { path: this.#pathOf(placeId, cell), operation };
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#threads.clear();
  }

  readonly #look = (): void => {
    const nowMs = this.#clock.monotonicMs();
    for (const [placeId, thread] of this.#threads) this.#lookAt(placeId, thread, nowMs);
    this.#cancel = this.#threads.size === 0 ? undefined : this.#clock.timer(limits.heldCheckMs, this.#look);
  };

  #lookAt(placeId: string, thread: Thread, nowMs: number): void {
    const beats = thread.activity.slots[ActivityAt.beats]!;
    if (beats !== thread.beats) {
      Object.assign(thread, { beats, beatMs: nowMs, misses: 0, tellAtMs: limits.heldFirstMs });
      return;
    }
    thread.misses += 1;
    const heldMs = nowMs - thread.beatMs;
    // Two looks at least: when the whole process slept, the main thread wakes as late as the others.
    if (heldMs < thread.tellAtMs || thread.misses < 2) return;
    while (thread.tellAtMs <= heldMs) thread.tellAtMs *= 2;
    const durationMs = Math.round(heldMs);
    const advice = adviceFor('held', placeId);
    const at = this.at(placeId);
    this.#tell?.({ kind: 'held', place: placeId, ...at, durationMs, messages: 0, suspects: [], advice });
  }
}

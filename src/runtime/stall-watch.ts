/**
 * The watch over one thread: finds what held it, and tells of it when it is over.
 *
 * Two things are looked at. The run queue notices a long time between two readings of its clock, and knows whose turn it
 * was. A heartbeat that comes late finds all the rest: code after an `await`, which no turn is for, and code of others.
 */
import { Cell } from '../actors/cell.ts';
import type { Host } from '../actors/host.ts';
import { OutsideTurns, type Suspect } from '../actors/outside-turns.ts';
import { ActivityAt } from '../base/activity.ts';
import type { Cancel } from '../base/environment/clock.ts';
import type { LongStretch, Runnable, TurnWatch } from '../base/environment/scheduler.ts';
import { limits } from '../base/limits.ts';
import { ProcessorWait } from './processor-wait.ts';
import { adviceFor, isMain, type Stall, type StallKind } from './stall.ts';
import { StarvingActor } from './starving-actor.ts';

/** From how many ms on a stall is reported; `false` for never. */
export type StallMs = number | false;

export class StallWatch implements TurnWatch {
  readonly stretchMs: number;
  readonly #host: Host;
  readonly #tell: (stall: Stall) => void;
  readonly #outside = new OutsideTurns(limits.suspectsKept);
  readonly #starving: StarvingActor;
  readonly #periodMs: number;
  /** The same while nothing is done, since each beat wakes the thread. */
  readonly #restMs = limits.beatMsResting;
  /** How many more beats come at the shorter period. */
  #busyBeats: number = limits.busyBeats;
  /** When the next beat is due. */
  #dueMs: number;
  readonly #wait: ProcessorWait;
  /** The same since somebody was last found to starve others, or not. */
  readonly #waitInWhile: ProcessorWait;
  /** What of the time since the last beat was told already. */
  #toldMs = 0;
  #cancel: Cancel = () => undefined;

  /** @param tell told of each stall of this thread. */
  constructor(host: Host, stallMs: StallMs, tell: (stall: Stall) => void) {
    const { clock, scheduler } = host.environment;
    this.#host = host;
    this.#tell = tell;
    this.#periodMs = stallMs === false ? limits.beatMsMax : Math.min(stallMs / 2, limits.beatMsMax);
    this.stretchMs = stallMs === false ? Number.POSITIVE_INFINITY : stallMs;
    const nowMs = clock.monotonicMs();
    this.#dueMs = nowMs + this.#periodMs;
    this.#starving = new StarvingActor(nowMs);
    this.#wait = new ProcessorWait(clock);
    this.#waitInWhile = new ProcessorWait(clock);
    if (scheduler.watch === undefined) return;
    if (stallMs !== false) {
      host.outsideTurns = this.#outside;
      scheduler.watch(this);
    }
    this.#cancel = clock.timer(this.#periodMs, this.#beat);
  }

  close(): void {
    this.#cancel();
    this.#host.outsideTurns = undefined;
    this.#host.environment.scheduler.watch?.(undefined);
  }

  onLong({ ms, messages, runnable, isExact }: LongStretch): void {
    this.#toldMs += ms;
    if (!this.#isHeld(ms)) return;
    const cell = runnable instanceof Cell ? runnable : undefined;
    if (isExact && cell !== undefined) this.#tellOf('handler', ms, messages, cell.path(), cell.lastDone);
    else this.#tellOf('messages', ms, messages, cell?.path());
  }

  onPass(nowMs: number): void {
    this.#lookAt(nowMs);
    if (this.#busyBeats === 0) {
      // It rested: from now on the heart beats faster.
      this.#cancel();
      this.#toldMs = 0;
      this.#next(nowMs, this.#periodMs);
    }
    this.#busyBeats = limits.busyBeats;
  }

  onSliceSpent(runnable: Runnable, ms: number): void {
    this.#starving.had(runnable, ms);
  }

  readonly #beat = (): void => {
    const { activity, environment } = this.#host;
    const { clock } = environment;
    const nowMs = clock.monotonicMs();
    activity[ActivityAt.beats] = activity[ActivityAt.beats]! + 1;
    environment.scheduler.lookBack?.();
    this.#lookAt(nowMs);
    this.#toldMs = 0;
    this.#lookForStarving(nowMs);
    this.#wait.mark();
    if (this.#busyBeats > 0) this.#busyBeats -= 1;
    this.#next(nowMs, this.#busyBeats > 0 ? this.#periodMs : this.#restMs);
  };

  #next(nowMs: number, afterMs: number): void {
    this.#dueMs = nowMs + afterMs;
    this.#cancel = this.#host.environment.clock.timer(afterMs, this.#beat);
  }

  /** Tells of the time that passed since the last beat was due, but for what was told; else nobody is suspected any more. */
  #lookAt(nowMs: number): void {
    const lateMs = nowMs - this.#dueMs - this.#toldMs;
    if (lateMs >= this.stretchMs) {
      this.#toldMs += lateMs;
      if (this.#isHeld(lateMs)) this.#tellOf('outside', lateMs, 0, undefined, undefined, this.#suspects());
    }
    this.#outside.clear();
  }

  /** False where the thread was not held for so long: it had no processor. */
  #isHeld(ms: number): boolean {
    return ms - this.#wait.within(ms) >= this.stretchMs;
  }

  #lookForStarving(nowMs: number): void {
    const starving = this.#starving.lookAt(nowMs);
    if (starving === undefined) return;
    const waitedMs = this.#waitInWhile.within(starving.ms);
    // An actor with a thread of its own takes it from nobody.
    const hasOthers = isMain(this.#host.placeId) || this.#host.rootCount > 1;
    if (!hasOthers || waitedMs > starving.ms / 2 || !(starving.runnable instanceof Cell)) return;
    this.#tellOf('starving', starving.ms, starving.slices, starving.runnable.path());
  }

  /** Those whose code came to an end; else those whose code may have gone on, where these are few. */
  #suspects(): readonly Suspect[] {
    const ended = this.#outside.suspects();
    if (ended.length > 0) return ended.slice(0, limits.namesInText);
    const waiting: Suspect[] = [];
    let looked = 0;
    for (const cell of this.#host.cells()) {
      looked += 1;
      if (looked > limits.forgottenActorsMax) return [];
      for (const { envelope } of cell.waitingRuns) {
        waiting.push({ path: cell.path(), operation: envelope?.operation.label ?? 'its start' });
      }
      if (waiting.length > limits.namesInText) return [];
    }
    return waiting;
  }

  #tellOf(
    kind: StallKind,
    ms: number,
    messages: number,
    path: string | undefined,
    operation?: string,
    suspects: readonly Suspect[] = [],
  ): void {
    const place = this.#host.placeId;
    const durationMs = Math.round(ms);
    this.#tell({ kind, place, path, operation, durationMs, messages, suspects, advice: adviceFor(kind, place) });
  }
}

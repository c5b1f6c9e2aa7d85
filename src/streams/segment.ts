/**
 * A segment at work: takes batches, runs them through a processor and an island of operators, and delivers what comes out.
 *
 * It is passive. Whoever hosts it (an actor) passes on what arrives and calls `turn` when the segment asked for it
 * with `wake`. A turn works for at most about 2 ms and never waits. The one rule: the next element is pushed only while
 * every queue behind has room; a push runs to its end, so a queue exceeds its high water by what one element gives.
 */
import type { Clock } from '../base/environment/clock.ts';
import type { Random } from '../base/environment/random.ts';
import { describeThrown } from '../base/errors.ts';
import type { Branch } from './branch.ts';
import type { Condition, ConditionParts } from './condition.ts';
import { asStageFailure, type FlowError } from './errors.ts';
import { idle } from './event-time.ts';
import type { DataFrame } from './frame.ts';
import type { Inlet } from './inlet.ts';
import type { Batch } from './intake.ts';
import { streamLimits } from './limits.ts';
import { MergeIntake } from './merge-intake.ts';
import type { Outlet } from './outlet.ts';
import { type SegmentPlan, sidesOf } from './plan.ts';
import { Processing } from './processing.ts';
import { type AnyIntake, makeIntake, makeTrunk, type SegmentEdges } from './segment-parts.ts';
import { sideOutlet } from './side-delivery.ts';
import { SourceIntake } from './source-intake.ts';
import { headCounts, type SegmentCounts } from './stage-counts.ts';
import { WaitMeter } from './wait-meter.ts';

export interface SegmentHost {
  readonly clock: Clock;
  readonly random: Random;
  /** There is work: call `turn` soon. The host sees to it that one call at most is pending. */
  readonly wake: () => void;
  /** All is delivered, dropped or aborted, and what was open is closed. Said once, and nothing is said after it. */
  readonly finished: () => void;
  /** A stage failed and was built anew; so many elements were lost with it. */
  readonly restarted: (stage: string, error: FlowError, lost: number) => void;
  /** The segment failed and does nothing more; its queues wait for their readers, or for `cancel`. Said once. */
  readonly failed: (error: FlowError) => void;
}

/** An element that an operator gave up, as `run.deadLetters()` gives it. */
export interface DeadElement {
  /** The name of the stage. */
  readonly stage: string;
  /** As it came into the stage's operator. */
  readonly element: unknown;
  /** What was thrown, in words. */
  readonly error: string;
}

export class Segment {
  readonly #plan: SegmentPlan;
  readonly #host: SegmentHost;
  readonly #inlets: readonly Inlet<unknown>[];
  readonly #intake: AnyIntake;
  readonly #processing: Processing | undefined;
  readonly #trunk: Branch;
  /** Its outputs, in the order of the wiring, and its side outputs behind them. */
  readonly #outlets: readonly Outlet<unknown>[];
  /** Outputs that its processor writes to, by their names. */
  readonly #sides = new Map<string, Outlet<unknown>>();
  #deadLetters: Outlet<unknown> | undefined;
  #deliveriesOpen: number;
  /** Queues behind that are full. */
  #full = 0;
  readonly #waits = new WaitMeter();
  #batch: Batch | undefined;
  #at = 0;
  /** What the last batch said about time: results may be due by it, and it is yet to be passed on. */
  #marks: number[] = [];
  #state: 'running' | 'ending' | 'stopped' = 'running';
  #watermarkMs = -Infinity;
  #busyMs = 0;

  constructor(plan: SegmentPlan, edges: SegmentEdges, host: SegmentHost) {
    this.#plan = plan;
    this.#host = host;
    const failed = (error: FlowError): void => this.fail(error);
    const { intake, inlets } = makeIntake(plan, edges, host, { ready: host.wake, failed });
    this.#intake = intake;
    this.#inlets = inlets;
    const full = this.#fullChanged;
    const { trunk, outlets } = makeTrunk(plan, edges, host, {
      full,
      unwanted: () => this.#unwanted(),
      closed: () => {
        // Operators give nothing up any more.
        this.#deadLetters?.end();
        this.#oneClosed();
      },
      failed,
      stirred: host.wake,
      deadLetter: (stage, element, error) => {
        this.#deadLetters?.write({ stage, element, error: describeThrown(error) } satisfies DeadElement, 0);
        host.wake();
      },
      restarted: host.restarted,
    });
    this.#trunk = trunk;
    this.#deliveriesOpen = 1;
    for (const [index, { name, kind }] of sidesOf(plan).entries()) {
      if (kind === 'end') continue;
      this.#deliveriesOpen += 1;
      const outlet = sideOutlet(edges.sides[index]!, { full, closed: this.#oneClosed });
      outlets[edges.downstreams.length + index] = outlet;
      if (kind === 'dead-letters') this.#deadLetters = outlet;
      else this.#sides.set(name, outlet);
    }
    this.#outlets = outlets;
    const { head } = plan;
    if (head.kind !== 'processor') return;
    this.#processing = new Processing(head, host.clock, {
      emit: (value, timeMs) => trunk.write(value, timeMs),
      side: (name, value, timeMs) => this.#sides.get(name)!.write(value, timeMs),
      wake: host.wake,
      hold: (port, held) => {
        if (intake instanceof MergeIntake) intake.hold(port, held);
        if (!held) host.wake();
      },
    });
  }

  /** Subscribes the operators and makes the first grants. */
  open(): void {
    this.#trunk.open();
    for (const inlet of this.#inlets) inlet.open();
    this.#host.wake();
  }

  // ── what arrives from other segments ──

  data(input: number, frame: DataFrame<unknown>): void {
    this.#guarded(() => this.#inlets[input]!.data(frame));
  }

  end(input: number, sequence: number): void {
    this.#guarded(() => this.#inlets[input]!.end(sequence));
  }

  failInput(input: number, error: FlowError): void {
    this.#guarded(() => this.#inlets[input]!.fail(error));
  }

  /** `output` counts as the wiring does; the side outputs come behind. */
  grant(output: number, upTo: number, weightUpTo: number): void {
    this.#sending(() => this.#outlets[output]?.grant(upTo, weightUpTo));
  }

  cancelOutput(output: number): void {
    this.#sending(() => this.#outlets[output]?.cancel());
  }

  /** Says again what idle edges may have lost. To be called at intervals. */
  repeat(): void {
    this.#sending(() => {
      for (const inlet of this.#inlets) inlet.repeat();
      this.#trunk.repeat();
    });
  }

  // ── work ──

  /** Works until nothing is left, a queue is full, or the time of a turn is used up; then asks for the next turn. */
  turn(): void {
    if (this.#state === 'stopped') return;
    const { clock } = this.#host;
    const startMs = clock.monotonicMs();
    this.#waits.end(startMs);
    let nowMs = startMs;
    let going = this.#state === 'running';
    try {
      while (going) {
        going = this.#step();
        nowMs = clock.monotonicMs();
        if (nowMs - startMs >= streamLimits.turnMs) break;
      }
      this.#trunk.flush();
      for (const side of this.#sides.values()) side.flush();
      this.#deadLetters?.flush();
    } catch (thrown) {
      this.fail(asStageFailure(this.#headStage, thrown));
      return;
    }
    this.#busyMs += nowMs - startMs;
    if (this.#state !== 'running') return;
    if (this.#full > 0) this.#waits.begin(nowMs);
    else if (going) this.#host.wake();
  }

  /** Stops because of `error`, which follows what was delivered. */
  fail(error: FlowError): void {
    if (this.#state === 'stopped') return;
    this.#stop();
    // Before anything is sent: its end may follow at once, and nothing is said after that.
    this.#host.failed(error);
    try {
      this.#trunk.fail(error);
      for (const side of this.#sides.values()) side.fail(error);
      this.#deadLetters?.fail(error);
    } catch {
      // What is queued cannot be sent, which is known by now, or comes too late to be the first error.
      this.cancel();
    }
  }

  /** Stops because nobody wants the result, and drops what is queued. */
  cancel(): void {
    if (this.#state !== 'stopped') this.#stop();
    this.#trunk.abort();
    for (const side of this.#sides.values()) side.cancel();
    this.#deadLetters?.cancel();
  }

  /** What its processor answers, also after the end; it may be a promise. */
  query(question: unknown): unknown {
    return this.#processing?.query(question);
  }

  counts(): SegmentCounts {
    return {
      stages: [...headCounts(this.#plan, this.#intake, this.#processing), ...this.#trunk.counts()],
      creditWaits: this.#waits.count,
      creditWaitMs: this.#waits.totalMs(this.#host.clock.monotonicMs()),
      busyMs: this.#busyMs,
      watermarkMs: this.#watermarkMs,
      condition: this.#condition(),
    };
  }

  #condition(): Condition {
    const parts: ConditionParts = { holding: [], writing: [] };
    this.#trunk.describe(parts);
    const sourceMs = this.#intake instanceof SourceIntake ? this.#intake.askedForMs : undefined;
    return {
      waitsFor: this.#waitsFor(sourceMs),
      sourceMs: sourceMs ?? 0,
      fullOutputs: this.#outlets.flatMap((outlet, output) => (outlet.full ? [output] : [])),
      emptyInputs: this.#inlets.flatMap((inlet, input) => (inlet.queued === 0 && !inlet.ended ? [input] : [])),
      ...parts,
    };
  }

  #waitsFor(sourceMs: number | undefined): Condition['waitsFor'] {
    if (this.#full > 0) return 'room';
    if (this.#state !== 'running') return 'ended';
    if (this.#batch !== undefined || this.#marks.length > 0) return 'work';
    return sourceMs === undefined ? 'input' : 'source';
  }

  /** One small piece of work. False when there is nothing to do now. */
  #step(): boolean {
    if (this.#full > 0) return false;
    if (this.#marks.length > 0) return this.#emitDue(this.#marks[0]!);
    const processing = this.#processing;
    this.#batch ??= this.#takeBatch();
    if (this.#batch === undefined) {
      if (processing?.due) return processing.work();
      return this.#intake.ended && this.#finishInput();
    }
    if (processing === undefined) this.#pushSome(this.#batch);
    else this.#foldSome(this.#batch, processing);
    return this.#state === 'running';
  }

  #takeBatch(): Batch | undefined {
    this.#at = 0;
    return this.#intake.take();
  }

  #pushSome({ items, times, marks }: Batch): void {
    const until = Math.min(this.#at + streamLimits.elementsPerClockRead, items.length);
    const trunk = this.#trunk;
    let at = this.#at;
    while (at < until && this.#full === 0 && this.#state === 'running') {
      trunk.write(items[at], times === undefined ? Number.NaN : times[at]!);
      at += 1;
    }
    this.#at = at;
    if (at === items.length) this.#release(marks);
  }

  #foldSome({ items, times, marks, port = 0, portMarks }: Batch, processing: Processing): void {
    const until = Math.min(this.#at + streamLimits.elementsPerClockRead, items.length);
    let at = this.#at;
    while ((at < until || processing.due) && this.#full === 0 && this.#state === 'running') {
      // What an element made due goes before the next is added, and before the batch is let go.
      if (processing.due) {
        processing.work();
        continue;
      }
      processing.add(items[at], times === undefined ? Number.NaN : times[at]!, port);
      at += 1;
    }
    this.#at = at;
    if (at < items.length || processing.due) return;
    if (portMarks !== undefined) processing.portsAt(port, portMarks);
    this.#release(marks);
  }

  #release(marks: readonly number[]): void {
    this.#batch = undefined;
    this.#intake.release();
    if (this.#state === 'running') this.#marks.push(...marks);
  }

  /** Pushes results that are due; when there is none left, event time has gone on for the segments behind too. */
  #emitDue(mark: number): boolean {
    const processing = this.#processing;
    if (mark !== idle) {
      this.#watermarkMs = Math.max(this.#watermarkMs, mark);
      processing?.advance(mark);
    }
    for (let count = 0; count < streamLimits.elementsPerClockRead; count += 1) {
      if (this.#full > 0) return true;
      if (processing === undefined || !processing.work()) {
        this.#marks.shift();
        this.#trunk.watermark(mark);
        return true;
      }
      if (this.#state !== 'running') return false;
    }
    return true;
  }

  /** All input was worked off: what a processor still waits with is due, then the operators give what they gathered. */
  #finishInput(): boolean {
    if (this.#processing !== undefined && this.#watermarkMs !== Infinity) {
      this.#marks = [Infinity];
      return true;
    }
    this.#watermarkMs = Infinity;
    this.#endDeliveries();
    return false;
  }

  /** All readers have left, or the operators have had enough: nothing more is read. */
  #unwanted(): void {
    this.#intake.cancel();
    this.#endDeliveries();
  }

  #endDeliveries(): void {
    if (this.#state !== 'running') return;
    this.#state = 'ending';
    this.#batch = undefined;
    this.#processing?.stop();
    this.#trunk.end();
    for (const side of this.#sides.values()) side.end();
  }

  #stop(): void {
    this.#state = 'stopped';
    this.#waits.end(this.#host.clock.monotonicMs());
    this.#batch = undefined;
    this.#processing?.stop();
    this.#intake.cancel();
  }

  readonly #fullChanged = (full: boolean): void => {
    this.#full += full ? 1 : -1;
    if (this.#full === 0 && this.#state === 'running') this.#host.wake();
  };

  readonly #oneClosed = (): void => {
    this.#deliveriesOpen -= 1;
    if (this.#deliveriesOpen === 0) this.#host.finished();
  };

  #guarded(receive: () => void): void {
    if (this.#state !== 'running') return;
    try {
      receive();
      this.#host.wake();
    } catch (thrown) {
      this.fail(asStageFailure(this.#headStage, thrown));
    }
  }

  /** Unlike what is received, what is queued may be sent after the input has ended. */
  #sending(send: () => void): void {
    try {
      send();
    } catch (thrown) {
      this.fail(asStageFailure(this.#headStage, thrown));
    }
  }

  get #headStage(): string {
    return this.#plan.head.stage;
  }
}

/**
 * A segment at work: takes batches, runs them through windows and an island of operators, and delivers what comes out.
 *
 * It is passive. Whoever hosts it (an actor) passes on what arrives and calls `turn` when the segment asked for it
 * with `wake`. A turn works for at most about 2 ms and never waits. The one rule: the next element is pushed only while
 * every queue behind has room; a push runs to its end, so a queue exceeds its high water by what one element gives.
 */
import type { Clock } from '../base/environment/clock.ts';
import { byKey, EdgeDelivery, toOnly } from './edge-delivery.ts';
import { asStageFailure, type FlowError } from './errors.ts';
import type { DataFrame, Downstream, Upstream } from './frame.ts';
import { Inlet } from './inlet.ts';
import type { Batch } from './intake.ts';
import { Island } from './island.ts';
import { streamLimits } from './limits.ts';
import { MergeIntake } from './merge-intake.ts';
import { Outlet } from './outlet.ts';
import type { SegmentPlan } from './plan.ts';
import type { SinkWriter } from './sink.ts';
import { SinkDelivery } from './sink-delivery.ts';
import { SourceIntake } from './source-intake.ts';
import type { SegmentCounts, StageCounts } from './stage-counts.ts';
import { WindowedState } from './windowed-state.ts';

export interface SegmentHost {
  readonly clock: Clock;
  /** There is work: call `turn` soon. The host sees to it that one call at most is pending. */
  readonly wake: () => void;
  /** All is delivered, or nothing more is wanted. Said once, and not after `failed`. */
  readonly finished: () => void;
  /** The segment failed and has stopped. Said once. */
  readonly failed: (error: FlowError) => void;
}

/** What a segment is joined to. */
export interface SegmentEdges {
  /** The ways back to the writers of its inputs, in the order of its inputs. None for a source. */
  readonly upstreams: readonly Upstream[];
  /** The ways to its readers, in the order of their partitions. None where a sink is behind. */
  readonly downstreams: readonly Downstream<unknown>[];
  /** The way of elements that are late, where they have a named output. */
  readonly late: Downstream<unknown> | undefined;
  /** The writer of its sink, opened. */
  readonly sink: SinkWriter<unknown> | undefined;
  /** Elements that one input may have on its way. */
  readonly window: number;
}

export class Segment {
  readonly #plan: SegmentPlan;
  readonly #host: SegmentHost;
  readonly #inlets: readonly Inlet<unknown>[];
  readonly #intake: SourceIntake | MergeIntake;
  readonly #windows: WindowedState | undefined;
  readonly #island: Island;
  readonly #delivery: EdgeDelivery | SinkDelivery;
  readonly #lateOutlet: Outlet<unknown> | undefined;
  #deliveriesOpen: number;
  /** Queues behind that are full. */
  #full = 0;
  #waitingSinceMs: number | undefined;
  #batch: Batch | undefined;
  #at = 0;
  /** Windows may be due up to here, and it is yet to be passed on. */
  #dueMs: number | undefined;
  /** The event time of the element that is being pushed. */
  #timeMs = Number.NaN;
  #state: 'running' | 'ending' | 'stopped' = 'running';
  #failed = false;
  #watermarkMs = -Infinity;
  #taken = 0;
  #creditWaits = 0;
  #creditWaitMs = 0;
  #busyMs = 0;

  constructor(plan: SegmentPlan, edges: SegmentEdges, host: SegmentHost) {
    this.#plan = plan;
    this.#host = host;
    this.#inlets = edges.upstreams.map((upstream) => new Inlet<unknown>(edges.window, upstream));
    this.#intake = this.#makeIntake();
    this.#windows = makeWindows(plan);
    this.#island = new Island(plan.vias, {
      emit: (value) => this.#delivery.write(value, this.#timeMs),
      onClosed: () => this.#closedEarly(),
      onFailed: (error) => this.fail(error),
    });
    this.#delivery = this.#makeDelivery(edges);
    this.#lateOutlet = edges.late === undefined ? undefined : this.#makeLateOutlet(edges.late);
    this.#deliveriesOpen = this.#lateOutlet === undefined ? 1 : 2;
  }

  /** Subscribes the operators and makes the first grants. */
  open(): void {
    this.#island.open();
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

  /** `output` counts the readers in the order of their partitions; the late output comes behind them. */
  grant(output: number, upTo: number): void {
    this.#outlet(output)?.grant(upTo);
  }

  cancelOutput(output: number): void {
    this.#outlet(output)?.cancel();
  }

  // ── work ──

  /** Works until nothing is left, a queue is full, or the time of a turn is used up; then asks for the next turn. */
  turn(): void {
    if (this.#state === 'stopped') return;
    const { clock } = this.#host;
    const startMs = clock.monotonicMs();
    this.#endWait(startMs);
    let nowMs = startMs;
    let going = this.#state === 'running';
    try {
      while (going) {
        going = this.#step();
        nowMs = clock.monotonicMs();
        if (nowMs - startMs >= streamLimits.turnMs) break;
      }
      this.#delivery.flush();
      this.#lateOutlet?.flush();
    } catch (thrown) {
      this.fail(asStageFailure(this.#headStage, thrown));
      return;
    }
    this.#busyMs += nowMs - startMs;
    if (this.#state !== 'running') return;
    if (this.#full > 0) this.#beginWait(nowMs);
    else if (going) this.#host.wake();
  }

  /** Stops because of `error`, which follows what was delivered. */
  fail(error: FlowError): void {
    if (this.#state === 'stopped') return;
    this.#failed = true;
    this.#stop();
    this.#delivery.fail(error);
    this.#lateOutlet?.fail(error);
    this.#host.failed(error);
  }

  /** Stops because nobody wants the result. */
  cancel(): void {
    if (this.#state === 'stopped') return;
    this.#stop();
    this.#delivery.abort();
    this.#lateOutlet?.cancel();
  }

  counts(): SegmentCounts {
    return {
      stages: [
        ...this.#headCounts(),
        ...this.#island.stages.map((stage) => stageCounts(stage.name, { in: stage.in, out: stage.out })),
        ...this.#tailCounts(),
      ],
      creditWaits: this.#creditWaits,
      creditWaitMs: this.#creditWaitMs + this.#waitedMs(),
      busyMs: this.#busyMs,
      watermarkMs: this.#watermarkMs,
    };
  }

  /** One small piece of work. False when there is nothing to do now. */
  #step(): boolean {
    if (this.#full > 0) return false;
    if (this.#dueMs !== undefined) return this.#emitDue(this.#dueMs);
    this.#batch ??= this.#takeBatch();
    if (this.#batch === undefined) return this.#intake.ended && this.#finishInput();
    if (this.#windows === undefined) this.#pushSome(this.#batch);
    else this.#foldSome(this.#batch, this.#windows);
    return this.#state === 'running';
  }

  #takeBatch(): Batch | undefined {
    const batch = this.#intake.take();
    if (batch !== undefined) this.#taken += batch.items.length;
    this.#at = 0;
    return batch;
  }

  #pushSome({ items, times, watermark }: Batch): void {
    const until = Math.min(this.#at + streamLimits.elementsPerClockRead, items.length);
    const island = this.#island;
    let at = this.#at;
    while (at < until && this.#full === 0 && !island.closed) {
      if (times !== undefined) this.#timeMs = times[at]!;
      island.push(items[at]);
      at += 1;
    }
    this.#at = at;
    if (at === items.length) this.#release(watermark);
  }

  #foldSome({ items, times, watermark }: Batch, windows: WindowedState): void {
    const until = Math.min(this.#at + streamLimits.elementsPerClockRead, items.length);
    let at = this.#at;
    while (at < until && this.#full === 0) {
      const item = items[at];
      const timeMs = times![at]!;
      if (!windows.add(item, timeMs)) this.#lateOutlet?.write(item, timeMs);
      at += 1;
    }
    this.#at = at;
    if (at === items.length) this.#release(watermark);
  }

  #release(watermarkMs: number | undefined): void {
    this.#batch = undefined;
    this.#intake.release();
    if (watermarkMs === undefined || this.#state !== 'running') return;
    this.#watermarkMs = watermarkMs;
    this.#dueMs = watermarkMs;
  }

  /** Pushes results that are due; when there is none left, event time has gone on for the segments behind too. */
  #emitDue(watermarkMs: number): boolean {
    const windows = this.#windows;
    windows?.advance(watermarkMs);
    for (let count = 0; count < streamLimits.elementsPerClockRead; count += 1) {
      if (this.#full > 0) return true;
      const result = windows?.next();
      if (result === undefined) {
        this.#dueMs = undefined;
        this.#delivery.watermark(watermarkMs);
        return true;
      }
      // The last moment that belongs to the window.
      this.#timeMs = result.window.endMs - 1;
      this.#island.push(result);
      if (this.#state !== 'running') return false;
    }
    return true;
  }

  /** All input was worked off: windows that are still open are due, then the operators give what they gathered. */
  #finishInput(): boolean {
    if (this.#windows !== undefined && this.#watermarkMs !== Infinity) {
      this.#watermarkMs = Infinity;
      this.#dueMs = Infinity;
      return true;
    }
    this.#watermarkMs = Infinity;
    this.#island.complete();
    this.#endDeliveries();
    return false;
  }

  #closedEarly(): void {
    this.#intake.cancel();
    this.#endDeliveries();
  }

  #endDeliveries(): void {
    if (this.#state !== 'running') return;
    this.#state = 'ending';
    this.#batch = undefined;
    this.#delivery.end();
    this.#lateOutlet?.end();
  }

  #stop(): void {
    this.#state = 'stopped';
    this.#endWait(this.#host.clock.monotonicMs());
    this.#batch = undefined;
    this.#intake.cancel();
    this.#island.dispose();
  }

  readonly #fullChanged = (full: boolean): void => {
    this.#full += full ? 1 : -1;
    if (this.#full === 0 && this.#state === 'running') this.#host.wake();
  };

  readonly #deliveryClosed = (): void => {
    if (this.#state === 'running') {
      // Every reader has left.
      this.#stop();
      this.#lateOutlet?.end();
    }
    this.#oneClosed();
  };

  readonly #oneClosed = (): void => {
    this.#deliveriesOpen -= 1;
    if (this.#deliveriesOpen === 0 && !this.#failed) this.#host.finished();
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

  // ── waiting for room, as it is counted ──

  #beginWait(nowMs: number): void {
    this.#creditWaits += 1;
    this.#waitingSinceMs = nowMs;
  }

  #endWait(nowMs: number): void {
    if (this.#waitingSinceMs === undefined) return;
    this.#creditWaitMs += nowMs - this.#waitingSinceMs;
    this.#waitingSinceMs = undefined;
  }

  #waitedMs(): number {
    return this.#waitingSinceMs === undefined ? 0 : this.#host.clock.monotonicMs() - this.#waitingSinceMs;
  }

  // ── counts ──

  #headCounts(): StageCounts[] {
    const { head } = this.#plan;
    switch (head.kind) {
      case 'source': {
        const dropped = this.#intake instanceof SourceIntake ? this.#intake.dropped : 0;
        return [stageCounts(head.stage, { in: this.#taken + dropped, out: this.#taken, dropped })];
      }
      case 'window': {
        const { windowed, late, windows } = this.#windows!;
        return [stageCounts(head.stage, { in: windowed + late, out: windows, late })];
      }
      case 'gather':
        return [];
      default:
        return head satisfies never;
    }
  }

  #tailCounts(): StageCounts[] {
    const { tail } = this.#plan;
    const { written, discarded } = this.#delivery;
    if (tail.kind === 'forward') return [];
    const counts = this.#delivery instanceof SinkDelivery ? this.#delivery.counts : {};
    return [
      stageCounts(tail.stage, {
        in: written,
        out: written - discarded - this.#delivery.queued,
        dropped: discarded,
        counts,
      }),
    ];
  }

  // ── wiring ──

  get #headStage(): string {
    return this.#plan.head.kind === 'gather' ? 'gather' : this.#plan.head.stage;
  }

  #outlet(index: number): Outlet<unknown> | undefined {
    const outlets = this.#delivery instanceof EdgeDelivery ? this.#delivery.outlets : [];
    return index < outlets.length ? outlets[index] : this.#lateOutlet;
  }

  #makeIntake(): SourceIntake | MergeIntake {
    const { head } = this.#plan;
    if (head.kind !== 'source') return new MergeIntake(this.#inlets);
    const { wake, clock } = this.#host;
    const { stage, time } = head;
    const events = { ready: wake, failed: (error: FlowError) => this.fail(error) };
    return new SourceIntake(head.source, { stage, time, clock, events });
  }

  #makeDelivery({ downstreams, sink }: SegmentEdges): EdgeDelivery | SinkDelivery {
    const { tail } = this.#plan;
    const events = { full: this.#fullChanged, closed: this.#deliveryClosed };
    switch (tail.kind) {
      case 'sink':
        return new SinkDelivery(sink!, tail.stage, { ...events, failed: (error) => this.fail(error) });
      case 'forward':
        return new EdgeDelivery(downstreams, { timed: false, route: toOnly, events });
      case 'key': {
        const route = byKey(tail.stage, tail.keyOf, tail.parallelism);
        return new EdgeDelivery(downstreams, { timed: true, route, events });
      }
      default:
        return tail satisfies never;
    }
  }

  #makeLateOutlet(late: Downstream<unknown>): Outlet<unknown> {
    return new Outlet<unknown>(late, {
      highWater: streamLimits.outletHighWater,
      frameElementsMax: streamLimits.frameElementsMax,
      timed: false,
      onFull: this.#fullChanged,
      onClosed: this.#oneClosed,
    });
  }
}

function makeWindows({ head }: SegmentPlan): WindowedState | undefined {
  if (head.kind !== 'window') return undefined;
  const { stage, window, allowedLatenessMs, keyOf, aggregates } = head;
  return new WindowedState({ stage, sizeMs: window.sizeMs, allowedLatenessMs, keyOf, aggregates });
}

function stageCounts(name: string, counts: Partial<StageCounts>): StageCounts {
  return { name, in: 0, out: 0, dropped: 0, late: 0, counts: {}, ...counts };
}

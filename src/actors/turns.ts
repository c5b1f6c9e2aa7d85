/**
 * The turns of an actor: what it handles when the dispatcher calls it.
 *
 * One message at a time, across awaits: a handler is called synchronously, and only one that returns a thenable suspends
 * the actor until it settles. A turn drains the backlog that was there when it began, so an actor that tells itself does
 * not starve the others.
 */
import { ActivityAt } from '../base/activity.ts';
import type { Runnable, Slice } from '../base/environment/scheduler.ts';
import { limits } from '../base/limits.ts';
import { answeredLater } from './answered-later.ts';
import type { Cell } from './cell.ts';
import type { CellExtension } from './cell-extension.ts';
import { settleDeclared } from './declared-failure.ts';
import { InterleavedRun } from './interleaved-run.ts';
import { isThenable } from './lifecycle.ts';
import { type Envelope, Status } from './mailbox.ts';
import { OwnStreams } from './own-streams.ts';
import type { Request } from './request.ts';
import { Run } from './run.ts';
import type { StreamRequest } from './stream-request.ts';

export abstract class Turns extends OwnStreams implements Runnable {
  protected override makeReady(): void {
    this.status = Status.ready;
    this.host.scheduler.ready(this);
  }

  run(slice: Slice): void {
    if (this.status !== Status.ready) return;
    // The run queue takes it back when nobody is left.
    this.hosted.activity[ActivityAt.cell] = this.id;
    if (this.hosted.isLast && this.endsInTurn(slice)) return;
    this.status = Status.running;
    const { extra } = this;
    if (extra !== undefined) {
      if (extra.observers.size > 0) this.attend();
      if (extra.pulls.size > 0 && !extra.beside.isClosed) this.pumpStreams(extra, slice);
      // A stream that failed at once has restarted or ended its actor.
      if (!this.isRunning) return;
    }
    const handled = extra === undefined ? this.drain(slice) : this.drainOf(extra, slice);
    this.host.counters.handled += handled;
    if (extra?.receiveTimeout !== undefined) extra.receiveTimeout.handled(handled);
    // A handler may have suspended it, or ended it.
    if (this.isRunning) this.afterRun();
  }

  /** Handles what is queued now, until the slice is used up or a handler suspends the cell. Returns how many. */
  private drain(slice: Slice): number {
    let left = Math.min(this.queued, limits.messagesPerTurnMax);
    let handled = 0;
    while (left > 0) {
      const batch = Math.min(left, slice.stride);
      if (slice.isClose) this.mark(this.peekEnvelope().operation);
      const done = this.handle(batch);
      handled += done;
      left -= done;
      if (slice.spent(done) || done < batch || left === 0 || this.stopAsked || !this.isRunning) break;
    }
    return handled;
  }

  /** Handles up to `batch` messages. Returns how many, fewer where the turn ends with one of them. */
  private handle(batch: number): number {
    const { state } = this;
    const { handlers } = this.hosted;
    for (let handled = 1; handled <= batch; handled += 1) {
      const envelope = this.peekEnvelope();
      const message = this.shiftMessage();
      const { request } = envelope;
      const run = this.current ?? this.newRun();
      if (request !== undefined) {
        if (!this.answer(request, message, run)) return handled;
      } else {
        try {
          const result = handlers[envelope.operation.index]!(state, message, run);
          if (result !== undefined && isThenable(result)) {
            this.suspend(result, envelope, message);
            return handled;
          }
        } catch (error) {
          this.failed(error, envelope, message);
          return handled;
        }
        if (envelope.origin !== undefined) envelope.origin.settled();
      }
      if (this.status !== Status.running && !this.attendTo(run)) return handled;
    }
    return batch;
  }

  private drainOf(extra: CellExtension, slice: Slice): number {
    // It waits for open runs only, and then it stops.
    if (this.stopAsked) return 0;
    if (extra.beside.isClosed) return this.drainBeside(slice, extra);
    return extra.offers.size > 0 ? this.drainFull(slice, extra) : this.drain(slice);
  }

  /** The same as `drain`, where offers wait: they get the room before the handler that made it can use it up. */
  private drainFull(slice: Slice, extra: CellExtension): number {
    let handled = 0;
    for (let left = Math.min(this.queued, limits.messagesPerTurnMax); left > 0 && this.mayBegin(); left -= 1) {
      this.admitBehindOldest(extra);
      if (slice.isClose) this.mark(this.peekEnvelope().operation);
      handled += this.handle(1);
      if (slice.spent(1) || this.stopAsked || !this.isRunning) break;
    }
    return handled;
  }

  /** Handles what may begin while the exclusive run waits, until the slice is used up. Returns how many. */
  private drainBeside(slice: Slice, extra: CellExtension): number {
    const { beside } = extra;
    let handled = 0;
    for (let left = Math.min(this.queued, limits.messagesPerTurnMax); left > 0; left -= 1) {
      if (!this.isRunning || this.stopAsked || !beside.isClosed || !this.mayBegin()) break;
      const { request, operation } = this.peekEnvelope();
      if (slice.isClose) this.mark(operation);
      const message = this.shiftMessage();
      if (extra.offers.size > 0) this.admitOffers(extra);
      handled += 1;
      if (!this.answerBeside(request!, message) || slice.spent(1)) break;
    }
    return handled;
  }

  /** What a message has left to be seen to. False when the turn ends with it. */
  private attendTo(run: Run): boolean {
    if (this.status !== Status.attentive) return false;
    this.status = Status.running;
    // A stream has taken its run with it, which then lives as long as the stream.
    if (!run.reusable && this.current === run) this.releaseRun(run);
    const { extra } = this;
    if (extra !== undefined && extra.observers.size > 0) {
      extra.notice(this.state);
      this.attend();
    }
    return !this.stopAsked && this.isRunning;
  }

  protected override newRun(): Run {
    const run = this.behavior.severalRuns
      ? new InterleavedRun(this as unknown as Cell)
      : new Run(this as unknown as Cell);
    this.current = run;
    return run;
  }

  /** Runs the handler of an ask or a stream. False when the turn ends with it. */
  private answer(request: Request, message: unknown, run: Run): boolean {
    const { operation } = request;
    const isStream = operation.kind === 'stream';
    if (request.settled || (isStream && this.extra?.streamsFull)) {
      this.host.counters.handled -= 1;
      this.letterDies(request, message, request.settled ? 'expired' : 'full');
      return true;
    }
    if (isStream) return this.answerStream(request as StreamRequest, message);
    if (operation.interleaves > 0) return this.answerBeside(request, message);
    run.envelope = request;
    request.run = run;
    try {
      const result = this.hosted.handlers[operation.index]!(this.state, message, run);
      if (result !== undefined && result !== null && isThenable(result)) {
        this.suspend(result, request, message);
        return false;
      }
      request.succeed(result);
    } catch (error) {
      const failure = settleDeclared(error, request);
      if (failure !== undefined) {
        this.failed(failure.thrown, request, message);
        return false;
      }
    }
    run.envelope = undefined;
    request.origin?.settled();
    return true;
  }

  private suspend(result: PromiseLike<unknown>, envelope: Envelope, message: unknown): void {
    const run = this.current;
    if (result === answeredLater) {
      envelope.origin?.settled();
      // It stays open for as long as its request is, and waits for nobody.
      this.current = undefined;
      return;
    }
    if (this.isOver || run === undefined) {
      // The handler has ended its own actor, or restarted it, before its first await.
      this.tellAbandoned(envelope);
      result.then(undefined, () => undefined);
      return;
    }
    this.status = Status.suspended;
    run.envelope = envelope;
    if (this.hosted.interleaves) this.extension.beside.held = true;
    this.settleLater(result, envelope, message, run, () => this.resume(envelope));
    if (this.extra !== undefined && this.extra.offers.size > 0) this.admitOffers(this.extra);
    this.wake();
  }

  private resume(envelope: Envelope): void {
    envelope.origin?.settled();
    this.releaseRun(this.current);
    this.extra?.notice(this.state);
    this.afterRun();
  }

  protected override afterRun(): void {
    if (this.extra !== undefined) this.afterRunOf(this.extra);
    else if (this.hosted.isLast && this.endsNow()) return;
    else if (this.queued > 0) this.makeReady();
    else this.status = Status.idle;
  }

  private afterRunOf(extra: CellExtension): void {
    if (extra.offers.size > 0) this.admitOffers(extra);
    // An offer that was let in, or a run beside others, may have asked for the turn.
    if (this.status === Status.ready) return;
    if (this.hosted.isLast && this.endsNow()) return;
    const { isClosed } = this;
    if ((extra.pulls.size > 0 && !isClosed) || this.mayBegin()) this.makeReady();
    else if (this.queued > 0 || isClosed) this.status = Status.suspended;
    else {
      this.status = Status.idle;
      extra.receiveTimeout?.rests();
    }
  }

  /** The same in a turn, whose time it takes. */
  private endsInTurn(slice: Slice): boolean {
    const { activity, startNumber } = this.hosted;
    if (slice.isClose) activity[ActivityAt.operation] = startNumber + 1;
    if (!this.endsNow()) return false;
    slice.spent(1);
    return true;
  }
  /** It is to leave for another place, and nothing of it is open any more. */
  protected abstract restsToLeave(): void;

  /** Ends an actor that is to end and has nothing open any more. */
  protected endsNow(): boolean {
    if (!(this.stopAsked || this.isDrained) || !this.isFree) return false;
    if (this.hosted.isLeaving) this.restsToLeave();
    else this.endInOrder('stopped');
    return true;
  }

  protected override wake(): void {
    if (this.status === Status.idle || (this.status === Status.suspended && this.mayBegin())) this.makeReady();
  }
}

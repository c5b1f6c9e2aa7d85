import { ActivityAt } from '../base/activity.ts';
import type { Cell } from './cell.ts';
import { settleDeclared } from './declared-failure.ts';
import { InterleavedRun } from './interleaved-run.ts';
import { isThenable } from './lifecycle.ts';
import { type Envelope, Status } from './mailbox.ts';
import type { Operation } from './operation.ts';
import type { Request } from './request.ts';
import type { Run } from './run.ts';
import { Supervised } from './supervised.ts';

export abstract class RunsBeside extends Supervised {
  /** Answers with what an asynchronous handler comes to, unless it was given up by then. */
  protected settleLater(
    result: PromiseLike<unknown>,
    envelope: Envelope,
    message: unknown,
    run: Run,
    goOn: () => void,
  ): void {
    const { request, operation } = envelope;
    const { outsideTurns } = this.host;
    result.then(
      (value) => {
        outsideTurns?.note(this, operation.label);
        if (run.isOver) return;
        try {
          request?.succeed(value);
        } catch (error) {
          this.failed(error, envelope, message, run);
          return;
        }
        goOn();
      },
      (error: unknown) => {
        outsideTurns?.note(this, operation.label);
        if (run.isOver) return;
        const failure = request === undefined ? { thrown: error } : settleDeclared(error, request);
        if (failure === undefined) goOn();
        else this.failed(failure.thrown, envelope, message, run);
      },
    );
  }

  /** Says to those who look at the thread which handler is about to be called. */
  protected mark({ index }: Operation): void {
    const { activity, firstOperation } = this.hosted;
    activity[ActivityAt.operation] = firstOperation + index;
  }

  /** True while an exclusive run waits, or the started hook. */
  protected override get isHeld(): boolean {
    if (this.status === Status.starting || this.status === Status.restarting) return true;
    return this.hosted.interleaves ? this.extra?.beside.held === true : this.status === Status.suspended;
  }

  /** True while no exclusive message may begin. */
  protected get isClosed(): boolean {
    return this.behavior.interleaves ? this.extra?.beside.isClosed === true : this.status === Status.suspended;
  }

  /** True when no run of a message is open. */
  protected get isFree(): boolean {
    return !this.isHeld && (this.extra === undefined || this.extra.beside.asks.size === 0);
  }

  /** True when the oldest message may begin. */
  protected mayBegin(): boolean {
    if (this.queued === 0) return false;
    if (!this.hosted.interleaves) return !this.isHeld;
    if (this.stopAsked) return false;
    const envelope = this.peekEnvelope();
    const may = this.mayBeginWith(envelope);
    // What is behind it need not wait for a call that is given up.
    if (!may && envelope.request !== undefined) envelope.request.onGivenUp ??= () => this.wake();
    return may;
  }

  protected mayBeginWith({ operation, request }: Envelope): boolean {
    const { beside } = this.extension;
    if (request?.settled) return true;
    if (operation.interleaves > 0) return beside.hasRoomFor(operation);
    return !beside.isClosed || request?.isAdmitted === true;
  }

  /** Begins an ask beside whatever else is open. False when the turn ends with it. */
  protected answerBeside(request: Request, message: unknown): boolean {
    const { operation } = request;
    const { beside } = this.extension;
    if (request.settled) {
      this.host.counters.handled -= 1;
      this.letterDies(request, message, 'expired');
      return true;
    }
    if (operation.interleaves > 0 && !beside.hasRoomFor(operation)) {
      this.host.counters.handled -= 1;
      this.putBack(request, message);
      this.attend();
      return false;
    }
    const run = new InterleavedRun(this as unknown as Cell);
    run.envelope = request;
    request.run = run;
    beside.begin(run, operation);
    try {
      const result = this.call(run, request, message);
      if (result !== undefined && result !== null && isThenable(result)) {
        this.settleLater(result, request, message, run, () => this.endBeside(run));
        return true;
      }
      request.succeed(result);
    } catch (error) {
      const failure = settleDeclared(error, request);
      if (failure !== undefined) {
        this.failed(failure.thrown, request, message, run);
        return false;
      }
    }
    this.endBeside(run);
    return true;
  }

  /** Calls the handler with a message whose refs belong to the run. */
  protected call(run: InterleavedRun, { operation }: Request, message: unknown): unknown {
    const { beside } = this.extension;
    // One that was let in is an exclusive one: its handler sees to that itself.
    const rebinds = !operation.input.plain && (operation.interleaves > 0 || operation.kind === 'stream');
    const own = rebinds ? operation.input.rebind(message, run) : message;
    const before = beside.calling;
    beside.calling = run;
    try {
      return this.hosted.handlers[operation.index]!(this.state, own, run);
    } finally {
      beside.calling = before;
    }
  }

  protected override endBeside(run: Run): void {
    const { extension } = this;
    run.envelope?.origin?.settled();
    extension.forget(run);
    extension.beside.end(run);
    extension.receiveTimeout?.handled(1);
    extension.notice(this.state);
    if (this.status === Status.suspended || this.status === Status.idle) this.afterRun();
  }
}

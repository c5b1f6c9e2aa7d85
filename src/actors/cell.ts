/**
 * A cell: one running actor, with its state and at most one open run.
 *
 * One message at a time, across awaits: a handler is called synchronously, and only one that returns a thenable suspends
 * the cell until it settles. A turn drains the backlog that was there when it began, so an actor that tells itself does
 * not starve the others. Its queue is `mailbox.ts`, its start and end are `lifecycle.ts`, its failures `supervised.ts`.
 */
import type { Runnable, Slice } from '../base/environment/scheduler.ts';
import { limits } from '../base/limits.ts';
import type { CellExtension } from './cell-extension.ts';
import { settleDeclared } from './declared-failure.ts';
import { SpawnFailed } from './errors.ts';
import { invalidMessage } from './isolation.ts';
import { isThenable } from './lifecycle.ts';
import { openLocalStream, sendAsk, sendOffer } from './local-calls.ts';
import { type Envelope, Status } from './mailbox.ts';
import { Observer } from './observer.ts';
import type { Operation } from './operation.ts';
import { ActorFailed, Lagged } from './outcomes.ts';
import { OwnRefs } from './outside.ts';
import type { WorkOwner } from './pipe-to-self.ts';
import type { CallOptions, Stream, StreamOptions } from './protocol.ts';
import type { InternalRef } from './ref.ts';
import type { Request } from './request.ts';
import { Run } from './run.ts';
import { type StreamHost, type StreamRequest, StreamRun } from './stream-request.ts';
import { Supervised } from './supervised.ts';
import type { Address, Owner, Target } from './target.ts';
import { Watches } from './watch.ts';

export class Cell extends Supervised implements Target, Runnable, Owner, StreamHost {
  #runNumber = 0;
  #refs: OwnRefs | undefined = undefined;

  // ── what refs see ──

  get protocolName(): string {
    return this.behavior.protocol.name;
  }

  address(): Address {
    if (this.status !== Status.stopped) this.host.export(this);
    return { place: this.host.placeId, cell: this.id };
  }

  get load(): number {
    return this.queued + (this.status === Status.running || this.status === Status.suspended ? 1 : 0);
  }

  /** Whose room an offer from another place waits for: its own, or that of whom it passes on to, cell or not. */
  receiverOf(_operation: Operation, _message: unknown): { readonly cell: Cell } | { readonly target: Target } {
    return { cell: this };
  }

  tell(operation: Operation, message: unknown): boolean {
    let taken: unknown;
    try {
      taken = this.host.handOver(operation.input, message, this);
    } catch (error) {
      throw invalidMessage(error, `${operation.label} to ${this.path()}`);
    }
    return this.accept(operation.envelope, taken);
  }

  ask(operation: Operation, message: unknown, options: CallOptions | undefined, owner: Owner): Promise<unknown> {
    return sendAsk(this, operation, message, options, owner);
  }

  offer(operation: Operation, message: unknown, options: CallOptions | undefined, _owner: Owner): Promise<void> {
    return sendOffer(this, operation, message, options);
  }

  stream(operation: Operation, message: unknown, options: StreamOptions | undefined, owner: Owner): Stream<unknown> {
    return openLocalStream(this, operation, message, options, owner);
  }

  // ── a turn ──

  protected override makeReady(): void {
    this.status = Status.ready;
    this.host.scheduler.ready(this);
  }

  run(slice: Slice): void {
    if (this.status !== Status.ready) return;
    if (this.stopAsked) {
      void this.endInOrder('stopped');
      return;
    }
    this.status = Status.running;
    if (this.extra !== undefined) {
      pumpStreams(this.extra);
      // A stream that failed at once has restarted or ended its actor.
      if ((this.status as number) !== Status.running) return;
    }
    const handled = this.drain(slice);
    this.host.counters.handled += handled;
    // A handler may have suspended it, or ended it.
    if ((this.status as number) === Status.running) this.afterRun();
  }

  /** Handles what is queued now, until the slice is used up or a handler suspends the cell. Returns how many. */
  private drain(slice: Slice): number {
    const { state, backlog } = this;
    const { handlers } = this.behavior;
    let left = backlog === undefined ? 0 : backlog.size;
    if (this.firstEnvelope !== undefined) left += 1;
    if (left > limits.messagesPerTurnMax) left = limits.messagesPerTurnMax;
    let handled = 0;
    while (left > 0) {
      left -= 1;
      let envelope = this.firstEnvelope;
      let message: unknown;
      if (envelope !== undefined) {
        message = this.firstMessage;
        this.firstEnvelope = undefined;
        this.firstMessage = undefined;
      } else {
        envelope = backlog!.peekFirst();
        message = backlog!.shiftSecond();
      }
      handled += 1;
      this.#runNumber += 1;
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
      // A stream has taken its run with it, which then lives as long as the stream.
      if (!run.reusable && this.current === run) this.releaseRun(run);
      if (this.extra !== undefined) this.extra.notice(state);
      if (this.stopAsked || this.status !== Status.running || slice.spent(1)) break;
    }
    return handled;
  }

  private newRun(): Run {
    const run = new Run(this);
    this.current = run;
    return run;
  }

  /** Runs the handler of an ask or a stream. False when the turn ends with it. */
  private answer(request: Request, message: unknown, run: Run): boolean {
    const isStream = request.operation.kind === 'stream';
    if (request.settled || (isStream && this.extra?.streamsFull)) {
      this.host.counters.handled -= 1;
      this.letterDies(request, message, request.settled ? 'expired' : 'full');
      return true;
    }
    run.envelope = request;
    request.begun = true;
    try {
      const result = this.behavior.handlers[request.operation.index]!(this.state, message, run);
      if (isStream) this.openStream(request as StreamRequest, result, run);
      else if (result !== undefined && result !== null && isThenable(result)) {
        this.suspend(result, request, message);
        return false;
      } else request.succeed(result);
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
    if (this.isOver) {
      // The handler has ended its own actor before its first await.
      this.tellAbandoned(envelope);
      result.then(undefined, () => undefined);
      return;
    }
    this.status = Status.suspended;
    this.current!.envelope = envelope;
    const runNumber = this.#runNumber;
    const isStillOpen = (): boolean => this.status === Status.suspended && this.#runNumber === runNumber;
    result.then(
      (value) => {
        if (!isStillOpen()) return;
        try {
          envelope.request?.succeed(value);
        } catch (error) {
          this.failed(error, envelope, message);
          return;
        }
        this.resume(envelope);
      },
      (error: unknown) => {
        if (!isStillOpen()) return;
        const { request } = envelope;
        const failure = request === undefined ? { thrown: error } : settleDeclared(error, request);
        if (failure === undefined) this.resume(envelope);
        else this.failed(failure.thrown, envelope, message);
      },
    );
  }

  private resume(envelope: Envelope): void {
    envelope.origin?.settled();
    this.releaseRun(this.current);
    this.extra?.notice(this.state);
    this.afterRun();
  }

  protected override afterRun(): void {
    const { extra } = this;
    if (extra !== undefined && extra.offers.size > 0) this.admitOffers(extra);
    if (this.stopAsked) void this.endInOrder('stopped');
    else if (
      this.firstEnvelope !== undefined ||
      (this.backlog !== undefined && this.backlog.size > 0) ||
      (extra !== undefined && extra.pulls.size > 0)
    ) {
      this.makeReady();
    } else this.status = Status.idle;
  }

  // ── what a run may ask of its actor ──

  selfRef(): InternalRef {
    this.#refs ??= new OwnRefs();
    return this.#refs.self(this);
  }

  /** What of this actor's generation began is its own to hear of, or to fail by; see `pipe-to-self.ts`. */
  workOwner(generation: number): WorkOwner {
    return {
      isLate: () => {
        if (!this.isOver && this.generation === generation) return false;
        this.host.counters.late += 1;
        return true;
      },
      failed: (error) => this.failed(error),
    };
  }

  /** What `select` gives after each message, until `run` or its stream ends. */
  observe<T>(select: (state: unknown) => T, every: boolean, run: Run): AsyncIterable<T> {
    const { observers } = this.extension;
    const observer = new Observer<T>(select, every, run, (closed) => observers.delete(closed as Observer<unknown>));
    if (this.status === Status.stopped || run.isStale) {
      observer.end();
      return observer;
    }
    observers.add(observer as Observer<unknown>);
    observer.notice(this.state);
    return observer;
  }

  spawnChild(definition: unknown, options: { args?: unknown; name?: string } | undefined): InternalRef {
    if (this.status === Status.stopped) {
      throw new SpawnFailed('shutdown', `${this.path()} has ended and starts no more children`);
    }
    const cell = this.host.spawn(definition, { args: options?.args, name: options?.name, parent: this });
    return new cell.behavior.refClass(cell, this);
  }

  get watches(): Watches {
    const { extension } = this;
    extension.watches ??= new Watches(this);
    return extension.watches;
  }

  // ── as the owner of refs ──

  get openRun(): number {
    const open = this.status === Status.running || this.status === Status.suspended;
    // While streams are open, a ref in the state may be used by any of the runs: no chain is better than a wrong one.
    return open && (this.extra === undefined || this.extra.streams.size === 0) ? this.#runNumber : 0;
  }

  get openRequest(): Request | undefined {
    return this.openRun === 0 ? undefined : this.current?.request;
  }

  isOpen(run: number): boolean {
    return this.#runNumber === run && (this.status === Status.running || this.status === Status.suspended);
  }

  adopt(ref: object): object {
    this.#refs ??= new OwnRefs();
    return this.#refs.adopt(ref as InternalRef, this);
  }

  // ── streams of its own ──

  private openStream(request: StreamRequest, result: unknown, run: Run): void {
    if (this.isOver) throw new ActorFailed(`${this.path()} has ended`);
    const iterable = result as AsyncIterable<unknown> | undefined;
    if (typeof iterable?.[Symbol.asyncIterator] !== 'function') {
      throw new TypeError(
        `the handler of ${request.operation.label} must return an AsyncIterable, such as an async generator`,
      );
    }
    const stream = new StreamRun(this, request, iterable, run);
    this.extension.streams.add(stream);
    request.onGivenUp = () => {
      run.abort('the reader has gone');
      stream.close();
      this.streamEnded(stream);
    };
    this.current = undefined;
    this.extension.pulls.push(stream);
  }

  wantsPull(stream: StreamRun): void {
    if (this.isOver) return;
    this.extension.pulls.push(stream);
    if (this.status === Status.idle) this.makeReady();
  }

  streamEnded(stream: StreamRun): void {
    this.extension.endStream(stream);
  }

  streamFailed(stream: StreamRun, error: unknown): void {
    this.streamEnded(stream);
    // A reader that is too slow is no failure of the actor.
    if (error instanceof Lagged) stream.request.fail(error);
    else {
      const failure = settleDeclared(error, stream.request);
      if (failure === undefined) return;
      stream.request.fail(this.failureOf(stream.request.operation.label, failure.thrown));
      this.failed(failure.thrown);
    }
  }
}

function pumpStreams(extra: CellExtension): void {
  for (let left = extra.pulls.size; left > 0; left -= 1) extra.pulls.shift()?.pump();
}

/**
 * A cell: one running actor, with its state and at most one open run.
 *
 * One message at a time, across awaits: a handler is called synchronously, and only one that returns a thenable suspends
 * the cell until it settles. A turn drains the backlog that was there when it began, so an actor that tells itself does
 * not starve the others. Its queue is `mailbox.ts`, its start and end are `lifecycle.ts`.
 */
import type { Runnable, Slice } from '../base/environment/scheduler.ts';
import { describeThrown, UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { CellExtension } from './cell-extension.ts';
import { DeclaredFailureSignal, SpawnFailed } from './errors.ts';
import { invalidMessage } from './isolation.ts';
import { isThenable, Lifecycle } from './lifecycle.ts';
import { openLocalStream, sendAsk, sendOffer } from './local-calls.ts';
import { type Envelope, Status } from './mailbox.ts';
import { Observer } from './observer.ts';
import type { Operation } from './operation.ts';
import { ActorFailed, DeclaredError, Lagged } from './outcomes.ts';
import { OwnRefs } from './outside.ts';
import type { CallOptions, Stream, StreamOptions } from './protocol.ts';
import { type InternalRef, reveal } from './ref.ts';
import type { Request } from './request.ts';
import { Run } from './run.ts';
import { type StreamHost, type StreamRequest, StreamRun } from './stream-request.ts';
import type { Address, Owner, Target } from './target.ts';

export class Cell extends Lifecycle implements Target, Runnable, Owner, StreamHost {
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
    if (this.extra !== undefined) pumpStreams(this.extra);
    const handled = this.#drain(slice);
    this.host.counters.handled += handled;
    // A handler may have suspended it, or ended it.
    if ((this.status as number) === Status.running) this.#afterRun();
  }

  /** Handles what is queued now, until the slice is used up or a handler suspends the cell. Returns how many. */
  #drain(slice: Slice): number {
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
      const run = this.current ?? this.#newRun();
      if (request !== undefined) {
        if (!this.#answer(request, message, run)) return handled;
      } else {
        try {
          const result = handlers[envelope.operation.index]!(state, message, run);
          if (result !== undefined && isThenable(result)) {
            this.#suspend(result, envelope);
            return handled;
          }
        } catch (error) {
          this.failed(error, envelope);
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

  #newRun(): Run {
    const run = new Run(this);
    this.current = run;
    return run;
  }

  /** Runs the handler of an ask or a stream. False when the turn ends with it. */
  #answer(request: Request, message: unknown, run: Run): boolean {
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
      if (isStream) this.#openStream(request as StreamRequest, result, run);
      else if (result !== undefined && result !== null && isThenable(result)) {
        this.#suspend(result, request);
        return false;
      } else request.succeed(result);
    } catch (error) {
      const failure = settleDeclared(error, request);
      if (failure !== undefined) {
        this.failed(failure.thrown, request);
        return false;
      }
    }
    run.envelope = undefined;
    request.origin?.settled();
    return true;
  }

  #suspend(result: PromiseLike<unknown>, envelope: Envelope): void {
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
          this.failed(error, envelope);
          return;
        }
        this.#resume(envelope);
      },
      (error: unknown) => {
        if (!isStillOpen()) return;
        const { request } = envelope;
        const failure = request === undefined ? { thrown: error } : settleDeclared(error, request);
        if (failure === undefined) this.#resume(envelope);
        else this.failed(failure.thrown, envelope);
      },
    );
  }

  #resume(envelope: Envelope): void {
    envelope.origin?.settled();
    this.releaseRun(this.current);
    this.extra?.notice(this.state);
    this.#afterRun();
  }

  /** What comes after a run: a stop, the next turn, or rest. */
  #afterRun(): void {
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

  pipeToSelf(work: Promise<unknown>, operation: unknown, failed: unknown): void {
    const to = reveal(operation);
    const orElse = failed === undefined ? undefined : reveal(failed);
    if (to?.operation.kind !== 'tell' || (failed !== undefined && orElse?.operation.kind !== 'tell')) {
      throw new UsageError('ctx.run delivers to tells: name them as ctx.self.loaded, without calling them');
    }
    const deliver = (bound: NonNullable<typeof orElse>, message: unknown): void => {
      if (this.isOver) this.host.counters.late += 1;
      else bound.target.tell(bound.operation, message);
    };
    work
      .then(
        (value) => deliver(to, value),
        (error: unknown) => {
          if (orElse === undefined) throw error;
          const code = (error as { readonly code?: unknown } | undefined)?.code;
          deliver(orElse, { code: typeof code === 'string' ? code : 'Error', message: describeThrown(error) });
        },
      )
      .catch((error: unknown) => this.failed(error, undefined));
  }

  /** What `select` gives after each message, until `run` or its stream ends. */
  observe<T>(select: (state: unknown) => T, every: boolean, run: Run): AsyncIterable<T> {
    const { observers } = this.extension;
    const observer = new Observer<T>(select, every, run, (closed) => observers.delete(closed as Observer<unknown>));
    if (this.status === Status.stopped) {
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

  #openStream(request: StreamRequest, result: unknown, run: Run): void {
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
      this.failed(failure.thrown, undefined);
    }
  }
}

function pumpStreams(extra: CellExtension): void {
  for (let left = extra.pulls.size; left > 0; left -= 1) extra.pulls.shift()?.pump();
}

/** Settles the request if its handler left by `ctx.fail`; gives back what is a failure of the actor instead. */
function settleDeclared(error: unknown, request: Request): { readonly thrown: unknown } | undefined {
  if (!(error instanceof DeclaredFailureSignal)) return { thrown: error };
  const { operation } = request;
  const type = operation.errors.get(error.errorCode);
  if (type === undefined) return { thrown: error };
  try {
    request.fail(new DeclaredError(error.errorCode, type.parse(error.data), operation.label));
    return undefined;
  } catch (misfit) {
    return { thrown: invalidMessage(misfit, `the data of ctx.fail("${error.errorCode}") in ${operation.label}`) };
  }
}

/**
 * A cell: one running actor. It holds the actor's state, its queue, and at most one open run.
 *
 * One message at a time, across awaits: a handler is called synchronously, and only one that returns a thenable suspends
 * the cell until it settles. A turn drains the backlog that was there when it began, so an actor that tells itself does
 * not starve the others. The first message has a slot in the cell; the ring behind it is made when there is a backlog.
 */
import type { Runnable, Slice } from '../base/environment/scheduler.ts';
import { describeThrown, UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { ActorBehavior } from './behavior.ts';
import { CellExtension } from './cell-extension.ts';
import type { DeadLetterReason } from './dead-letters.ts';
import { DeclaredFailureSignal, SpawnFailed } from './errors.ts';
import type { Host } from './host.ts';
import { invalidMessage } from './isolation.ts';
import { openLocalStream, sendAsk, sendOffer } from './local-calls.ts';
import { Observer } from './observer.ts';
import { OfferWaiting } from './offer.ts';
import type { Operation, TellEnvelope } from './operation.ts';
import { ActorFailed, DeclaredError, Lagged, NotDelivered, Rejected } from './outcomes.ts';
import { PairRing } from './pair-ring.ts';
import type { CallOptions, Stream, StreamOptions } from './protocol.ts';
import { type InternalRef, reveal } from './ref.ts';
import type { Request } from './request.ts';
import { Run } from './run.ts';
import { type StreamHost, type StreamRequest, StreamRun } from './stream-request.ts';
import type { Address, Owner, StopOptions, Target } from './target.ts';
import type { Timers } from './timers.ts';

export type Envelope = TellEnvelope | Request;

/** A cell's life, in order; numbers, since the hot path compares them. */
const Status = { starting: 0, idle: 1, ready: 2, running: 3, suspended: 4, stopping: 5, stopped: 6 } as const;
type StatusNumber = (typeof Status)[keyof typeof Status];
type EndReason = 'stopped' | 'failed' | 'killed';

export class Cell implements Target, Runnable, Owner, StreamHost {
  readonly host: Host;
  readonly behavior: ActorBehavior;
  readonly parent: Cell | undefined;
  /** Its number on this place, never used again: the incarnation. */
  readonly id: number;
  readonly name: string | undefined;
  #status: StatusNumber = Status.starting;
  #state: unknown = undefined;
  #firstEnvelope: Envelope | undefined = undefined;
  #firstMessage: unknown = undefined;
  #backlog: PairRing<Envelope, unknown> | undefined = undefined;
  #run: Run | undefined = undefined;
  #runNumber = 0;
  /** True when the turn must end for something other than messages: a stop. */
  #stopAsked = false;
  #extension: CellExtension | undefined = undefined;
  /** Resolves when it has started; undefined when it started at once. */
  started: Promise<void> | undefined = undefined;

  constructor(host: Host, behavior: ActorBehavior, parent: Cell | undefined, id: number, name: string | undefined) {
    this.host = host;
    this.behavior = behavior;
    this.parent = parent;
    this.id = id;
    this.name = name;
  }

  // ── what refs see ──

  get protocolName(): string {
    return this.behavior.protocol.name;
  }

  path(): string {
    return `troupe://${this.host.placeId}${this.branch()}#${this.id}`;
  }

  /** Its path below its place: the names from the top down to it. */
  branch(): string {
    const above: string = this.parent === undefined ? '' : this.parent.branch();
    return `${above}/${this.name ?? this.behavior.name}`;
  }

  address(): Address {
    if (this.#status !== Status.stopped) this.host.export(this);
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

  stop(kill: boolean, options: StopOptions | undefined): Promise<void> {
    if (this.#status === Status.stopped) return Promise.resolve();
    const ended = this.extension.ended;
    if (kill) this.#end('killed');
    else if (!this.#stopAsked) {
      this.#stopAsked = true;
      if (this.#status === Status.idle) this.#makeReady();
    }
    const deadlineMs = options?.deadlineMs;
    if (deadlineMs === undefined) return ended;
    return new Promise((resolve, reject) => {
      const cancel = this.host.environment.clock.wake(deadlineMs, () => {
        const path = this.path();
        this.#end('killed');
        reject(new ActorFailed(`${path} had not stopped after ${deadlineMs} ms and was killed`));
      });
      ended.then(() => {
        cancel();
        resolve();
      });
    });
  }

  // ── the queue ──

  /** Messages that wait, the one in the slot included. */
  get queued(): number {
    return (this.#firstEnvelope === undefined ? 0 : 1) + (this.#backlog === undefined ? 0 : this.#backlog.size);
  }

  /** True when an offer need not wait. */
  get hasRoom(): boolean {
    return this.queued < this.behavior.highWater && (this.#extension === undefined || this.#extension.offers.size === 0);
  }

  get isOver(): boolean {
    return this.#status >= Status.stopping;
  }

  /** Queues a message that is the receiver's own already. True while the queue is below its high water. */
  accept(envelope: Envelope, message: unknown): boolean {
    if (this.#status >= Status.stopping) {
      this.host.counters.refused += 1;
      this.#letterDies(envelope, message, 'stopped');
      return false;
    }
    let queued = this.queued;
    if (queued >= this.behavior.capacity) {
      if (!this.#makeRoom(envelope, message)) return false;
      queued -= 1;
    }
    if (queued === 0) {
      this.#firstEnvelope = envelope;
      this.#firstMessage = message;
    } else {
      this.#backlog ??= new PairRing();
      this.#backlog.push(envelope, message);
    }
    this.host.counters.accepted += 1;
    if (this.#status === Status.idle) this.#makeReady();
    return queued + 1 < this.behavior.highWater;
  }

  /** Has an offer wait for room. */
  awaitRoom(offer: OfferWaiting): void {
    this.extension.offers.push(offer);
  }

  /** What the overflow policy does with one message too many. True when there is room for it now. */
  #makeRoom(envelope: Envelope, message: unknown): boolean {
    if (this.behavior.overflow === 'drop-oldest') {
      const oldest = this.#firstEnvelope ?? this.#backlog!.peekFirst();
      const itsMessage = this.#firstEnvelope === undefined ? this.#backlog!.shiftSecond() : this.#firstMessage;
      this.#firstEnvelope = undefined;
      this.#firstMessage = undefined;
      this.#letterDies(oldest, itsMessage, 'dropped');
      return true;
    }
    this.host.counters.refused += 1;
    this.#letterDies(envelope, message, this.behavior.overflow === 'reject' ? 'full' : 'dropped');
    return false;
  }

  #makeReady(): void {
    this.#status = Status.ready;
    this.host.environment.scheduler.ready(this);
  }

  // ── a turn ──

  run(slice: Slice): void {
    if (this.#status !== Status.ready) return;
    if (this.#stopAsked) {
      void this.#stop('stopped');
      return;
    }
    this.#status = Status.running;
    if (this.#extension !== undefined) this.#pumpStreams(this.#extension);
    const handled = this.#drain(slice);
    this.host.counters.handled += handled;
    if (this.#status === Status.running) this.#afterRun();
  }

  /** Handles what is queued now, until the slice is used up or a handler suspends the cell. Returns how many. */
  #drain(slice: Slice): number {
    const state = this.#state;
    const handlers = this.behavior.handlers;
    let left = Math.min(this.queued, limits.messagesPerTurnMax);
    let handled = 0;
    while (left > 0) {
      left -= 1;
      let envelope = this.#firstEnvelope;
      let message: unknown;
      if (envelope !== undefined) {
        message = this.#firstMessage;
        this.#firstEnvelope = undefined;
        this.#firstMessage = undefined;
      } else {
        envelope = this.#backlog!.peekFirst();
        message = this.#backlog!.shiftSecond();
      }
      handled += 1;
      this.#runNumber += 1;
      const request = envelope.request;
      const run = (this.#run ??= new Run(this));
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
          this.#failed(error, envelope);
          return handled;
        }
        if (envelope.origin !== undefined) envelope.origin.settled();
      }
      // A stream has taken its run with it, which then lives as long as the stream.
      if (!run.reusable && this.#run === run) this.#releaseRun(run);
      if (this.#extension !== undefined) this.#extension.notice(state);
      if (this.#stopAsked || this.#status !== Status.running || slice.spent(1)) break;
    }
    return handled;
  }

  /** Runs the handler of an ask or a stream. False when the turn ends with it. */
  #answer(request: Request, message: unknown, run: Run): boolean {
    if (request.settled) {
      this.host.counters.handled -= 1;
      this.#letterDies(request, message, 'expired');
      return true;
    }
    if (request.operation.kind === 'stream' && this.#extension?.streamsFull) {
      this.host.counters.handled -= 1;
      this.#letterDies(request, message, 'full');
      return true;
    }
    run.request = request;
    try {
      const result = this.behavior.handlers[request.operation.index]!(this.#state, message, run);
      if (request.operation.kind === 'stream') this.#openStream(request as StreamRequest, result, run);
      else if (result !== undefined && result !== null && isThenable(result)) {
        this.#suspend(result, request);
        return false;
      } else request.succeed(result);
    } catch (error) {
      const failure = this.#settleDeclared(error, request);
      if (failure !== undefined) {
        this.#failed(failure.thrown, request);
        return false;
      }
    }
    run.request = undefined;
    request.origin?.settled();
    return true;
  }

  #suspend(result: PromiseLike<unknown>, envelope: Envelope): void {
    if (this.isOver) {
      // The handler has ended its own actor before its first await.
      this.#tellAbandoned(envelope);
      result.then(undefined, () => undefined);
      return;
    }
    this.#status = Status.suspended;
    this.#run!.envelope = envelope;
    const runNumber = this.#runNumber;
    const resume = (): void => {
      if (this.#status !== Status.suspended || this.#runNumber !== runNumber) return;
      envelope.origin?.settled();
      this.#releaseRun(this.#run);
      this.#extension?.notice(this.#state);
      this.#afterRun();
    };
    result.then(
      (value) => {
        if (this.#status !== Status.suspended || this.#runNumber !== runNumber) return;
        try {
          envelope.request?.succeed(value);
        } catch (error) {
          this.#failed(error, envelope);
          return;
        }
        resume();
      },
      (error: unknown) => {
        if (this.#status !== Status.suspended || this.#runNumber !== runNumber) return;
        const { request } = envelope;
        const failure = request === undefined ? { thrown: error } : this.#settleDeclared(error, request);
        if (failure === undefined) resume();
        else this.#failed(failure.thrown, envelope);
      },
    );
  }

  /** Gives up a run whose handler still waits: what it returns later counts for nothing. */
  #abandonRun(): void {
    const envelope = this.#run?.envelope;
    if (this.#status !== Status.suspended || envelope === undefined) return;
    this.#run?.abort(`${this.path()} ended while its handler was waiting`);
    this.#releaseRun(this.#run);
    this.#tellAbandoned(envelope);
  }

  #tellAbandoned(envelope: Envelope): void {
    envelope.request?.fail(
      new ActorFailed(`${envelope.operation.label}: ${this.path()} ended while its handler was waiting`),
    );
    envelope.origin?.settled();
  }

  /** What comes after a run: a stop, the next turn, or rest. */
  #afterRun(): void {
    const extension = this.#extension;
    if (extension !== undefined && extension.offers.size > 0) this.#admitOffers(extension);
    if (this.#stopAsked) void this.#stop('stopped');
    else if (this.queued > 0 || (extension !== undefined && extension.pulls.size > 0)) this.#makeReady();
    else this.#status = Status.idle;
  }

  #admitOffers(extension: CellExtension): void {
    while (extension.offers.size > 0 && this.queued < this.behavior.highWater) {
      const offer = extension.offers.shift()!;
      if (offer.settled) continue;
      this.host.deadlines.remove(offer);
      this.accept(offer.envelope, offer.message);
      offer.accepted();
    }
  }

  #releaseRun(run: Run | undefined): void {
    if (run !== undefined) this.#extension?.forget(run);
    this.#run = undefined;
  }

  /** Settles the request if the handler left by `ctx.fail`; gives back what is a failure of the actor instead. */
  #settleDeclared(error: unknown, request: Request): { readonly thrown: unknown } | undefined {
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

  // ── life ──

  /** Opens its resources and makes its state. */
  start(args: unknown): void {
    const { uses, createState, signals, closure } = this.behavior;
    const resources = uses.map((one) => this.host.resourceFor(one));
    try {
      if (uses.length === 0) {
        const state = createState(args, closure ? new Run(this) : undefined);
        if (!isThenable(state) && signals.started === undefined) {
          this.#begin(state);
          return;
        }
        this.started = this.#startLater(Promise.resolve(state), false);
      } else {
        const state = this.host.resources.acquire(resources).then(() => createState(args, closure ? new Run(this) : undefined));
        this.started = this.#startLater(state, true);
      }
    } catch (error) {
      this.started = this.#startLater(Promise.reject(error), false);
    }
    this.started.catch(() => {
      // The spawner is told by its own promise; of a child of an actor the log tells.
    });
  }

  async #startLater(coming: Promise<unknown>, holdsResources: boolean): Promise<void> {
    try {
      const state = await coming;
      if (this.isOver) throw new SpawnFailed('state', `${this.path()} was stopped while it started`);
      await this.behavior.signals.started?.(state, { generation: 0 }, new Run(this));
      if (this.isOver) throw new SpawnFailed('state', `${this.path()} was stopped while it started`);
      this.#begin(state);
    } catch (error) {
      if (holdsResources && !(error instanceof SpawnFailed && error.reason === 'resource')) this.#releaseResources();
      if (!this.isOver) {
        if (this.parent !== undefined) this.#logFailure(error, 'its start');
        this.#end('failed', false);
      }
      if (error instanceof SpawnFailed) throw error;
      throw new SpawnFailed('state', `actor "${this.behavior.name}" failed to start: ${describeThrown(error)}`, error);
    }
  }

  #begin(state: unknown): void {
    this.#state = state;
    this.#status = Status.idle;
    if (this.queued > 0 || this.#stopAsked) this.#makeReady();
  }

  /** The actor's own failure: told once, then the actor stops. */
  #failed(error: unknown, envelope: Envelope | undefined): void {
    const label = envelope?.operation.label ?? this.behavior.name;
    const cause = error instanceof DeclaredFailureSignal ? undeclared(error, label) : error;
    envelope?.request?.fail(this.#failureOf(label, cause));
    envelope?.origin?.settled();
    if (this.isOver) return;
    this.#logFailure(cause, label);
    if (this.#run?.envelope === envelope) this.#releaseRun(this.#run);
    void this.#stop('failed');
  }

  /** What the caller of a handler that threw is told. */
  #failureOf(label: string, cause: unknown): ActorFailed {
    return new ActorFailed(`${label}: the handler of ${this.path()} failed: ${describeThrown(cause)}`, cause);
  }

  #logFailure(error: unknown, what: string): void {
    this.host.log.error(
      { path: this.path(), operation: what, error: describeThrown(error), stack: stackOf(error) },
      `actor ${this.path()} failed in ${what} and stops: ${describeThrown(error)}`,
    );
  }

  /** Ends in order: no more messages, children first, the stopping hook, then the end. */
  async #stop(reason: 'stopped' | 'failed'): Promise<void> {
    if (this.isOver) return;
    this.#abandonRun();
    this.#status = Status.stopping;
    this.#emptyQueue(reason);
    const extension = this.#extension;
    extension?.endGeneration(`${this.path()} has ${reason}`);
    if (extension !== undefined && extension.children.size > 0) {
      await Promise.all([...extension.children].map((child) => child.stop(false, undefined)));
    }
    try {
      await this.behavior.signals.stopping?.(this.#state, { reason }, new Run(this));
    } catch (error) {
      this.#logFailure(error, 'its stopping hook');
    }
    if (this.behavior.uses.length > 0) this.#releaseResources();
    this.#end(reason, false);
  }

  /** The end of the incarnation, whatever led to it. */
  #end(reason: EndReason, releases = true): void {
    if (this.#status === Status.stopped) return;
    const held = releases && this.behavior.uses.length > 0 && this.#status > Status.starting && this.#status < Status.stopping;
    this.#abandonRun();
    this.#status = Status.stopped;
    this.#emptyQueue(reason === 'failed' ? 'failed' : 'stopped');
    const extension = this.#extension;
    extension?.endGeneration(`${this.path()} was ${reason}`);
    for (const child of extension?.children ?? []) void child.stop(true, undefined);
    if (held) this.#releaseResources();
    this.#state = undefined;
    this.#run = undefined;
    this.host.ended(this);
    extension?.tellEnded();
  }

  #releaseResources(): void {
    this.host.resources.release(this.behavior.uses);
  }

  #emptyQueue(reason: 'stopped' | 'failed'): void {
    if (this.#firstEnvelope !== undefined) this.#letterDies(this.#firstEnvelope, this.#firstMessage, reason);
    this.#firstEnvelope = undefined;
    this.#firstMessage = undefined;
    const backlog = this.#backlog;
    while (backlog !== undefined && backlog.size > 0) {
      const envelope = backlog.peekFirst();
      this.#letterDies(envelope, backlog.shiftSecond(), reason);
    }
    this.#backlog = undefined;
    const offers = this.#extension?.offers;
    for (let offer = offers?.shift(); offer !== undefined; offer = offers?.shift()) {
      this.host.deadlines.remove(offer);
      offer.refuse(this.#notDelivered(offer.envelope.operation));
    }
  }

  /** A message that no handler gets: told to its sender where it asks, to the dead letters, and to its session. */
  #letterDies(envelope: Envelope, message: unknown, reason: DeadLetterReason): void {
    const { operation, request } = envelope;
    if (request !== undefined && !request.settled) {
      if (reason === 'full' || reason === 'dropped') {
        request.fail(new Rejected('full', `${operation.label}: the mailbox of ${this.path()} is full; send later, or offer`));
      } else request.fail(this.#notDelivered(operation));
    }
    this.host.deadLetters.add({ path: this.path(), operation: operation.label, reason, message });
    envelope.origin?.settled();
  }

  #notDelivered(operation: Operation): NotDelivered {
    return new NotDelivered('stopped', `${operation.label}: ${this.path()} has stopped; the message was not handled`);
  }

  // ── what a run may ask of its actor ──

  get extension(): CellExtension {
    if (this.#extension === undefined) {
      this.#extension = new CellExtension(this);
      if (this.#status === Status.stopped) this.#extension.tellEnded();
    }
    return this.#extension;
  }

  get timers(): Timers {
    return this.extension.timers;
  }

  selfRef(): InternalRef {
    return new this.behavior.selfClass(this, this);
  }

  abortWithGeneration(run: Run): void {
    this.extension.keep(run);
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
    work.then(
      (value) => deliver(to, value),
      (error: unknown) => {
        if (orElse === undefined) throw error;
        const code = (error as { readonly code?: unknown } | undefined)?.code;
        deliver(orElse, { code: typeof code === 'string' ? code : 'Error', message: describeThrown(error) });
      },
    ).catch((error: unknown) => this.#failed(error, undefined));
  }

  /** What `select` gives after each message, until `run` or its stream ends. */
  observe<T>(select: (state: unknown) => T, every: boolean, run: Run): AsyncIterable<T> {
    const { observers } = this.extension;
    const observer = new Observer<T>(select, every, run, (closed) => observers.delete(closed as Observer<unknown>));
    if (this.#status === Status.stopped) {
      observer.end();
      return observer;
    }
    observers.add(observer as Observer<unknown>);
    observer.notice(this.#state);
    return observer;
  }

  spawnChild(definition: unknown, options: { args?: unknown; name?: string } | undefined): InternalRef {
    if (this.#status === Status.stopped) {
      throw new SpawnFailed('shutdown', `${this.path()} has ended and starts no more children`);
    }
    const cell = this.host.spawn(definition, { args: options?.args, name: options?.name, parent: this });
    return new cell.behavior.refClass(cell, this);
  }

  // ── as the owner of refs ──

  get openRun(): number {
    const open = this.#status === Status.running || this.#status === Status.suspended;
    // While streams are open, a ref in the state may be used by any of the runs: no chain is better than a wrong one.
    return open && (this.#extension === undefined || this.#extension.streams.size === 0) ? this.#runNumber : 0;
  }

  get openRequest(): Request | undefined {
    return this.openRun === 0 ? undefined : this.#run?.request;
  }

  isOpen(run: number): boolean {
    return this.#runNumber === run && (this.#status === Status.running || this.#status === Status.suspended);
  }

  adopt(ref: object): object {
    return this.extension.adopted.adopt(ref as InternalRef, this);
  }

  // ── streams of its own ──

  #openStream(request: StreamRequest, result: unknown, run: Run): void {
    if (this.isOver) throw new ActorFailed(`${this.path()} has ended`);
    const iterable = result as AsyncIterable<unknown> | undefined;
    if (typeof iterable?.[Symbol.asyncIterator] !== 'function') {
      throw new TypeError(`the handler of ${request.operation.label} must return an AsyncIterable, such as an async generator`);
    }
    const stream = new StreamRun(this, request, iterable, run);
    this.extension.streams.add(stream);
    request.onGivenUp = () => {
      run.abort('the reader has gone');
      stream.close();
      this.streamEnded(stream);
    };
    this.#run = undefined;
    this.extension.pulls.push(stream);
  }

  #pumpStreams(extension: CellExtension): void {
    for (let left = extension.pulls.size; left > 0; left -= 1) extension.pulls.shift()?.pump();
  }

  wantsPull(stream: StreamRun): void {
    if (this.isOver) return;
    this.extension.pulls.push(stream);
    if (this.#status === Status.idle) this.#makeReady();
  }

  streamEnded(stream: StreamRun): void {
    const { streams, observers } = this.extension;
    streams.delete(stream);
    this.extension.forget(stream.run);
    // Without this a generator that waits for a change of a quiet state would wait on, for nobody.
    for (const observer of observers) if (observer.run === stream.run) observer.end();
  }

  streamFailed(stream: StreamRun, error: unknown): void {
    this.streamEnded(stream);
    // A reader that is too slow is no failure of the actor.
    if (error instanceof Lagged) stream.request.fail(error);
    else {
      const failure = this.#settleDeclared(error, stream.request);
      if (failure === undefined) return;
      stream.request.fail(this.#failureOf(stream.request.operation.label, failure.thrown));
      this.#failed(failure.thrown, undefined);
    }
  }
}

function undeclared(signal: DeclaredFailureSignal, label: string): UsageError {
  return new UsageError(`${label} declares no error "${signal.errorCode}", which ctx.fail named; add it to its \`errors\``);
}

/** The stack of anything that was thrown; a getter of it may throw itself. */
function stackOf(thrown: unknown): string | undefined {
  try {
    const stack = thrown instanceof Error ? thrown.stack : undefined;
    return typeof stack === 'string' ? stack.slice(0, limits.errorTextCharactersMax) : undefined;
  } catch {
    return undefined;
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function';
}

/**
 * A cell: one running actor, with its state and at most one open run.
 *
 * One message at a time, across awaits: a handler is called synchronously, and only one that returns a thenable suspends
 * the cell until it settles. A turn drains the backlog that was there when it began, so an actor that tells itself does
 * not starve the others. Its queue is `mailbox.ts`, its start and end are `lifecycle.ts`, its failures `supervised.ts`.
 */
import type { Runnable, Slice } from '../base/environment/scheduler.ts';
import { limits } from '../base/limits.ts';
import { isA } from '../base/thrown.ts';
import { answeredLater } from './answered-later.ts';
import type { CellExtension } from './cell-extension.ts';
import { settleDeclared } from './declared-failure.ts';
import { SpawnFailed } from './errors.ts';
import { checkKeys } from './given.ts';
import { InterleavedRun } from './interleaved-run.ts';
import { invalidMessage } from './isolation.ts';
import { isThenable } from './lifecycle.ts';
import { Links } from './link.ts';
import { openLocalStream, sendAsk, sendOffer } from './local-calls.ts';
import { type Envelope, Status } from './mailbox.ts';
import { Observer } from './observer.ts';
import type { Operation } from './operation.ts';
import { ActorFailed, Lagged } from './outcomes.ts';
import type { WorkOwner } from './pipe-to-self.ts';
import type { CallOptions, Stream, StreamOptions } from './protocol.ts';
import type { InternalRef } from './ref.ts';
import type { Request } from './request.ts';
import { Run } from './run.ts';
import { type StreamHost, type StreamRequest, StreamRun } from './stream-request.ts';
import { Supervised } from './supervised.ts';
import type { Address, Owner, Target } from './target.ts';
import { incarnationOf, Watches } from './watch.ts';

export class Cell extends Supervised implements Target, Runnable, Owner, StreamHost {
  // ── what refs see ──

  get protocolName(): string {
    return this.behavior.protocol.name;
  }

  address(): Address {
    if (this.status !== Status.stopped) this.host.export(this);
    return { place: this.host.placeId, cell: this.id };
  }

  get load(): number {
    const beside = this.extra === undefined ? 0 : this.extra.beside.asks.size;
    return this.queued + beside + (this.isRunning || this.isHeld ? 1 : 0);
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

  offer(operation: Operation, message: unknown, options: CallOptions | undefined, owner: Owner): Promise<void> {
    return sendOffer(this, operation, message, options, owner);
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
    if (this.hosted.isLast && this.endsNow()) return;
    this.status = Status.running;
    const { extra } = this;
    if (extra !== undefined) {
      if (extra.observers.size > 0) this.attend();
      if (extra.pulls.size > 0 && !extra.beside.isClosed) this.pumpStreams(extra);
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
      const { request } = this.peekEnvelope();
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
    const run = this.behavior.severalRuns ? new InterleavedRun(this) : new Run(this);
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

  /** Answers with what an asynchronous handler comes to, unless it was given up by then. */
  private settleLater(
    result: PromiseLike<unknown>,
    envelope: Envelope,
    message: unknown,
    run: Run,
    goOn: () => void,
  ): void {
    const { request } = envelope;
    result.then(
      (value) => {
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
        if (run.isOver) return;
        const failure = request === undefined ? { thrown: error } : settleDeclared(error, request);
        if (failure === undefined) goOn();
        else this.failed(failure.thrown, envelope, message, run);
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

  /** Ends an actor that is to end and has nothing open any more. */
  private endsNow(): boolean {
    if (!(this.stopAsked || this.isDrained) || !this.isFree) return false;
    this.endInOrder('stopped');
    return true;
  }

  protected override wake(): void {
    if (this.status === Status.idle || (this.status === Status.suspended && this.mayBegin())) this.makeReady();
  }

  // ── runs beside others ──

  /** True while an exclusive run waits, or the started hook. */
  protected override get isHeld(): boolean {
    if (this.status === Status.starting || this.status === Status.restarting) return true;
    return this.hosted.interleaves ? this.extra?.beside.held === true : this.status === Status.suspended;
  }

  /** True while no exclusive message may begin. */
  private get isClosed(): boolean {
    return this.behavior.interleaves ? this.extra?.beside.isClosed === true : this.status === Status.suspended;
  }

  /** True when no run of a message is open. */
  private get isFree(): boolean {
    return !this.isHeld && (this.extra === undefined || this.extra.beside.asks.size === 0);
  }

  /** True when the oldest message may begin. */
  private mayBegin(): boolean {
    if (this.queued === 0) return false;
    if (!this.hosted.interleaves) return !this.isHeld;
    if (this.stopAsked) return false;
    const envelope = this.peekEnvelope();
    const may = this.mayBeginWith(envelope);
    // What is behind it need not wait for a call that is given up.
    if (!may && envelope.request !== undefined) envelope.request.onGivenUp ??= () => this.wake();
    return may;
  }

  private mayBeginWith({ operation, request }: Envelope): boolean {
    const { beside } = this.extension;
    if (request?.settled) return true;
    if (operation.interleaves > 0) return beside.hasRoomFor(operation);
    return !beside.isClosed || request?.isAdmitted === true;
  }

  /** Begins an ask beside whatever else is open. False when the turn ends with it. */
  private answerBeside(request: Request, message: unknown): boolean {
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
    const run = new InterleavedRun(this);
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
  private call(run: InterleavedRun, { operation }: Request, message: unknown): unknown {
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

  // ── what a run may ask of its actor ──

  selfRef(): InternalRef {
    return this.belongings.self(this, this);
  }

  /** What of this actor's generation began is its own to hear of, or to fail by; see `pipe-to-self.ts`. */
  workOwner(generation: number | undefined): WorkOwner {
    return {
      began: (operation) => this.beginWork(operation),
      isLate: () => {
        if (!this.isOver && this.generation === generation) return false;
        this.host.counters.late += 1;
        return true;
      },
      failed: (error) => this.failed(error),
    };
  }

  private beginWork(operation: string): () => void {
    const { openWork } = this.host;
    if (openWork === undefined) return nothing;
    const work = { cell: this, operation };
    openWork.add(work);
    return () => openWork.delete(work);
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
    this.attend();
    observer.notice(this.state);
    return observer;
  }

  spawnChild(definition: unknown, options: { args?: unknown; name?: string } | undefined, owner: Owner): InternalRef {
    if (this.status === Status.stopped) {
      throw new SpawnFailed('shutdown', `${this.path()} has ended and starts no more children`);
    }
    if (options !== undefined) checkKeys(options, childOptions, 'the options of ctx.spawn');
    const cell = this.host.spawn(definition, { args: options?.args, name: options?.name, parent: this });
    return new cell.behavior.refClass(cell, owner);
  }

  get watches(): Watches {
    const { extension } = this;
    extension.watches ??= new Watches(this);
    return extension.watches;
  }

  get links(): Links {
    const { extension } = this;
    extension.links ??= new Links(this);
    return extension.links;
  }

  linkBack(other: Target): void {
    if (!this.isOver) this.links.add(other);
  }

  unlinkBack(other: Target): void {
    this.extra?.links?.remove(incarnationOf(other));
  }

  /** A failure of the actor that is none of its own code's. */
  failedBeside(error: unknown): void {
    this.failed(error);
  }

  // ── what tests look at ──

  /** What it needed only now and then, if it ever did; `extension` would make it. */
  get extensionIfAny(): CellExtension | undefined {
    return this.extra;
  }

  /** The runs whose handlers wait for a promise; those of streams are none of them. */
  get waitingRuns(): readonly Run[] {
    const held = this.isHeld && this.current !== undefined ? [this.current] : [];
    return this.extra === undefined ? held : [...held, ...this.extra.beside.asks];
  }

  /** Which part of its life it is in the middle of; undefined while it takes turns. A wait for time is none. */
  get passage(): 'start' | 'restart' | 'stop' | undefined {
    switch (this.status) {
      case Status.starting:
        return 'start';
      case Status.restarting:
        return this.extra?.cutBackoff === undefined ? 'restart' : undefined;
      case Status.stopping:
        return this.extra !== undefined && this.extra.children.size > 0 ? undefined : 'stop';
      default:
        return undefined;
    }
  }

  // ── as the owner of refs ──

  /** The run whose code is being called at this moment. */
  get runCalled(): Run | undefined {
    return this.isRunning ? (this.extra?.beside.calling ?? this.current) : undefined;
  }

  get openRun(): Run | undefined {
    const { extra } = this;
    if (this.isRunning) return this.runCalled;
    const held = this.isHeld ? this.current : undefined;
    if (extra === undefined || extra.beside.size === 0) return held;
    // A ref in the state may be used by any of the open runs: no chain is better than a wrong one.
    return held === undefined ? extra.beside.only : undefined;
  }

  /** The run that keeps other messages waiting. */
  get exclusiveRun(): Run | undefined {
    if (this.isHeld) return this.current;
    const beside = this.extra?.beside;
    if (this.isRunning && beside?.calling === undefined) return this.current;
    if (beside !== undefined) for (const run of beside.letIn) return run;
    return undefined;
  }

  /** True while the run of that number, which another place was told, keeps other messages waiting. */
  isHeldBy(number: number): boolean {
    if (this.exclusiveRun?.number === number) return true;
    for (const run of this.extra?.beside.letIn ?? []) if (run.number === number) return true;
    return false;
  }

  adopt(ref: object): object {
    return this.belongings.adopt(ref as InternalRef, this);
  }

  // ── streams of its own ──

  private answerStream(request: StreamRequest, message: unknown): boolean {
    const run = new InterleavedRun(this);
    run.envelope = request;
    request.run = run;
    try {
      this.openStream(request, this.call(run, request, message), run);
    } catch (error) {
      const failure = settleDeclared(error, request);
      if (failure !== undefined) {
        this.failed(failure.thrown, request, message, run);
        return false;
      }
      this.extra?.forget(run);
    }
    request.origin?.settled();
    return true;
  }

  private openStream(request: StreamRequest, result: unknown, run: Run): void {
    if (this.isOver) throw new ActorFailed(`${this.path()} has ended`);
    const iterable = result as AsyncIterable<unknown> | undefined;
    if (typeof iterable?.[Symbol.asyncIterator] !== 'function') {
      // A rejection of an `async` function in place of an `async function*` is part of the same mistake.
      if (isThenable(result)) result.then(undefined, () => undefined);
      throw new TypeError(
        `the handler of ${request.operation.label} must return an AsyncIterable, such as an async generator`,
      );
    }
    const stream = new StreamRun(this, request, iterable, run);
    const { extension } = this;
    extension.streams.add(stream);
    extension.beside.beginStream(run);
    request.onGivenUp = () => {
      run.abort('the reader has gone');
      stream.close();
      this.streamEnded(stream);
    };
    // At once, and so at its place in the order: what it observes is observed from before the next message on.
    extension.beside.calling = run;
    stream.pump();
    extension.beside.calling = undefined;
  }

  wantsPull(stream: StreamRun): void {
    if (this.isOver) return;
    this.extension.pulls.push(stream);
    // What cannot begin for want of room keeps the messages behind it, and no stream.
    if (this.status === Status.idle || (this.status === Status.suspended && !this.isClosed)) this.makeReady();
  }

  streamEnded(stream: StreamRun): void {
    this.extension.endStream(stream);
  }

  streamLeft(stream: StreamRun): void {
    this.extra?.beside.end(stream.run);
  }

  streamFailed(stream: StreamRun, error: unknown): void {
    this.streamEnded(stream);
    // A reader that is too slow is no failure of the actor.
    if (isA(error, Lagged)) stream.request.fail(error);
    else {
      const failure = settleDeclared(error, stream.request);
      if (failure === undefined) return;
      stream.request.fail(this.failureOf(stream.request.operation.label, failure.thrown));
      this.failed(failure.thrown);
    }
  }

  private pumpStreams({ pulls, beside }: CellExtension): void {
    for (let left = pulls.size; left > 0; left -= 1) {
      const stream = pulls.shift();
      beside.calling = stream?.run;
      stream?.pump();
    }
    beside.calling = undefined;
  }
}

const childOptions: readonly string[] = ['args', 'name'];
const nothing = (): void => undefined;

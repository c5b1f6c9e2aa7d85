import { ActivityAt } from '../base/activity.ts';
import type { CellExtension } from './cell-extension.ts';
import { SpawnFailed } from './errors.ts';
import { checkKeys } from './given.ts';
import { invalidMessage } from './isolation.ts';
import { openLocalStream, sendAsk, sendOffer } from './local-calls.ts';
import { Status } from './mailbox.ts';
import { Movable } from './movable.ts';
import { Observer, type ObserverSeed } from './observer.ts';
import type { Operation } from './operation.ts';
import type { WorkOwner } from './pipe-to-self.ts';
import { checkWhere, type Where } from './placed/where.ts';
import type { CallOptions, Stream, StreamOptions } from './protocol.ts';
import type { InternalRef } from './ref.ts';
import type { Run } from './run.ts';
import { apart } from './schema/errors.ts';
import { type StreamProducer, type StreamReader, streamOf } from './stream-reader.ts';
import { type Address, incarnationOf, type Linked, type Owner, type Target } from './target.ts';

export class Cell extends Movable implements Target, Owner {
  // ── what refs see ──

  get protocolName(): string {
    return this.behavior.protocol.name;
  }

  address(): Address {
    if (this.status !== Status.stopped) this.host.export(this);
    return this.identity;
  }

  get load(): number {
    if (this.hasMoved) return this.way.to.load;
    const beside = this.extra === undefined ? 0 : this.extra.beside.asks.size;
    return this.queued + beside + (this.isRunning || this.isHeld ? 1 : 0);
  }

  /** Whose room an offer from another place waits for: its own, or that of whom it passes on to, cell or not. */
  receiverOf(_operation: Operation, _message: unknown): { readonly cell: Cell } | { readonly target: Target } {
    if (this.hasMoved && !this.way.isHeld) return { target: this.way.to };
    return { cell: this };
  }

  tell(operation: Operation, message: unknown): boolean {
    let taken: unknown;
    try {
      taken = this.host.handOver(operation.input, message, this);
    } catch (error) {
      return this.tellParcel(operation, message, error);
    }
    return this.accept(operation.envelope, taken);
  }

  /** A message that was not handed over: bytes in it go apart, or it is not valid. */
  private tellParcel(operation: Operation, message: unknown, thrown: unknown): boolean {
    const { envelope } = operation;
    try {
      if (thrown !== apart) throw thrown;
      const parcel = this.host.pack(operation.input, message, this);
      message = this.unpack(parcel, envelope);
    } catch (error) {
      throw invalidMessage(error, `${operation.label} to ${this.path()}`);
    }
    return this.accept(envelope, message);
  }

  ask(operation: Operation, message: unknown, options: CallOptions | undefined, owner: Owner): Promise<unknown> {
    return sendAsk(this, operation, message, options, owner);
  }

  offer(operation: Operation, message: unknown, options: CallOptions | undefined, owner: Owner): Promise<void> {
    return sendOffer(this, operation, message, options, owner);
  }

  stream(operation: Operation, message: unknown, options: StreamOptions | undefined, owner: Owner): Stream<unknown> {
    return streamOf((reader) => this.open(operation, message, owner, reader), options?.signal);
  }

  open(operation: Operation, message: unknown, owner: Owner, reader: StreamReader<unknown>): StreamProducer {
    if (this.hasMoved && !this.way.isHeld) return this.way.to.open(operation, message, owner, reader);
    return openLocalStream(this, operation, message, owner, reader);
  }

  /** False for one that passes on to others, or stands for one: it does not move. */
  protected override get isPlain(): boolean {
    return this.behavior.front === undefined;
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
    const { openWork, outsideTurns } = this.host;
    const { extension, generation } = this;
    const work = { cell: this, operation };
    extension.openWork += 1;
    openWork?.add(work);
    return () => {
      openWork?.delete(work);
      outsideTurns?.note(this, operation);
      if (this.generation !== generation || extension.openWork === 0) return;
      extension.openWork -= 1;
      // What it comes to is told first.
      if (extension.departure !== undefined) void Promise.resolve().then(() => extension.departure?.look());
    };
  }

  /** What `select` gives after each message, until `run` or its stream ends. */
  observe<T>(select: (state: unknown) => T, every: boolean, run: Run, seed?: ObserverSeed): AsyncIterable<T> {
    const { observers } = this.extension;
    const observer = new Observer<T>(select, every, run, (closed) => observers.delete(closed as Observer<unknown>));
    if (this.status === Status.stopped || run.isStale) {
      observer.end();
      return observer;
    }
    observers.add(observer as Observer<unknown>);
    this.attend();
    if (seed !== undefined) observer.resume(seed, this.state);
    observer.notice(this.state);
    return observer;
  }

  spawnChild(definition: unknown, options: ChildOptions | undefined, owner: Owner): InternalRef {
    if (this.status === Status.stopped) {
      throw new SpawnFailed('shutdown', `${this.path()} has ended and starts no more children`);
    }
    if (options !== undefined) checkKeys(options, childOptions, 'the options of ctx.spawn');
    const { args, name, on } = options ?? {};
    if (on !== undefined) checkWhere(on, `${this.path()}: ctx.spawn: on`);
    const cell = this.host.spawn(definition, { args, name, parent: this, on: on?.kind === 'here' ? undefined : on });
    return new cell.behavior.refClass(cell, owner);
  }

  linkBack(other: Linked): void {
    if (this.hasMoved) this.through(() => void (this.hasMoved ? this.way.to : this).linkBack(other));
    else if (!this.isOver) this.links.add(other);
  }

  unlinkBack(other: Linked): void {
    if (this.hasMoved) this.through(() => void (this.hasMoved ? this.way.to : this).unlinkBack(other));
    else this.extra?.links?.remove(incarnationOf(other));
  }

  /** A failure of the actor that is none of its own code's. */
  failedBeside(error: unknown): void {
    this.failed(error);
  }

  /** What its turn was for that ran last; undefined where that is not known. */
  get lastDone(): string | undefined {
    return this.hosted.labelOf(this.hosted.activity[ActivityAt.operation]!);
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
}

/** What `ctx.spawn` takes beside the definition. */
export interface ChildOptions {
  readonly args?: unknown;
  readonly name?: string;
  readonly on?: Where;
}

const childOptions: readonly string[] = ['args', 'name', 'on'];

/**
 * The context behind one run of a handler.
 *
 * A cell reuses it from one synchronous run to the next; a run that is asynchronous, or that asked for its signal, keeps
 * its own. What few runs need is in an object of its own, since idle actors keep a run each.
 */
import type { Environment } from '../base/environment/environment.ts';
import { UsageError } from '../base/errors.ts';
import { BehaviorStack } from './behavior-stack.ts';
import type { Cell, ChildOptions } from './cell.ts';
import type { ObserveOptions, TimerOptions } from './context.ts';
import { DeclaredFailureSignal, LeaveSignal } from './errors.ts';
import { Receptionist } from './finding/receptionist.ts';
import { refByName } from './finding/ref-by-name.ts';
import type { HandlerTable } from './handler-tables.ts';
import type { Host } from './host.ts';
import { Machine } from './machine-state.ts';
import type { Envelope } from './mailbox.ts';
import { ActorFailed } from './outcomes.ts';
import { pipeToSelf } from './pipe-to-self.ts';
import type { AnyProtocol } from './protocol.ts';
import type { Request } from './request.ts';
import type { Resource } from './resource.ts';
import type { Signal } from './signal.ts';
import type { StreamRequest } from './stream-request.ts';
import type { Address, Owner } from './target.ts';
import { type Armed, endedInDelay } from './timers.ts';
import type { OpenWait } from './wait-for.ts';

const none: readonly OpenWait[] = [];

/** What few runs have. */
class MoreOfRun {
  /** Made when the signal is asked for, or the run is aborted. */
  controller: AbortController | undefined = undefined;
  /** Asks and offers that it has made and that are still open. */
  readonly waits: OpenWait[] = [];
}

export class Run {
  readonly #cell: Cell;
  /** What this run handles, where somebody waits for its end: an ask, or a message whose handler waits. */
  envelope: Envelope | undefined = undefined;
  /** Counts the runs of its place; below zero once it has ended. */
  #number: number;
  #more: MoreOfRun | undefined = undefined;

  constructor(cell: Cell) {
    this.#cell = cell;
    this.#number = cell.host.nextRun();
  }

  /** The environment behind a context, for parts of the runtime that are actors themselves. */
  static environmentOf(context: unknown): Environment {
    return (context as Run).#cell.host.environment;
  }

  /** The actor behind a context, for the same. */
  static cellOf(context: unknown): Cell {
    return (context as Run).#cell;
  }

  // ── what the runtime asks of it ──

  /** Whose the refs are that the handler gets. */
  get owner(): Owner {
    return this.#cell;
  }

  /** What another place may know it by. */
  get number(): number {
    return this.#number;
  }

  /** The same for one that is to remember it: no other run has this object then. */
  get numberToTell(): number {
    if (this.#more === undefined) this.#cell.attend();
    void this.#extras;
    return this.#number;
  }

  get isOver(): boolean {
    return this.#number < 0;
  }

  /** Its handler is done, or was given up. */
  end(): void {
    if (this.#number > 0) this.#number = -this.#number;
  }

  /** True when its actor has restarted since: code that runs on all the same gets nothing of the new generation. */
  get isStale(): boolean {
    return Math.abs(this.#number) < this.#cell.firstRun;
  }

  /** What this run answers; undefined for a tell. */
  get request(): Request | undefined {
    return this.envelope?.request;
  }

  /** True when the next run may use this object too: nobody else has it in mind. */
  get reusable(): boolean {
    return this.#more === undefined;
  }

  get host(): Host {
    return this.#cell.host;
  }

  address(): Address {
    return this.#cell.address();
  }

  /** Where it is open: runs are counted by place, so an actor that has moved is told by where it is. */
  get station(): Address {
    return this.#cell.station;
  }

  path(): string {
    return this.#cell.path();
  }

  get #extras(): MoreOfRun {
    this.#more ??= new MoreOfRun();
    return this.#more;
  }

  /** Asks and offers that it has made and that are still open. */
  get waits(): readonly OpenWait[] {
    return this.#more === undefined ? none : this.#more.waits;
  }

  waitsFor(wait: OpenWait): void {
    if (this.#more === undefined) this.#cell.attend();
    this.#extras.waits.push(wait);
  }

  waitsNoMore(wait: OpenWait): void {
    const { waits } = this.#extras;
    const at = waits.lastIndexOf(wait);
    if (at < 0) return;
    const last = waits.pop()!;
    if (last !== wait) waits[at] = last;
  }

  get isAborted(): boolean {
    return this.#controller?.signal.aborted === true;
  }

  /** Aborts the signal, also one that is asked for only later. */
  abort(why: string): void {
    const { signal } = this.#controller;
    if (!signal.aborted) this.#controller.abort(new ActorFailed(why));
  }

  get #controller(): AbortController {
    const extras = this.#extras;
    extras.controller ??= new AbortController();
    return extras.controller;
  }

  /** @throws ActorFailed */
  private refuseIfStale(): void {
    if (this.isStale) throw new ActorFailed(`${this.path()} has restarted; this context belongs to an earlier run`);
  }

  // ── what handlers see, as `Context` types it ──

  get self(): object {
    return this.#cell.selfRef();
  }

  get signal(): AbortSignal {
    if (this.#more?.controller === undefined) {
      this.#cell.attend();
      const { request } = this;
      if (request !== undefined) {
        if (request.settled) this.abort('the caller has given up');
        // That of a stream aborts its run among other things.
        else if (request.operation.kind !== 'stream') request.onGivenUp = () => this.abort('the caller has given up');
      }
      if (this.isStale) this.abort('the actor has restarted');
      else this.#cell.extension.keep(this);
    }
    return this.#controller.signal;
  }

  now(): number {
    return this.#cell.host.environment.clock.now();
  }

  random(): number {
    return this.#cell.host.random.fraction();
  }

  delay(ms: number): Promise<void> {
    if (this.isStale) return Promise.reject(endedInDelay());
    return this.#cell.extension.timers.delay(ms);
  }

  fail(code: string, data?: unknown): never {
    throw new DeclaredFailureSignal(code, data);
  }

  after(delayMs: number, operation: unknown, message?: unknown, options?: unknown): () => void {
    this.refuseIfStale();
    return this.#cell.extension.timers.start(delayMs, false, operation, message, options as TimerOptions | undefined);
  }

  every(periodMs: number, operation: unknown, message?: unknown, options?: unknown): () => void {
    this.refuseIfStale();
    return this.#cell.extension.timers.start(periodMs, true, operation, message, options as TimerOptions | undefined);
  }

  run(work: Promise<unknown>, operation: unknown, failed?: unknown): void {
    pipeToSelf(work, operation, failed, this.#cell.workOwner(this.isStale ? undefined : this.#cell.generation));
  }

  get delivered(): number {
    return this.ownStream?.delivered ?? 0;
  }

  private get ownStream(): StreamRequest | undefined {
    const { request } = this;
    return request?.operation.kind === 'stream' ? (request as StreamRequest) : undefined;
  }

  observe<T>(select: (state: never) => T, options?: ObserveOptions): AsyncIterable<T> {
    const look = select as (state: unknown) => T;
    const isMachine = this.#cell.ownState instanceof Machine;
    const seen = isMachine ? (state: unknown) => look((state as Machine).present) : look;
    // What observes ends with this run, so no other may use it.
    this.#more ??= new MoreOfRun();
    return this.#cell.observe(seen, options?.every ?? false, this, this.ownStream?.takeSeed());
  }

  use(resource: Resource<string, unknown>): unknown {
    if (!this.#cell.behavior.uses.some((used) => used.name === resource?.name)) {
      throw new UsageError(`${this.#cell.path()} uses resource "${resource?.name}" but does not name it in \`uses\``);
    }
    return this.#cell.host.resources.value(resource.name);
  }

  spawn(definition: unknown, options?: ChildOptions): object {
    this.refuseIfStale();
    return this.#cell.spawnChild(definition, options, this.owner);
  }

  ref(protocol: AnyProtocol, address: string): object {
    return refByName(this.#cell.host, protocol, address, this.owner);
  }

  get receptionist(): Receptionist {
    return new Receptionist(this.#cell.host, this.owner);
  }

  stop(): void {
    if (!this.isStale) this.#cell.askToStop();
  }

  /** The handlers that the actor has become; undefined for those of its definition. */
  get table(): HandlerTable | undefined {
    return this.#cell.table;
  }

  become(name: string): void {
    this.refuseIfStale();
    const cell = this.#cell;
    const table = cell.behavior.behaviors.get(name);
    if (table === undefined) {
      throw new UsageError(`${cell.path()} cannot become "${name}", which is not among its \`behaviors\``);
    }
    const { extension } = cell;
    extension.behaviors ??= new BehaviorStack();
    extension.behaviors.push(table, name, cell.path());
  }

  unbecome(): void {
    this.refuseIfStale();
    this.#cell.extension.behaviors?.pop();
  }

  stash(): never {
    this.refuseIfStale();
    if (this.#cell.isHandling(this)) throw new LeaveSignal('stash');
    throw new UsageError(
      `${this.#cell.path()} has no message to stash: call ctx.stash() in a handler, before it returns; in that of a ` +
        'stream before its generator begins',
    );
  }

  unstash(): void {
    this.refuseIfStale();
    this.#cell.unstash();
  }

  goto(state: unknown, data?: unknown): void {
    this.refuseIfStale();
    const machine = this.#cell.ownState;
    if (machine instanceof Machine) machine.goto(state, data, this);
    else throw new UsageError(`${this.#cell.path()} is no machine and has no states to go to`);
  }

  /** Tells the actor `signal` once its state has lasted for `delayMs`. */
  stateTimer(delayMs: number, signal: Signal): Armed {
    return this.#cell.stateTimer(delayMs, signal);
  }

  /** A signal has left the queue for its handler. */
  signalTaken(): void {
    this.#cell.extension.signalsQueued -= 1;
  }

  watch(ref: unknown): void {
    this.refuseIfStale();
    this.#cell.watches.watch(ref);
  }

  unwatch(ref: unknown): void {
    this.#cell.watches.unwatch(ref);
  }

  link(ref: unknown): void {
    this.refuseIfStale();
    this.#cell.links.link(ref);
  }

  unlink(ref: unknown): void {
    this.#cell.links.unlink(ref);
  }
}

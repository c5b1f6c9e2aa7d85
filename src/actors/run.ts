/**
 * The context behind one run of a handler.
 *
 * A cell reuses it from one synchronous run to the next; a run that is asynchronous, or that asked for its signal, keeps
 * its own. Its one private method is not a `#` one for the reason that `mailbox.ts` gives: idle actors keep a run each.
 */
import type { Environment } from '../base/environment/environment.ts';
import { UsageError } from '../base/errors.ts';
import type { Cell } from './cell.ts';
import type { ObserveOptions, TimerOptions } from './context.ts';
import { DeclaredFailureSignal } from './errors.ts';
import type { Envelope } from './mailbox.ts';
import { ActorFailed } from './outcomes.ts';
import { pipeToSelf } from './pipe-to-self.ts';
import type { Request } from './request.ts';
import type { Resource } from './resource.ts';
import type { Address, Owner } from './target.ts';
import { endedInDelay } from './timers.ts';
import type { OpenWait } from './wait-for.ts';

/** The number of a run that has ended. */
const over = -1;

export class Run {
  readonly #cell: Cell;
  readonly #generation: number;
  /** What this run handles, where somebody waits for its end: an ask, or a message whose handler waits. */
  envelope: Envelope | undefined = undefined;
  /** Made when the signal is asked for, or the run is aborted. */
  #controller: AbortController | undefined = undefined;
  /** Asks and offers that it has made and that are still open. */
  #waits: OpenWait[] | undefined = undefined;
  #number = 0;

  constructor(cell: Cell) {
    this.#cell = cell;
    this.#generation = cell.generation;
  }

  /** The environment behind a context, for parts of the runtime that are actors themselves. */
  static environmentOf(context: unknown): Environment {
    return (context as Run).#cell.host.environment;
  }

  // ── what the runtime asks of it ──

  /** Whose the refs are that the handler gets. */
  get owner(): Owner {
    return this.#cell;
  }

  /** What other places know it by; given when the first of them is told. */
  get number(): number {
    if (this.#number === 0) {
      this.#number = this.#cell.host.nextRun();
      this.#cell.attend();
    }
    return this.#number;
  }

  get isOver(): boolean {
    return this.#number === over;
  }

  /** Its handler is done, or was given up. */
  end(): void {
    this.#number = over;
  }

  /** True when its actor has restarted since: code that runs on all the same gets nothing of the new generation. */
  get isStale(): boolean {
    return this.#cell.generation !== this.#generation;
  }

  /** What this run answers; undefined for a tell. */
  get request(): Request | undefined {
    return this.envelope?.request;
  }

  /** True when the next run may use this object too: nobody else has it in mind. */
  get reusable(): boolean {
    return this.#controller === undefined && this.#waits === undefined && this.#number === 0;
  }

  address(): Address {
    return this.#cell.address();
  }

  path(): string {
    return this.#cell.path();
  }

  get waits(): readonly OpenWait[] | undefined {
    return this.#waits;
  }

  waitsFor(wait: OpenWait): void {
    if (this.#waits === undefined) {
      this.#waits = [wait];
      this.#cell.attend();
    } else this.#waits.push(wait);
  }

  waitsNoMore(wait: OpenWait): void {
    const waits = this.#waits;
    if (waits === undefined) return;
    const last = waits.pop();
    if (last !== wait && last !== undefined) {
      const at = waits.indexOf(wait);
      if (at >= 0) waits[at] = last;
      else waits.push(last);
    }
  }

  get isAborted(): boolean {
    return this.#controller?.signal.aborted === true;
  }

  /** Aborts the signal, also one that is asked for only later. */
  abort(why: string): void {
    this.#controller ??= new AbortController();
    if (!this.#controller.signal.aborted) this.#controller.abort(new ActorFailed(why));
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
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
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
    pipeToSelf(work, operation, failed, this.#cell.workOwner(this.#generation));
  }

  observe<T>(select: (state: never) => T, options?: ObserveOptions): AsyncIterable<T> {
    return this.#cell.observe(select as (state: unknown) => T, options?.every ?? false, this);
  }

  use(resource: Resource<string, unknown>): unknown {
    if (!this.#cell.behavior.uses.some((used) => used.name === resource.name)) {
      throw new UsageError(`${this.#cell.path()} uses resource "${resource.name}" but does not name it in \`uses\``);
    }
    return this.#cell.host.resources.value(resource.name);
  }

  spawn(definition: unknown, options?: { args?: unknown; name?: string }): object {
    this.refuseIfStale();
    return this.#cell.spawnChild(definition, options, this.owner);
  }

  stop(): void {
    if (!this.isStale) void this.#cell.stop(false, undefined);
  }

  watch(ref: unknown): void {
    this.refuseIfStale();
    this.#cell.watches.watch(ref);
  }

  unwatch(ref: unknown): void {
    this.#cell.watches.unwatch(ref);
  }
}

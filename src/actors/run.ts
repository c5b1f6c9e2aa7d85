/**
 * The context behind one run of a handler.
 *
 * A cell reuses it from one synchronous run to the next; a run that is asynchronous, or that asked for its signal, keeps
 * its own.
 */
import type { Environment } from '../base/environment/environment.ts';
import { UsageError } from '../base/errors.ts';
import type { Cell } from './cell.ts';
import type { ObserveOptions, TimerOptions } from './context.ts';
import { DeclaredFailureSignal } from './errors.ts';
import type { Envelope } from './mailbox.ts';
import { ActorFailed } from './outcomes.ts';
import type { Request } from './request.ts';
import type { Resource } from './resource.ts';

export class Run {
  readonly #cell: Cell;
  /** What this run handles, where somebody waits for its end: an ask, or a message whose handler waits. */
  envelope: Envelope | undefined = undefined;
  /** Made when the signal is asked for, or the run is aborted. */
  #controller: AbortController | undefined = undefined;

  constructor(cell: Cell) {
    this.#cell = cell;
  }

  /** The environment behind a context, for parts of the runtime that are actors themselves. */
  static environmentOf(context: unknown): Environment {
    return (context as Run).#cell.host.environment;
  }

  /** What this run answers; undefined for a tell. */
  get request(): Request | undefined {
    return this.envelope?.request;
  }

  /** True when the next run may use this object too. */
  get reusable(): boolean {
    return this.#controller === undefined;
  }

  get self(): object {
    return this.#cell.selfRef();
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      const { request } = this;
      if (request !== undefined) {
        if (request.settled) this.abort('the caller has given up');
        else request.onGivenUp = () => this.abort('the caller has given up');
      }
      this.#cell.extension.keep(this);
    }
    return this.#controller.signal;
  }

  /** Aborts the signal, also one that is asked for only later. */
  abort(why: string): void {
    this.#controller ??= new AbortController();
    if (!this.#controller.signal.aborted) this.#controller.abort(new ActorFailed(why));
  }

  now(): number {
    return this.#cell.host.environment.clock.now();
  }

  random(): number {
    return this.#cell.host.random.fraction();
  }

  delay(ms: number): Promise<void> {
    return this.#cell.extension.timers.delay(ms);
  }

  fail(code: string, data?: unknown): never {
    throw new DeclaredFailureSignal(code, data);
  }

  after(delayMs: number, operation: unknown, message?: unknown, options?: unknown): () => void {
    return this.#cell.extension.timers.start(delayMs, false, operation, message, options as TimerOptions | undefined);
  }

  every(periodMs: number, operation: unknown, message?: unknown, options?: unknown): () => void {
    return this.#cell.extension.timers.start(periodMs, true, operation, message, options as TimerOptions | undefined);
  }

  run(work: Promise<unknown>, operation: unknown, failed?: unknown): void {
    this.#cell.pipeToSelf(work, operation, failed);
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
    return this.#cell.spawnChild(definition, options);
  }

  stop(): void {
    void this.#cell.stop(false, undefined);
  }
}

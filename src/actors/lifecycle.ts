/**
 * The life of one actor: its start, its failure, its end.
 *
 * A failure is told once, with its stack; then the actor stops: what waits becomes dead letters, its children end first,
 * and whatever belongs to it (timers, streams, signals) ends with it.
 */
import { describeThrown, UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Cell } from './cell.ts';
import { CellExtension } from './cell-extension.ts';
import { DeclaredFailureSignal, SpawnFailed } from './errors.ts';
import { type Envelope, Mailbox, Status } from './mailbox.ts';
import { ActorFailed } from './outcomes.ts';
import { Run } from './run.ts';
import type { StopOptions } from './target.ts';

type EndReason = 'stopped' | 'failed' | 'killed';

export abstract class Lifecycle extends Mailbox {
  protected state: unknown = undefined;
  /** The context of the run that is open, or that the next run will use. */
  protected current: Run | undefined = undefined;
  /** True when the turn must end for something other than messages: a stop. */
  protected stopAsked = false;
  /** Resolves when it has started; undefined when it started at once. */
  started: Promise<void> | undefined = undefined;

  override get extension(): CellExtension {
    if (this.extra === undefined) {
      this.extra = new CellExtension(this.host);
      if (this.status === Status.stopped) this.extra.tellEnded();
    }
    return this.extra;
  }

  // ── the start ──

  /** Opens its resources and makes its state. */
  start(args: unknown): void {
    const { uses, signals } = this.behavior;
    try {
      if (uses.length > 0) {
        const resources = uses.map((one) => this.host.resourceFor(one));
        const state = this.host.resources.acquire(resources).then(() => this.#makeState(args));
        this.started = this.#startLater(state, true);
      } else {
        const state = this.#makeState(args);
        if (!isThenable(state) && signals.started === undefined) {
          this.#begin(state);
          return;
        }
        this.started = this.#startLater(Promise.resolve(state), false);
      }
    } catch (error) {
      this.started = this.#startLater(Promise.reject(error), false);
    }
    this.started.catch(() => {
      // The spawner is told by its own promise; of a child of an actor the log tells.
    });
  }

  #makeState(args: unknown): unknown {
    return this.behavior.createState(args, this.behavior.closure ? this.#hookContext() : undefined);
  }

  async #startLater(coming: Promise<unknown>, holdsResources: boolean): Promise<void> {
    try {
      const state = await coming;
      this.#refuseIfOver();
      await this.behavior.signals.started?.(state, { generation: 0 }, this.#hookContext());
      this.#refuseIfOver();
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

  #refuseIfOver(): void {
    if (this.isOver) throw new SpawnFailed('state', `${this.path()} was stopped while it started`);
  }

  #begin(state: unknown): void {
    this.state = state;
    this.status = Status.idle;
    if (this.queued > 0 || this.stopAsked) this.makeReady();
  }

  #hookContext(): Run {
    return new Run(this as unknown as Cell);
  }

  // ── failure ──

  /** The actor's own failure: told once, then the actor stops. */
  protected failed(error: unknown, envelope: Envelope | undefined): void {
    const label = envelope?.operation.label ?? this.behavior.name;
    const cause = error instanceof DeclaredFailureSignal ? undeclared(error, label) : error;
    envelope?.request?.fail(this.failureOf(label, cause));
    envelope?.origin?.settled();
    if (this.isOver) return;
    this.#logFailure(cause, label);
    if (this.current?.envelope === envelope) this.releaseRun(this.current);
    void this.endInOrder('failed');
  }

  /** What the caller of a handler that threw is told. */
  protected failureOf(label: string, cause: unknown): ActorFailed {
    return new ActorFailed(`${label}: the handler of ${this.path()} failed: ${describeThrown(cause)}`, cause);
  }

  #logFailure(error: unknown, what: string): void {
    this.host.log.error(
      { path: this.path(), operation: what, error: describeThrown(error), stack: stackOf(error) },
      `actor ${this.path()} failed in ${what} and stops: ${describeThrown(error)}`,
    );
  }

  // ── the end ──

  stop(kill: boolean, options: StopOptions | undefined): Promise<void> {
    if (this.status === Status.stopped) return Promise.resolve();
    const { ended } = this.extension;
    if (kill) this.#end('killed');
    else if (!this.stopAsked) {
      this.stopAsked = true;
      if (this.status === Status.idle) this.makeReady();
    }
    const deadlineMs = options?.deadlineMs;
    return deadlineMs === undefined ? ended : this.#endedWithin(deadlineMs, ended);
  }

  #endedWithin(deadlineMs: number, ended: Promise<void>): Promise<void> {
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

  /** No more messages, children first, the stopping hook, then the end. */
  protected async endInOrder(reason: 'stopped' | 'failed'): Promise<void> {
    if (this.isOver) return;
    this.#abandonRun();
    this.status = Status.stopping;
    this.emptyQueue(reason);
    const { extra } = this;
    extra?.endGeneration(`${this.path()} has ${reason}`);
    if (extra !== undefined && extra.children.size > 0) {
      await Promise.all([...extra.children].map((child) => child.stop(false, undefined)));
    }
    try {
      await this.behavior.signals.stopping?.(this.state, { reason }, this.#hookContext());
    } catch (error) {
      this.#logFailure(error, 'its stopping hook');
    }
    if (this.behavior.uses.length > 0) this.#releaseResources();
    this.#end(reason, false);
  }

  /** The end of the incarnation, whatever led to it. */
  #end(reason: EndReason, releases = true): void {
    if (this.status === Status.stopped) return;
    const isUp = this.status > Status.starting && this.status < Status.stopping;
    const holdsResources = releases && isUp && this.behavior.uses.length > 0;
    this.#abandonRun();
    this.status = Status.stopped;
    this.emptyQueue(reason === 'failed' ? 'failed' : 'stopped');
    const { extra } = this;
    extra?.endGeneration(`${this.path()} was ${reason}`);
    for (const child of extra?.children ?? []) void child.stop(true, undefined);
    if (holdsResources) this.#releaseResources();
    this.state = undefined;
    this.current = undefined;
    this.host.ended(this as unknown as Cell);
    extra?.tellEnded();
  }

  #releaseResources(): void {
    this.host.resources.release(this.behavior.uses);
  }

  // ── the open run ──

  /** Gives up a run whose handler still waits: what it returns later counts for nothing. */
  #abandonRun(): void {
    const envelope = this.current?.envelope;
    if (this.status !== Status.suspended || envelope === undefined) return;
    this.current?.abort(`${this.path()} ended while its handler was waiting`);
    this.releaseRun(this.current);
    this.tellAbandoned(envelope);
  }

  protected tellAbandoned({ operation, request, origin }: Envelope): void {
    request?.fail(new ActorFailed(`${operation.label}: ${this.path()} ended while its handler was waiting`));
    origin?.settled();
  }

  /** The next run gets a context of its own. */
  protected releaseRun(run: Run | undefined): void {
    if (run !== undefined) this.extra?.forget(run);
    this.current = undefined;
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function';
}

function undeclared(signal: DeclaredFailureSignal, label: string): UsageError {
  return new UsageError(
    `${label} declares no error "${signal.errorCode}", which ctx.fail named; add it to its \`errors\``,
  );
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

/**
 * The life of one actor: its start and its end. What lies between, a failure, is `supervised.ts`.
 *
 * At the end what waits becomes dead letters, its children end first, whatever belongs to it (timers, streams, signals)
 * ends with it, and those who watch it are told.
 */
import { describeThrown } from '../base/errors.ts';
import type { Cell } from './cell.ts';
import { CellExtension } from './cell-extension.ts';
import { SpawnFailed } from './errors.ts';
import { logFailure } from './failure-log.ts';
import { type Envelope, Mailbox, Status } from './mailbox.ts';
import { ActorFailed } from './outcomes.ts';
import { Run } from './run.ts';
import type { StopOptions, Watcher } from './target.ts';

export abstract class Lifecycle extends Mailbox {
  protected state: unknown = undefined;
  /** The context of the run that is open, or that the next run will use. */
  protected current: Run | undefined = undefined;
  /** The arguments as they were given, for a restart; undefined where they are empty. */
  #arguments: unknown = undefined;
  /** True when the turn has something else to see to after the message that is being handled. */
  protected attention = false;
  /** True when it is to end as soon as no run is open. */
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

  /** New at each restart: timers, runs and streams belong to one. */
  get generation(): number {
    return this.extra === undefined ? 0 : this.extra.generation;
  }

  // ── the start ──

  /** Opens its resources and makes its state. */
  start(args: unknown): void {
    const { uses, signals, supervision } = this.behavior;
    try {
      // A copy, since the state may keep what it is given and change it.
      if (supervision.restartsMax > 0 && !isEmpty(args)) this.#arguments = this.takeArguments(args);
      if (uses.length > 0) {
        const resources = uses.map((one) => this.host.resourceFor(one));
        const state = this.host.resources.acquire(resources).then(() => this.makeState(args));
        this.started = this.startLater(state, true);
      } else {
        const state = this.makeState(args);
        if (!isThenable(state) && signals.started === undefined) {
          this.begin(state);
          return;
        }
        this.started = this.startLater(Promise.resolve(state), false);
      }
    } catch (error) {
      this.started = this.startLater(Promise.reject(error), false);
    }
    this.started.catch(() => {
      // The spawner is told by its own promise; of a child of an actor the log tells.
    });
  }

  protected makeState(args: unknown): unknown {
    return this.behavior.createState(args, this.behavior.closure ? this.hookContext() : undefined);
  }

  /** The arguments once more, as they were at the start. */
  protected argumentsAgain(): unknown {
    return this.takeArguments(this.#arguments ?? {});
  }

  private takeArguments(args: unknown): unknown {
    return this.behavior.argsType.take(args, this as unknown as Cell);
  }

  private async startLater(coming: Promise<unknown>, holdsResources: boolean): Promise<void> {
    try {
      const state = await coming;
      this.refuseIfOver();
      await this.behavior.signals.started?.(state, { generation: 0 }, this.newRun());
      this.refuseIfOver();
      this.begin(state);
    } catch (error) {
      if (holdsResources && !(error instanceof SpawnFailed && error.reason === 'resource')) this.releaseResources();
      if (!this.isOver) {
        if (this.parent !== undefined) logFailure(this, error, 'its start', 'does not run');
        this.end('failed', false);
      }
      if (error instanceof SpawnFailed) throw error;
      throw new SpawnFailed('state', `actor "${this.behavior.name}" failed to start: ${describeThrown(error)}`, error);
    }
  }

  private refuseIfOver(): void {
    if (this.isOver) throw new SpawnFailed('state', `${this.path()} was stopped while it started`);
  }

  /** It has its state: what has come meanwhile is handled. */
  protected begin(state: unknown): void {
    this.state = state;
    if (this.current !== undefined) this.releaseRun(this.current);
    this.status = Status.idle;
    if (this.extra !== undefined) this.admitOffers(this.extra);
    // What was admitted has made it ready already.
    if (this.status === Status.idle && (this.queued > 0 || this.stopAsked)) this.makeReady();
  }

  /** A run that holds the actor. */
  protected abstract newRun(): Run;

  protected hookContext(): Run {
    return new Run(this as unknown as Cell);
  }

  // ── the end ──

  stop(kill: boolean, options: StopOptions | undefined): Promise<void> {
    if (this.status === Status.stopped) return Promise.resolve();
    const { ended } = this.extension;
    if (kill) this.end('killed');
    else if (!this.stopAsked) {
      this.stopAsked = true;
      this.attention = true;
      if (this.status === Status.idle) this.makeReady();
      else if (this.status === Status.restarting) void this.endInOrder('stopped');
    }
    const deadlineMs = options?.deadlineMs;
    return deadlineMs === undefined ? ended : this.endedWithin(deadlineMs, ended);
  }

  private endedWithin(deadlineMs: number, ended: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.host.environment.clock.wake(deadlineMs, () => {
        const path = this.path();
        this.end('killed');
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
    // A start that is under way gives back itself what it holds.
    const holdsResources = this.status !== Status.starting && this.behavior.uses.length > 0;
    this.abandonRun();
    this.status = Status.stopping;
    this.emptyQueue(reason);
    const { extra } = this;
    extra?.endGeneration(`${this.path()} has ${reason}`);
    if (extra !== undefined && extra.children.size > 0) {
      await Promise.all([...extra.children].map((child) => child.stop(false, undefined)));
    }
    try {
      await this.behavior.signals.stopping?.(this.state, { reason }, this.hookContext());
    } catch (error) {
      logFailure(this, error, 'its stopping hook', 'stops');
    }
    if (holdsResources) this.releaseResources();
    this.end(reason, false);
  }

  /** The end of the incarnation, whatever led to it. */
  private end(reason: 'stopped' | 'failed' | 'killed', releases = true): void {
    if (this.status === Status.stopped) return;
    const isUp = this.status > Status.starting && this.status < Status.stopping;
    const holdsResources = releases && isUp && this.behavior.uses.length > 0;
    this.abandonRun();
    this.status = Status.stopped;
    this.emptyQueue(reason === 'failed' ? 'failed' : 'stopped');
    const { extra } = this;
    extra?.endGeneration(`${this.path()} was ${reason}`);
    for (const child of extra?.children ?? []) void child.stop(true, undefined);
    if (holdsResources) this.releaseResources();
    this.state = undefined;
    this.current?.end();
    this.current = undefined;
    this.host.ended(this as unknown as Cell);
    extra?.watches?.closeAll();
    // Its name is free by now, so that they may start another under it.
    for (const watcher of extra?.watchers ?? []) watcher.terminated(reason);
    if (extra !== undefined) extra.watchers = undefined;
    extra?.tellEnded();
  }

  watch(watcher: Watcher): void {
    if (this.status === Status.stopped) {
      watcher.terminated('unknown');
      return;
    }
    const { extension } = this;
    extension.watchers ??= new Set();
    extension.watchers.add(watcher);
  }

  unwatch(watcher: Watcher): void {
    this.extra?.watchers?.delete(watcher);
  }

  private releaseResources(): void {
    this.host.resources.release(this.behavior.uses);
  }

  // ── the open run ──

  /** Gives up a run whose handler still waits: what it returns later counts for nothing. */
  protected abandonRun(): void {
    this.attention = true;
    const why = `${this.path()} ended while its handler was waiting`;
    const { current } = this;
    if (current?.envelope !== undefined && this.isHeld) {
      const { envelope } = current;
      current.abort(why);
      this.releaseRun(current);
      this.tellAbandoned(envelope);
    }
    const { extra } = this;
    if (extra === undefined) return;
    extra.beside.held = false;
    for (const run of [...extra.beside.asks]) {
      run.abort(why);
      extra.forget(run);
      extra.beside.end(run);
      if (run.envelope !== undefined) this.tellAbandoned(run.envelope);
    }
  }

  /** True while an exclusive run waits. */
  protected abstract get isHeld(): boolean;

  protected tellAbandoned({ operation, request, origin }: Envelope): void {
    request?.fail(new ActorFailed(`${operation.label}: ${this.path()} ended while its handler was waiting`));
    origin?.settled();
  }

  /** The next run gets a context of its own. */
  protected releaseRun(run: Run | undefined): void {
    if (run !== undefined) {
      run.end();
      this.extra?.forget(run);
    }
    if (this.extra !== undefined) this.extra.beside.held = false;
    if (this.status === Status.suspended) this.status = Status.idle;
    this.current = undefined;
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function';
}

/** True for arguments that hold nothing: they are made anew when they are needed, so that an actor keeps none. */
function isEmpty(args: unknown): boolean {
  if (typeof args !== 'object' || args === null || Object.getPrototypeOf(args) !== Object.prototype) return false;
  for (const _key in args) return false;
  return true;
}

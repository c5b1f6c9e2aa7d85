/**
 * The life of one actor: its start and its end. What lies between, a failure, is `supervised.ts`.
 *
 * At the end what waits becomes dead letters, its children end first, whatever belongs to it (timers, streams, signals)
 * ends with it, and those who watch it are told.
 */
import { ActivityAt } from '../base/activity.ts';
import type { Clock } from '../base/environment/clock.ts';
import { describeThrown } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { isA } from '../base/thrown.ts';
import { within } from '../base/within.ts';
import type { Cell } from './cell.ts';
import { CellExtension } from './cell-extension.ts';
import { SpawnFailed } from './errors.ts';
import { FailureLog, logFailure } from './failure-log.ts';
import type { HandlerTable } from './handler-tables.ts';
import { type Envelope, Mailbox, Status, statusNames } from './mailbox.ts';
import { ActorFailed } from './outcomes.ts';
import { ReceiveTimeout } from './receive-timeout.ts';
import { Run } from './run.ts';
import type { StopOptions, Watcher } from './target.ts';
import type { ActorView } from './tree.ts';

export abstract class Lifecycle extends Mailbox {
  protected state: unknown = undefined;
  /** The context of the run that is open, or that the next run will use. */
  protected current: Run | undefined = undefined;

  /** True when it is to end as soon as no run is open. */
  protected get stopAsked(): boolean {
    return this.hosted.stopAsked;
  }

  protected get isRunning(): boolean {
    return this.status === Status.running || this.status === Status.attentive;
  }

  /** Has the turn see to something other than the next message, once the handler that runs has returned. */
  attend(): void {
    if (this.status === Status.running) this.status = Status.attentive;
  }

  override get extension(): CellExtension {
    if (this.extra === undefined) {
      this.extra = new CellExtension(this.host);
      if (this.status === Status.stopped) this.extra.tellEnded();
    }
    return this.extra;
  }

  /** The number of the first run of its generation. */
  get firstRun(): number {
    return this.extra === undefined ? 0 : this.extra.firstRun;
  }

  /** New at each restart: timers, runs and streams belong to one. */
  get generation(): number {
    return this.extra === undefined ? 0 : this.extra.generation;
  }

  /** Its state, for its own contexts. */
  get ownState(): unknown {
    return this.state;
  }

  /** The handlers that `ctx.become` has put in place; undefined for those of the definition. */
  get table(): HandlerTable | undefined {
    return this.extra?.behaviors?.top;
  }

  // ── the start ──

  /** Opens its resources and makes its state. */
  start(args: unknown): void {
    const { uses, signals } = this.behavior;
    try {
      this.keepArguments(args);
      if (uses.length > 0) {
        const resources = uses.map((one) => this.host.resourceFor(one));
        const state = this.host.resources.acquire(resources).then(() => this.makeState(args));
        this.startsLater(this.startLater(state, true));
      } else {
        const state = this.makeState(args);
        if (!isThenable(state) && signals.started === undefined) {
          this.begin(state);
          return;
        }
        this.startsLater(this.startLater(Promise.resolve(state), false));
      }
    } catch (error) {
      this.startsLater(this.startLater(Promise.reject(error), false));
    }
  }

  private startsLater(started: Promise<void>): void {
    this.belongings.started = started;
    started.catch(() => {
      // The spawner is told by its own promise; of a child of an actor the log tells.
    });
  }

  protected makeState(args: unknown): unknown {
    const { activity, startNumber } = this.hosted;
    const { createState, closure } = this.behavior;
    // In the turn of its parent, in that of nobody, or after an await.
    const cell = activity[ActivityAt.cell]!;
    const operation = activity[ActivityAt.operation]!;
    activity[ActivityAt.cell] = this.id;
    activity[ActivityAt.operation] = startNumber;
    try {
      return createState(args, closure ? this.hookContext() : undefined);
    } finally {
      activity[ActivityAt.cell] = cell;
      activity[ActivityAt.operation] = operation;
      this.noteStart();
    }
  }

  /** Its own code may have run outside of a turn. */
  protected noteStart(): void {
    this.host.outsideTurns?.note(this, 'its start');
  }

  /** The arguments once more, as they were at the start. */
  protected argumentsAgain(): unknown {
    return this.takeArguments(this.givenArguments ?? {});
  }

  /** For a restart. A copy, since the state may keep what it is given and change it. */
  protected keepArguments(args: unknown): void {
    const { restartsMax } = this.behavior.supervision;
    if (restartsMax > 0 && !isEmpty(args)) this.belongings.arguments = this.takeArguments(args);
  }

  private takeArguments(args: unknown): unknown {
    return this.behavior.argsType.take(args, this as unknown as Cell);
  }

  private async startLater(coming: Promise<unknown>, holdsResources: boolean): Promise<void> {
    try {
      const state = await coming;
      this.refuseIfOver();
      // The hook's context speaks of it already.
      this.state = state;
      await this.behavior.signals.started?.(state, { generation: 0 }, this.newRun());
      this.noteStart();
      this.refuseIfOver();
      this.begin(state);
    } catch (error) {
      if (holdsResources && !(isA(error, SpawnFailed) && error.reason === 'resource')) this.releaseResources();
      if (!this.isOver) this.failedToStart(error);
      if (isA(error, SpawnFailed)) throw error;
      throw new SpawnFailed('state', `actor "${this.behavior.name}" failed to start: ${describeThrown(error)}`, error);
    }
  }

  /** Of a first start. */
  protected failedToStart(error: unknown): void {
    if (this.parent !== undefined) {
      // A parent that starts such children again and again is logged no more often than it would be itself.
      const { extension } = this.parent;
      extension.startFailureLog ??= new FailureLog();
      extension.startFailureLog.add(this, error, 'its start', 'does not run', false);
    }
    this.end('failed', false);
  }

  private refuseIfOver(): void {
    if (this.isOver) throw new SpawnFailed('state', `${this.path()} was stopped while it started`);
  }

  /** It has its state: what has come meanwhile is handled. */
  protected begin(state: unknown): void {
    this.state = state;
    if (this.current !== undefined) this.releaseRun(this.current);
    this.status = Status.idle;
    this.awaitQuiet();
    if (this.extra !== undefined) this.admitOffers(this.extra);
    // What was admitted has made it ready already.
    if (this.status === Status.idle && (this.queued > 0 || this.stopAsked || this.isDraining)) this.makeReady();
  }

  // ── its rest ──

  get isResting(): boolean {
    return this.status === Status.idle && (this.extra === undefined || this.extra.beside.asks.size === 0);
  }

  get openStreams(): number {
    return this.extra === undefined ? 0 : this.extra.streams.size;
  }

  /** Has `signals.idle` called, where there is one. */
  private awaitQuiet(): void {
    const { idle, idleMs } = this.behavior;
    if (idle === undefined) return;
    const { extension } = this;
    extension.receiveTimeout = new ReceiveTimeout(this, idle, idleMs, this.host.environment.clock);
    extension.receiveTimeout.rests();
  }

  /** A run that holds the actor. */
  protected abstract newRun(): Run;

  protected hookContext(): Run {
    return new Run(this as unknown as Cell);
  }

  // ── what people are shown of it ──

  /** Those below it, in the order of their start. */
  get children(): ReadonlySet<Cell> {
    return this.extra?.children ?? nobody;
  }

  /** Timers and delays of its own that keep the process alive. */
  get pendingTimers(): number {
    return this.extra?.timers.pending ?? 0;
  }

  /** The path of the stand-in of an actor below it, where that was placed here. */
  get standInOfChild(): string | undefined {
    return undefined;
  }

  view(): ActorView {
    const standIn = (this.parent as Lifecycle | undefined)?.standInOfChild;
    return {
      path: this.path(),
      actor: this.behavior.name,
      status: statusNames[this.status],
      doing: this.doing(),
      queued: this.queued,
      restarts: this.generation,
      ...(standIn === undefined ? {} : { standIn }),
    };
  }

  private doing(): string | undefined {
    switch (this.status) {
      case Status.starting:
        return 'its start';
      case Status.restarting:
        return 'its restart';
      case Status.stopping:
        return this.children.size > 0 ? 'the end of its children' : 'its stopping hook';
      default:
        return this.current?.envelope?.operation.label;
    }
  }

  // ── the end ──

  stop(kill: boolean, options: StopOptions | undefined): Promise<void> {
    this.askToStop(kill, options);
    if (this.status === Status.stopped) return Promise.resolve();
    const { ended } = this.extension;
    const deadlineMs = options?.deadlineMs;
    return deadlineMs === undefined ? ended : this.endedWithin(deadlineMs, ended);
  }

  /** The same for those who do not wait for its end. */
  askToStop(kill = false, options?: StopOptions): void {
    if (this.status === Status.stopped) return;
    this.interruptDeparture('was stopped');
    if (kill) this.end('killed');
    else if (options?.drain === true) this.drainQueue();
    else if (!this.stopAsked) {
      this.hosted = this.hosted.stopping;
      this.attend();
      if (this.status === Status.idle) this.makeReady();
      else if (this.status === Status.restarting) this.endInOrder('stopped');
    }
  }

  /** A move that is under way ends here: the actor stays for what comes next. */
  protected abstract interruptDeparture(what: string): void;

  private drainQueue(): void {
    if (this.stopAsked || this.isOver || this.isDraining) return;
    this.closeToNew();
    if (this.status === Status.idle) this.makeReady();
  }

  /** True when what was queued has been handled and nothing more may come. */
  protected get isDrained(): boolean {
    return this.isDraining && this.queued === 0;
  }

  /** Ends an actor that has nothing to do and nobody to tell before. False for any other. */
  endIfIdle(): boolean {
    const { extra } = this;
    const hasMore = extra !== undefined && (extra.children.size > 0 || extra.streams.size > 0);
    if (!this.isResting || this.queued > 0 || hasMore) return false;
    if (this.behavior.signals.stopping !== undefined) return false;
    this.end('stopped');
    return true;
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

  private get isGone(): boolean {
    return this.status === Status.stopped;
  }

  /** No more messages, children first, the stopping hook, then the end: at once where there is none of these. */
  protected endInOrder(reason: 'stopped' | 'failed'): void {
    if (this.isOver) return;
    this.interruptDeparture('has ended');
    const hasChildren = this.extra !== undefined && this.extra.children.size > 0;
    if (hasChildren || this.behavior.signals.stopping !== undefined) void this.endStepByStep(reason);
    else this.end(reason);
  }

  private async endStepByStep(reason: 'stopped' | 'failed'): Promise<void> {
    // A start that is under way gives back itself what it holds.
    const holdsResources = this.status !== Status.starting && this.behavior.uses.length > 0;
    this.abandonRun();
    this.status = Status.stopping;
    this.emptyQueue(reason);
    const { extra } = this;
    extra?.endGeneration(`${this.path()} has ${reason}`);
    if (extra !== undefined && extra.children.size > 0)
      await stopChildren(extra, this.isDraining, this.host.environment.clock);
    try {
      // Killed meanwhile, it has no state that the hook could be given.
      if (!this.isGone) await this.behavior.signals.stopping?.(this.state, { reason }, this.hookContext());
    } catch (error) {
      logFailure(this, error, 'its stopping hook', 'stops');
    }
    if (holdsResources) this.releaseResources();
    this.end(reason, false);
  }

  /** The end of the incarnation, whatever led to it. */
  protected end(reason: 'stopped' | 'failed' | 'killed', releases = true): void {
    if (this.status >= Status.stopped) return;
    this.interruptDeparture('has ended');
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
    this.host.ended(this as unknown as Cell, reason);
    extra?.watches?.closeAll();
    extra?.links?.closeAll();
    // Its name is free by now, so that they may start another under it.
    for (const watcher of extra?.watchers ?? []) watcher.terminated(reason);
    if (extra !== undefined) extra.watchers = undefined;
    extra?.tellEnded();
  }

  watch(watcher: Watcher, again = false): void {
    if (this.status === Status.stopped) {
      watcher.terminated((again ? this.host.endOf(this.id) : undefined) ?? 'unknown');
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
  protected abandonRun(how: 'ended' | 'restarted' = 'ended'): void {
    const why = `${this.path()} ${how} while its handler was waiting`;
    const { current } = this;
    if (current?.envelope !== undefined && this.isHeld) {
      const { envelope } = current;
      current.abort(why);
      this.releaseRun(current);
      this.tellAbandoned(envelope, how);
    }
    const { extra } = this;
    if (extra === undefined) return;
    extra.beside.held = false;
    for (const run of [...extra.beside.asks]) {
      run.abort(why);
      extra.forget(run);
      extra.beside.end(run);
      if (run.envelope !== undefined) this.tellAbandoned(run.envelope, how);
    }
  }

  /** True while an exclusive run waits. */
  protected abstract get isHeld(): boolean;

  protected tellAbandoned({ operation, request, origin }: Envelope, how: 'ended' | 'restarted' = 'ended'): void {
    request?.fail(new ActorFailed(`${operation.label}: ${this.path()} ${how} while its handler was waiting`));
    origin?.settled();
  }

  /** True while the handler that got `run` has not left. */
  isHandling(run: Run): boolean {
    const isOpen = this.isRunning || (this.isHeld && this.status === Status.suspended);
    return (this.current === run && isOpen) || this.extra?.beside.isHandling(run) === true;
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

const nobody: ReadonlySet<Cell> = new Set();

/** The last first, as they may use those before them. One that takes long does not hold up the others for ever. */
async function stopChildren({ children }: CellExtension, drain: boolean, clock: Clock): Promise<void> {
  const ends: Promise<void>[] = [];
  for (const child of [...children].reverse()) {
    if (child.endIfIdle()) continue;
    const ended = child.stop(false, { drain });
    ends.push(ended);
    await within(clock, limits.childStopMs, ended);
  }
  await Promise.all(ends);
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

/**
 * What becomes of an actor whose code failed: its directive decides, its budget limits, `restart.ts` rebuilds.
 *
 * A failure is no rollback: the state stays as the handler left it, until a restart makes a new one. The message whose
 * handler failed follows the poison policy; the others keep their places. Failures of handlers, of streams, of `ctx.run`
 * and of restarts themselves all end here.
 */
import { describeThrown } from '../base/errors.ts';
import { isA } from '../base/thrown.ts';
import type { Cell } from './cell.ts';
import { type Decision, decide } from './decide.ts';
import { undeclared } from './declared-failure.ts';
import { DeclaredFailureSignal, LeaveSignal, StashFull } from './errors.ts';
import { FailureLog } from './failure-log.ts';
import { Lifecycle } from './lifecycle.ts';
import { askAgain } from './local-calls.ts';
import { type Envelope, Status } from './mailbox.ts';
import { type Operation, TellEnvelope } from './operation.ts';
import { ActorFailed, NotDelivered } from './outcomes.ts';
import { stateForKeeping } from './quarantine.ts';
import { noReplay } from './replay.ts';
import { concernedBy, restartTogether } from './restart.ts';
import { backoffMs, RestartBudget } from './restart-budget.ts';
import type { Run } from './run.ts';
import { Stash } from './stash.ts';
import type { Directive } from './supervise.ts';

export abstract class Supervised extends Lifecycle {
  /** What comes after a run: a stop, the next turn, or rest. */
  protected abstract afterRun(): void;
  /** The end of a run that was open beside others. */
  protected abstract endBeside(run: Run): void;

  /** The actor's own failure, in the handler of `envelope` or beside any. */
  protected failed(error: unknown, envelope?: Envelope, message?: unknown, run: Run | undefined = this.current): void {
    if (isA(error, LeaveSignal) && envelope !== undefined && !this.isOver) {
      this.leftUnhandled(error, envelope, message, run);
      return;
    }
    const label = envelope?.operation.label ?? this.behavior.name;
    const cause = DeclaredFailureSignal.is(error) ? undeclared(error, label) : error;
    if (this.isOver) {
      envelope?.request?.fail(this.failureOf(label, cause));
      envelope?.origin?.settled();
      return;
    }
    this.interruptDeparture('failed');
    const { directive, so } = this.decide(cause, envelope);
    const goesOn = directive === 'restart' || directive === 'resume';
    const { extension } = this;
    extension.failureLog ??= new FailureLog();
    extension.failureLog.add(this, cause, label, so, !goesOn);
    if (envelope !== undefined) {
      // Its run is over, and so nobody's to give up.
      if (run !== undefined) run.envelope = undefined;
      if (!goesOn || !this.handOutAgain(envelope, message)) this.isPoison(envelope, message, cause, directive);
    }
    switch (directive) {
      case 'resume':
        if (envelope !== undefined) this.goOn(run);
        return;
      case 'restart':
        // Whoever asked it to stop does not wait for a backoff.
        if (this.stopAsked) this.endInOrder('failed');
        else void restartTogether(this, this.restartDelayMs());
        return;
      case 'stop':
        this.endWithSiblings();
        return;
      case 'escalate':
        this.escalate(cause);
        return;
      default:
        directive satisfies never;
    }
  }

  /** What the caller of a handler that threw is told. */
  protected failureOf(label: string, cause: unknown): ActorFailed {
    return new ActorFailed(`${label}: the handler of ${this.path()} failed: ${describeThrown(cause)}`, cause);
  }

  private decide(error: unknown, envelope: Envelope | undefined): Decision {
    // A first start that fails is no failure of something that ran: whoever spawned it is told.
    if (this.status === Status.starting) return { directive: 'stop', so: 'does not run' };
    const { supervision } = this.behavior;
    return decide(
      supervision,
      { error, operation: envelope?.operation.label },
      {
        // What failed to restart has no state to go on with.
        hasNoState: !this.canResume,
        nowMs: this.host.environment.clock.monotonicMs(),
        budget: () => (this.extension.budget ??= new RestartBudget(supervision)),
        consequence: (directive) => this.consequence(directive),
      },
    );
  }

  protected get canResume(): boolean {
    return this.status !== Status.restarting;
  }

  private consequence(directive: Exclude<Directive, 'restart'>): string {
    if (directive === 'resume') return 'goes on with its state';
    if (directive === 'stop') return 'stops';
    return this.parent === undefined ? this.host.guardian.consequence : 'ends, and its parent fails with it';
  }

  private restartDelayMs(): number {
    const { backoff } = this.behavior.supervision;
    if (backoff === undefined) return 0;
    const used = this.extension.budget?.used(this.host.environment.clock.monotonicMs()) ?? 0;
    return backoffMs(backoff, used, this.host.random.fraction());
  }

  // ── the message that its handler left as it was ──

  private leftUnhandled({ how }: LeaveSignal, envelope: Envelope, message: unknown, run: Run | undefined): void {
    const { request, operation } = envelope;
    if (how === 'stash' && !request?.settled) {
      if (!this.setAside(envelope, message)) {
        this.failed(new StashFull(this.path(), operation.label, this.behavior.stashMax), envelope, message, run);
        return;
      }
    } else {
      this.host.counters.handled -= 1;
      this.letterDies(envelope, message, how === 'stash' ? 'expired' : 'unhandled');
    }
    if (run !== undefined) run.envelope = undefined;
    this.goOn(run);
  }

  /** False when there is no room for it. */
  private setAside(envelope: Envelope, message: unknown): boolean {
    const { extension } = this;
    extension.stash ??= new Stash();
    const { stash } = extension;
    if (stash.size >= this.behavior.stashMax) {
      for (const one of stash.takeSettled()) this.letterDies(one.envelope, one.message, 'expired');
      if (stash.size >= this.behavior.stashMax) return false;
    }
    const { request } = envelope;
    if (request !== undefined) {
      // Its handler says that it did not handle it: to its caller it is still on its way.
      request.run = undefined;
      request.onGivenUp = undefined;
    }
    this.host.counters.handled -= 1;
    stash.push(envelope, message);
    return true;
  }

  // ── the message whose handler failed ──

  /** Puts it back where it was, unless that was done as often as it may be. */
  private handOutAgain(envelope: Envelope, message: unknown): boolean {
    const { extension } = this;
    extension.retried ??= new WeakMap();
    const times = extension.retried.get(envelope) ?? 0;
    if (times >= this.behavior.supervision.retries || envelope.request?.settled) return false;
    // The envelope of a tell is shared by all of its kind; this one is to be recognised.
    const again = envelope.request ?? new TellEnvelope(envelope.operation, envelope.origin);
    extension.retried.set(again, times + 1);
    if (envelope.request !== undefined) envelope.request.onGivenUp = undefined;
    this.host.counters.handled -= 1;
    this.putBack(again, message);
    return true;
  }

  private isPoison(envelope: Envelope, message: unknown, cause: unknown, directive: Directive): void {
    const { operation, request, origin } = envelope;
    request?.fail(this.failureOf(operation.label, cause));
    const { counters } = this.host;
    counters.handled -= 1;
    if (!this.behavior.supervision.quarantines || this.isSignal(envelope)) {
      this.letterDies(envelope, message, 'poison');
      return;
    }
    const { state, isShared } = stateForKeeping(this.state, directive === 'resume');
    counters.quarantined += 1;
    // Its place need not wait for it any more.
    origin?.settled();
    this.host.quarantine.add(
      {
        path: this.path(),
        operation: operation.label,
        message,
        error: cause,
        state,
        stateIsShared: isShared,
        again: () => this.leaveQuarantine(operation, message),
        die: () => {
          counters.quarantined -= 1;
          this.letterDies(operation.envelope, message, 'poison');
        },
      },
      this.host.environment.clock.now(),
    );
  }

  /** @throws NotDelivered, UsageError */
  private leaveQuarantine(operation: Operation, message: unknown): Promise<unknown> {
    if (operation.kind === 'stream') throw noReplay(operation);
    if (this.hasMoved) {
      this.host.counters.quarantined -= 1;
      const asked = operation.kind === 'ask' ? askAgain(this as unknown as Cell, operation) : undefined;
      this.passOn(asked?.request ?? new TellEnvelope(operation, undefined), message);
      return asked?.reply ?? Promise.resolve();
    }
    if (this.isOver) {
      const text = `${operation.label}: ${this.path()} has ended; discard it, and replay the dead letter elsewhere`;
      throw new NotDelivered('stopped', text);
    }
    this.host.counters.quarantined -= 1;
    const asked = operation.kind === 'ask' ? askAgain(this as unknown as Cell, operation) : undefined;
    this.putBack(asked?.request ?? new TellEnvelope(operation, undefined), message);
    this.wake();
    return asked?.reply ?? Promise.resolve();
  }

  // ── what follows ──

  private goOn(run: Run | undefined): void {
    if (run !== undefined && run !== this.current) {
      this.endBeside(run);
      return;
    }
    const wasHeld = this.isHeld;
    this.releaseRun(run);
    this.extra?.notice(this.state);
    if (wasHeld) this.afterRun();
  }

  protected endWithSiblings(): void {
    // A first start that fails takes nobody with it.
    const concerned = this.isRestartable ? concernedBy(this) : [];
    for (const sibling of concerned.reverse()) if (sibling !== this) void sibling.stop(false, undefined);
    this.endInOrder('failed');
  }

  protected escalate(error: unknown): void {
    const parent = this.parent as Supervised | undefined;
    parent?.childEscalates(error);
    this.endInOrder('failed');
    if (parent === undefined) this.host.guardian.escalated(this.path(), error);
    // A parent that restarts stops this child anyway.
    if (parent === undefined || parent.isOver || parent.status === Status.restarting) return;
    parent.failed(new ActorFailed(`its child ${this.path()} failed and escalated: ${describeThrown(error)}`, error));
  }

  /** A child is about to end by a failure that this actor is then to fail with. For who must hear of it before the end. */
  childEscalates(_error: unknown): void {
    // Most are told by their own failure, after it.
  }

  // ── a restart, step by step ──

  /** Ends what belongs to the generation; the queue waits. Returns the number of the next generation. */
  leaveGeneration(): number {
    this.interruptDeparture('restarts');
    this.abandonRun('restarted');
    this.status = Status.restarting;
    const { extension } = this;
    extension.endGeneration(`${this.path()} restarts`);
    extension.generation += 1;
    extension.firstRun = this.host.nextRun();
    this.current?.end();
    this.current = undefined;
    // The new state knows nothing of what the old one waited for.
    this.unstash();
    return extension.generation;
  }

  /** True while nothing has come between: an end, or a restart after this one. */
  awaitsRestart(generation: number): boolean {
    return this.status === Status.restarting && this.extension.generation === generation;
  }

  /** True where a restart would mean something. */
  get isRestartable(): boolean {
    return this.status !== Status.starting && !this.isOver;
  }

  /** Makes its state anew. What fails is a failure of the actor, like any other. */
  async rebuild(generation: number): Promise<void> {
    try {
      const state = await this.makeState(this.argumentsAgain());
      if (!this.awaitsRestart(generation)) return;
      this.state = state;
      await this.behavior.signals.started?.(state, { generation }, this.newRun());
      this.noteStart();
      if (this.awaitsRestart(generation)) this.begin(state);
    } catch (error) {
      if (this.awaitsRestart(generation)) this.failed(error);
    }
  }
}

/**
 * What stands above the top-level actors that this node has placed on its worker threads.
 *
 * An actor whose own code fails is mended where it is. What is told here is that its thread was lost: its directive is asked
 * with `PlaceLost`, and a restart spawns it on another thread from its arguments, under its name, as a new incarnation. A
 * record goes with its actor; it is a watch of it, so it follows wherever the watch does.
 */
import type { ActorBehavior } from '../actors/behavior.ts';
import { decide } from '../actors/decide.ts';
import { SpawnFailed } from '../actors/errors.ts';
import { FailureLog } from '../actors/failure-log.ts';
import { Receptionist } from '../actors/finding/receptionist.ts';
import type { Host } from '../actors/host.ts';
import { type PlaceLoss, PlaceLost, placeLost } from '../actors/place-lost.ts';
import type { ThreadPlace } from '../actors/placed/where.ts';
import { type InternalRef, refClassOf } from '../actors/ref.ts';
import { backoffMs, RestartBudget } from '../actors/restart-budget.ts';
import type { EndReason, Target, Watcher } from '../actors/target.ts';
import type { Cancel } from '../base/environment/clock.ts';
import { describeThrown } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Router } from './router.ts';
import type { WorkerPool } from './worker-pool.ts';

/** What is to run on a thread. */
export interface Placement {
  readonly behavior: ActorBehavior;
  /** Its arguments in wire form. */
  readonly args: unknown;
  readonly name: string | undefined;
  readonly where: ThreadPlace;
}

export class PlacementSupervisor {
  readonly host: Host;
  readonly #router: Router;
  readonly #workers: WorkerPool;
  readonly #receptionist: Receptionist;
  /** Those that wait for their restart. */
  readonly #waiting = new Set<Cancel>();
  #closed = false;

  constructor(parts: { readonly host: Host; readonly router: Router; readonly workers: WorkerPool }) {
    this.host = parts.host;
    this.#router = parts.router;
    this.#workers = parts.workers;
    this.#receptionist = new Receptionist(parts.host, parts.host.outside);
  }

  /** Starts an actor on a thread and supervises it there. @throws SpawnFailed */
  spawn(placement: Placement): Promise<InternalRef> {
    return this.#start(new PlacedActor(this, placement));
  }

  /** Restarts nothing any more: the system ends. */
  close(): void {
    this.#closed = true;
    for (const cancel of this.#waiting) cancel();
    this.#waiting.clear();
  }

  /** Its thread was lost, or it could not be started again after that. */
  failed(actor: PlacedActor, error: unknown): void {
    if (this.#closed) return;
    const { host } = this;
    const { guardian, environment } = host;
    const { supervision, name } = actor.behavior;
    const { directive, so } = decide(
      supervision,
      { error, operation: undefined },
      {
        hasNoState: true,
        nowMs: environment.clock.monotonicMs(),
        budget: () => actor.budget(),
        consequence: (one) => (one === 'escalate' ? guardian.consequence : 'ends'),
      },
    );
    actor.failures.add(actor, error, name, so, directive !== 'restart');
    switch (directive) {
      case 'restart':
      case 'resume':
        this.#restart(actor);
        return;
      case 'stop':
        return;
      case 'escalate':
        guardian.escalated(actor.path(), error);
        return;
      default:
        directive satisfies never;
    }
  }

  #restart(actor: PlacedActor): void {
    const { clock } = this.host.environment;
    const { backoff } = actor.behavior.supervision;
    const used = actor.budget().used(clock.monotonicMs());
    const delayMs = backoff === undefined ? 0 : backoffMs(backoff, used, this.host.random.fraction());
    const cancel = clock.wake(delayMs, () => {
      this.#waiting.delete(cancel);
      actor.budget().spend(clock.monotonicMs());
      this.#start(actor).catch((error: unknown) => {
        // Whoever ends the system is told of it elsewhere.
        if (!(error instanceof SpawnFailed && error.reason === 'shutdown')) this.failed(actor, error);
      });
    });
    this.#waiting.add(cancel);
  }

  async #start(actor: PlacedActor): Promise<InternalRef> {
    const { behavior, name } = actor;
    const target = await this.#place(actor);
    actor.target = target;
    this.#watch(actor, target);
    const { protocol } = behavior;
    const ref = new (refClassOf(protocol))(target, this.host.outside);
    if (name !== undefined) await this.#receptionist.nameElsewhere(name, protocol, ref);
    return ref;
  }

  async #place({ behavior, args, name, where }: PlacedActor): Promise<Target> {
    for (let attempt = 1; ; attempt += 1) {
      const placeId = await this.#workers.pick(where);
      try {
        const place = this.#router.place(placeId);
        if (place === undefined) throw new SpawnFailed('place-lost', `actor "${behavior.name}": ${placeId} is gone`);
        const { cell, branch } = await place.spawn(behavior.name, args, name);
        return place.target(cell, branch, behavior.protocol.name);
      } catch (error) {
        const wasRetired = error instanceof SpawnFailed && error.retryable && this.#workers.isRetired(placeId);
        if (!wasRetired || attempt >= limits.threadPicksMax) throw error;
      }
    }
  }

  #watch(actor: PlacedActor, target: Target): void {
    try {
      target.watch(actor);
    } catch (error) {
      const text = `${target.path()} runs, but is not started again should its thread be lost: ${describeThrown(error)}`;
      this.host.log.warn({ path: target.path() }, text);
    }
  }
}

/** One actor, from its spawn until it ends other than with its thread. */
class PlacedActor implements Watcher {
  readonly behavior: ActorBehavior;
  readonly args: unknown;
  readonly name: string | undefined;
  where: ThreadPlace;
  /** Its present incarnation. */
  target: Target | undefined = undefined;
  readonly #supervisor: PlacementSupervisor;
  #restarts: { readonly budget: RestartBudget; readonly failures: FailureLog } | undefined = undefined;

  constructor(supervisor: PlacementSupervisor, { behavior, args, name, where }: Placement) {
    this.#supervisor = supervisor;
    this.behavior = behavior;
    this.args = args;
    this.name = name;
    this.where = where;
  }

  get host(): Host {
    return this.#supervisor.host;
  }

  path(): string {
    return this.target?.path() ?? this.behavior.name;
  }

  budget(): RestartBudget {
    return this.#kept.budget;
  }

  get failures(): FailureLog {
    return this.#kept.failures;
  }

  /** Made when its first thread is lost: few ever need it. */
  get #kept(): { readonly budget: RestartBudget; readonly failures: FailureLog } {
    this.#restarts ??= { budget: new RestartBudget(this.behavior.supervision), failures: new FailureLog() };
    return this.#restarts;
  }

  terminated(reason: EndReason, loss?: PlaceLoss): void {
    if (reason !== 'place-lost') return;
    // Beside whom it was to live is gone as well, or lives elsewhere by now.
    if (this.where.with !== undefined) this.where = { kind: 'thread' };
    const lost = loss === undefined ? new PlaceLost(this.target?.address().place ?? '', 'exit') : placeLost(loss);
    this.#supervisor.failed(this, lost);
  }
}

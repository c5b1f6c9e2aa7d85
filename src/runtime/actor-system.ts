/**
 * The actor system: one process's part of the whole, as its user holds it.
 *
 * What it is wired from is `start-system.ts`.
 */
import type * as z from 'zod';
import type { ActorDefinition, SpawnArguments } from '../actors/actor.ts';
import type { ActorBehavior } from '../actors/behavior.ts';
import type { DeadLetter, LostWithPlace } from '../actors/dead-letters.ts';
import { SpawnFailed } from '../actors/errors.ts';
import { Receptionist } from '../actors/finding/receptionist.ts';
import { type Counters, type Host, isBehavior, noDefinition } from '../actors/host.ts';
import { invalidMessage } from '../actors/isolation.ts';
import type { AnyProtocol, Ref, Stream } from '../actors/protocol.ts';
import { refClassOf } from '../actors/ref.ts';
import type { RegistryIndex } from '../actors/registry.ts';
import type { Owner } from '../actors/target.ts';
import type { Environment } from '../base/environment/environment.ts';
import { limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import type { RunArguments, RunnableFlow } from './flow-definition.ts';
import type { NodeLinks } from './node-links.ts';
import { here, type Where } from './placement.ts';
import { nodeOf, type Router } from './router.ts';
import type { WorkerPool } from './worker-pool.ts';

/** What one place has done so far, and what it holds. */
export interface PlaceStatistics extends Counters {
  readonly deadLetters: number;
  readonly lostWithPlace: number;
}

/** Where to spawn, and under which name. */
export interface SpawnOptions {
  /** Unique among the actors of its place; for people and logs. */
  name?: string;
  /** `here()` unless given. */
  on?: Where;
}

export class ActorSystem implements AsyncDisposable {
  readonly #host: Host;
  readonly #registry: RegistryIndex;
  readonly #router: Router;
  readonly #workers: WorkerPool;
  readonly #links: NodeLinks;
  readonly #log: Logger;
  #nextOfSpread = 0;
  #shutdown: Promise<void> | undefined = undefined;
  readonly #onBeforeExit = (): void => {
    const holds = [
      `${this.#host.rootCount} actors`,
      `${this.#workers.placeIds.length} worker threads`,
      `${this.#links.nodeIds.length} links`,
    ];
    this.#log.warn(
      { system: this.#host.placeId },
      `system ${this.#host.placeId} was not shut down and still holds ${holds.join(', ')}; await system.shutdown(), or declare it with \`await using\``,
    );
  };

  /** @internal Use `createSystem`. */
  constructor(parts: SystemParts) {
    this.#host = parts.host;
    this.#registry = parts.registry;
    this.#router = parts.router;
    this.#workers = parts.workers;
    this.#links = parts.links;
    this.#log = parts.log;
    process.once('beforeExit', this.#onBeforeExit);
  }

  /** `node~incarnation` of this process. */
  get nodeId(): string {
    return nodeOf(this.#host.placeId);
  }

  /** The address that other nodes can join, with its real port; undefined when this node does not listen. */
  get address(): string | undefined {
    return this.#links.address;
  }

  /** Nodes that are joined now. */
  get nodes(): readonly string[] {
    return this.#links.nodeIds;
  }

  /** Every dead letter of this thread from now on. */
  get deadLetters(): Stream<DeadLetter> {
    return this.#host.deadLetters.stream();
  }

  /** Every loss of messages with a place, from now on. */
  get losses(): Stream<LostWithPlace> {
    return this.#host.deadLetters.losses();
  }

  /** Registers actors under typed keys, and finds them, on the whole node. */
  get receptionist(): Receptionist {
    return new Receptionist(this.#host, this.#host.outside);
  }

  /**
   * The top-level actor of that name on this node: of its main thread, else of a worker, else none.
   *
   * @throws LookupFailed where the actor of that name speaks another protocol
   */
  find<T extends AnyProtocol>(protocol: T, name: string): Promise<Ref<T> | undefined> {
    return this.receptionist.named(protocol, name);
  }

  /** The environment's clock, for code that must run under virtual time too. */
  get clock(): Environment['clock'] {
    return this.#host.environment.clock;
  }

  /** @internal The log, for parts of the runtime that stand above. */
  get log(): Logger {
    return this.#log;
  }

  statistics(): PlaceStatistics {
    let deadLetters = 0;
    for (const count of this.#host.deadLetters.counts.values()) deadLetters += count;
    return { ...this.#host.counters, deadLetters, lostWithPlace: this.#host.deadLetters.lostWithPlace };
  }

  /**
   * Starts an actor.
   *
   * @returns once it has started, wherever it is.
   * @throws SpawnFailed when it could not be started; nothing of it is left then.
   */
  async spawn<T extends AnyProtocol, A extends z.ZodType>(
    definition: ActorDefinition<T, A>,
    ...options: SpawnArguments<A, SpawnOptions>
  ): Promise<Ref<T>> {
    const [given] = options as [({ args?: unknown } & SpawnOptions)?];
    const { name, args } = given ?? {};
    if (!isBehavior(definition)) throw noDefinition();
    const where = this.#settle(given?.on ?? here());
    if (where.kind === 'here') {
      const cell = this.#host.spawn(definition, { args, name, parent: undefined });
      if (cell.started !== undefined) await cell.started;
      return new cell.behavior.refClass(cell, this.#host.outside) as unknown as Ref<T>;
    }
    if (this.#shutdown !== undefined) {
      throw new SpawnFailed('shutdown', `actor "${definition.name}": the system is shutting down`);
    }
    const behavior = this.#registered(definition.name);
    const placeId =
      where.kind === 'thread' ? await this.#workers.pick() : this.#links.pick(where.role, definition.name);
    const place = this.#router.place(placeId);
    if (place === undefined) throw new SpawnFailed('place-lost', `actor "${definition.name}": ${placeId} is gone`);
    let wire: unknown;
    try {
      wire = behavior.argsType.toWire(behavior.argsType.parse(args ?? {}));
    } catch (error) {
      const invalid = invalidMessage(error, `arguments of actor "${definition.name}"`) as Error;
      throw new SpawnFailed('arguments', invalid.message, error);
    }
    const { cell, branch } = await place.spawn(definition.name, wire, name);
    const target = place.target(cell, branch, definition.protocol.name);
    const ref = new (refClassOf(definition.protocol))(target, this.#host.outside as Owner);
    if (name !== undefined && where.kind === 'thread') {
      await this.receptionist.nameElsewhere(name, definition.protocol, ref);
    }
    return ref as unknown as Ref<T>;
  }

  /** Starts a flow. @returns its run, once all its stages have started. */
  run<A extends z.ZodType, R>(flow: RunnableFlow<A, R>, ...options: RunArguments<A>): Promise<R> {
    const [given] = options as [{ args?: unknown }?];
    return flow.start(this, given?.args ?? {});
  }

  /**
   * Stops everything: actors after their current message, then workers, then links.
   *
   * @param options.deadlineMs 5,000 unless given; what has not stopped by then is killed and named in the log.
   */
  shutdown(options: { deadlineMs?: number } = {}): Promise<void> {
    this.#shutdown ??= this.#close(options.deadlineMs ?? limits.shutdownMs);
    return this.#shutdown;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  async #close(deadlineMs: number): Promise<void> {
    process.off('beforeExit', this.#onBeforeExit);
    const [left, leftInWorkers] = await Promise.all([this.#host.close(deadlineMs), this.#workers.close(deadlineMs)]);
    const all = [...left, ...leftInWorkers];
    if (all.length > 0)
      this.#log.warn(
        { left: all, deadlineMs },
        `shutdown killed what had not stopped after ${deadlineMs} ms: ${all.join(', ')}`,
      );
    this.#router.close('the system is shut down');
    await this.#links.close();
  }

  /** A `Where` without choice left in it. */
  #settle(where: Where): Exclude<Where, { kind: 'spread' }> {
    if (where.kind !== 'spread') return where;
    const next = where.places[this.#nextOfSpread % where.places.length]!;
    this.#nextOfSpread += 1;
    return this.#settle(next);
  }

  #registered(name: string): ActorBehavior {
    const behavior = this.#registry.actor(name);
    if (behavior !== undefined) return behavior;
    throw new SpawnFailed(
      'unregistered',
      `actor "${name}" is not in the registry, so no other place can find its code; add it to registry(…), or spawn it here`,
    );
  }
}

/** What a system is made of; `start-system.ts` makes them. */
export interface SystemParts {
  readonly host: Host;
  readonly registry: RegistryIndex;
  readonly router: Router;
  readonly workers: WorkerPool;
  readonly links: NodeLinks;
  readonly log: Logger;
}

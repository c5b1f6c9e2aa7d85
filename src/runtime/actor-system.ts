/**
 * The actor system: one process's part of the whole, as its user holds it.
 *
 * What it is wired from is `start-system.ts`.
 */
import type * as z from 'zod';
import type { ActorDefinition, SpawnArguments } from '../actors/actor.ts';
import type { DeadLetter, LostWithPlace } from '../actors/dead-letters.ts';
import { MoveRefused, SpawnFailed } from '../actors/errors.ts';
import { Receptionist } from '../actors/finding/receptionist.ts';
import { refByName } from '../actors/finding/ref-by-name.ts';
import { checkKeys } from '../actors/given.ts';
import { type Counters, type Host, isBehavior, noDefinition } from '../actors/host.ts';
import { checkWhere, type Where } from '../actors/placed/where.ts';
import type { AnyProtocol, AnyRef, Ref, Stream } from '../actors/protocol.ts';
import type { QuarantineView } from '../actors/quarantine.ts';
import { isRef, refClassOf, targetOf } from '../actors/ref.ts';
import type { RegistryIndex } from '../actors/registry.ts';
import { isByName, type Owner } from '../actors/target.ts';
import { type PlaceTree, treeOf } from '../actors/tree.ts';
import type { Environment } from '../base/environment/environment.ts';
import { describeThrown, UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import { argumentsToWire, registeredActor } from './child-placement.ts';
import type { ClientStatistics } from './clients/client-port.ts';
import type { RunArguments, RunnableFlow, RunOptions } from './flow-definition.ts';
import { watchForForgotten } from './forgotten.ts';
import type { NodeLinks } from './node-links.ts';
import { here } from './placement.ts';
import { nodeOf, type Router } from './router.ts';
import {
  checkShutdownOptions,
  Shutdown,
  type ShutdownHook,
  type ShutdownHookOptions,
  type ShutdownOptions,
} from './shutdown.ts';
import type { ShutdownPhase, ShutdownReason, ShutdownReport } from './shutdown-report.ts';
import type { Stall } from './stall.ts';
import { activeResources, onStopSignal, setExitCode } from './stop-signals.ts';
import { SystemEnd } from './system-end.ts';
import type { SystemParts } from './system-parts.ts';
import type { WorkerPool } from './worker-pool.ts';

/** What one place has done so far, and what it holds. */
export interface PlaceStatistics extends Counters {
  /** Messages that were not handled, for any reason. */
  readonly deadLetters: number;
  /** Messages that other places had received and not settled when they were lost. */
  readonly lostWithPlace: number;
  /** Dead letters that readers of `system.deadLetters` did not get because they were behind. */
  readonly deadLettersMissed: number;
}

/** The clients of a system. */
export interface ClientsView {
  /** The address that they connect to, with its real port. */
  readonly address: string;
  /** How many there are, and what has become of those who asked. */
  statistics(): ClientStatistics;
}

/** How an actor is moved. */
export interface MoveOptions {
  /** How long it may take to come to rest, in ms: until no handler and no `ctx.run` of it is open. 5,000 unless given. */
  deadlineMs?: number;
}

/** Where to spawn, and under which name. */
export interface SpawnOptions {
  /** Unique among the actors of its place; for people and logs. */
  name?: string;
  /** `here()` unless given. */
  on?: Where;
}

/**
 * One process's part of the whole: it starts actors and flows, here and elsewhere, finds them, and ends them in order.
 *
 * Made by `createSystem`. Declare it with `await using`, or end it with `shutdown()`: a process that listens stays
 * alive until then.
 */
export class ActorSystem implements AsyncDisposable {
  readonly #host: Host;
  readonly #registry: RegistryIndex;
  readonly #router: Router;
  readonly #workers: WorkerPool;
  readonly #links: NodeLinks;
  readonly #log: Logger;
  readonly #parts: SystemParts;
  readonly #shutdown: Shutdown;
  #ending: Promise<ShutdownReport> | undefined = undefined;
  /** Called once it has ended. */
  #onEnded: (report: ShutdownReport) => void = () => undefined;
  #unwatch: () => void = () => undefined;
  readonly #onBeforeExit = (): void => {
    const { roots, rootCount } = this.#host;
    const holds = [
      named(`${rootCount} actors`, [...roots].slice(0, limits.namesInText), (cell) => cell.path()),
      named(`${this.#workers.placeIds.length} worker threads`, this.#workers.placeIds, (id) => id),
      named(`${this.#links.nodeIds.length} links`, this.#links.nodeIds, (id) => id),
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
    this.#parts = parts;
    this.#shutdown = new Shutdown(parts.host.environment.clock, parts.log);
    if (parts.warnsAtExit) {
      process.once('beforeExit', this.#onBeforeExit);
      this.#unwatch = watchForForgotten(parts.host, parts.log);
    }
  }

  /** `node~incarnation` of this process. */
  get nodeId(): string {
    return nodeOf(this.#host.placeId);
  }

  /** The address that other nodes can join, with its real port; undefined when this node does not listen. */
  get address(): string | undefined {
    return this.#links.address;
  }

  /** Where clients come in and how many there are; undefined where the system lets in none. */
  get clients(): ClientsView | undefined {
    return this.#parts.clients;
  }

  /** Nodes that there is a link to now. One whose link was cut is missing until it is back, though what is sent to it waits. */
  get nodes(): readonly string[] {
    return this.#links.nodeIds;
  }

  /**
   * Every dead letter of this thread and of the worker threads from now on. A reader that is 1,024 behind misses the
   * oldest; `statistics().deadLettersMissed` counts these.
   */
  get deadLetters(): Stream<DeadLetter> {
    return this.#host.deadLetters.stream();
  }

  /**
   * Messages of this thread's actors whose handler failed and whose poison policy is `quarantine`: at most 128; beyond that
   * the oldest becomes a dead letter.
   */
  get quarantine(): QuarantineView {
    return this.#host.quarantine;
  }

  /** Every loss of messages with a place, from now on. */
  get losses(): Stream<LostWithPlace> {
    return this.#host.deadLetters.losses();
  }

  /**
   * Every stall of this node's threads from now on: what held one for longer than `stallMs`, with the actor and the
   * operation where they are known, and what to do about it. They are logged too, as `warn`, one line in 10 s for each
   * operation; and published on the channel `troupe:stall` of `node:diagnostics_channel`. A reader that is 1,024 behind
   * misses the oldest.
   */
  get stalls(): Stream<Stall> {
    return this.#parts.stalls.stream();
  }

  /** Registers actors under typed keys, and finds them, on the whole node. */
  get receptionist(): Receptionist {
    return new Receptionist(this.#host, this.#host.outside);
  }

  /**
   * A ref to whatever top-level actor has that name when something is sent: `troupe://node/name`, on any thread of the node,
   * which is given by its name or, for one incarnation of it alone, by its id. It can be used at once, here and in messages.
   *
   * An actor that was started anew under the name is found again, and so is a node that came back under its name. Where
   * there is none, calls settle as `NotDelivered` and tells are dead letters, with the reason `unknown`, or `unreachable`
   * where the node is not found. A watch is told of the end of who has the name when it begins.
   *
   * @throws InvalidAddress
   */
  ref<T extends AnyProtocol>(protocol: T, address: string): Ref<T> {
    return refByName(this.#host, protocol, address, this.#host.outside) as unknown as Ref<T>;
  }

  /**
   * The top-level actor of that name on this node: of its main thread, else of a worker, else none. With an address,
   * `troupe://node/name`, that on another node.
   *
   * @throws LookupFailed where the actor of that name speaks another protocol
   * @throws NotDelivered where the node of the address is not found
   * @throws InvalidAddress
   */
  find<T extends AnyProtocol>(protocol: T, name: string): Promise<Ref<T> | undefined> {
    return this.receptionist.named(protocol, name);
  }

  /** @internal The environment's chance, for the same. */
  get random(): Environment['random'] {
    return this.#host.environment.random;
  }

  /** The environment's clock, for code that must run under virtual time too. */
  get clock(): Environment['clock'] {
    return this.#host.environment.clock;
  }

  /** @internal The log, for parts of the runtime that stand above. */
  get log(): Logger {
    return this.#log;
  }

  /** The actors of this node, thread by thread, with what each of them does and how many messages wait. */
  async tree(): Promise<readonly PlaceTree[]> {
    return [treeOf(this.#host.placeId, this.#host.roots), ...(await this.#workers.trees())];
  }

  /**
   * What this thread has done so far, and what it holds. What was `accepted` or `refused` was `handled`, is a
   * dead letter, is `quarantined`, still waits, or has `moved` with its actor.
   */
  statistics(): PlaceStatistics {
    let deadLetters = 0;
    for (const count of this.#host.deadLetters.counts.values()) deadLetters += count;
    const { lostWithPlace, readers } = this.#host.deadLetters;
    return { ...this.#host.counters, deadLetters, lostWithPlace, deadLettersMissed: readers.missed };
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
    checkKeys(given ?? {}, ['args', 'name', 'on'], `${definition.name}: the options of a spawn`);
    if (given?.on !== undefined) checkWhere(given.on, `${definition.name}: on`);
    const { choice } = this.#parts;
    const where = choice.settle(given?.on ?? here());
    if (where.kind === 'here' || (where.kind === 'place' && where.place === this.#host.placeId)) {
      const cell = this.#host.spawn(definition, { args, name, parent: undefined });
      if (cell.started !== undefined) await cell.started;
      return new cell.behavior.refClass(cell, this.#host.outside) as unknown as Ref<T>;
    }
    if (this.#ending !== undefined) {
      throw new SpawnFailed('shutdown', `actor "${definition.name}": the system is shutting down`);
    }
    const behavior = registeredActor(this.#registry, definition.name);
    const wire = argumentsToWire(behavior, args);
    if (where.kind === 'thread') {
      return (await this.#parts.placement.spawn({ behavior, args: wire, name, where })) as unknown as Ref<T>;
    }
    const placeId = await choice.placeOf(where, definition.name, this.#host.placeId);
    const place = this.#router.place(placeId);
    if (place === undefined) throw new SpawnFailed('place-lost', `actor "${definition.name}": ${placeId} is gone`);
    const { cell, branch } = await place.spawn(definition.name, wire, name);
    const target = place.target(cell, branch, definition.protocol.name);
    return new (refClassOf(definition.protocol))(target, this.#host.outside as Owner) as unknown as Ref<T>;
  }

  /**
   * Moves an actor to another thread of this node while it is used: between two messages, and within the deadline.
   *
   * Its state, its queue, what it has set aside, its behavior, its timers with what is left of them, its watches, its links
   * and those who watch it go along; resources are opened where it comes to. Its refs, path and incarnation stay as they
   * are, nobody is told that it ended, and the order of each sender's messages holds. Open streams go on where they were:
   * the handler is called again, with `ctx.delivered`.
   *
   * @param where `here()` or `thread()`; where it lives already, nothing happens.
   * @returns once it runs there.
   * @throws MoveRefused where it stays as it is, and says why
   * @throws UsageError for what is no ref, no place and no time
   */
  async move(ref: AnyRef, where: Where, options: MoveOptions = {}): Promise<void> {
    if (!isRef(ref)) throw new UsageError(`system.move takes a ref of an actor; it was given ${typeof ref}`);
    const target = targetOf(ref);
    const path = target.path();
    if (isByName(target)) await target.move('', 0);
    checkWhere(where, `move of ${path}`);
    checkKeys(options, ['deadlineMs'], `move of ${path}: its options`);
    const { deadlineMs = limits.moveDeadlineMs } = options;
    if (!(typeof deadlineMs === 'number' && deadlineMs >= 0 && deadlineMs <= limits.askTimeoutMsMax)) {
      const range = `deadlineMs must lie between 0 and ${limits.askTimeoutMsMax}`;
      throw new UsageError(`move of ${path}: ${range}; it was given ${String(deadlineMs)}`);
    }
    if (nodeOf(target.address().place) !== this.nodeId) {
      throw new MoveRefused('place', `${path} is of another node, and only that node can move it`);
    }
    const placeId = await this.#placeToMoveTo(where, path);
    await target.move(placeId, deadlineMs);
    this.#parts.homes.moved(target, placeId);
  }

  async #placeToMoveTo(where: Where, path: string): Promise<string> {
    const settled = this.#parts.choice.settle(where);
    if (this.#ending !== undefined) throw new MoveRefused('place', `${path}: the system is shutting down`);
    switch (settled.kind) {
      case 'here':
        return this.#host.placeId;
      case 'thread':
        try {
          return await this.#workers.pick(settled);
        } catch (error) {
          throw new MoveRefused('place', `${path} cannot move: ${describeThrown(error)}`, error);
        }
      case 'place':
        if (nodeOf(settled.place) === this.nodeId) return settled.place;
        throw notMovedThere(path);
      case 'node':
        throw notMovedThere(path);
      default:
        return settled satisfies never;
    }
  }

  /** Starts a flow. @returns its run, once all its stages have started. */
  run<A extends z.ZodType, R>(flow: RunnableFlow<A, R>, ...options: RunArguments<A>): Promise<R> {
    const [given = {}] = options as [({ args?: unknown } & RunOptions)?];
    checkKeys(given, ['args', 'restart'], `${flow.name}: the options of a run`);
    return flow.start(this, given.args ?? {}, given);
  }

  /**
   * Ends the system in order, in the phases `stop-accepting`, `drain`, `stop-actors`, `close-resources` and `leave`: what
   * is queued is handled, what comes meanwhile is refused, then everything stops. Calls after the first join it.
   *
   * @param options.deadlineMs for all of it, 5,000 unless given: what is not done by then is cut short, and reported.
   * @param options.phases how long single phases may take, in ms.
   * @returns what was left; it does not reject.
   * @throws UsageError for options that make no sense
   */
  async shutdown(options: ShutdownOptions = {}): Promise<ShutdownReport> {
    return this.shutdownFor('called', options);
  }

  /** @internal The same, for another reason. */
  shutdownFor(reason: ShutdownReason, options: ShutdownOptions = {}): Promise<ShutdownReport> {
    checkShutdownOptions(options);
    if (this.#ending === undefined) {
      this.#ending = new SystemEnd(this.#parts, this.#shutdown).run(options, reason);
      process.off('beforeExit', this.#onBeforeExit);
      this.#unwatch();
      if (reason === 'escalated') setExitCode(false);
      // Read when it has ended: signals may be listened for later than it begins.
      void this.#ending.then((report) => {
        this.#parts.unwatch();
        this.#onEnded(report);
      });
    }
    return this.#ending;
  }

  /** @internal Shuts down at the first SIGINT or SIGTERM. */
  endOnSignals(options: ShutdownOptions): void {
    let told: ShutdownReason | undefined;
    const unlisten = onStopSignal((signal) => {
      told = signal;
      this.#log.info({ signal }, `${signal}: the system shuts down`);
      void this.shutdownFor(signal, options);
    });
    this.#onEnded = ({ clean }) => {
      unlisten();
      if (told === undefined) return;
      setExitCode(clean);
      // Whatever else the program has open is its own to close: it is named, and not cut.
      this.clock.timer(limits.heldMs, () => {
        const holds = [...new Set(activeResources())];
        this.#log.warn({ holds }, `the system is shut down; the process is held by ${holds.join(', ')}`);
      });
    };
  }

  /**
   * Has `hook` called when the shutdown reaches `phase`, before the phase does its own work: in `stop-accepting` and
   * `drain` all actors still run. Hooks of a phase are called together. One that throws or takes too long is reported,
   * and holds nothing up. End no process in a hook: it ends by itself when nothing holds it.
   *
   * @returns a function that takes the hook back.
   * @throws UsageError where there is no such phase, or it has begun.
   */
  onShutdown(phase: ShutdownPhase, hook: ShutdownHook, options: ShutdownHookOptions = {}): () => void {
    return this.#shutdown.on(phase, hook, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }
}

function notMovedThere(path: string): MoveRefused {
  return new MoveRefused('place', `${path} cannot move to another node; actors move between the threads of one`);
}

/** How many, and which of them first. */
function named<T>(count: string, all: readonly T[], name: (one: T) => string): string {
  const names = all.slice(0, limits.namesInText).map(name);
  return names.length === 0 ? count : `${count} (${names.join(', ')}${all.length > names.length ? ', …' : ''})`;
}

/**
 * The host of one place's actors: what all cells of a thread share.
 *
 * It knows the environment and the place's own id, and no wires: refs to actors elsewhere are made by what `runtime`
 * hands in as `remote`.
 */
import type { Environment } from '../base/environment/environment.ts';
import type { Random } from '../base/environment/random.ts';
import { describeThrown } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import type { ActorBehavior } from './behavior.ts';
import { Cell } from './cell.ts';
import { DeadLetters } from './dead-letters.ts';
import { Deadlines } from './deadlines.ts';
import { SpawnFailed } from './errors.ts';
import { GoneTarget } from './gone-target.ts';
import { type HandOver, handOver, type Isolation } from './isolation.ts';
import { checkName } from './operation.ts';
import { Outside } from './outside.ts';
import type { AnyProtocol } from './protocol.ts';
import { type InternalRef, refClassOf } from './ref.ts';
import type { Resource } from './resource.ts';
import { Resources } from './resource.ts';
import { InvalidValue } from './schema/errors.ts';
import type { MessageType } from './schema/message-type.ts';
import type { Address, Owner, Target } from './target.ts';

/** Messages of this place since it started. accepted = handled + dead letters after acceptance + queued + stashed. */
export interface Counters {
  accepted: number;
  refused: number;
  handled: number;
  /** Replies and timers that came for what had ended. */
  late: number;
}

export interface HostOptions {
  readonly environment: Environment;
  readonly placeId: string;
  readonly isolation: Isolation;
  readonly log: Logger;
  /** Makes the target of an address in another place. */
  readonly remote: (address: Address, branch: string, protocolName: string) => Target;
  /** A protocol of the registry by its name, for refs that say no more. */
  readonly protocolNamed: (name: string) => AnyProtocol | undefined;
  /** The resource to open in place of `declared`, for tests. */
  readonly resourceFor?: (declared: Resource<string, unknown>) => Resource<string, unknown>;
}

export interface SpawnRequest {
  readonly args: unknown;
  readonly name: string | undefined;
  readonly parent: Cell | undefined;
}

export class Host {
  readonly environment: Environment;
  readonly scheduler: Environment['scheduler'];
  readonly random: Random;
  readonly placeId: string;
  readonly log: Logger;
  readonly deadLetters: DeadLetters;
  readonly deadlines: Deadlines;
  readonly resources: Resources;
  readonly counters: Counters = { accepted: 0, refused: 0, handled: 0, late: 0 };
  /** Owner of the refs that code outside of actors holds. */
  readonly outside: Outside;
  readonly handOver: HandOver;
  readonly resourceFor: (declared: Resource<string, unknown>) => Resource<string, unknown>;
  readonly #remote: HostOptions['remote'];
  readonly #protocolNamed: HostOptions['protocolNamed'];
  readonly #roots = new Set<Cell>();
  readonly #names = new Map<string, Cell>();
  /** Cells whose address has left this place, so that messages may come for them. */
  readonly #exported = new Map<number, Cell>();
  #nextCell = 1;
  #closed = false;

  constructor(options: HostOptions) {
    this.environment = options.environment;
    this.scheduler = options.environment.scheduler;
    this.random = options.environment.random.fork('actors');
    this.placeId = options.placeId;
    this.log = options.log;
    this.deadLetters = new DeadLetters(options.environment.clock, options.log);
    this.deadlines = new Deadlines(options.environment.clock);
    this.resources = new Resources((name, error) =>
      options.log.error({ resource: name, error: describeThrown(error) }, `resource "${name}" failed to close`),
    );
    this.#remote = options.remote;
    this.#protocolNamed = options.protocolNamed;
    this.resourceFor = options.resourceFor ?? ((declared) => declared);
    this.outside = new Outside(this);
    this.handOver = handOver(options.isolation, (type, wire, owner) => this.fromWire(type, wire, owner));
  }

  /** Starts an actor; it may still be starting when this returns, and takes messages already. @throws SpawnFailed */
  spawn(definition: unknown, request: SpawnRequest): Cell {
    if (!isBehavior(definition)) throw noDefinition();
    if (this.#closed) throw new SpawnFailed('shutdown', `${definition.name}: the system is shutting down`);
    const cell = new Cell(this, definition, request.parent, this.#nextCell, request.name);
    let args: unknown;
    try {
      // Refs in the arguments belong to the new actor.
      args = definition.argsType.take(request.args === undefined ? {} : request.args, cell);
    } catch (error) {
      throw new SpawnFailed(
        'arguments',
        `arguments of actor "${definition.name}" do not fit: ${describeThrown(error)}`,
        error,
      );
    }
    this.#nextCell += 1;
    if (request.name !== undefined) this.#takeName(cell, request.name);
    if (request.parent === undefined) this.#roots.add(cell);
    else request.parent.extension.children.add(cell);
    cell.start(args);
    return cell;
  }

  #takeName(cell: Cell, name: string): void {
    try {
      checkName(name, 'the name of an actor');
    } catch (error) {
      throw new SpawnFailed('name', describeThrown(error), error);
    }
    const key = `${cell.parent?.id ?? ''}/${name}`;
    if (this.#names.has(key)) {
      throw new SpawnFailed(
        'name-taken',
        `an actor named "${name}" is running at ${this.#names.get(key)?.path()}; stop it or choose another name`,
      );
    }
    this.#names.set(key, cell);
  }

  /** Forgets a cell that has ended. */
  ended(cell: Cell): void {
    this.#roots.delete(cell);
    this.#exported.delete(cell.id);
    if (cell.name !== undefined) this.#names.delete(`${cell.parent?.id ?? ''}/${cell.name}`);
    cell.parent?.extension.children.delete(cell);
  }

  /** Remembers a cell by its number, since its address is about to leave this place. */
  export(cell: Cell): void {
    this.#exported.set(cell.id, cell);
  }

  /** The cell of that number, if its address has left this place and it has not ended. */
  cell(id: number): Cell | undefined {
    return this.#exported.get(id);
  }

  /** How many top-level actors run. */
  get rootCount(): number {
    return this.#roots.size;
  }

  /**
   * A value from another place, with its refs for `owner`. `parse` is still to say whether it fits.
   *
   * @throws InvalidValue where it holds a ref that leads nowhere: no handler is to meet an address for a ref.
   */
  fromWire(type: MessageType, wire: unknown, owner: Owner): unknown {
    let finding: string | undefined;
    const value = type.fromWire(wire, {
      refFromWire: (address, protocol, protocolName) => {
        const ref = this.#refFromWire(address, protocol as AnyProtocol | undefined, protocolName, owner);
        if (typeof ref !== 'string') return ref;
        finding ??= ref;
        return undefined;
      },
    });
    if (finding !== undefined) throw new InvalidValue(finding);
    return value;
  }

  /** The ref, or why there is none. */
  #refFromWire(
    wire: unknown,
    protocol: AnyProtocol | undefined,
    protocolName: string,
    owner: Owner,
  ): InternalRef | string {
    if (!isAddress(wire)) return `expected a ref of "${protocolName}", but it is not the address of an actor`;
    const [place, id, branch] = wire;
    const cell = place === this.placeId ? this.#exported.get(id) : undefined;
    if (cell !== undefined) {
      if (cell.protocolName === protocolName || protocolName === '') return new cell.behavior.refClass(cell, owner);
      return `expected a ref of "${protocolName}", but ${cell.path()} speaks "${cell.protocolName}"`;
    }
    const known = protocol ?? this.#protocolNamed(protocolName);
    if (known === undefined) {
      return (
        `the protocol "${protocolName}" of a ref is not known at ${this.placeId}; ` +
        'register an actor that speaks it there, or use refOf(protocol) in the schema instead of refTo(name)'
      );
    }
    const address = { place, cell: id };
    if (place !== this.placeId) return new (refClassOf(known))(this.#remote(address, branch, protocolName), owner);
    return new (refClassOf(known))(new GoneTarget(this, address, branch, protocolName, 'stopped'), owner);
  }

  /**
   * Stops every actor and closes what they shared. Actors that have not ended by the deadline are named, and killed;
   * resources that have not closed by then are named.
   */
  async close(deadlineMs: number): Promise<readonly string[]> {
    this.#closed = true;
    const { clock } = this.environment;
    const endsAtMs = clock.monotonicMs() + deadlineMs;
    this.resources.abort();
    const left: string[] = [];
    await Promise.all(
      [...this.#roots].map((root) =>
        root.stop(false, { deadlineMs }).catch(() => {
          left.push(root.path());
        }),
      ),
    );
    const unclosed = await this.resources.close(clock, Math.max(0, endsAtMs - clock.monotonicMs()));
    left.push(...unclosed.map((name) => `resource "${name}" of ${this.placeId}`));
    this.deadlines.close();
    return left;
  }
}

/** `node~incarnation/thread`, as places name themselves: anything else is no address to make a carrier or a place for. */
const placeIdPattern = /^[A-Za-z0-9][\w.~-]{0,127}\/[a-z0-9]{1,16}$/;

function isAddress(wire: unknown): wire is readonly [place: string, cell: number, branch: string] {
  if (!Array.isArray(wire) || wire.length !== 3) return false;
  const [place, cell, branch] = wire as [unknown, unknown, unknown];
  return (
    typeof place === 'string' &&
    placeIdPattern.test(place) &&
    Number.isSafeInteger(cell) &&
    typeof branch === 'string' &&
    branch.length <= limits.branchCharactersMax
  );
}

/** The refusal to spawn what is no definition of an actor. */
export function noDefinition(): SpawnFailed {
  return new SpawnFailed('unregistered', 'spawn takes what actor(…) or closureActor(…) returned');
}

/** By kind, not by class: a bundle may hold the package twice. */
export function isBehavior(definition: unknown): definition is ActorBehavior {
  return (definition as Partial<ActorBehavior> | undefined)?.kind === 'actor' && 'handlers' in (definition as object);
}

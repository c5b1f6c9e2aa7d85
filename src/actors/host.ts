/**
 * The host of one place's actors: what all cells of a thread share.
 *
 * It knows the environment and the place's own id, and no wires: refs to actors elsewhere are made by what `runtime`
 * hands in as `remote`.
 */
import { activityLength } from '../base/activity.ts';
import type { Environment } from '../base/environment/environment.ts';
import type { Random } from '../base/environment/random.ts';
import { describeThrown } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import { within } from '../base/within.ts';
import type { ActorBehavior } from './behavior.ts';
import { Cell } from './cell.ts';
import { DeadLetters } from './dead-letters.ts';
import { Deadlines } from './deadlines.ts';
import { SpawnFailed } from './errors.ts';
import { type ActorAddress, actorAddress, parseActorAddress } from './finding/actor-address.ts';
import type { WireAddress } from './finding/address.ts';
import { NamedTarget } from './finding/named-target.ts';
import { reception } from './finding/reception.ts';
import { receptionCell, receptionName } from './finding/reception-protocol.ts';
import { Receptionist } from './finding/receptionist.ts';
import { GoneTarget } from './gone-target.ts';
import { Guardian } from './guardian.ts';
import { HostedBehavior } from './hosted-behavior.ts';
import { type HandOver, handOver, type Isolation, type Pack, packer } from './isolation.ts';
import type { Destination, WireActor } from './moving/destination.ts';
import { CompiledProtocol, checkName, compiledProtocol, type Operation } from './operation.ts';
import { type NameOperations, OperationNumbers } from './operation-numbers.ts';
import { NotDelivered } from './outcomes.ts';
import { Outside } from './outside.ts';
import type { OutsideTurns } from './outside-turns.ts';
import { placeIdPattern } from './place-id.ts';
import { Deputy, deputy } from './placed/deputy.ts';
import { PlacedCell } from './placed/placed-cell.ts';
import type { Placement, PlaceOwner } from './placed/placement.ts';
import { standInOf } from './placed/stand-in.ts';
import type { Where } from './placed/where.ts';
import type { AnyProtocol } from './protocol.ts';
import { Quarantine } from './quarantine.ts';
import { type InternalRef, refClassOf } from './ref.ts';
import type { Resource } from './resource.ts';
import { Resources } from './resource.ts';
import { apart, InvalidValue } from './schema/errors.ts';
import type { WireForm, WireParcelOptions } from './schema/message-row.ts';
import type { MessageType } from './schema/message-type.ts';
import { Parcel } from './schema/parcel.ts';
import { fromSelfDescribing } from './schema/self-describing.ts';
import { type Address, byNameCell, type EndReason, type Owner, type Target } from './target.ts';
import { type ActorView, viewsOf } from './tree.ts';

/**
 * Messages of this place since it started.
 * accepted = handled + dead letters after acceptance + queued + stashed + quarantined + moved.
 */
export interface Counters {
  /** Messages that a mailbox took. */
  accepted: number;
  /** Messages that a mailbox did not take: dead letters, all of them. */
  refused: number;
  /** Messages whose handler was called and did not fail. */
  handled: number;
  /** Replies and timers that came for what had ended. */
  late: number;
  /** Messages that are kept in quarantine now. */
  quarantined: number;
  /** Bytes that were given away with `move(…)` and copied all the same, each value of a message for itself; see `move`. */
  movesCopied: number;
  /** Messages that waited for an actor, and went with it to another place. */
  moved: number;
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
  /** Another place that actors can move to; none unless given. */
  readonly destination?: (placeId: string) => Destination | undefined;
  /** An actor has left for another place. */
  readonly onLeft?: (cell: Cell) => void;
  /** What stands above its top-level actors; one that does nothing but log unless given. */
  readonly guardian?: Guardian;
  /** Where turns write what they are at; see `base/activity.ts`. Memory of its own unless given. */
  readonly activity?: Int32Array;
  /** Told what operations are called whose numbers stand there, where others read them. */
  readonly nameOperations?: NameOperations;
  /** The place of the node's receptionist; this one unless given. */
  readonly receptionAt?: string;
  /** The id of the node of that id, or of that name. @throws NotDelivered where none is known; only this one, unless given */
  readonly locate?: (node: string) => Promise<string>;
  /** The resource to open in place of `declared`, for tests. */
  readonly resourceFor?: (declared: Resource<string, unknown>) => Resource<string, unknown>;
  /** Starts children elsewhere; without it they are refused. */
  readonly placement?: Placement;
}

export interface SpawnRequest {
  readonly args: unknown;
  readonly name: string | undefined;
  readonly parent: Cell | undefined;
  /** Where it is to run, if that is not here: it gets a stand-in then. */
  readonly on?: Where | undefined;
}

/** Work that an actor handed to `ctx.run`. */
export interface OpenWork {
  readonly cell: Cell;
  /** The operation that is told of its outcome. */
  readonly operation: string;
}

export class Host {
  readonly environment: Environment;
  readonly scheduler: Environment['scheduler'];
  readonly random: Random;
  readonly placeId: string;
  readonly log: Logger;
  readonly deadLetters: DeadLetters;
  readonly quarantine: Quarantine = new Quarantine();
  readonly deadlines: Deadlines;
  readonly resources: Resources;
  readonly guardian: Guardian;
  readonly placement: Placement | undefined;
  readonly counters: Counters = {
    accepted: 0,
    refused: 0,
    handled: 0,
    late: 0,
    quarantined: 0,
    movesCopied: 0,
    moved: 0,
  };
  /** Owner of the refs that code outside of actors holds. */
  readonly outside: Outside;
  /** Told when the place has stopped its actors: reliable producers of code outside of actors. */
  readonly ends: Set<(why: string) => void> = new Set();
  /** Told when a node can be reached again, whose places were lost. */
  readonly reached: Set<(nodeId: string) => void> = new Set();
  readonly handOver: HandOver;
  readonly #pack: Pack;
  /** True while one message is sent to several, of whom the present one gets a copy of what its sender gives away. */
  keepsBytes = false;
  readonly resourceFor: (declared: Resource<string, unknown>) => Resource<string, unknown>;
  /** What `ctx.run` waits for; kept only where `keepWork` was called. */
  openWork: Set<OpenWork> | undefined = undefined;
  /** Notes whose code runs outside of turns, where somebody wants to know. */
  outsideTurns: OutsideTurns | undefined = undefined;
  /** What its turns are at; see `base/activity.ts`. */
  readonly activity: Int32Array;
  readonly #operationNumbers: OperationNumbers;
  readonly #remote: HostOptions['remote'];
  readonly #protocolNamed: HostOptions['protocolNamed'];
  readonly #onLeft: (cell: Cell) => void;
  /** Another place that actors can move to, if it can be reached and is of this node. */
  readonly destination: (placeId: string) => Destination | undefined;
  readonly #roots = new Set<Cell>();
  readonly #names = new Map<string, Cell>();
  /** Cells whose address has left this place, so that messages may come for them. */
  readonly #exported = new Map<number, Cell>();
  /** Cells of actors that were spawned elsewhere and have lived here, by what they go by. */
  readonly #visitors = new Map<string, Cell>();
  /** How the last actors ended that others may know, oldest first. */
  readonly #ends = new Map<number, EndReason>();
  readonly #receptionAt: string | undefined;
  /** The id of a node that is named. @throws NotDelivered */
  readonly locate: (node: string) => Promise<string>;
  /** What stands for names, those that were used first going first. */
  readonly #byName = new Map<string, NamedTarget>();
  #reception: Cell | undefined = undefined;
  readonly #behaviors = new WeakMap<ActorBehavior, HostedBehavior>();
  /** The definitions of stand-ins. */
  readonly #standIns = new WeakMap<ActorBehavior, ActorBehavior>();
  #nextCell = 1;
  #runs = 0;
  #tokens = 0;
  #closed = false;
  /** Why nothing more is spawned, once it is closed. */
  #closedFor: 'shutdown' | 'place-lost' = 'shutdown';
  #stopping = false;

  constructor(options: HostOptions) {
    this.environment = options.environment;
    this.scheduler = options.environment.scheduler;
    this.random = options.environment.random.fork('actors');
    this.placeId = options.placeId;
    this.log = options.log;
    this.deadLetters = new DeadLetters(options.environment.clock, options.log);
    this.guardian = options.guardian ?? new Guardian({}, options.log, () => undefined);
    this.placement = options.placement;
    this.deadlines = new Deadlines(options.environment.clock);
    this.resources = new Resources((name, error) =>
      options.log.error({ resource: name, error: describeThrown(error) }, `resource "${name}" failed to close`),
    );
    this.activity = options.activity ?? new Int32Array(activityLength);
    this.#operationNumbers = new OperationNumbers(options.nameOperations, limits.operationsNamedMax);
    this.#remote = options.remote;
    this.#protocolNamed = options.protocolNamed;
    this.#onLeft = options.onLeft ?? (() => undefined);
    this.destination = options.destination ?? (() => undefined);
    this.#receptionAt = options.receptionAt;
    this.locate = options.locate ?? ((node) => this.#locateHere(node));
    this.resourceFor = options.resourceFor ?? ((declared) => declared);
    this.outside = new Outside(this);
    this.deadLetters.owner = this.outside;
    const fromWire: HandOver = (type, wire, owner) => this.fromWire(type, wire, owner);
    this.handOver = handOver(options.isolation, fromWire);
    this.#pack = packer(options.isolation, fromWire, this.counters);
  }

  /** The same as a parcel, for what `handOver` left by `apart`. @throws InvalidValue */
  pack(type: MessageType, value: unknown, owner: Owner): Parcel {
    return this.#pack(type, value, owner, this.keepsBytes);
  }

  /** How bytes that were given away leave for another place. */
  get wireParcels(): WireParcelOptions {
    return { keeps: this.keepsBytes, counters: this.counters };
  }

  /** A message as its caller gave it, for a dead letter: nobody who reads it shares bytes with the caller. */
  letterOf(type: MessageType, value: unknown): unknown {
    if (!this.deadLetters.areRead) return value;
    try {
      return this.handOver(type, value, this.outside);
    } catch (thrown) {
      return thrown === apart ? this.pack(type, value, this.outside).kept() : value;
    }
  }

  /** Starts an actor; it may still be starting when this returns, and takes messages already. @throws SpawnFailed */
  spawn(definition: unknown, request: SpawnRequest): Cell {
    if (!isBehavior(definition)) throw noDefinition();
    // What is being drained may still start what it needs.
    if (this.#stopping || (this.#closed && request.parent === undefined)) {
      const why = {
        shutdown: 'the system is shutting down',
        'place-lost': 'its thread is being ended; spawn it again',
      };
      throw new SpawnFailed(this.#closedFor, `${definition.name}: ${why[this.#closedFor]}`);
    }
    const cell = this.#newCell(definition, request);
    const given = request.args === undefined ? {} : request.args;
    let parcel: Parcel | undefined;
    let args: unknown;
    try {
      // Refs in the arguments belong to the new actor.
      try {
        args = definition.argsType.take(given, cell, true);
      } catch (error) {
        if (error !== apart) throw error;
        parcel = this.#packArguments(definition.argsType, given, cell);
      }
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
    // What was given away goes once nothing refuses the actor any more.
    cell.start(parcel === undefined ? args : parcel.deliver());
    return cell;
  }

  /** Arguments are taken in the same way under every isolation. */
  #packArguments(type: MessageType, args: unknown, cell: Cell): Parcel {
    const options = { owner: cell, forWire: false, keeps: false, counters: this.counters };
    return Parcel.of(options, (parcel) => type.take(args, parcel));
  }

  #newCell(definition: ActorBehavior, { parent, name, on }: SpawnRequest): Cell {
    const id = this.#nextCell;
    if (on !== undefined) {
      if (this.placement === undefined) throw noPlacement(definition.name);
      this.placement.check(definition.name);
      return new PlacedCell(this.hosted(this.#standIn(definition)), parent, id, name, on);
    }
    const CellClass = definition.front?.cellClass ?? Cell;
    return new CellClass(this.hosted(definition), parent, id, name);
  }

  #standIn(definition: ActorBehavior): ActorBehavior {
    let standIn = this.#standIns.get(definition);
    if (standIn === undefined) {
      standIn = standInOf(definition);
      this.#standIns.set(definition, standIn);
    }
    return standIn;
  }

  /** Starts an actor whose parent is elsewhere, and has a stand-in there. @throws SpawnFailed */
  spawnPlaced(definition: ActorBehavior, args: unknown, name: string | undefined, standIn: PlaceOwner): Cell {
    const parent = new Deputy(this.hosted(deputy), this.#nextCell, standIn);
    this.#nextCell += 1;
    const cell = this.spawn(definition, { args, name, parent });
    this.#roots.add(cell);
    try {
      parent.minds(cell);
    } catch (error) {
      // It would outlive its stand-in.
      void cell.stop(true, undefined);
      throw error;
    }
    return cell;
  }

  /** A definition as its actors here have it. */
  hosted(behavior: ActorBehavior): HostedBehavior {
    let hosted = this.#behaviors.get(behavior);
    if (hosted === undefined) {
      hosted = new HostedBehavior(this, behavior, this.#operationNumbers.firstOf(behavior));
      this.#behaviors.set(behavior, hosted);
    }
    return hosted;
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

  /** A number for a run that other places are told of, never used again. */
  nextRun(): number {
    this.#runs += 1;
    return this.#runs;
  }

  /** What a stream is known by that goes to another place; never used again. */
  nextToken(): string {
    this.#tokens += 1;
    return `${this.placeId}:${this.#tokens}`;
  }

  /** Forgets a cell that has ended. */
  ended(cell: Cell, reason: EndReason): void {
    this.#roots.delete(cell);
    if (this.#exported.delete(cell.id)) this.#rememberEnd(cell.id, reason);
    this.#visitors.delete(keyOf(cell.identity));
    if (cell.name !== undefined) this.#names.delete(`${cell.parent?.id ?? ''}/${cell.name}`);
    cell.parent?.extension.children.delete(cell);
  }

  #rememberEnd(id: number, reason: EndReason): void {
    this.#ends.set(id, reason);
    if (this.#ends.size <= limits.endsRemembered) return;
    for (const oldest of this.#ends.keys()) {
      this.#ends.delete(oldest);
      return;
    }
  }

  /** How the actor of that number ended, if it did so lately and others may have watched it. */
  endOf(id: number): EndReason | undefined {
    return this.#ends.get(id);
  }

  // ── actors that move ──

  /** The cell of an actor that lives here, or has lived here and is its way on; undefined where it was never here. */
  knownAs(identity: Address): Cell | undefined {
    if (identity.place === this.placeId) return this.#exported.get(identity.cell);
    return this.#visitors.get(keyOf(identity));
  }

  /**
   * A cell for an actor that is about to arrive: the one that it had here before, or a new one.
   *
   * @throws SpawnFailed where its name is taken
   */
  expect(behavior: ActorBehavior, identity: Address, name: string | undefined): Cell {
    if (this.#stopping || this.#closed) {
      throw new SpawnFailed('shutdown', `${behavior.name}: the system is shutting down`);
    }
    const known = this.knownAs(identity);
    if (known !== undefined) {
      // At home it has kept its name.
      if (name !== undefined && this.#names.get(`/${name}`) !== known) this.#takeName(known, name);
      return known;
    }
    const cell = new Cell(this.hosted(behavior), undefined, this.#nextCell, name);
    if (name !== undefined) this.#takeName(cell, name);
    this.#nextCell += 1;
    this.#visitors.set(keyOf(identity), cell);
    this.#exported.set(cell.id, cell);
    return cell;
  }

  /** It has arrived, and runs here. */
  arrived(cell: Cell): void {
    this.#roots.add(cell);
  }

  /** It runs here no more, and its cell is the way to it. The name is kept where it is found by: at home. */
  left(cell: Cell): void {
    this.#roots.delete(cell);
    this.export(cell);
    if (cell.name !== undefined && cell.identity.place !== this.placeId) this.#names.delete(`/${cell.name}`);
    this.#onLeft(cell);
  }

  /** A ref to an actor of whatever protocol, known here or not. */
  refTo([place, cell, branch, protocol]: WireActor, owner: Owner): InternalRef {
    const ref = this.#refFromWire([place, cell, branch], undefined, protocol, owner);
    if (typeof ref !== 'string') return ref;
    const bare = refClassOf(new CompiledProtocol(protocol, {}) as AnyProtocol);
    return new bare(this.targetAt([place, cell, branch], protocol), owner);
  }

  /** An operation of a protocol that is known here. */
  operationOf(protocolName: string, label: string): Operation | undefined {
    const protocol = this.#protocolNamed(protocolName);
    return protocol === undefined ? undefined : compiledProtocol(protocol).byLabel.get(label);
  }

  /** Remembers a cell by its number, since its address is about to leave this place. */
  export(cell: Cell): void {
    this.#exported.set(cell.id, cell);
  }

  /** The cell of that number, if its address has left this place and it has not ended. */
  cell(id: number): Cell | undefined {
    return this.#exported.get(id) ?? (id === receptionCell ? this.#openReception() : undefined);
  }

  /** The top-level actor of that name. */
  named(name: string): Cell | undefined {
    return this.#names.get(`/${name}`);
  }

  /** The receptionist of the node, wherever on it this place is. */
  get reception(): Target {
    const place = this.#receptionAt;
    if (place === undefined) return this.#openReception() ?? this.#gone(receptionCell, '/', receptionName, 'stopped');
    return this.#remote({ place, cell: receptionCell }, `/${receptionName}`, receptionName);
  }

  /** Made when somebody first asks for it: most systems have no use for one. */
  #openReception(): Cell | undefined {
    if (this.#reception !== undefined || this.#closed || this.#receptionAt !== undefined) return this.#reception;
    this.#reception = new Cell(this.hosted(reception), undefined, receptionCell, undefined);
    this.#reception.start({});
    return this.#reception;
  }

  #gone(cell: number, branch: string, protocolName: string, reason: 'stopped' | 'no-routee'): GoneTarget {
    return new GoneTarget(this, { place: this.placeId, cell }, branch, protocolName, reason);
  }

  async #locateHere(node: string): Promise<string> {
    const own = this.placeId.slice(0, this.placeId.indexOf('/'));
    if (own === node || own.startsWith(`${node}~`)) return own;
    throw new NotDelivered('unreachable', `${node} is another node, and this place has no links`);
  }

  /** What stands for whatever actor has that name. The same object for all who ask, so that their messages keep their order. */
  byName(address: ActorAddress, protocolName: string): Target {
    const key = `${actorAddress(address)} ${protocolName}`;
    const known = this.#byName.get(key);
    if (known !== undefined) return known;
    const target = new NamedTarget(this, address, protocolName, async (named) => {
      const looked = await new Receptionist(this, this.outside).lookUp(named, protocolName);
      return 'address' in looked ? { target: this.targetAt(looked.address, protocolName) } : looked;
    });
    if (this.#byName.size >= limits.namesRemembered) {
      const [[oldest, forgotten]] = this.#byName as unknown as [[string, NamedTarget]];
      this.#byName.delete(oldest);
      forgotten.forget();
    }
    this.#byName.set(key, target);
    return target;
  }

  /** What an address stands for, whatever its actor speaks. */
  targetAt([place, cell, branch]: WireAddress, protocolName: string): Target {
    const named = cell === byNameCell ? namedBy(place, branch) : undefined;
    if (named !== undefined) return this.byName(named, protocolName);
    if (place !== this.placeId) return this.#remote({ place, cell }, branch, protocolName);
    return this.cell(cell) ?? this.#gone(cell, branch, protocolName, 'stopped');
  }

  /** A ref to the actor of that address; undefined where it is known to speak another protocol. */
  refAt(address: WireAddress, protocol: AnyProtocol, owner: Owner): InternalRef | undefined {
    const ref = this.#refFromWire(address, protocol, protocol.name, owner);
    return typeof ref === 'string' ? undefined : ref;
  }

  /** Every actor that runs, each before its children. */
  *cells(): Iterable<Cell> {
    const below: Iterable<Cell>[] = [this.#roots];
    for (let some = below.pop(); some !== undefined; some = below.pop()) {
      for (const cell of some) {
        yield cell;
        const children = cell.extensionIfAny?.children;
        if (children !== undefined && children.size > 0) below.push(children);
      }
    }
  }

  /** From now on keeps what `ctx.run` waits for, for tests that let it finish. Production keeps nothing. */
  keepWork(): ReadonlySet<OpenWork> {
    this.openWork ??= new Set();
    return this.openWork;
  }

  /** How many messages wait here for actors, of so many that are looked at. */
  waiting(actorsMax: number): number {
    let waiting = 0;
    let left = actorsMax;
    for (const cell of this.cells()) {
      waiting += cell.queued;
      left -= 1;
      if (left === 0) break;
    }
    return waiting;
  }

  /** How many top-level actors run. */
  get rootCount(): number {
    return this.#roots.size;
  }

  /** The top-level actors, and those that a parent elsewhere placed here, in the order of their start. */
  get roots(): ReadonlySet<Cell> {
    return this.#roots;
  }

  /**
   * A value from another place, with its refs for `owner`. `parse` is still to say whether it fits.
   *
   * @throws InvalidValue where it holds a ref that leads nowhere: no handler is to meet an address for a ref.
   */
  fromWire(form: Pick<WireForm, 'fromWire'>, wire: unknown, owner: Owner): unknown {
    let finding: string | undefined;
    const value = form.fromWire(wire, {
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

  /**
   * Data that no schema describes, from another place, with its refs for `owner`; `ownRef` stands for its own.
   *
   * @throws InvalidValue where it holds a ref that leads nowhere
   */
  dataFromWire(wire: unknown, owner: Owner, ownRef: object): unknown {
    let finding: string | undefined;
    const own = owner.address();
    const value = fromSelfDescribing(wire, {
      refFromWire: (address, _protocol, protocolName) => {
        if (isAddress(address) && address[0] === own.place && address[1] === own.cell) return ownRef;
        const ref = this.#refFromWire(address, undefined, protocolName, owner);
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
    const named = id === byNameCell ? namedBy(place, branch) : undefined;
    if (id === byNameCell && named === undefined) return `expected a ref of "${protocolName}", but it names no actor`;
    const known = protocol ?? this.#protocolNamed(protocolName);
    if (known === undefined) {
      return (
        `the protocol "${protocolName}" of a ref is not known at ${this.placeId}; ` +
        'register an actor that speaks it there, or use refOf(protocol) in the schema instead of refTo(name)'
      );
    }
    if (named !== undefined) return new (refClassOf(known))(this.byName(named, protocolName), owner);
    const address = { place, cell: id };
    if (place !== this.placeId) return new (refClassOf(known))(this.#remote(address, branch, protocolName), owner);
    return new (refClassOf(known))(new GoneTarget(this, address, branch, protocolName, 'stopped'), owner);
  }

  // ── the end of the place, step by step ──

  /** Nobody starts a top-level actor here any more: the system ends, or this place alone. */
  refuseSpawns(why: 'shutdown' | 'place-lost' = 'shutdown'): void {
    this.#closed = true;
    this.#closedFor = why;
  }

  /**
   * Drains the actors: the last started first, one after the other, since it may use those before it. One that takes
   * long gets half of what is left at most; what could not be drained by then still runs.
   */
  async drain(deadlineMs: number): Promise<void> {
    const { clock } = this.environment;
    const endsAtMs = clock.monotonicMs() + deadlineMs;
    for (const root of [...this.#roots].reverse()) {
      // Its parent drains it, which may have something for it until then.
      if (root.parent instanceof Deputy && root.parent.standIn.isOfNode) continue;
      if (root.endIfIdle()) continue;
      const leftMs = endsAtMs - clock.monotonicMs();
      if (leftMs <= 0) return;
      await within(clock, leftMs / 2, root.stop(false, { drain: true }));
    }
  }

  /** True once the actors here are being stopped, and none may come any more. */
  get isStopping(): boolean {
    return this.#stopping;
  }

  /** Stops every actor after its current message, the last started first. Returns what was killed at the deadline. */
  async stop(deadlineMs: number): Promise<readonly ActorView[]> {
    this.#stopping = true;
    this.resources.abort();
    const ends: Promise<void>[] = [];
    for (const root of [...this.#roots].reverse()) if (!root.endIfIdle()) ends.push(root.stop(false, undefined));
    await within(this.environment.clock, deadlineMs, Promise.all(ends));
    const left = viewsOf(this.#roots);
    for (const root of [...this.#roots].reverse()) void root.stop(true, undefined);
    for (const end of this.ends) end('the system is shutting down');
    // Last, since what stops may take itself out. It waits for nobody.
    await this.#reception?.stop(false, { deadlineMs }).catch(() => undefined);
    return left;
  }

  /** Waits for the resources to close. Returns the names of those that had not by the deadline. */
  async closeResources(deadlineMs: number): Promise<readonly string[]> {
    const unclosed = await this.resources.close(this.environment.clock, deadlineMs);
    this.deadlines.close();
    return unclosed;
  }

  /**
   * Stops every actor and closes what they shared. Actors that have not ended by the deadline are named, and killed;
   * resources that have not closed by then are named.
   */
  async close(deadlineMs: number): Promise<readonly string[]> {
    this.refuseSpawns();
    const { clock } = this.environment;
    const endsAtMs = clock.monotonicMs() + deadlineMs;
    const killed = await this.stop(deadlineMs);
    const unclosed = await this.closeResources(Math.max(0, endsAtMs - clock.monotonicMs()));
    return [...killed.map(({ path }) => path), ...unclosed.map((name) => `resource "${name}" of ${this.placeId}`)];
  }
}

/** The address behind that of a ref to a name; undefined where it is none. */
function namedBy(place: string, branch: string): ActorAddress | undefined {
  try {
    return parseActorAddress(`troupe://${place.slice(0, place.indexOf('/'))}${branch}`);
  } catch {
    return undefined;
  }
}

function keyOf({ place, cell }: Address): string {
  return `${place}#${cell}`;
}

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

function noPlacement(name: string): SpawnFailed {
  return new SpawnFailed('no-place', `actor "${name}" cannot run elsewhere: this place has no other places`);
}

/** The refusal to spawn what is no definition of an actor. */
export function noDefinition(): SpawnFailed {
  return new SpawnFailed('unregistered', 'spawn takes what actor(…) or closureActor(…) returned');
}

/** By kind, not by class: a bundle may hold the package twice. */
export function isBehavior(definition: unknown): definition is ActorBehavior {
  return (definition as Partial<ActorBehavior> | undefined)?.kind === 'actor' && 'handlers' in (definition as object);
}

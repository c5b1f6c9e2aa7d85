/**
 * Another place, as this one speaks to it: the meaning of a session's items, in both directions.
 *
 * Outgoing calls are numbered and wait here; incoming items go to `Inbound`. When the place is lost, everything that was
 * open settles: nothing waits for a place that cannot answer.
 */

import type { Cell } from '../actors/cell.ts';
import type { DeadLetterReason } from '../actors/dead-letters.ts';
import { MoveRefused, SpawnFailed } from '../actors/errors.ts';
import { checkSignal } from '../actors/given.ts';
import type { Host } from '../actors/host.ts';
import { invalidMessage } from '../actors/isolation.ts';
import { aborted, timeoutOf } from '../actors/local-calls.ts';
import type { Adoption, Destination, MovingStream, Snapshot } from '../actors/moving/destination.ts';
import type { Operation } from '../actors/operation.ts';
import { NotDelivered, OutcomeUnknown, Rejected } from '../actors/outcomes.ts';
import { placeIdPattern } from '../actors/place-id.ts';
import { type PlaceLoss, PlaceLost, placeLost } from '../actors/place-lost.ts';
import type { CallOptions } from '../actors/protocol.ts';
import type { RegistryIndex } from '../actors/registry.ts';
import { chainOf } from '../actors/request.ts';
import { apart, InvalidValue } from '../actors/schema/errors.ts';
import type { MessageType } from '../actors/schema/message-type.ts';
import { Parcel } from '../actors/schema/parcel.ts';
import { replaced } from '../actors/schema/replaced-bytes.ts';
import type { StreamProducer, StreamReader } from '../actors/stream-reader.ts';
import type { Address, Linked, Owner, StopOptions, Watcher } from '../actors/target.ts';
import type { Probe } from '../actors/wait-elsewhere.ts';
import { isDetached } from '../base/beside-bytes.ts';
import type { Cancel } from '../base/environment/clock.ts';
import type { Runnable } from '../base/environment/scheduler.ts';
import { describeThrown } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { AssemblyBudget } from '../transport/assembly.ts';
import { RefusedValue } from '../transport/frame-codec.ts';
import { transportLimits } from '../transport/limits.ts';
import { type Carrier, Session, type SessionOptions, type Unsettled } from '../transport/session.ts';
import { since } from '../transport/wire-version.ts';
import { AwaitedCalls } from './awaited-call.ts';
import { Inbound } from './inbound.ts';
import { Handed, Kind, pieceItems, stopMode } from './items.ts';
import { MoveOut, streamFields } from './moves-out.ts';
import { OfferedBytes } from './offered-bytes.ts';
import { formOf, namedOf, type SaidOperation, SaidOperations } from './operation-names.ts';
import type { ProbeBudget } from './probe-budget.ts';
import { ControlCall, type ControlEnds, MessageCall, type RemoteCall, StreamCall } from './remote-calls.ts';
import { OutboundJobs } from './remote-jobs.ts';
import { RemoteTarget } from './remote-target.ts';
import { OutboundWatches } from './remote-watches.ts';
import type { Rights } from './rights.ts';
import type { Routes } from './routes.ts';
import { readSpawned, type Spawned } from './spawned.ts';
import { cutTells, messagesOf, readRow, TellRun } from './tell-run.ts';

export interface RemotePlaceOptions
  extends Omit<SessionOptions, 'carrier' | 'onItems' | 'onRefused' | 'cut' | 'pieces'> {
  readonly host: Host;
  readonly registry: RegistryIndex;
  readonly placeId: string;
  /** True for a place of another process: what comes from there is validated again. */
  readonly foreign: boolean;
  /** Whether it is told where a failure was thrown. */
  readonly stacks: boolean;
  /** Where actors live that have moved. */
  readonly routes: Routes;
  /** What its node may do here; undefined: everything. */
  readonly rights: () => Rights | undefined;
  /** It tried what it may not: to spawn, call, stop, link with, watch or find that. */
  readonly onDenied: (act: DeniedAct, what: string) => void;
  /** Somebody sends there though it is lost: there may be a way again. */
  readonly seek?: () => void;
  /** What its node has sent of large messages. */
  readonly budget: AssemblyBudget;
  /** How many of its probes are followed; undefined for a thread of this process: all. */
  readonly probes: ProbeBudget | undefined;
  /** The wire version that is spoken with its node. */
  readonly wire: () => number;
}

export type DeniedAct = 'spawn' | 'call' | 'stop' | 'link' | 'watch' | 'find';

/** How a call can end that is no message, and how long it may take. */
interface ControlOptions extends ControlEnds {
  /** In ms; without one it ends with an answer or with the place. */
  readonly timeoutMs?: number;
  /** The actor there behind whose large messages it stays. */
  readonly behind?: number;
}

export class RemotePlace implements Destination {
  readonly placeId: string;
  readonly host: Host;
  readonly foreign: boolean;
  readonly stacks: boolean;
  /** Where actors live that have moved, as all places here know it. */
  readonly routes: Routes;
  readonly #options: RemotePlaceOptions;
  /** Replaced when the place is connected anew: a cut is a new epoch. */
  session: Session;
  #inbound: Inbound;
  readonly #calls = new Map<number, RemoteCall>();
  readonly #watches = new OutboundWatches();
  readonly #offered = new OfferedBytes();
  readonly #targets = new Map<number, WeakRef<RemoteTarget>>();
  /** The same for actors that live over there and moved there: these take no other way. */
  readonly #stations = new Map<number, WeakRef<RemoteTarget>>();
  #stationsSweptAt: number = limits.targetsSwept;
  /** At how many targets those that nobody holds any more are forgotten. */
  #targetsSweptAt: number = limits.targetsSwept;
  #operations: SaidOperations;
  #tells: TellRun;
  #nextCall = 1;
  readonly #jobs = new OutboundJobs();
  /** Calls that runs wait for. */
  readonly #awaited: AwaitedCalls;
  /** How it was lost last. */
  #loss: PlaceLoss | undefined = undefined;
  /** Lets the process end again. */
  #release: Cancel | undefined = undefined;
  #resting = false;
  readonly #rest: Runnable = {
    run: () => {
      this.#resting = false;
      this.#stayAlive();
    },
  };

  constructor(options: RemotePlaceOptions) {
    this.placeId = options.placeId;
    this.host = options.host;
    this.foreign = options.foreign;
    this.stacks = options.stacks;
    this.routes = options.routes;
    this.#options = options;
    const { environment, placeId: from } = this.host;
    this.#awaited = new AwaitedCalls({
      from,
      placeId: this.placeId,
      clock: environment.clock,
      random: environment.random.fork(`probes ${from} ${this.placeId}`),
      calls: this.#calls,
      sendProbe: (call, probe) => this.#sendProbe(call, probe),
    });
    this.session = this.#newSession(unconnected);
    this.session.end();
    this.#inbound = new Inbound(this, options);
    this.#operations = new SaidOperations(!this.foreign);
    this.#tells = new TellRun(this.session, this.#operations);
  }

  /** What its node may do here; undefined: everything. */
  get rights(): Rights | undefined {
    return this.#options.rights();
  }

  denied(act: DeniedAct, what: string): void {
    this.#options.onDenied(act, what);
  }

  get isConnected(): boolean {
    return !this.session.isOver;
  }

  /** Opens a session over `carrier`, or over the one that comes next; the session before has ended. */
  connect(carrier: Carrier | 'away'): void {
    for (const held of this.#heldTargets()) held.pressed = false;
    this.#inbound = new Inbound(this, this.#options);
    this.session = this.#newSession(carrier === 'away' ? unconnected : carrier);
    this.#operations = new SaidOperations(!this.foreign);
    this.#tells = new TellRun(this.session, this.#operations);
    this.#inbound.attach(this.session);
    if (carrier === 'away') this.session.suspend();
    else if (carrier.resumes) this.session.resume(carrier);
  }

  #newSession(carrier: Carrier): Session {
    const { codec, clock, scheduler, onBroken, wire } = this.#options;
    return new Session({
      pieces: this.foreign && wire() >= since.pieces ? pieceItems : undefined,
      carrier,
      codec,
      clock,
      scheduler,
      onBroken,
      onItems: (fields, start, bytes) => this.#inbound.read(fields, start, bytes),
      onRefused: (fields, error) =>
        this.#dies(fields, new Rejected('invalid', `${error.message}; the message was not sent`)),
      cut: cutTells,
    });
  }

  /** The target of one actor over there; the same object for the same actor while anybody holds it. */
  target(cell: number, branch: string, protocolName: string): RemoteTarget {
    const known = this.#targets.get(cell)?.deref();
    if (known !== undefined) return known;
    if (this.#targets.size >= this.#targetsSweptAt) this.#sweepTargets();
    const target = new RemoteTarget(this, cell, branch, protocolName);
    this.#targets.set(cell, new WeakRef(target));
    return target;
  }

  /** The path of an actor over there, where it is known here. */
  pathOf(cell: number): string | undefined {
    return this.#targets.get(cell)?.deref()?.path();
  }

  *#heldTargets(): Iterable<RemoteTarget> {
    for (const target of [...this.#targets.values(), ...this.#stations.values()]) {
      const held = target.deref();
      if (held !== undefined) yield held;
    }
  }

  /** True where somebody may hold a ref to an actor over there. */
  get isHeld(): boolean {
    for (const _target of this.#heldTargets()) return true;
    return false;
  }

  /** How many actors over there are remembered, with those that nobody holds since the last sweep. */
  get targetCount(): number {
    return this.#targets.size;
  }

  #sweepTargets(): void {
    for (const [cell, held] of this.#targets) if (held.deref() === undefined) this.#targets.delete(cell);
    this.#targetsSweptAt = Math.max(limits.targetsSwept, this.#targets.size * 2);
  }

  /** The mailbox of one actor over there is above its high water, or below it again. */
  pressed(cell: number, pressed: boolean): void {
    for (const targets of [this.#targets, this.#stations]) {
      const target = targets.get(cell)?.deref();
      if (target !== undefined) target.pressed = pressed;
    }
  }

  /** How much is under way to that place: what placement by load looks at. */
  get load(): number {
    return this.session.outstanding + this.#calls.size;
  }

  // ── calls to the other place ──

  tell(target: RemoteTarget, operation: Operation, message: unknown): boolean {
    const { session } = this;
    const said = this.#operations.of(operation);
    try {
      const parsed = operation.input.parse(message);
      if (session.isOver || session.isFull) {
        this.#refused(target, operation, parsed);
        return false;
      }
      try {
        this.#tells.add(target.cell, said, parsed);
      } catch (thrown) {
        if (thrown !== apart) throw thrown;
        return this.#tellParcel(target, said, parsed);
      }
    } catch (error) {
      throw invalidMessage(error, `${operation.label} to ${target.path()}`);
    }
    return session.hasRoom && !target.pressed;
  }

  /** A message that the session does not take. @throws InvalidValue where it could not be sent at all */
  #refused(target: RemoteTarget, of: Operation, parsed: unknown): void {
    const { counters, deadLetters } = this.host;
    const message = this.host.letterOf(of.input, parsed);
    counters.refused += 1;
    if (this.session.isOver) this.#options.seek?.();
    const reason = this.session.isOver ? 'unreachable' : 'full';
    deadLetters.add({ path: target.path(), operation: of.label, reason, message, target, of });
  }

  /** A tell with bytes that go apart: they leave their sender when the session takes them. @throws InvalidValue */
  #tellParcel(target: RemoteTarget, said: SaidOperation, parsed: unknown): boolean {
    const { session } = this;
    const parcel = this.#checked(said.form.valuesParcel(parsed, this.host.wireParcels));
    const { bytes } = parcel;
    if (session.isFullFor(bytes)) {
      this.#refused(target, said.operation, parsed);
      return false;
    }
    const number = this.#operations.numberOf(said, session);
    const values = parcel.deliver();
    session.begin(bytes, target.cell).push(Kind.tell, target.cell, number, 1, values);
    return session.hasRoomFor(bytes) && !target.pressed;
  }

  ask(
    target: RemoteTarget,
    operation: Operation,
    message: unknown,
    options: CallOptions | undefined,
    owner: Owner,
  ): Promise<unknown> {
    return new Promise((resolve) => {
      const said = this.#operations.of(operation);
      const encoded = this.#encode(target, said, message);
      const bytes = bytesOf(encoded);
      if (this.session.isOver || this.#hasNoRoomFor(bytes))
        this.#refused(target, operation, operation.input.parse(message));
      const call = this.#openCall(said, target.path(), bytes, options, owner, resolve);
      const chain = flatChain(owner);
      const number = this.#operations.numberOf(said, this.session);
      const remaining = this.host.deadlines.remainingMs(call);
      const wire = delivered(encoded);
      const fields = this.session.begin(bytes, target.cell);
      fields.push(Kind.ask, call.id, target.cell, number, wire, remaining, chain.length === 0 ? null : chain);
      this.#sent(call, fields);
      this.session.urge();
    });
  }

  offer(
    target: RemoteTarget,
    operation: Operation,
    message: unknown,
    options: CallOptions | undefined,
    owner: Owner,
  ): Promise<void> {
    return new Promise((resolve) => {
      const said = this.#operations.of(operation);
      const encoded = this.#encode(target, said, message);
      const bytes = bytesOf(encoded);
      const { session } = this;
      // Until it is taken over there, what it gives away is its sender's.
      const gives = encoded instanceof Parcel && encoded.gives ? encoded : undefined;
      const call = this.#openCall(said, target.path(), 'offer', options, owner, resolve);
      if (gives !== undefined) call.onSucceeded = () => gives.release();
      const send = (): void => {
        if (call.settled || session.isOver) return;
        if (!session.hasRoom || (bytes > 0 && this.#offered.isFull)) {
          void (session.hasRoom ? this.#offered.whenRoom() : session.whenRoom()).then(send);
          return;
        }
        let wire: unknown;
        try {
          wire = gives === undefined ? delivered(encoded) : gives.copied();
        } catch (error) {
          call.refuse(invalidMessage(error, `${operation.label} to ${target.path()}`));
          return;
        }
        if (bytes > 0) call.onSettled = this.#offered.add(bytes);
        const number = this.#operations.numberOf(said, session);
        const remainingMs = this.host.deadlines.remainingMs(call);
        const fields = session.begin(bytes, target.cell);
        fields.push(Kind.offer, call.id, target.cell, number, wire, remainingMs);
        this.#sent(call, fields);
      };
      send();
    });
  }

  /** Opens a stream for a reader. */
  open(
    target: RemoteTarget,
    operation: Operation,
    message: unknown,
    owner: Owner,
    reader: StreamReader<unknown>,
  ): StreamProducer {
    const granted = limits.streamWindow - reader.buffered;
    const said = this.#operations.of(operation);
    const call = new StreamCall(this.#nextCall++, this, target, said, owner, reader, granted);
    try {
      const encoded = this.#encode(target, said, message);
      this.#refuseIfLost(operation.label);
      const wire = delivered(encoded);
      this.#opened(call);
      const number = this.#operations.numberOf(said, this.session);
      const fields = this.session.begin(bytesOf(encoded), target.cell);
      fields.push(Kind.stream, call.id, target.cell, number, wire, granted);
      this.#sent(call, fields);
    } catch (error) {
      call.settled = true;
      reader.end({ thrown: error });
    }
    return this.#producer(call);
  }

  #producer(call: StreamCall): StreamProducer {
    return {
      consumed: (total: number): void => {
        if (call.settled || !call.owesGrant(total)) return;
        call.granted = total + limits.streamWindow;
        this.session.begin().push(Kind.grant, call.id, call.granted);
      },
      cancel: (): void => call.cancel(),
    };
  }

  /** A call that is no message. */
  control<T>(
    kind: number,
    fields: readonly unknown[],
    options: ControlOptions,
  ): { readonly id: number; readonly answer: Promise<T> } {
    const id = this.#nextCall;
    this.#nextCall += 1;
    const answer = new Promise<T>((resolve) => {
      const call = new ControlCall(id, this, options, resolve);
      if (this.session.isOver) {
        call.lost(false, this.#gone);
        return;
      }
      if (options.timeoutMs !== undefined) this.host.deadlines.add(call, options.timeoutMs);
      this.#opened(call);
      this.session.begin(0, options.behind).push(kind, id, ...fields);
    });
    return { id, answer };
  }

  /**
   * The message that `ask` or `tell` would send, of which the other place says when it was dealt with.
   *
   * @param ask how it is asked; undefined for a tell
   * @param dealtWith called once, also where it does not get there
   */
  job(
    target: RemoteTarget,
    operation: Operation,
    message: unknown,
    ask: { readonly options: CallOptions; readonly owner: Owner } | undefined,
    dealtWith: () => void,
  ): Promise<unknown> {
    let job: number | undefined;
    return new Promise((resolve) => {
      const said = this.#operations.of(operation);
      const encoded = this.#encode(target, said, message);
      this.#refuseIfLost(operation.label);
      const bytes = bytesOf(encoded);
      const call =
        ask === undefined
          ? undefined
          : this.#openCall(said, target.path(), bytes, ask.options, ask.owner, resolve as never);
      job = this.#jobs.open(dealtWith);
      const number = this.#operations.numberOf(said, this.session);
      const chain = ask === undefined ? [] : flatChain(ask.owner);
      const remaining = call === undefined ? null : this.host.deadlines.remainingMs(call);
      const wire = delivered(encoded);
      const fields = this.session.begin(bytes, target.cell);
      const askedBy = chain.length === 0 ? null : chain;
      fields.push(Kind.job, job, target.cell, number, wire, call?.id ?? null, remaining, askedBy);
      if (call === undefined) resolve(undefined);
      else this.#sent(call, fields, () => this.jobDone(job!));
    }).catch((error: unknown) => {
      if (job === undefined) dealtWith();
      throw error;
    });
  }

  jobDone(job: number): void {
    this.#jobs.done(job);
  }

  /** What an actor there fails with, now that the place is lost. */
  lostBy(): PlaceLost {
    return this.#loss === undefined ? new PlaceLost(this.placeId, 'unreachable') : placeLost(this.#loss);
  }

  /** Has the other place begin a watch by itself. Gives its number. @throws Rejected where too much is watched there */
  openWatch(watcher: Watcher, path: string): number {
    return this.#watches.open(watcher, path);
  }

  /** A watch that never came to be. */
  dropWatch(watcher: Watcher): void {
    this.#watches.drop(watcher);
  }

  /** Resolves when the session has room, or is over. */
  whenRoom(): Promise<void> {
    return this.session.whenRoom();
  }

  spawn(name: string, argsWire: unknown, actorName: string | undefined): Promise<Spawned> {
    const { answer } = this.control<Spawned>(Kind.spawn, [name, argsWire, actorName ?? null], {
      timeoutMs: limits.controlTimeoutMs,
      read: readSpawned,
      lost: (place) => ({ error: lostSpawn(name, `${place} is gone`) }),
      expired: () => lostSpawn(name, `${this.placeId} did not answer within ${limits.controlTimeoutMs} ms`),
    });
    return answer;
  }

  stop(target: RemoteTarget, kill: boolean, options: StopOptions | undefined): Promise<void> {
    const timeoutMs = Math.min((options?.deadlineMs ?? 0) + limits.controlTimeoutMs, limits.askTimeoutMsMax);
    const fields = [target.cell, stopMode(kill, options), options?.deadlineMs ?? null];
    const { answer } = this.control<void>(Kind.stop, fields, {
      timeoutMs,
      // A drain handles what was sent before it; other stops wait for nothing.
      ...(options?.drain === true && !kill ? { behind: target.cell } : {}),
      read: () => undefined,
      // An actor whose place is gone has ended.
      lost: () => ({ value: undefined }),
      expired: () =>
        new OutcomeUnknown('deadline', `${target.path()}: its place did not say within ${timeoutMs} ms that it ended`),
    });
    return answer;
  }

  // ── actors that move ──

  /** @throws MoveRefused */
  move(target: RemoteTarget, placeId: string, deadlineMs: number): Promise<void> {
    const timeoutMs = Math.min(deadlineMs + limits.controlTimeoutMs, limits.askTimeoutMsMax);
    const path = target.path();
    const { answer } = this.control<void>(Kind.move, [target.cell, placeId, deadlineMs], {
      timeoutMs,
      read: () => undefined,
      lost: (place) => ({
        error: new MoveRefused('gone', `${path}: ${place} was lost before it said that it had moved`),
      }),
      expired: () =>
        new MoveRefused('place', `${path}: its place did not say within ${timeoutMs} ms whether it has moved`),
    });
    return answer;
  }

  adopt(snapshot: Snapshot, timeoutMs: number): Adoption {
    const behavior = this.#options.registry.actor(snapshot.definition);
    const branch = `/${snapshot.name ?? snapshot.definition}`;
    return new MoveOut(this, snapshot, branch, behavior?.protocol.name ?? snapshot.definition, timeoutMs);
  }

  /** The way to an actor that lives over there under that number, and goes by another address. */
  station(cell: number, branch: string, protocolName: string, identity: Address): RemoteTarget {
    const known = this.#stations.get(cell)?.deref();
    if (known !== undefined) return known;
    if (this.#stations.size >= this.#stationsSweptAt) {
      for (const [left, held] of this.#stations) if (held.deref() === undefined) this.#stations.delete(left);
      this.#stationsSweptAt = Math.max(limits.targetsSwept, this.#stations.size * 2);
    }
    const target = new RemoteTarget(this, cell, branch, protocolName, identity);
    this.#stations.set(cell, new WeakRef(target));
    return target;
  }

  /** The same actor as its target has it, past whatever way the target takes. */
  direct(cell: number, branch: string, protocolName: string): RemoteTarget {
    return new RemoteTarget(this, cell, branch, protocolName);
  }

  /** Resolves when everything that was sent before has arrived, or the place is lost. It has no deadline but these. */
  fence(target: RemoteTarget): Promise<void> {
    const { cell } = target;
    const over = { read: () => undefined, lost: () => ({ value: undefined }), expired: () => new Error('a fence') };
    return this.control<void>(Kind.fence, [cell], { ...over, behind: cell }).answer;
  }

  attach(
    target: RemoteTarget,
    token: string,
    operation: Operation,
    owner: Owner,
    reader: StreamReader<unknown>,
  ): StreamProducer {
    const granted = limits.streamWindow - reader.buffered;
    const call = new StreamCall(this.#nextCall++, this, target, namedOf(operation), owner, reader, granted);
    if (this.session.isOver) call.lost(false, this.placeId);
    else {
      this.#opened(call);
      this.send(Kind.attach, call.id, target.cell, operation.label, token, reader.received, granted);
    }
    return this.#producer(call);
  }

  pass(target: RemoteTarget, stream: MovingStream): void {
    this.#refuseIfLost(stream.operation.label);
    this.send(Kind.pass, target.cell, ...streamFields(stream));
  }

  /** An ask that goes over with its actor. */
  handAsk(
    operation: Operation,
    options: CallOptions,
    owner: Owner,
    hand: (call: number, remainingMs: number) => void,
  ): Promise<unknown> {
    return new Promise((resolve) => {
      const call = this.#openCall(namedOf(operation), this.placeId, 0, options, owner, resolve);
      call.sent = true;
      hand(call.id, this.host.deadlines.remainingMs(call));
    });
  }

  /** Tells that place where the actor lives, if it does not know yet. */
  tellRoute(cell: Cell): void {
    const { way } = cell.extension;
    if (way === undefined || way.isHeld || way.told.has(this.placeId) || this.session.isOver) return;
    way.told.add(this.placeId);
    const { place, cell: number } = cell.identity;
    this.sendRoute(number, place, cell, (way.to as RemoteTarget).station);
  }

  sendRoute(number: number, place: string, cell: Cell, at: Address): void {
    this.send(Kind.route, number, place, cell.branch(), cell.protocolName, cell.wayHop, at.place, at.cell);
  }

  /** An actor of this place, or one that it is the way to, has left: that place is told if it watches it. */
  tellIfWatching(cell: Cell): void {
    if (this.#inbound.isWatched(cell)) this.tellRoute(cell);
  }

  /** An actor that was spawned over there may live at `at` from its next move on. Resolves when that is known there. */
  async expects(cell: number, hop: number, at: Address): Promise<void> {
    const { answer } = this.control<void>(Kind.expect, [cell, hop, at.place, at.cell], {
      timeoutMs: limits.moveAnswerMs,
      read: () => undefined,
      lost: () => ({ value: undefined }),
      expired: () => new MoveRefused('place', `${this.placeId} does not answer`),
    });
    await answer;
  }

  /** Those who watch an actor over there: from now on by another way. */
  takeWatchersOf(cell: number): readonly Watcher[] {
    return this.#watches.takeOf(cell, this.send);
  }

  /** @throws Rejected where too much is watched there */
  watch(target: RemoteTarget, watcher: Watcher, again: boolean): void {
    if (this.session.isOver) watcher.terminated('place-lost', this.#loss);
    else this.#watches.watch(watcher, target.cell, target.path(), again, this.send);
  }

  unwatch(watcher: Watcher): void {
    this.#watches.unwatch(watcher, this.send);
  }

  // ── links: each side watches the other, and is told that it should ──

  link(target: RemoteTarget, other: Linked): void {
    const { place, cell } = other.address();
    const path = other.branch();
    if (place === this.host.placeId) this.send(Kind.link, target.cell, cell, path, other.protocolName);
    else this.send(Kind.linkOf, target.cell, place, cell, path, other.protocolName);
  }

  unlink(target: RemoteTarget, other: Linked): void {
    const { place, cell } = other.address();
    if (place === this.host.placeId) this.send(Kind.unlink, target.cell, cell);
    else this.send(Kind.unlinkOf, target.cell, place, cell);
  }

  /** The same for an actor that was spawned elsewhere. @throws where it names no actor of that node */
  linkedOf(cell: number, place: unknown, other: unknown, branch: unknown, protocol: unknown): void {
    if (!this.#isOfThatNode(place) || !isCellNumber(other)) throw new Error('a link to what is no actor');
    if (!isText(branch, limits.branchCharactersMax) || !isText(protocol, limits.nameCharactersMax)) {
      throw new Error('a link to what is no actor');
    }
    this.host.cell(cell)?.linkBack(this.host.targetAt([place, other, branch], protocol) as Linked);
  }

  unlinkedOf(cell: number, place: unknown, other: unknown): void {
    if (!this.#isOfThatNode(place) || !isCellNumber(other)) throw new Error('a link to what is no actor');
    this.host.cell(cell)?.links.remove(`${place}#${other}`);
  }

  #isOfThatNode(place: unknown): place is string {
    const node = this.placeId.slice(0, this.placeId.indexOf('/') + 1);
    return typeof place === 'string' && placeIdPattern.test(place) && place.startsWith(node);
  }

  /** @throws where it names no actor */
  linked(cell: number, other: unknown, branch: unknown, protocol: unknown): void {
    if (
      !isCellNumber(other) ||
      !isText(branch, limits.branchCharactersMax) ||
      !isText(protocol, limits.nameCharactersMax)
    ) {
      throw new Error('a link to what is no actor');
    }
    this.host.cell(cell)?.linkBack(this.target(other, branch, protocol) as unknown as Linked);
  }

  /** @throws where it names no actor */
  unlinked(cell: number, other: unknown): void {
    if (!isCellNumber(other)) throw new Error('a link to what is no actor');
    this.host.cell(cell)?.links.remove(`${this.placeId}#${other}`);
  }

  /** The other side has told the shape of what this one named so. @throws where it was not named */
  shape(number: number, shape: unknown): void {
    this.#operations.learn(number, shape);
  }

  terminated(watch: number, reason: unknown): void {
    this.#watches.terminated(watch, reason);
  }

  /** An item that nothing answers; none where the place is lost. */
  readonly send = (kind: number, ...fields: readonly unknown[]): void => {
    if (!this.session.isOver) this.session.begin().push(kind, ...fields);
  };

  /** The same for what must come after everything that was said before. */
  sendBehindAll(kind: number, ...fields: readonly unknown[]): void {
    if (!this.session.isOver) this.session.beginBehindAll().push(kind, ...fields);
  }

  // ── what calls need ──

  /**
   * Its item was laid down, and leaves at once unless it waits among large messages.
   * @param onWithdrawn Called where it was taken back before it left.
   */
  #sent(call: MessageCall | StreamCall, fields: readonly unknown[], onWithdrawn?: () => void): void {
    const { session } = this;
    const left = (): void => {
      call.sent = true;
      call.withdraw = undefined;
    };
    if (!session.follow(fields, left)) {
      call.sent = true;
      return;
    }
    call.withdraw = () => {
      if (!session.withdraw(fields)) return false;
      onWithdrawn?.();
      return true;
    };
  }

  #opened(call: RemoteCall): void {
    this.#calls.set(call.id, call);
    this.#stayAlive();
  }

  /** Somebody waits for another place: that keeps the process alive, as a socket would. */
  #stayAlive(): void {
    if (this.#calls.size === 0) {
      this.#release?.();
      this.#release = undefined;
      return;
    }
    this.#release ??= this.host.environment.clock.wake(limits.keepAliveMs, () => {
      this.#release = undefined;
      this.#stayAlive();
    });
  }

  finished(call: RemoteCall, tellOther: boolean): void {
    this.#calls.delete(call.id);
    // Not at every call: the next one usually follows.
    if (this.#calls.size === 0 && !this.#resting) {
      this.#resting = true;
      this.host.environment.scheduler.ready(this.#rest);
    }
    // What has not left is not sent at all.
    if (call.withdraw?.() === true) return;
    if (tellOther && !this.session.isOver) this.session.begin().push(Kind.cancel, call.id);
  }

  decode(type: MessageType, asRows: boolean, wire: unknown, owner: Owner, what: string): unknown {
    try {
      const form = formOf(type, asRows);
      if (wire instanceof RefusedValue) throw new InvalidValue('it exceeds the limits of the wire');
      const value = form.plain ? wire : this.host.fromWire(form, wire, owner);
      return this.foreign ? type.parse(value) : value;
    } catch (error) {
      throw new Rejected('invalid', `${what} from ${this.placeId} does not fit: ${describeThrown(error)}`);
    }
  }

  call(id: number): RemoteCall | undefined {
    return this.#calls.get(id);
  }

  #openCall(
    said: SaidOperation,
    path: string,
    bytes: number | 'offer',
    options: CallOptions | undefined,
    owner: Owner,
    resolve: (value: never) => void,
  ): MessageCall {
    const { operation } = said;
    this.#refuseIfLost(operation.label);
    if (this.#hasNoRoomFor(bytes)) {
      throw new Rejected('full', `${operation.label}: too much is under way to ${path}; send later, or fewer at once`);
    }
    const signal = options?.signal;
    if (signal !== undefined) checkSignal(signal, operation.label);
    if (signal?.aborted) throw aborted(operation, signal);
    const call = new MessageCall(this.#nextCall++, this, said, bytes === 'offer', owner, resolve);
    if (signal !== undefined) {
      const abort = (): void => call.cancel(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      call.detach = () => signal.removeEventListener('abort', abort);
    }
    this.host.deadlines.add(call, timeoutOf(options, operation));
    this.#opened(call);
    const run = owner.openRun;
    if (run !== undefined && !run.isOver) this.#awaited.add(call, run);
    return call;
  }

  /** Asks the other place whether an open call waits for itself there. */
  #sendProbe(call: number, { along, of, nonce, path }: Probe): void {
    if (this.#options.wire() < since.probes) return;
    const first = of === null ? null : [of.madeAt, of.depth, of.name, of.hasBegun];
    this.send(Kind.probe, call, [along.madeAt, along.depth, along.name], first, nonce, path);
  }

  /** @param bytes Of what goes apart. An offer waits for room among what is under way. */
  #hasNoRoomFor(bytes: number | 'offer'): boolean {
    if (this.#calls.size >= limits.callsPerSessionMax) return true;
    return bytes !== 'offer' && this.session.isFullFor(bytes);
  }

  #refuseIfLost(label: string): void {
    if (!this.session.isOver) return;
    this.#options.seek?.();
    throw new NotDelivered('unreachable', `${label}: ${this.#gone} is gone; the message was not sent`);
  }

  /** Its id, with how it was lost where that is known. */
  get #gone(): string {
    return this.#loss === undefined ? this.placeId : `${this.placeId} (${this.#loss.reason}: ${this.#loss.what})`;
  }

  /** Validates, and turns into one field, or into a parcel where bytes in it go apart. @throws InvalidMessage */
  #encode(target: RemoteTarget, { operation, form }: SaidOperation, message: unknown): unknown {
    try {
      const parsed = operation.input.parse(message);
      try {
        return form.toWire(parsed, true);
      } catch (thrown) {
        if (thrown !== apart) throw thrown;
        return this.#checked(form.wireParcel(parsed, this.host.wireParcels));
      }
    } catch (error) {
      throw invalidMessage(error, `${operation.label} to ${target.path()}`);
    }
  }

  /** Found before it leaves: what was given away would be gone. @throws InvalidValue */
  #checked(parcel: Parcel): Parcel {
    const max = this.bytesMax;
    if (parcel.bytes < max) return parcel;
    throw new InvalidValue(
      `its bytes are ${parcel.bytes}, and the link to ${this.placeId} carries less than ${max} in one message; send it in parts`,
    );
  }

  /** The bytes of a message there must be fewer. Where it is gone its messages are told that, and not their size. */
  get bytesMax(): number {
    if (!this.foreign) return Number.POSITIVE_INFINITY;
    return this.session.takesLarge || this.session.isOver
      ? transportLimits.largeBytesMax
      : transportLimits.frameBytesMax;
  }

  // ── the end ──

  /** There was no way to it from the first. */
  isUnreached(what: string): void {
    this.#loss = { place: this.placeId, reason: 'unreachable', what };
  }

  /** The place is lost, or this one leaves: settles everything that was open in either direction. */
  lost(loss: PlaceLoss, isLeaving = false): void {
    if (this.session.isOver) return;
    this.#loss = loss;
    // It is still there to handle what it had received.
    const handles = isLeaving && this.isConnected;
    const unsettled: Unsettled = this.session.end();
    for (const fields of unsettled.unsent) this.#dies(fields, undefined, 'unreachable');
    for (const fields of unsettled.unacknowledged) this.#dies(fields, undefined, 'place-lost');
    for (const call of [...this.#calls.values()]) call.lost(true, this.#gone);
    if (unsettled.received > 0 && !handles)
      this.host.deadLetters.lost({ place: this.placeId, count: unsettled.received, reason: loss.reason });
    this.#inbound.close();
    this.#jobs.lost();
    for (const held of this.#heldTargets()) held.pressed = false;
    // Last: those that stand in for actors there may start others, and nothing is left of these then.
    this.#watches.lost(loss);
  }

  /** An item that did not get there: a tell becomes a dead letter, a call is settled. */
  #dies(
    fields: readonly unknown[],
    error: Error | undefined,
    reason: 'unreachable' | 'place-lost' | 'invalid' = 'invalid',
  ): void {
    const [kind, first, second] = fields as [number, number, number];
    if (kind === Kind.tell) {
      for (const values of messagesOf(fields)) this.#lose(first, second, reason, values);
      return;
    }
    if (kind === Kind.job) {
      const [cell, number, wire, call] = fields.slice(2) as [number, number, unknown, number | null];
      if (call === null) this.#loseOne(cell, number, reason, wire);
      else this.#callDies(call, error, reason);
      this.jobDone(first);
      return;
    }
    if (kind === Kind.handed) {
      this.#handedDies(second, fields[3] as readonly unknown[], error === undefined ? reason : 'invalid');
      return;
    }
    if (kind === Kind.reply || kind === Kind.item || kind === Kind.failure) {
      if (error !== undefined) this.#inbound.replyRefused(first, error);
      return;
    }
    if (opensCall(kind)) this.#callDies(first, error, reason);
  }

  #callDies(id: number, error: Error | undefined, reason: DeadLetterReason): void {
    const call = this.#calls.get(id);
    if (error !== undefined) call?.failure(['Rejected', error.message, ['invalid', null]]);
    else call?.lost(reason !== 'unreachable', this.#gone);
  }

  /** A message that went over with its actor; its sender was told nothing yet, or is told by its call. */
  #handedDies(what: number, given: readonly unknown[], reason: 'unreachable' | 'place-lost' | 'invalid'): void {
    if (what !== Handed.tell) return;
    const label = String(given[0]);
    const of = this.#options.registry.operation(label);
    const { host } = this;
    const { left, bytesGone } = leftOf(given[1]);
    const letter = { path: `troupe://${this.placeId}/`, operation: label, reason, message: left, of, bytesGone };
    const read = of === undefined ? undefined : () => host.fromWire(of.input, left, host.outside);
    host.deadLetters.add(read === undefined ? letter : { ...letter, read });
  }

  /** The same for one that went as one value. */
  #loseOne(cell: number, number: number, reason: DeadLetterReason, wire: unknown): void {
    const { host } = this;
    const target = this.#targets.get(cell)?.deref();
    const path = target?.path() ?? `troupe://${this.placeId}/#${cell}`;
    const { operation: of, form } = this.#operations.numbered(number)!;
    const { left, bytesGone } = leftOf(wire);
    const read = () => host.fromWire(form, left, host.outside);
    host.deadLetters.add({ path, operation: of.label, reason, message: left, target, of, read, bytesGone });
  }

  /** A tell that does not get there; whoever reads the dead letters sees the message and not its wire form. */
  #lose(cell: number, number: number, reason: DeadLetterReason, values: readonly unknown[]): void {
    const { host } = this;
    const target = this.#targets.get(cell)?.deref();
    const path = target?.path() ?? `troupe://${this.placeId}/#${cell}`;
    const { operation: of, form } = this.#operations.numbered(number)!;
    const { left, bytesGone } = leftOf(values);
    const message = left as readonly unknown[];
    const read = () => readRow(host, form, message, 0, host.outside);
    host.deadLetters.add({ path, operation: of.label, reason, message, target, of, read, bytesGone });
  }
}

/** The wire form of what was encoded or packed: bytes that were given away are the message's from here on. */
function delivered(encoded: unknown): unknown {
  return encoded instanceof Parcel ? encoded.deliver() : encoded;
}

function bytesOf(encoded: unknown): number {
  return encoded instanceof Parcel ? encoded.bytes : 0;
}

/** What is left of a message that was under way: bytes that were posted beside a frame belong to the other thread. */
function leftOf(wire: unknown): { readonly left: unknown; readonly bytesGone: boolean } {
  const left = replaced(wire, (buffer) => (isDetached(buffer) ? nothingLeft : undefined));
  return { left, bytesGone: left !== wire };
}

const nothingLeft = { buffer: new ArrayBuffer(0), view: () => new Uint8Array(0) };

/** True where an item's number is that of a call of our own: elsewhere it is the other side's, or an operation's. */
function opensCall(kind: number): boolean {
  return callKinds.has(kind);
}

/** The chain of a call that `owner` makes now, as fields. */
function flatChain(owner: Owner): (string | number)[] {
  return chainOf(owner).flatMap((link) => [link.place, link.cell, link.run]);
}

const callKinds: ReadonlySet<number> = new Set([
  Kind.ask,
  Kind.offer,
  Kind.stream,
  Kind.spawn,
  Kind.stop,
  Kind.move,
  Kind.adopt,
  Kind.begin,
  Kind.fence,
  Kind.attach,
  Kind.expect,
  Kind.place,
  Kind.restart,
]);

/** In place of a carrier until there is one. */
const unconnected: Carrier = { send: () => true, drained: () => Promise.resolve() };

function isCellNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isText(value: unknown, charactersMax: number): value is string {
  return typeof value === 'string' && value.length <= charactersMax;
}

function lostSpawn(name: string, why: string): SpawnFailed {
  return new SpawnFailed('place-lost', `actor "${name}" could not be started: ${why}`);
}

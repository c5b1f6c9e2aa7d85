/**
 * Another place, as this one speaks to it: the meaning of a session's items, in both directions.
 *
 * Outgoing calls are numbered and wait here; incoming items go to `Inbound`. When the place is lost, everything that was
 * open settles: nothing waits for a place that cannot answer.
 */

import type { DeadLetterReason } from '../actors/dead-letters.ts';
import { PlaceLost, SpawnFailed } from '../actors/errors.ts';
import { checkSignal } from '../actors/given.ts';
import type { Host } from '../actors/host.ts';
import { invalidMessage } from '../actors/isolation.ts';
import { aborted, timeoutOf } from '../actors/local-calls.ts';
import type { Operation } from '../actors/operation.ts';
import { NotDelivered, OutcomeUnknown, Rejected } from '../actors/outcomes.ts';
import type { CallOptions, Stream, StreamOptions } from '../actors/protocol.ts';
import type { RegistryIndex } from '../actors/registry.ts';
import { chainOf } from '../actors/request.ts';
import { InvalidValue } from '../actors/schema/errors.ts';
import type { MessageType } from '../actors/schema/message-type.ts';
import { streamOf } from '../actors/stream-reader.ts';
import type { Linked, Owner, StopOptions, Watcher } from '../actors/target.ts';
import type { Cancel } from '../base/environment/clock.ts';
import type { Runnable } from '../base/environment/scheduler.ts';
import { describeThrown } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { RefusedValue } from '../transport/frame-codec.ts';
import { type Carrier, Session, type SessionOptions, type Unsettled } from '../transport/session.ts';
import { Inbound } from './inbound.ts';
import { Kind, stopMode } from './items.ts';
import { ControlCall, type ControlEnds, MessageCall, type RemoteCall, StreamCall } from './remote-calls.ts';
import { OutboundJobs } from './remote-jobs.ts';
import { RemoteTarget } from './remote-target.ts';
import { OutboundWatches } from './remote-watches.ts';
import { readSpawned, type Spawned } from './spawned.ts';

export interface RemotePlaceOptions extends Omit<SessionOptions, 'carrier' | 'onItems' | 'onRefused'> {
  readonly host: Host;
  readonly registry: RegistryIndex;
  readonly placeId: string;
  /** True for a place of another process: what comes from there is validated again. */
  readonly foreign: boolean;
  /** Whether it is told where a failure was thrown. */
  readonly stacks: boolean;
}

export class RemotePlace {
  readonly placeId: string;
  readonly host: Host;
  readonly foreign: boolean;
  readonly stacks: boolean;
  readonly #options: RemotePlaceOptions;
  /** Replaced when the place is connected anew: a cut is a new epoch. */
  session: Session;
  #inbound: Inbound;
  readonly #calls = new Map<number, RemoteCall>();
  readonly #watches = new OutboundWatches();
  readonly #targets = new Map<number, WeakRef<RemoteTarget>>();
  /** At how many targets those that nobody holds any more are forgotten. */
  #targetsSweptAt: number = limits.targetsSwept;
  #operationNumbers = new Map<string, number>();
  /** The same by number. */
  #operations: Operation[] = [];
  #nextCall = 1;
  readonly #jobs = new OutboundJobs();
  /** How it was lost last. */
  #loss: PlaceLost['reason'] = 'unreachable';
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
    this.#options = options;
    this.session = this.#newSession(unconnected);
    this.session.end();
    this.#inbound = new Inbound(this, options.registry);
  }

  get isConnected(): boolean {
    return !this.session.isOver;
  }

  /** Opens a session over `carrier`; the one before has ended. */
  connect(carrier: Carrier): void {
    for (const held of this.#heldTargets()) held.pressed = false;
    this.#operationNumbers = new Map();
    this.#operations = [];
    this.#inbound = new Inbound(this, this.#options.registry);
    this.session = this.#newSession(carrier);
    this.#inbound.attach(this.session);
  }

  #newSession(carrier: Carrier): Session {
    const { codec, clock, scheduler, onBroken } = this.#options;
    return new Session({
      carrier,
      codec,
      clock,
      scheduler,
      onBroken,
      onItems: (fields, start) => this.#inbound.read(fields, start),
      onRefused: (fields, error) =>
        this.#dies(fields, new Rejected('invalid', `${error.message}; the message was not sent`)),
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

  *#heldTargets(): Iterable<RemoteTarget> {
    for (const target of this.#targets.values()) {
      const held = target.deref();
      if (held !== undefined) yield held;
    }
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
    const target = this.#targets.get(cell)?.deref();
    if (target !== undefined) target.pressed = pressed;
  }

  /** How much is under way to that place: what placement by load looks at. */
  get load(): number {
    return this.session.outstanding + this.#calls.size;
  }

  // ── calls to the other place ──

  tell(target: RemoteTarget, operation: Operation, message: unknown): boolean {
    const wire = this.#encode(target, operation, message);
    const session = this.session;
    if (session.isOver || session.isFull) {
      this.host.counters.refused += 1;
      const reason = session.isOver ? 'unreachable' : 'full';
      this.#lose(target.path(), operation.label, reason, wire, target, operation);
      return false;
    }
    const number = this.#numberOf(operation);
    session.begin().push(Kind.tell, target.cell, number, wire);
    return session.hasRoom && !target.pressed;
  }

  ask(
    target: RemoteTarget,
    operation: Operation,
    message: unknown,
    options: CallOptions | undefined,
    owner: Owner,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const wire = this.#encode(target, operation, message);
      const call = this.#openCall(target, operation, false, options, owner, resolve, reject);
      const chain = flatChain(owner);
      const number = this.#numberOf(operation);
      const remaining = this.host.deadlines.remainingMs(call);
      call.sent = true;
      this.session
        .begin()
        .push(Kind.ask, call.id, target.cell, number, wire, remaining, chain.length === 0 ? null : chain);
    });
  }

  offer(
    target: RemoteTarget,
    operation: Operation,
    message: unknown,
    options: CallOptions | undefined,
    owner: Owner,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const wire = this.#encode(target, operation, message);
      const { session } = this;
      const call = this.#openCall(target, operation, true, options, owner, resolve, reject);
      const send = (): void => {
        if (call.settled || session.isOver) return;
        if (!session.hasRoom) {
          void session.whenRoom().then(send);
          return;
        }
        call.sent = true;
        const number = this.#numberOf(operation);
        session.begin().push(Kind.offer, call.id, target.cell, number, wire, this.host.deadlines.remainingMs(call));
      };
      send();
    });
  }

  stream(
    target: RemoteTarget,
    operation: Operation,
    message: unknown,
    options: StreamOptions | undefined,
    owner: Owner,
  ): Stream<unknown> {
    return streamOf((reader) => {
      const granted = limits.streamWindow;
      const call = new StreamCall(this.#nextCall++, this, operation, owner, reader, granted);
      try {
        const wire = this.#encode(target, operation, message);
        this.#refuseIfLost(operation.label);
        this.#opened(call);
        const number = this.#numberOf(operation);
        this.session.begin().push(Kind.stream, call.id, target.cell, number, wire, granted);
      } catch (error) {
        call.settled = true;
        reader.end({ thrown: error });
      }
      return {
        consumed: (total: number): void => {
          if (call.settled || total + limits.streamWindow / 2 < call.granted) return;
          call.granted = total + limits.streamWindow;
          this.session.begin().push(Kind.grant, call.id, call.granted);
        },
        cancel: (): void => call.cancel(),
      };
    }, options?.signal);
  }

  /**
   * The message that `ask` or `tell` would send, of which the other place says when it was dealt with.
   *
   * @param options those of an ask; undefined for a tell
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
    return new Promise((resolve, reject) => {
      const wire = this.#encode(target, operation, message);
      this.#refuseIfLost(operation.label);
      const call =
        ask === undefined
          ? undefined
          : this.#openCall(target, operation, false, ask.options, ask.owner, resolve as never, reject);
      job = this.#jobs.open(dealtWith);
      const number = this.#numberOf(operation);
      const chain = ask === undefined ? [] : flatChain(ask.owner);
      const remaining = call === undefined ? null : this.host.deadlines.remainingMs(call);
      if (call !== undefined) call.sent = true;
      this.session
        .begin()
        .push(Kind.job, job, target.cell, number, wire, call?.id ?? null, remaining, chain.length === 0 ? null : chain);
      if (call === undefined) resolve(undefined);
    }).catch((error: unknown) => {
      if (job === undefined) dealtWith();
      throw error;
    });
  }

  jobDone(job: number): void {
    this.#jobs.done(job);
  }

  spawn(name: string, argsWire: unknown, actorName: string | undefined): Promise<Spawned> {
    const fields = [name, argsWire, actorName ?? null];
    return this.control(Kind.spawn, fields, limits.controlTimeoutMs, {
      read: readSpawned,
      lost: (place) => ({ error: lostSpawn(name, `${place} is gone`) }),
      expired: () => lostSpawn(name, `${this.placeId} did not answer within ${limits.controlTimeoutMs} ms`),
    });
  }

  /** What an actor there fails with, now that the place is lost. */
  lostBy(): PlaceLost {
    return new PlaceLost(this.placeId, this.#loss);
  }

  /** Has the other place begin a watch by itself. Gives its number. @throws Rejected where too much is watched there */
  openWatch(watcher: Watcher, path: string): number {
    return this.#watches.open(watcher, path);
  }

  /** A watch that never came to be. */
  dropWatch(watcher: Watcher): void {
    this.#watches.drop(watcher);
  }

  /** A request to the place itself, answered once. */
  control<T>(kind: number, fields: readonly unknown[], timeoutMs: number, ends: ControlEnds): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.session.isOver) {
        const outcome = ends.lost(this.placeId);
        if ('error' in outcome) reject(outcome.error);
        else resolve(outcome.value as T);
        return;
      }
      const call = new ControlCall(this.#nextCall++, this, ends, resolve as never, reject);
      this.host.deadlines.add(call, timeoutMs);
      this.#opened(call);
      this.session.begin().push(kind, call.id, ...fields);
    });
  }

  /** Resolves when the session has room, or is over. */
  whenRoom(): Promise<void> {
    return this.session.whenRoom();
  }

  stop(target: RemoteTarget, kill: boolean, options: StopOptions | undefined): Promise<void> {
    const timeoutMs = Math.min((options?.deadlineMs ?? 0) + limits.controlTimeoutMs, limits.askTimeoutMsMax);
    const fields = [target.cell, stopMode(kill, options), options?.deadlineMs ?? null];
    return this.control(Kind.stop, fields, timeoutMs, {
      read: () => undefined,
      // An actor whose place is gone has ended.
      lost: () => ({ value: undefined }),
      expired: () =>
        new OutcomeUnknown('deadline', `${target.path()}: its place did not say within ${timeoutMs} ms that it ended`),
    });
  }

  /** @throws Rejected where too much is watched there */
  watch(target: RemoteTarget, watcher: Watcher): void {
    if (this.session.isOver) watcher.terminated('place-lost');
    else this.#watches.watch(watcher, target.cell, target.path(), this.send);
  }

  unwatch(watcher: Watcher): void {
    this.#watches.unwatch(watcher, this.send);
  }

  // ── links: each side watches the other, and is told that it should ──

  link(target: RemoteTarget, other: Linked): void {
    if (!this.session.isOver) {
      this.send(Kind.link, target.cell, other.address().cell, other.branch(), other.protocolName);
    }
  }

  unlink(target: RemoteTarget, other: Linked): void {
    this.send(Kind.unlink, target.cell, other.address().cell);
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
    this.host.cell(cell)?.linkBack(this.target(other, branch, protocol));
  }

  /** @throws where it names no actor */
  unlinked(cell: number, other: unknown): void {
    if (!isCellNumber(other)) throw new Error('a link to what is no actor');
    this.host.cell(cell)?.links.remove(`${this.placeId}#${other}`);
  }

  terminated(watch: number, reason: unknown): void {
    this.#watches.terminated(watch, reason);
  }

  /** An item that nothing answers; none where the place is lost. */
  readonly send = (kind: number, ...fields: readonly unknown[]): void => {
    if (!this.session.isOver) this.session.begin().push(kind, ...fields);
  };

  // ── what calls need ──

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
    if (tellOther && !this.session.isOver) this.session.begin().push(Kind.cancel, call.id);
  }

  decode(type: MessageType, wire: unknown, owner: Owner, what: string): unknown {
    try {
      if (wire instanceof RefusedValue) throw new InvalidValue('it exceeds the limits of the wire');
      const value = this.host.fromWire(type, wire, owner);
      return this.foreign ? type.parse(value) : value;
    } catch (error) {
      throw new Rejected('invalid', `${what} from ${this.placeId} does not fit: ${describeThrown(error)}`);
    }
  }

  call(id: number): RemoteCall | undefined {
    return this.#calls.get(id);
  }

  #openCall(
    target: RemoteTarget,
    operation: Operation,
    isOffer: boolean,
    options: CallOptions | undefined,
    owner: Owner,
    resolve: (value: never) => void,
    reject: (error: unknown) => void,
  ): MessageCall {
    this.#refuseIfLost(operation.label);
    if (this.#calls.size >= limits.callsPerSessionMax || (this.session.isFull && !isOffer)) {
      throw new Rejected(
        'full',
        `${operation.label}: too much is under way to ${target.path()}; send later, or fewer at once`,
      );
    }
    const signal = options?.signal;
    if (signal !== undefined) checkSignal(signal, operation.label);
    if (signal?.aborted) throw aborted(operation, signal);
    const call = new MessageCall(this.#nextCall++, this, operation, isOffer, owner, resolve, reject);
    if (signal !== undefined) {
      const abort = (): void => call.cancel(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      call.detach = () => signal.removeEventListener('abort', abort);
    }
    this.host.deadlines.add(call, timeoutOf(options, operation));
    this.#opened(call);
    return call;
  }

  #refuseIfLost(label: string): void {
    if (!this.session.isOver) return;
    throw new NotDelivered('unreachable', `${label}: ${this.placeId} is gone; the message was not sent`);
  }

  /** Validates, and turns into the wire form. @throws InvalidMessage */
  #encode(target: RemoteTarget, operation: Operation, message: unknown): unknown {
    const type = operation.input;
    try {
      const parsed = type.parse(message);
      return type.plain ? parsed : type.toWire(parsed);
    } catch (error) {
      throw invalidMessage(error, `${operation.label} to ${target.path()}`);
    }
  }

  /** The number that stands for an operation's name in this session; told to the other side at first use. */
  #numberOf(operation: Operation): number {
    const known = this.#operationNumbers.get(operation.label);
    if (known !== undefined) return known;
    const number = this.#operationNumbers.size;
    this.#operationNumbers.set(operation.label, number);
    this.#operations.push(operation);
    this.session.begin().push(Kind.name, number, operation.label);
    return number;
  }

  // ── the end ──

  /** The place is lost, or this one leaves: settles everything that was open in either direction. */
  lost(why: string, isLeaving = false, reason: PlaceLost['reason'] = 'unreachable'): void {
    if (this.session.isOver) return;
    this.#loss = reason;
    // It is still there to handle what it had received.
    const handles = isLeaving && this.isConnected;
    const unsettled: Unsettled = this.session.end();
    for (const fields of unsettled.unsent) this.#dies(fields, undefined, 'unreachable');
    for (const fields of unsettled.unacknowledged) this.#dies(fields, undefined, 'place-lost');
    for (const call of [...this.#calls.values()]) call.lost(true, `${this.placeId} (${why})`);
    if (unsettled.received > 0 && !handles)
      this.host.deadLetters.lost({ place: this.placeId, count: unsettled.received });
    this.#inbound.close(why);
    this.#jobs.lost();
    for (const held of this.#heldTargets()) held.pressed = false;
    // Last: those that stand in for actors there may start others, and nothing is left of these then.
    this.#watches.lost();
  }

  /** An item that did not get there: a tell becomes a dead letter, a call is settled. */
  #dies(
    fields: readonly unknown[],
    error: Error | undefined,
    reason: 'unreachable' | 'place-lost' | 'invalid' = 'invalid',
  ): void {
    const [kind, first, second, third] = fields as [number, number, number, unknown];
    if (kind === Kind.tell) {
      this.#tellDies(first, second, third, reason);
      return;
    }
    if (kind === Kind.job) {
      const [cell, number, wire, call] = fields.slice(2) as [number, number, unknown, number | null];
      if (call === null) this.#tellDies(cell, number, wire, reason);
      else this.#callDies(call, error, reason);
      this.jobDone(first);
      return;
    }
    if (kind === Kind.reply || kind === Kind.item || kind === Kind.failure) {
      if (error !== undefined) this.#inbound.replyRefused(first, error);
      return;
    }
    if (opensCall(kind)) this.#callDies(first, error, reason);
  }

  #tellDies(cell: number, number: number, wire: unknown, reason: DeadLetterReason): void {
    const target = this.#targets.get(cell)?.deref();
    const path = target?.path() ?? `troupe://${this.placeId}/#${cell}`;
    const operation = this.#operations[number];
    this.#lose(path, operation?.label ?? 'unknown', reason, wire, target, operation);
  }

  #callDies(id: number, error: Error | undefined, reason: DeadLetterReason): void {
    const call = this.#calls.get(id);
    if (error !== undefined) call?.failure(['Rejected', error.message, ['invalid', null]]);
    else call?.lost(reason !== 'unreachable', this.placeId);
  }

  /** A tell that does not get there; whoever reads the dead letters sees the message and not its wire form. */
  #lose(
    path: string,
    label: string,
    reason: DeadLetterReason,
    wire: unknown,
    target: RemoteTarget | undefined,
    of: Operation | undefined,
  ): void {
    const { host } = this;
    const read = of === undefined ? undefined : () => host.fromWire(of.input, wire, host.outside);
    host.deadLetters.add({ path, operation: label, reason, message: wire, target, of, read });
  }
}

/** True where an item's number is that of a call of our own: elsewhere it is the other side's, or an operation's. */
function opensCall(kind: number): boolean {
  switch (kind) {
    case Kind.ask:
    case Kind.offer:
    case Kind.stream:
    case Kind.spawn:
    case Kind.stop:
    case Kind.place:
    case Kind.restart:
      return true;
    default:
      return false;
  }
}

/** The chain of a call that `owner` makes now, as fields. */
function flatChain(owner: Owner): (string | number)[] {
  return chainOf(owner).flatMap((link) => [link.place, link.cell, link.run]);
}

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

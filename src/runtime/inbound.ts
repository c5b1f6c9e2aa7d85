/**
 * What comes in from another place: items become messages of local cells, and answers of local calls.
 *
 * Between threads of one process the sender's validation counts; from another process every message is validated again.
 * What makes no sense to the receiver is refused with a reason; only a malformed item ends the session.
 */
import type { ActorBehavior } from '../actors/behavior.ts';
import type { Cell } from '../actors/cell.ts';
import type { DeadLetterReason } from '../actors/dead-letters.ts';
import type { Waiting } from '../actors/deadlines.ts';
import { SpawnFailed } from '../actors/errors.ts';
import { invalidMessage } from '../actors/isolation.ts';
import { OfferWaiting, RoomNotice, tooManyWait } from '../actors/offer.ts';
import { type Operation, type Origin, TellEnvelope } from '../actors/operation.ts';
import { Cancelled, NotDelivered, Rejected } from '../actors/outcomes.ts';
import { Deputy } from '../actors/placed/deputy.ts';
import type { RegistryIndex } from '../actors/registry.ts';
import type { ChainLink } from '../actors/request.ts';
import { InvalidValue } from '../actors/schema/errors.ts';
import type { Target } from '../actors/target.ts';
import { judgeChain } from '../actors/wait-for.ts';
import { describeThrown } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { RefusedValue } from '../transport/frame-codec.ts';
import type { Session } from '../transport/session.ts';
import { failureToWire } from './failure-codec.ts';
import { type CallOrigin, InboundRequest, InboundStream, type OpenCall } from './inbound-calls.ts';
import { fieldsOfKind, Kind, StopMode } from './items.ts';
import { escalated, standInAt } from './placed-items.ts';
import type { RemotePlace } from './remote-place.ts';
import { InboundWatches } from './remote-watches.ts';

export class Inbound implements CallOrigin {
  readonly #place: RemotePlace;
  /** The session that it reads: what a cell settles later counts there, even when there is a newer one. */
  #session: Session;
  readonly #registry: RegistryIndex;
  readonly #names: string[] = [];
  readonly #envelopes = new Map<Operation, TellEnvelope>();
  readonly #open = new Map<number, OpenCall>();
  /** Cells whose senders over there were told to slow down. */
  readonly #pressed = new Map<number, RoomNotice>();
  readonly #watches = new InboundWatches();
  /** What the other place has placed here, by the call that did. */
  readonly #placed = new Map<number, Cell>();

  constructor(place: RemotePlace, registry: RegistryIndex) {
    this.#place = place;
    this.#session = place.session;
    this.#registry = registry;
  }

  /** Names the session that it reads, which needs it first. */
  attach(session: Session): void {
    this.#session = session;
  }

  /** Reads the items of a frame. Returns how many. @throws where an item is malformed */
  read(fields: readonly unknown[], start: number): number {
    let count = 0;
    let controls = 0;
    let at = start;
    while (at < fields.length) {
      const kind = fields[at] as number;
      const length = fieldsOfKind[kind];
      if (length === undefined || at + length > fields.length) throw new Error(`item ${count} of a frame is malformed`);
      if (kind === Kind.tell) this.#tell(fields[at + 1], fields[at + 2], fields[at + 3]);
      else if (!this.#other(kind, fields, at + 1)) controls += 1;
      at += length;
      count += 1;
    }
    // What is no message for a mailbox has been dealt with by now.
    if (controls > 0) this.#session.settle(controls);
    return count;
  }

  get stacks(): boolean {
    return this.#place.stacks;
  }

  settled(): void {
    this.#session.settle(1);
  }

  /** The other place is lost: what it asked for is given up. */
  close(_why: string): void {
    for (const call of [...this.#open.values()]) call.cancel();
    this.#open.clear();
    this.#placed.clear();
    for (const notice of this.#pressed.values()) notice.settled = true;
    this.#pressed.clear();
    this.#watches.close();
  }

  /** An answer could not be sent; its caller is told so instead, and a stream that it was part of ends. */
  replyRefused(call: number, error: Error): void {
    this.#cancel(call);
    this.#send(Kind.failure, call, failureToWire(error, undefined, this.stacks));
  }

  /** True when the item is settled by a cell, later. */
  #other(kind: number, fields: readonly unknown[], at: number): boolean {
    const id = fields[at] as number;
    if (!Number.isSafeInteger(id) || id < 0) throw new Error('a call number that is no whole number');
    switch (kind) {
      case Kind.name:
        this.#name(id, fields[at + 1]);
        return false;
      case Kind.ask:
        return this.#ask(id, fields[at + 1], fields[at + 2], fields[at + 3], fields[at + 4], fields[at + 5]);
      case Kind.offer:
        return this.#offer(id, fields[at + 1], fields[at + 2], fields[at + 3], fields[at + 4]);
      case Kind.stream:
        return this.#stream(id, fields[at + 1], fields[at + 2], fields[at + 3], fields[at + 4]);
      case Kind.spawn:
        this.#spawn(id, fields[at + 1], fields[at + 2], fields[at + 3]);
        return false;
      case Kind.stop:
        this.#stop(id, fields[at + 1], fields[at + 2], deadline(fields[at + 3]));
        return false;
      case Kind.reply:
        this.#place.call(id)?.reply(fields[at + 1]);
        return false;
      case Kind.end:
        this.#place.call(id)?.reply(undefined);
        return false;
      case Kind.failure:
        this.#place.call(id)?.failure(fields[at + 1]);
        return false;
      case Kind.item:
        this.#place.call(id)?.item(fields[at + 1]);
        return false;
      case Kind.cancel:
        this.#cancel(id);
        return false;
      case Kind.pressure:
        this.#place.pressed(id, fields[at + 1] === true);
        return false;
      case Kind.grant:
        this.#open.get(id)?.grant?.(whole(fields[at + 1]));
        return false;
      case Kind.watch:
        this.#watches.watch(id, this.#place.host.cell(fields[at + 1] as number), this.#send);
        return false;
      case Kind.unwatch:
        this.#watches.unwatch(id);
        return false;
      case Kind.link:
        this.#place.linked(id, fields[at + 1], fields[at + 2], fields[at + 3]);
        return false;
      case Kind.unlink:
        this.#place.unlinked(id, fields[at + 1]);
        return false;
      case Kind.terminated:
        this.#place.terminated(id, fields[at + 1]);
        return false;
      case Kind.place:
        this.#spawnPlaced(id, fields.slice(at + 1, at + 7));
        return false;
      case Kind.restart:
        this.#restart(id, fields[at + 1], fields[at + 2]);
        return false;
      case Kind.escalated:
        escalated(this.#place, id, fields[at + 1]);
        return false;
      case Kind.job:
        return this.#job(id, fields.slice(at + 1, at + 7));
      case Kind.done:
        this.#place.jobDone(id);
        return false;
      default:
        throw new Error(`an item of unknown kind ${kind}`);
    }
  }

  #name(number: number, label: unknown): void {
    if (number !== this.#names.length || typeof label !== 'string') throw new Error('an operation name out of order');
    if (number >= limits.operationNamesMax || label.length > limits.operationLabelCharactersMax) {
      throw new Error('more or longer operation names than a session may hold');
    }
    this.#names.push(label);
  }

  #cancel(id: number): void {
    const call = this.#open.get(id);
    // First, since a stream that is cancelled answers nothing, so that nothing else would take it out.
    this.#open.delete(id);
    call?.cancel();
    // The other place did not wait for it to start, so nobody there knows of it.
    void this.#placed.get(id)?.stop(true, undefined);
  }

  #tell(cellId: unknown, number: unknown, wire: unknown, origin: Origin = this): void {
    const cell = this.#place.host.cell(cellId as number);
    const operation = this.#operation(cell, number, 'tell');
    if (cell === undefined || operation === undefined) {
      this.#dead(cellId, number, cell === undefined ? 'unknown' : 'invalid', wire, origin);
      return;
    }
    const received = this.#receive(cell, operation, wire);
    if ('refused' in received) this.#dead(cellId, number, 'invalid', wire, origin);
    else {
      const envelope = origin === this ? this.#envelope(operation) : new TellEnvelope(operation, origin);
      if (!cell.accept(envelope, received.message)) this.#slowDown(cell);
    }
  }

  /** Tells the other place that its tells to this cell should wait, and again when they need not any more. */
  #slowDown(cell: Cell): void {
    if (cell.isOver || this.#pressed.has(cell.id)) return;
    const notice = new RoomNotice(() => {
      this.#pressed.delete(cell.id);
      this.#send(Kind.pressure, cell.id, false);
    });
    this.#pressed.set(cell.id, notice);
    this.#send(Kind.pressure, cell.id, true);
    cell.awaitRoom(notice);
  }

  /** A message of which the other place is told when it was dealt with. */
  #job(job: number, [cellId, number, wire, call, remainingMs, chain]: readonly unknown[]): boolean {
    let isDone = false;
    const origin: Origin = {
      isExact: true,
      settled: () => {
        if (isDone) return;
        isDone = true;
        this.settled();
        this.#send(Kind.done, job);
      },
    };
    if (call !== null) {
      if (this.#ask(whole(call), cellId, number, wire, remainingMs, chain, origin)) return true;
      // It was refused, which is counted with what waits in no mailbox.
      this.#send(Kind.done, job);
      return false;
    }
    this.#tell(cellId, number, wire, origin);
    return true;
  }

  #ask(
    id: number,
    cellId: unknown,
    number: unknown,
    wire: unknown,
    remainingMs: unknown,
    chain: unknown,
    origin?: Origin,
  ): boolean {
    const found = this.#find(id, cellId, number, 'ask', wire);
    if ('refused' in found) return this.#refuse(id, found.refused);
    const { cell, operation, message } = found;
    const links = readChain(chain);
    const request = new InboundRequest(this, id, operation, links);
    if (origin !== undefined) request.redirect(origin);
    try {
      request.isAdmitted = judgeChain(cell, links, operation) === 'admit';
    } catch (cycle) {
      return this.#refuse(id, cycle as Error);
    }
    this.#open.set(id, request);
    this.#place.host.deadlines.add(request, milliseconds(remainingMs));
    if (request.isAdmitted) cell.acceptFirst(request, message);
    else cell.accept(request, message);
    return true;
  }

  #offer(id: number, cellId: unknown, number: unknown, wire: unknown, remainingMs: unknown): boolean {
    const found = this.#find(id, cellId, number, 'tell', wire);
    if ('refused' in found) return this.#refuse(id, found.refused);
    const { operation } = found;
    const receiver = found.cell.receiverOf(operation, found.message);
    if ('target' in receiver) return this.#passOffer(id, found.cell, receiver.target, found, remainingMs);
    const { cell } = receiver;
    // A router's message becomes its routee's own.
    const isOwn = cell === found.cell || operation.input.plain;
    const message = isOwn ? found.message : operation.input.rebind(found.message, cell);
    const { host } = this.#place;
    if (cell.hasRoom) {
      cell.accept(this.#envelope(operation), message);
      this.#send(Kind.reply, id, null);
      return true;
    }
    if (cell.offersFull) {
      return this.#refuse(id, tooManyWait(operation.label, cell.path()));
    }
    const envelope = this.#envelope(operation);
    const offer = new OfferWaiting(
      envelope,
      message,
      () => {
        this.#open.delete(id);
        this.#send(Kind.reply, id, null);
      },
      (error) => {
        this.#open.delete(id);
        this.settled();
        this.#send(Kind.failure, id, failureToWire(error, operation, this.stacks));
      },
    );
    this.#open.set(id, {
      cancel: () => {
        host.deadlines.remove(offer);
        offer.refuse(new Cancelled(false, `${operation.label}: the sender gave up`));
      },
    });
    host.deadlines.add(offer, milliseconds(remainingMs));
    cell.awaitRoom(offer);
    return true;
  }

  /** An offer through a router to a routee in a third place, or to several: as the router's own. */
  #passOffer(
    id: number,
    router: Cell,
    target: Target,
    { operation, message }: { readonly operation: Operation; readonly message: unknown },
    remainingMs: unknown,
  ): boolean {
    const given = new AbortController();
    const over = (): void => {
      this.#open.delete(id);
      this.settled();
    };
    this.#open.set(id, { cancel: () => given.abort() });
    target.offer(operation, message, { timeoutMs: milliseconds(remainingMs), signal: given.signal }, router).then(
      () => {
        over();
        this.#send(Kind.reply, id, null);
      },
      (error: unknown) => {
        over();
        this.#send(Kind.failure, id, failureToWire(error, operation, this.stacks));
      },
    );
    return true;
  }

  #stream(id: number, cellId: unknown, number: unknown, wire: unknown, granted: unknown): boolean {
    const found = this.#find(id, cellId, number, 'stream', wire);
    if ('refused' in found) return this.#refuse(id, found.refused);
    const request = new InboundStream(this, id, found.operation, Math.min(whole(granted), limits.streamGrantMax));
    this.#open.set(id, request);
    found.cell.accept(request, found.message);
    return true;
  }

  #spawn(id: number, name: unknown, args: unknown, actorName: unknown): void {
    this.#start(id, name, args, actorName, (behavior, own, named) =>
      this.#place.host.spawn(behavior, { args: own, name: named, parent: undefined }),
    );
  }

  #spawnPlaced(id: number, [name, args, actorName, standIn, branch, watch]: readonly unknown[]): void {
    const { host, placeId } = this.#place;
    const isBranch = typeof branch === 'string' && branch.length <= limits.branchCharactersMax;
    if (!isBranch) throw new Error('a stand-in without a branch');
    const standInCell = whole(standIn);
    const number = whole(watch);
    this.#start(id, name, args, actorName, (behavior, own, named) => {
      if (this.#placed.size >= limits.watchesPerSessionMax) {
        throw new SpawnFailed('no-place', `too many actors are placed at ${host.placeId} by ${placeId}`);
      }
      const owner = standInAt(this.#place, standInCell, branch, behavior.protocol.name);
      const cell = host.spawnPlaced(behavior, own, named, owner);
      this.#placed.set(id, cell);
      cell.watch({ terminated: () => this.#placed.delete(id) });
      this.#watches.watch(number, cell, this.#send);
      return cell;
    });
  }

  #start(
    id: number,
    name: unknown,
    args: unknown,
    actorName: unknown,
    spawn: (behavior: ActorBehavior, args: unknown, name: string | undefined) => Cell,
  ): void {
    const { host } = this.#place;
    const behavior = typeof name === 'string' ? this.#registry.actor(name) : undefined;
    if (behavior === undefined) {
      const text = `no actor is registered as ${JSON.stringify(String(name).slice(0, limits.nameCharactersMax))} at ${host.placeId}`;
      this.#refuse(id, new SpawnFailed('unregistered', `${text}; add it to the registry module that this place loads`));
      return;
    }
    try {
      const cell = spawn(
        behavior,
        this.#arguments(behavior, args),
        typeof actorName === 'string' ? actorName : undefined,
      );
      const answer = (): void => this.#send(Kind.reply, id, [cell.address().cell, cell.branch()]);
      if (cell.started === undefined) answer();
      else cell.started.then(answer, (error: unknown) => this.#refuse(id, error as Error));
    } catch (error) {
      this.#refuse(id, error as Error);
    }
  }

  /** Only what the other place has placed here is its own to restart. */
  #restart(id: number, cellId: unknown, comesUp: unknown): void {
    const cell = this.#place.host.cell(cellId as number);
    const deputy = cell?.parent instanceof Deputy ? cell.parent : undefined;
    const isPlaced = deputy?.standIn.placeId === this.#place.placeId;
    if (comesUp !== true) {
      if (isPlaced) deputy.takeDown(cell!);
      return;
    }
    (isPlaced ? deputy.restart(cell!) : Promise.resolve()).then(
      () => this.#send(Kind.reply, id, null),
      (error: unknown) => this.#refuse(id, error as Error),
    );
  }

  /** @throws SpawnFailed where they hold what cannot be taken; whether they fit is for the spawn to say. */
  #arguments(behavior: ActorBehavior, wire: unknown): unknown {
    const { host } = this.#place;
    try {
      if (wire instanceof RefusedValue) throw new InvalidValue('they exceed the limits of the wire');
      return host.fromWire(behavior.argsType, wire, host.outside);
    } catch (error) {
      const text = `arguments of actor "${behavior.name}" do not fit at ${host.placeId}: ${describeThrown(error)}`;
      throw new SpawnFailed('arguments', text, error);
    }
  }

  #stop(id: number, cellId: unknown, mode: unknown, deadlineMs: number | undefined): void {
    const cell = this.#place.host.cell(cellId as number);
    const options = { drain: mode === StopMode.drain, ...(deadlineMs === undefined ? {} : { deadlineMs }) };
    (cell?.stop(mode === StopMode.kill, options) ?? Promise.resolve()).then(
      () => this.#send(Kind.reply, id, null),
      (error: unknown) => this.#refuse(id, error as Error),
    );
  }

  #find(
    id: number,
    cellId: unknown,
    number: unknown,
    kind: Operation['kind'],
    wire: unknown,
  ): { readonly cell: Cell; readonly operation: Operation; readonly message: unknown } | { readonly refused: Error } {
    if (this.#open.has(id)) throw new Error('a call number that is in use');
    const cell = this.#place.host.cell(cellId as number);
    const name = this.#nameOf(number) ?? 'unknown operation';
    if (this.#open.size >= limits.callsPerSessionMax) {
      return { refused: new Rejected('full', `${name}: too many calls of one place are open; send fewer at once`) };
    }
    if (cell === undefined || cell.isOver) {
      this.#lose(cellId, cell, name, 'stopped', wire);
      return {
        refused: new NotDelivered(
          'stopped',
          `${name}: ${this.#pathOf(cellId)} has stopped; the message was not handled`,
        ),
      };
    }
    const operation = this.#operation(cell, number, kind);
    if (operation === undefined) {
      return {
        refused: new Rejected(
          'version',
          `${cell.path()} has no operation "${name}" of kind ${kind}; its code differs from the caller's`,
        ),
      };
    }
    const received = this.#receive(cell, operation, wire);
    if ('refused' in received) return { refused: new Rejected('invalid', received.refused.message) };
    return { cell, operation, message: received.message };
  }

  #nameOf(number: unknown): string | undefined {
    return typeof number === 'number' ? this.#names[number] : undefined;
  }

  #operation(cell: Cell | undefined, number: unknown, kind: Operation['kind']): Operation | undefined {
    const label = this.#nameOf(number);
    if (cell === undefined || label === undefined) return undefined;
    const operation = cell.behavior.labelled(label);
    return operation?.kind === kind ? operation : undefined;
  }

  /** A message as the cell's own. */
  #receive(
    cell: Cell,
    operation: Operation,
    wire: unknown,
  ): { readonly message: unknown } | { readonly refused: Error } {
    const type = operation.input;
    const { host, foreign } = this.#place;
    if (wire instanceof RefusedValue) {
      return {
        refused: new Rejected(
          'invalid',
          `${operation.label} to ${cell.path()}: the message exceeds the limits of the wire`,
        ),
      };
    }
    try {
      const message = type.plain ? wire : host.fromWire(type, wire, cell);
      return { message: foreign ? type.parse(message) : message };
    } catch (error) {
      return { refused: invalidMessage(error, `${operation.label} to ${cell.path()}`) as Error };
    }
  }

  #envelope(operation: Operation): TellEnvelope {
    let envelope = this.#envelopes.get(operation);
    if (envelope === undefined) {
      envelope = new TellEnvelope(operation, this);
      this.#envelopes.set(operation, envelope);
    }
    return envelope;
  }

  #dead(cellId: unknown, number: unknown, reason: DeadLetterReason, message: unknown, origin: Origin): void {
    const operation = this.#nameOf(number) ?? 'unknown operation';
    this.#lose(cellId, this.#place.host.cell(cellId as number), operation, reason, message);
    origin.settled();
  }

  #lose(cellId: unknown, target: Cell | undefined, label: string, reason: DeadLetterReason, wire: unknown): void {
    const { host } = this.#place;
    const of = this.#registry.operation(label);
    const read = of === undefined ? undefined : () => host.fromWire(of.input, wire, host.outside);
    host.deadLetters.add({ path: this.#pathOf(cellId), operation: label, reason, message: wire, target, of, read });
  }

  #pathOf(cellId: unknown): string {
    const id = Number.isSafeInteger(cellId) ? (cellId as number) : -1;
    return this.#place.host.cell(id)?.path() ?? `troupe://${this.#place.host.placeId}/#${id}`;
  }

  /** False, since nothing waits in a mailbox. */
  #refuse(id: number, error: Error): false {
    this.#send(Kind.failure, id, failureToWire(error, undefined, this.stacks));
    return false;
  }

  readonly #send = (kind: number, ...fields: readonly unknown[]): void => {
    if (!this.#session.isOver) this.#session.begin().push(kind, ...fields);
  };

  // ── answers of this place's actors ──

  answer(id: number, kind: number, wire: unknown): void {
    if (kind !== Kind.item) this.#open.delete(id);
    if (kind === Kind.end) this.#send(kind, id);
    else this.#send(kind, id, wire);
  }

  remove(waiting: Waiting): void {
    this.#place.host.deadlines.remove(waiting);
  }
}

function readChain(chain: unknown): readonly ChainLink[] {
  if (!Array.isArray(chain) || chain.length % 3 !== 0 || chain.length > limits.chainLinksMax * 3) return [];
  const links: ChainLink[] = [];
  for (let at = 0; at < chain.length; at += 3) {
    links.push({ place: String(chain[at]), cell: Number(chain[at + 1]), run: Number(chain[at + 2]) });
  }
  return links;
}

function deadline(value: unknown): number | undefined {
  if (value === null) return undefined;
  if (typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY) return value;
  throw new Error('a deadline that is no number of ms');
}

function milliseconds(value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= limits.askTimeoutMsMax) return value;
  throw new Error('a time limit that is no number of ms');
}

function whole(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new Error('a count that is no whole number');
}

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
import { PlacedCell } from '../actors/placed/placed-cell.ts';
import type { RegistryIndex } from '../actors/registry.ts';
import type { ChainLink } from '../actors/request.ts';
import { apart, InvalidValue } from '../actors/schema/errors.ts';
import type { MessageRow, WireForm } from '../actors/schema/message-row.ts';
import type { MessageType } from '../actors/schema/message-type.ts';
import { isRow } from '../actors/schema/object-row.ts';
import { Parcel } from '../actors/schema/parcel.ts';
import type { Target } from '../actors/target.ts';
import { type CallAge, followProbe, type Probe } from '../actors/wait-elsewhere.ts';
import { blockersOfRoom, judgeChain } from '../actors/wait-for.ts';
import type { Runnable, Slice } from '../base/environment/scheduler.ts';
import { describeThrown } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { Assembly, type AssemblyBudget } from '../transport/assembly.ts';
import { type FrameCodec, type LargeCodec, RefusedValue } from '../transport/frame-codec.ts';
import type { Session } from '../transport/session.ts';
import { failureToWire } from './failure-codec.ts';
import { bytesIn, HeldBytes, weightOf } from './held-bytes.ts';
import { InboundRequest, InboundStream, type OpenCall } from './inbound-calls.ts';
import { answerKey, fieldsOfKind, Kind, mayBeLarge, StopMode } from './items.ts';
import { MovesIn, type MovesOwner } from './moves-in.ts';
import { type HeardOperation, HeardOperations } from './operation-names.ts';
import { escalated, standInAt } from './placed-items.ts';
import type { ProbeBudget } from './probe-budget.ts';
import type { RemotePlace } from './remote-place.ts';
import { InboundWatches } from './remote-watches.ts';
import { namedLabel } from './rights.ts';
import { readRow } from './tell-run.ts';

export interface InboundOptions {
  readonly registry: RegistryIndex;
  readonly codec: FrameCodec;
  /** Bytes of large messages of its node that are not whole. */
  readonly budget: AssemblyBudget;
  /** What its node may spend on probes; undefined: what it likes. */
  readonly probes: ProbeBudget | undefined;
}

export class Inbound implements MovesOwner, Runnable {
  readonly #place: RemotePlace;
  /** The session that it reads: what a cell settles later counts there, even when there is a newer one. */
  #session: Session;
  readonly #registry: RegistryIndex;
  readonly #operations = new HeardOperations();
  readonly #envelopes = new Map<Operation, TellEnvelope>();
  readonly open: Map<number, OpenCall> = new Map();
  /** Cells that were above their high water when a message came. */
  readonly #suspected = new Set<Cell>();
  /** Cells whose senders over there were told to slow down. */
  readonly #pressed = new Map<number, RoomNotice>();
  readonly #watches = new InboundWatches();
  readonly #moves: MovesIn;
  readonly #held = new HeldBytes((cell, pressed) => {
    if (!this.#pressed.has(cell)) this.send(Kind.pressure, cell, pressed);
  });
  /** True while it reads a frame of large messages. */
  #weighs = false;
  /** What the other place has placed here, by the call that did. */
  readonly #placed = new Map<number, Cell>();
  readonly #large: LargeCodec | undefined;
  readonly #assembly: Assembly;
  readonly #probes: ProbeBudget | undefined;
  /** Large bytes of its offers that wait for room. */
  #offeredBytes = 0;
  /** Starts, stops, restarts and fences that it was not answered yet. */
  #unanswered = 0;

  constructor(place: RemotePlace, { registry, codec, budget, probes }: InboundOptions) {
    this.#place = place;
    this.#moves = new MovesIn(place, registry, this);
    this.#session = place.session;
    this.#registry = registry;
    this.#large = codec.large;
    this.#assembly = new Assembly(budget);
    this.#probes = probes;
  }

  /** Names the session that it reads, which needs it first. */
  attach(session: Session): void {
    this.#session = session;
  }

  /** Reads the items of a frame of so many bytes. Returns how many. @throws where an item is malformed */
  read(fields: readonly unknown[], start: number, bytes: number): number {
    // Small messages are bounded by their number, and need not be looked through.
    this.#weighs = bytes >= fields.length * limits.fieldBytesWeighed;
    let count = 0;
    let controls = 0;
    let at = start;
    while (at < fields.length) {
      const kind = fields[at];
      const length = typeof kind === 'number' ? fieldsOfKind[kind] : undefined;
      if (length === undefined || at + length > fields.length) throw new Error(`item ${count} of a frame is malformed`);
      if (kind === Kind.tell) count += this.#tells(fields[at + 1], fields[at + 2], fields[at + 3], fields[at + 4]);
      else {
        const isHeld =
          kind === Kind.large
            ? this.#whole(fields[at + 1], fields[at + 2])
            : this.#other(kind as number, fields, at + 1);
        if (!isHeld) controls += 1;
        count += 1;
      }
      at += length;
    }
    // What is no message for a mailbox has been dealt with by now.
    if (controls > 0) this.#session.settle(controls);
    return count;
  }

  /** A large message all of which has come. True when it is settled by a cell, later. @throws where it is none */
  #whole(count: unknown, packed: unknown): boolean {
    if (this.#large === undefined || !(packed instanceof Uint8Array)) throw new Error('a large message without fields');
    const binaries = this.#assembly.whole(whole(count));
    const fields = this.#large.unpack(packed, binaries);
    const [kind] = fields;
    if (!mayBeLarge(kind) || fields.length !== fieldsOfKind[kind as number]) {
      throw new Error('a large message that is malformed');
    }
    if (binaries === undefined) return this.#noRoomFor(fields);
    this.#weighs = true;
    if (kind !== Kind.tell) return this.#other(kind as number, fields, 1);
    if (fields[3] !== 1) throw new Error('a large tell of several messages');
    this.#tells(fields[1], fields[2], 1, fields[4]);
    return true;
  }

  /** Its bytes were not kept: its sender is told so, or the dead letters are. */
  #noRoomFor(fields: readonly unknown[]): boolean {
    const [kind, first, second, number] = fields;
    const { placeId, host } = this.#place;
    const error = new Rejected('full', `large messages of ${placeId} take all the room that there is; send later`);
    if (kind === Kind.reply || kind === Kind.item) {
      const call = this.#place.call(whole(first));
      call?.failure(failureToWire(error, undefined, false));
      if (kind === Kind.item) this.send(Kind.cancel, first);
      return false;
    }
    const call = kind === Kind.job ? fields[5] : kind === Kind.tell ? null : first;
    if (kind === Kind.job) this.send(Kind.done, whole(first));
    if (call !== null) return this.#refuse(whole(call), error);
    host.counters.refused += 1;
    const [cell, operation] = kind === Kind.tell ? [first, second] : [second, number];
    this.#dead(cell, this.#operations.numbered(operation), 'full', undefined);
    return true;
  }

  get stacks(): boolean {
    return this.#place.stacks;
  }

  settled(): void {
    this.#session.settle(1);
  }

  /** The other place is lost: what it asked for is given up. */
  close(): void {
    for (const call of [...this.open.values()]) call.cancel();
    this.open.clear();
    this.#assembly.drop();
    this.#placed.clear();
    for (const notice of this.#pressed.values()) notice.settled = true;
    this.#pressed.clear();
    this.#held.close();
    this.#watches.close();
  }

  /** True where the actor is watched from there. */
  isWatched(cell: Cell): boolean {
    return this.#watches.has(cell);
  }

  /** An answer could not be sent; its caller is told so instead, and a stream that it was part of ends. */
  replyRefused(call: number, error: Error): void {
    this.#cancel(call);
    this.send(Kind.failure, call, failureToWire(error, undefined, this.stacks));
  }

  /** True when the item is settled by a cell, later. */
  #other(kind: number, fields: readonly unknown[], at: number): boolean {
    const id = fields[at] as number;
    if (!Number.isSafeInteger(id) || id < 0) throw new Error('a call number that is no whole number');
    switch (kind) {
      case Kind.name:
        this.#name(id, fields[at + 1], fields[at + 2]);
        return false;
      case Kind.shape:
        this.#place.shape(id, fields[at + 1]);
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
        this.open.get(id)?.grant?.(whole(fields[at + 1]));
        return false;
      case Kind.watch:
        this.#watch(id, fields[at + 1], false);
        return false;
      case Kind.watchAgain:
        this.#watch(id, fields[at + 1], true);
        return false;
      case Kind.unwatch:
        this.#watches.unwatch(id);
        return false;
      case Kind.link:
        if (this.#mayLink(id)) this.#place.linked(id, fields[at + 1], fields[at + 2], fields[at + 3]);
        return false;
      case Kind.unlink:
        this.#place.unlinked(id, fields[at + 1]);
        return false;
      case Kind.linkOf:
        if (this.#mayLink(id)) this.#place.linkedOf(id, fields[at + 1], fields[at + 2], fields[at + 3], fields[at + 4]);
        return false;
      case Kind.unlinkOf:
        this.#place.unlinkedOf(id, fields[at + 1], fields[at + 2]);
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
      case Kind.probe:
        this.#probe(id, fields, at);
        return false;
      case Kind.chunk:
        this.#assembly.chunk(id, fields[at + 1]);
        return false;
      default:
        return this.#moves.read(kind, id, fields, at);
    }
  }

  /** Whether what the call waits for here waits for the call. */
  #probe(id: number, fields: readonly unknown[], at: number): void {
    const probe = readProbe(fields.slice(at + 1, at + 5));
    const call = this.open.get(id)?.waits;
    if (call === undefined) return;
    if (this.#probes === undefined) followProbe(call, probe);
    else this.#probes.follow(call, probe);
  }

  #watch(id: number, cellId: unknown, again: boolean): void {
    const { host } = this.#place;
    const cell = host.cell(cellId as number);
    if (this.#place.rights !== undefined && !this.#mayWatch(cell)) {
      // It is told what it is told of actors that there are not.
      this.#watches.watch(id, undefined, undefined, this.#sendBehindAll);
      return;
    }
    this.#watches.watch(id, cell, again ? host.endOf(cellId as number) : undefined, this.#sendBehindAll);
    if (cell !== undefined) this.#tellWhere(cell);
  }

  #mayWatch(cell: Cell | undefined): boolean {
    if (cell === undefined) return false;
    const { rights, placeId } = this.#place;
    // Whoever hosts an actor is told when what stands for it here ends; where it is hosted is not known from the beginning.
    if (cell instanceof PlacedCell && (cell.placedAt?.place ?? placeId) === placeId) return true;
    if (rights!.mayWatch(cell)) return true;
    this.#place.denied('watch', cell.path());
    return false;
  }

  /** Whoever uses an actor that has moved is told where it is. */
  #tellWhere(cell: Cell): void {
    if (cell.hasMoved) this.#place.tellRoute(cell);
  }

  #name(number: number, label: unknown, shape: unknown): void {
    const heard = this.#operations.add(number, label, shape);
    heard.isAllowed = this.#place.rights?.mayCall(heard.label) ?? true;
    // It is not told whether there is such an operation, either.
    if (heard.asRows || !heard.isAllowed) return;
    const operation = this.#registry.operation(heard.label);
    if (operation !== undefined) this.send(Kind.shape, number, operation.shape);
  }

  #cancel(id: number): void {
    const call = this.open.get(id);
    // First, since a stream that is cancelled answers nothing, so that nothing else would take it out.
    this.open.delete(id);
    call?.cancel();
    // The other place did not wait for it to start, so nobody there knows of it.
    void this.#placed.get(id)?.stop(true, undefined);
  }

  /** Messages to one operation of one cell. Returns how many. @throws where there are not as many as it says */
  #tells(cellId: unknown, number: unknown, count: unknown, values: unknown): number {
    if (!isCount(count)) throw new Error('a tell that does not say how many messages it holds');
    const cell = this.#place.host.cell(cellId as number);
    const heard = this.#operations.numbered(number);
    if (heard?.isAllowed === false) {
      this.#place.denied('call', heard.label);
      for (let n = 0; n < count; n += 1) this.#dead(cellId, heard, 'forbidden', partOf(values, n, count));
      return count;
    }
    const operation = cell === undefined ? undefined : this.#operationOf(cell, heard);
    if (cell === undefined || heard === undefined || operation?.kind !== 'tell' || values instanceof RefusedValue) {
      const reason = cell === undefined ? 'unknown' : 'invalid';
      for (let index = 0; index < count; index += 1) this.#dead(cellId, heard, reason, partOf(values, index, count));
      return count;
    }
    if (cell.hasMoved) this.#tellWhere(cell);
    const { input } = operation;
    const form = heard.formOf(input);
    const { width } = form;
    if (!Array.isArray(values) || values.length !== count * width) throw new Error('a tell without its messages');
    const { host, foreign } = this.#place;
    let hasRoom = true;
    for (let index = 0; index < count; index += 1) {
      const bytes = this.#weighs ? this.#weigh(partOf(values, index, count)) : 0;
      if (bytes > 0 && this.#held.isFull(cell.id)) {
        host.counters.refused += 1;
        this.#dead(cellId, heard, 'full', partOf(values, index, count));
        continue;
      }
      let message: unknown;
      try {
        message = readRow(host, form, values, index * width, cell);
        if (foreign) message = input.parse(message);
      } catch {
        this.#dead(cellId, heard, 'invalid', partOf(values, index, count));
        continue;
      }
      if (!cell.accept(this.#weighed(cell, operation, bytes), message)) hasRoom = false;
    }
    if (!hasRoom) this.#suspect(cell);
    return count;
  }

  /** A mailbox is above its high water: what its cell leaves of that in its next turn is told to the other place. */
  #suspect(cell: Cell): void {
    if ((cell.isOver && !cell.hasMoved) || this.#pressed.has(cell.id)) return;
    // A router, or one that has moved, has no room of its own to look at afterwards.
    if (cell.behavior.front !== undefined || cell.hasMoved) {
      this.#slowDown(cell);
      return;
    }
    if (this.#suspected.size === 0) this.#place.host.scheduler.ready(this);
    this.#suspected.add(cell);
  }

  /**
   * Comes behind the turns of the cells that got messages. Two frames at once are no reason to stop a sender whose
   * messages are handled as fast as they come: being told so, and told again, cost a fifth of a thread hop (measured).
   */
  run(slice: Slice): void {
    const suspected = [...this.#suspected];
    this.#suspected.clear();
    for (const cell of suspected) if (!cell.hasRoom) this.#slowDown(cell);
    slice.spent(1);
  }

  /** The bytes of a message as far as they count on their own: of another process all, of another thread large binaries. */
  #weigh(wire: unknown): number {
    const bytes = this.#place.foreign ? weightOf(wire) : bytesIn(wire);
    return bytes < limits.besideBytesMin ? 0 : bytes;
  }

  /** The head of a message with so many large bytes, which are held until it was dealt with. */
  #weighed(cell: Cell, operation: Operation, bytes: number): TellEnvelope {
    if (bytes === 0) return this.#envelope(operation);
    return new TellEnvelope(operation, this.#originOf(cell, bytes));
  }

  /** A tell on its own, of which `origin` is told when it was dealt with. */
  #jobTell(cellId: unknown, number: unknown, wire: unknown, origin: Origin): void {
    const { host } = this.#place;
    const cell = host.cell(cellId as number);
    const heard = this.#operations.numbered(number);
    const operation = cell === undefined ? undefined : this.#operationOf(cell, heard);
    const dies = (reason: DeadLetterReason): void => {
      this.#lose(cellId, cell, heard, reason, wire, (form) => host.fromWire(form, wire, host.outside));
      origin.settled();
    };
    if (heard?.isAllowed === false) {
      this.#place.denied('call', heard.label);
      dies('forbidden');
      return;
    }
    if (cell === undefined || heard === undefined || operation?.kind !== 'tell') {
      dies(cell === undefined ? 'unknown' : 'invalid');
      return;
    }
    const bytes = this.#weighs ? this.#weigh(wire) : 0;
    if (bytes > 0 && this.#held.isFull(cell.id)) {
      host.counters.refused += 1;
      dies('full');
      return;
    }
    if (cell.hasMoved) this.#tellWhere(cell);
    const received = this.#receive(cell, operation, heard.formOf(operation.input), wire);
    if ('refused' in received) dies('invalid');
    else if (!cell.accept(new TellEnvelope(operation, this.#originOf(cell, bytes, origin)), received.message)) {
      this.#suspect(cell);
    }
  }

  /** Tells the other place that its tells to this cell should wait, and again when they need not any more. */
  #slowDown(cell: Cell): void {
    if ((cell.isOver && !cell.hasMoved) || this.#session.isOver) return;
    const notice = new RoomNotice(() => {
      this.#pressed.delete(cell.id);
      if (!this.#held.isAbove(cell.id)) this.send(Kind.pressure, cell.id, false);
    });
    this.#pressed.set(cell.id, notice);
    this.send(Kind.pressure, cell.id, true);
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
        this.send(Kind.done, job);
      },
    };
    if (call !== null) {
      if (this.#ask(whole(call), cellId, number, wire, remainingMs, chain, origin)) return true;
      // It was refused, which is counted with what waits in no mailbox.
      this.send(Kind.done, job);
      return false;
    }
    this.#jobTell(cellId, number, wire, origin);
    return true;
  }

  #ask(
    id: number,
    cellId: unknown,
    number: unknown,
    wire: unknown,
    remainingMs: unknown,
    chain: unknown,
    origin: Origin = this,
  ): boolean {
    const found = this.#find(id, cellId, number, 'ask', wire);
    if ('refused' in found) return this.#refuse(id, found.refused);
    const { cell, operation, message, asRows } = found;
    const bytes = this.#weighs ? this.#weigh(wire) : 0;
    if (bytes > 0 && this.#held.isFull(cell.id)) return this.#refuse(id, tooManyBytes(operation.label, cell.path()));
    const links = readChain(chain);
    let isAdmitted: boolean;
    try {
      isAdmitted = judgeChain(cell, links, operation) === 'admit';
    } catch (cycle) {
      return this.#refuse(id, cycle as Error);
    }
    const request = this.#asked(id, cell, operation, asRows, remainingMs, links, this.#originOf(cell, bytes, origin));
    request.isAdmitted = isAdmitted;
    if (request.isAdmitted) cell.acceptFirst(request, message);
    else cell.accept(request, message);
    return true;
  }

  #originOf(cell: Cell, bytes: number, origin: Origin = this): Origin {
    return bytes === 0 ? origin : this.#held.hold(cell.id, bytes, origin);
  }

  #asked(
    id: number,
    cell: Cell,
    operation: Operation,
    asRows: boolean,
    remainingMs: unknown,
    links: readonly ChainLink[],
    origin: Origin,
  ): InboundRequest {
    const timeoutMs = milliseconds(remainingMs);
    const request = new InboundRequest(this, cell, id, operation, asRows, links, origin);
    this.open.set(id, request);
    this.#place.host.deadlines.add(request, timeoutMs);
    return request;
  }

  asked(id: number, cell: Cell, operation: Operation, remainingMs: unknown, chain: unknown): InboundRequest {
    return this.#asked(id, cell, operation, false, remainingMs, readChain(chain), this);
  }

  moved(id: number, token: string, cell: Cell): void {
    this.open.delete(id);
    this.#tellWhere(cell);
    this.#answer(id, 0, Kind.moved, id, token);
  }

  refuse(id: number, error: Error): void {
    this.#refuse(id, error);
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
    const bytes = this.#weighs ? this.#weigh(wire) : 0;
    const waitsForBytes = bytes > 0 && this.#held.isAbove(cell.id);
    if (cell.hasRoom && !waitsForBytes) {
      cell.accept(this.#weighed(cell, operation, bytes), message);
      this.send(Kind.reply, id, null);
      return true;
    }
    if (cell.offersFull) {
      return this.#refuse(id, tooManyWait(operation.label, cell.path()));
    }
    if (bytes > 0 && this.#offeredBytes >= limits.mailboxBytesCapacity) {
      return this.#refuse(id, tooManyBytes(operation.label, cell.path()));
    }
    this.#offeredBytes += bytes;
    const held = bytes === 0 ? undefined : this.#held.holdLater(cell.id, bytes, this);
    const envelope = held === undefined ? this.#envelope(operation) : new TellEnvelope(operation, held.origin);
    // Its place in line is kept when it is given up, and is to hold no message then.
    let waiting: OfferWaiting | undefined;
    const over = (): void => {
      this.open.delete(id);
      this.#offeredBytes -= bytes;
      waiting = undefined;
    };
    const offer = new OfferWaiting(
      envelope,
      message,
      () => {
        held?.begin();
        over();
        this.send(Kind.reply, id, null);
      },
      (error) => {
        over();
        this.settled();
        this.send(Kind.failure, id, failureToWire(error, operation, this.stacks));
      },
    );
    this.open.set(id, {
      cancel: () => {
        host.deadlines.remove(offer);
        offer.refuse(new Cancelled(false, `${operation.label}: the sender gave up`));
      },
      waits: { hasBegun: false, blockers: () => blockersOfRoom(cell, offer) },
    });
    host.deadlines.add(offer, milliseconds(remainingMs));
    waiting = offer;
    if (!waitsForBytes) cell.awaitRoom(offer);
    else {
      this.#held.awaitRoom(cell.id, () => {
        if (waiting === undefined) return;
        if (!cell.hasRoom || cell.isOver) {
          cell.awaitRoom(waiting);
          return;
        }
        host.deadlines.remove(waiting);
        waiting.admit((head, admitted) => void cell.accept(head, admitted));
      });
    }
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
      this.open.delete(id);
      this.settled();
    };
    this.open.set(id, { cancel: () => given.abort() });
    target.offer(operation, message, { timeoutMs: milliseconds(remainingMs), signal: given.signal }, router).then(
      () => {
        over();
        this.send(Kind.reply, id, null);
      },
      (error: unknown) => {
        over();
        this.send(Kind.failure, id, failureToWire(error, operation, this.stacks));
      },
    );
    return true;
  }

  #stream(id: number, cellId: unknown, number: unknown, wire: unknown, granted: unknown): boolean {
    const found = this.#find(id, cellId, number, 'stream', wire);
    if ('refused' in found) return this.#refuse(id, found.refused);
    const request = new InboundStream(
      this,
      id,
      found.operation,
      found.asRows,
      Math.min(whole(granted), limits.streamGrantMax),
    );
    this.open.set(id, request);
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
      this.#watches.watch(number, cell, undefined, this.#sendBehindAll);
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
    const { host, rights } = this.#place;
    // Whether it is registered or not: it is told nothing of that.
    if (rights !== undefined && !(typeof name === 'string' && rights.maySpawn(name))) {
      const shown = typeof name === 'string' ? JSON.stringify(name.slice(0, limits.nameCharactersMax)) : 'no name';
      this.#place.denied('spawn', shown);
      this.#refuse(id, new SpawnFailed('forbidden', forbidden(`start ${shown}`, this.#place).message));
      return;
    }
    const behavior = typeof name === 'string' ? this.#registry.actor(name) : undefined;
    if (behavior === undefined) {
      const shown =
        typeof name === 'string' ? JSON.stringify(name.slice(0, limits.nameCharactersMax)) : 'what is no name';
      const text = `no actor is registered as ${shown} at ${host.placeId}`;
      this.#refuse(id, new SpawnFailed('unregistered', `${text}; add it to the registry module that this place loads`));
      return;
    }
    try {
      const cell = spawn(
        behavior,
        this.#arguments(behavior, args),
        typeof actorName === 'string' ? actorName : undefined,
      );
      rights?.started(cell);
      const answer = (): readonly [number, string] => [cell.address().cell, cell.branch()];
      const { started } = cell;
      if (started === undefined) this.send(Kind.reply, id, answer());
      else this.answerOnce(id, () => started, answer);
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
    this.answerOnce(id, () => (isPlaced ? deputy.restart(cell!) : Promise.resolve()));
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
    if (this.#mayNotEnd(cell)) {
      this.#place.denied('stop', this.#pathOf(cellId));
      this.#refuse(id, forbidden('stop what it has not started', this.#place));
      return;
    }
    const options = { drain: mode === StopMode.drain, ...(deadlineMs === undefined ? {} : { deadlineMs }) };
    this.answerOnce(id, () => cell?.stop(mode === StopMode.kill, options) ?? Promise.resolve());
  }

  /** Asked for an actor that there is not, too: it is not told which there are. */
  #mayNotEnd(cell: Cell | undefined): boolean {
    const { rights } = this.#place;
    return rights !== undefined && !(cell !== undefined && rights.mayEnd(cell));
  }

  #mayLink(cellId: unknown): boolean {
    if (!this.#mayNotEnd(this.#place.host.cell(cellId as number))) return true;
    this.#place.denied('link', this.#pathOf(cellId));
    return false;
  }

  /** Does what a call that is no message asks for, and answers once that is over; refused where too many wait for that. */
  answerOnce(id: number, begin: () => Promise<unknown>, answer: () => unknown = nothing): void {
    if (this.#place.foreign && this.#unanswered >= limits.callsPerSessionMax) {
      this.#refuse(id, new Rejected('full', `too many calls of ${this.#place.placeId} are open; send fewer at once`));
      return;
    }
    this.#unanswered += 1;
    const over = (send: () => void): void => {
      this.#unanswered -= 1;
      send();
    };
    begin().then(
      () => over(() => this.send(Kind.reply, id, answer())),
      (error: unknown) => over(() => this.#refuse(id, error as Error)),
    );
  }

  #find(
    id: number,
    cellId: unknown,
    number: unknown,
    kind: Operation['kind'],
    wire: unknown,
  ): Found | { readonly refused: Error } {
    if (this.open.has(id)) throw new Error('a call number that is in use');
    const { host } = this.#place;
    const cell = host.cell(cellId as number);
    const heard = this.#operations.numbered(number);
    const name = heard?.label ?? unnamed;
    if (this.open.size >= limits.callsPerSessionMax) {
      return { refused: new Rejected('full', `${name}: too many calls of one place are open; send fewer at once`) };
    }
    // Before anything is said of the actor, so that it is not told whether there is one.
    if (heard?.isAllowed === false) {
      this.#place.denied('call', name);
      return { refused: forbidden(`call ${name}`, this.#place) };
    }
    if (cell?.hasMoved) this.#tellWhere(cell);
    else if (cell === undefined || cell.isOver) {
      this.#lose(cellId, cell, heard, 'stopped', wire, (form) => host.fromWire(form, wire, host.outside));
      return {
        refused: new NotDelivered(
          'stopped',
          `${name}: ${this.#pathOf(cellId)} has stopped; the message was not handled`,
        ),
      };
    }
    const operation = this.#operationOf(cell, heard);
    if (heard === undefined || operation?.kind !== kind) {
      return {
        refused: new Rejected(
          'version',
          `${cell.path()} has no operation "${name}" of kind ${kind}; its code differs from the caller's`,
        ),
      };
    }
    const received = this.#receive(cell, operation, heard.formOf(operation.input), wire);
    if ('refused' in received) return { refused: new Rejected('invalid', received.refused.message) };
    if (operation.label === namedLabel && this.#mayNotFind(received.message as Named)) {
      return { refused: forbidden('find actors of that protocol', this.#place) };
    }
    return { cell, operation, message: received.message, asRows: heard.asRows };
  }

  /** Asked for a name that nobody has, too: it is not told which there are. */
  #mayNotFind({ name, protocol }: Named): boolean {
    const { rights } = this.#place;
    if (rights === undefined || rights.mayUse(protocol)) return false;
    this.#place.denied('find', JSON.stringify(name.slice(0, limits.nameCharactersMax)));
    return true;
  }

  #operationOf(cell: Cell, heard: HeardOperation | undefined): Operation | undefined {
    const operation = heard?.of(cell.behavior);
    if (operation !== undefined || heard === undefined || cell.hop === 0 || this.#place.foreign) return operation;
    // What an actor tells itself by code of its old place, which it has left.
    const own = cell.behavior.labelledAny(heard.label);
    return own !== undefined && heard.fits(own) ? own : undefined;
  }

  /** A message as the cell's own. */
  #receive(
    cell: Cell,
    operation: Operation,
    form: WireForm,
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
      const message = form.plain ? wire : host.fromWire(form, wire, cell);
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

  /** A tell that reaches nobody. @param values Its part of the item, or what stands in the place of all. */
  #dead(cellId: unknown, heard: HeardOperation | undefined, reason: DeadLetterReason, values: unknown): void {
    const { host } = this.#place;
    const message = isRow(values, 1) ? values[0] : values;
    this.#lose(cellId, host.cell(cellId as number), heard, reason, message, (form) => {
      if (!isRow(values, form.width)) throw new InvalidValue('it is not what it should be');
      return readRow(host, form, values, 0, host.outside);
    });
    this.settled();
  }

  #lose(
    cellId: unknown,
    target: Cell | undefined,
    heard: HeardOperation | undefined,
    reason: DeadLetterReason,
    message: unknown,
    readAs: (form: MessageRow) => unknown,
  ): void {
    const of = heard === undefined ? undefined : this.#registry.operation(heard.label);
    const read = of !== undefined && heard?.fits(of) ? () => readAs(heard.formOf(of.input)) : undefined;
    const operation = heard?.label ?? unnamed;
    const letter = { path: this.#pathOf(cellId), operation, reason, message, target, of };
    this.#place.host.deadLetters.add(read === undefined ? letter : { ...letter, read });
  }

  #pathOf(cellId: unknown): string {
    const id = Number.isSafeInteger(cellId) ? (cellId as number) : -1;
    return this.#place.host.cell(id)?.path() ?? `troupe://${this.#place.host.placeId}/#${id}`;
  }

  /** False, since nothing waits in a mailbox. */
  #refuse(id: number, error: Error): false {
    this.send(Kind.failure, id, failureToWire(error, undefined, this.stacks));
    return false;
  }

  readonly send = (kind: number, ...fields: readonly unknown[]): void => {
    if (!this.#session.isOver) this.#session.begin().push(kind, ...fields);
  };

  /** What tells of an end: it comes after everything that the actor has said before. */
  readonly #sendBehindAll = (kind: number, ...fields: readonly unknown[]): void => {
    if (!this.#session.isOver) this.#session.beginBehindAll().push(kind, ...fields);
  };

  // ── answers of this place's actors ──

  answer(id: number, kind: number, wire: unknown): void {
    if (kind !== Kind.item) this.open.delete(id);
    if (kind === Kind.end) this.#answer(id, 0, kind, id);
    else if (wire instanceof Parcel) this.#sendParcel(id, kind, wire);
    else this.#answer(id, 0, kind, id, wire);
    if (kind === Kind.reply) this.#session.urge();
  }

  encode(type: MessageType, form: MessageRow, value: unknown): unknown {
    const parsed = type.parse(value);
    try {
      return form.toWire(parsed, true);
    } catch (thrown) {
      if (thrown !== apart) throw thrown;
      return form.wireParcel(parsed, { keeps: false, counters: this.#place.host.counters });
    }
  }

  #sendParcel(id: number, kind: number, parcel: Parcel): void {
    if (this.#session.isOver) return;
    const { bytes } = parcel;
    const max = this.#place.bytesMax;
    if (bytes < max) this.#answer(id, bytes, kind, id, parcel.deliver());
    else {
      const text = `its bytes are ${bytes}, and a link carries less than ${max} in one message; send it in parts`;
      this.replyRefused(id, new Rejected('invalid', text));
    }
  }

  /** Answers to one call stay in order, whichever of them are large. */
  #answer(id: number, bytes: number, ...fields: readonly unknown[]): void {
    if (!this.#session.isOver) this.#session.begin(bytes, answerKey(id)).push(...fields);
  }

  hasRoomFor(bytes: number): boolean {
    return this.#session.hasRoomFor(bytes);
  }

  whenRoom(bytes: number): Promise<void> {
    return this.#session.whenRoom(bytes);
  }

  remove(waiting: Waiting): void {
    this.#place.host.deadlines.remove(waiting);
  }
}

/** What a call is for. */
interface Found {
  readonly cell: Cell;
  readonly operation: Operation;
  readonly message: unknown;
  /** Whether the caller's place sends rows of the operation, and takes them. */
  readonly asRows: boolean;
}

/** The question for a name. */
interface Named {
  readonly name: string;
  readonly protocol: string;
}

const unnamed = 'unknown operation';

function forbidden(what: string, { host, placeId }: RemotePlace): Rejected {
  return new Rejected(
    'forbidden',
    `${placeId} may not ${what} at ${host.placeId}: no rule of allow there gives it that`,
  );
}

const nothing = (): null => null;

/** True for the number of messages that one frame may hold. */
function isCount(count: unknown): count is number {
  return Number.isSafeInteger(count) && (count as number) > 0 && (count as number) <= limits.frameMessagesMax;
}

/** The values of one of so many messages, or what stands in their place. */
function partOf(values: unknown, index: number, count: number): unknown {
  if (!Array.isArray(values)) return values;
  const width = Math.floor(values.length / count);
  return values.slice(index * width, (index + 1) * width);
}

function tooManyBytes(label: string, path: string): Rejected {
  const text = `${label}: large bytes of one place wait at ${path} already, ${limits.mailboxBytesCapacity} of them or more`;
  return new Rejected('full', `${text}; the message was not taken`);
}

function readChain(chain: unknown): readonly ChainLink[] {
  if (!Array.isArray(chain) || chain.length % 3 !== 0 || chain.length > limits.chainLinksMax * 3) return [];
  const links: ChainLink[] = [];
  for (let at = 0; at < chain.length; at += 3) {
    const [place, cell, run] = chain.slice(at, at + 3) as unknown[];
    // A chain only helps to find a deadlock; one that cannot be read finds none.
    if (typeof place !== 'string' || typeof cell !== 'number' || typeof run !== 'number') return [];
    links.push({ place, cell, run });
  }
  return links;
}

/** @throws where it is none */
function readProbe([along, of, nonce, path]: readonly unknown[]): Probe {
  if (!Array.isArray(path) || path.length > limits.probePathMax || !path.every(isName)) {
    throw new Error('a probe of unknown actors');
  }
  const first = of === null ? null : { ...readAge(of), hasBegun: (of as readonly unknown[])[3] === true };
  return { along: readAge(along), of: first, nonce: whole(nonce), path };
}

function readAge(given: unknown): CallAge {
  const [madeAt, depth, name] = Array.isArray(given) ? (given as unknown[]) : [];
  if (typeof madeAt !== 'number' || !isName(name)) throw new Error('a probe of no call');
  return { madeAt, depth: whole(depth), name };
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= limits.branchCharactersMax;
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

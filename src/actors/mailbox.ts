/**
 * The mailbox of one actor: its queue, the bounds of it, and what becomes of messages that no handler gets.
 *
 * The first message has a slot of its own; the ring behind it is made when there is a backlog. It is the base of a cell
 * and no object beside it, so that a waiting message costs no further look-up and an idle actor stays small. For the same
 * reason its methods, and those of the classes above it, are `private` and not `#`: each class with a `#` method costs 8
 * bytes more in every instance (measured).
 */
import { limits } from '../base/limits.ts';
import type { ActorBehavior } from './behavior.ts';
import { Belongings } from './belongings.ts';
import type { CellExtension } from './cell-extension.ts';
import type { DeadLetterReason } from './dead-letters.ts';
import { DeliveredOperation } from './delivery/delivered-operation.ts';
import { FailureLog } from './failure-log.ts';
import type { Host } from './host.ts';
import type { HostedBehavior } from './hosted-behavior.ts';
import { LaneQueue, type MessageQueue } from './lane-queue.ts';
import type { RoomWaiting } from './offer.ts';
import type { Operation, TellEnvelope } from './operation.ts';
import { ActorFailed, NotDelivered, Rejected } from './outcomes.ts';
import { PairQueue } from './pair-queue.ts';
import type { Request } from './request.ts';
import type { Parcel } from './schema/parcel.ts';
import type { Signal } from './signal.ts';
import type { Address, Target } from './target.ts';
import type { ActorStatus } from './tree.ts';

export type Envelope = TellEnvelope | Request;

/** An actor's life, in order; numbers, since the hot path compares them. */
export const Status = {
  starting: 0,
  idle: 1,
  ready: 2,
  running: 3,
  /** Running, and something beside the next message is to be seen to. */
  attentive: 4,
  suspended: 5,
  restarting: 6,
  /** At rest, and about to leave for another place: it takes messages and no turns. */
  moving: 7,
  stopping: 8,
  stopped: 9,
  /** It lives in another place now; what comes here goes on to it. */
  moved: 10,
} as const;
export type StatusNumber = (typeof Status)[keyof typeof Status];

/** By number, as people are shown them. */
export const statusNames: { readonly [N in StatusNumber]: ActorStatus } = [
  'starting',
  'idle',
  'ready',
  'running',
  'running',
  'suspended',
  'restarting',
  'moving',
  'stopping',
  'stopped',
  'moving',
];

export abstract class Mailbox {
  /** Its definition at its host; the closed form of it while it drains. */
  protected hosted: HostedBehavior;
  readonly parent: Mailbox | undefined;
  /** The actor's number on its place, never used again: the incarnation. */
  readonly id: number;
  /** What only some actors have. */
  private owned: Belongings | undefined;
  protected status: StatusNumber = Status.starting;
  /** Messages that wait: one in the slot, which is filled first and emptied first, and the rest behind it. */
  queued = 0;
  protected firstEnvelope: Envelope | undefined = undefined;
  protected firstMessage: unknown = undefined;
  protected backlog: MessageQueue | undefined = undefined;
  /** Made at first use; see `extension`. */
  protected extra: CellExtension | undefined = undefined;

  constructor(hosted: HostedBehavior, parent: Mailbox | undefined, id: number, name: string | undefined) {
    this.hosted = hosted;
    this.parent = parent;
    this.id = id;
    this.owned = name === undefined ? undefined : new Belongings(name);
  }

  get host(): Host {
    return this.hosted.host;
  }

  get behavior(): ActorBehavior {
    return this.hosted.behavior;
  }

  get name(): string | undefined {
    return this.owned?.name;
  }

  protected get belongings(): Belongings {
    this.owned ??= new Belongings(undefined);
    return this.owned;
  }

  /** The arguments as they were given; undefined where they are empty. */
  get givenArguments(): unknown {
    return this.owned?.arguments;
  }

  /** Resolves when it has started; undefined when it started at once. */
  get started(): Promise<void> | undefined {
    return this.owned?.started;
  }

  /** What the actor needs only now and then. */
  abstract get extension(): CellExtension;

  path(): string {
    const { place, cell } = this.identity;
    return `troupe://${place}${this.branch()}#${cell}`;
  }

  /** Where it was spawned, and under which number: what it goes by wherever it lives. */
  get identity(): Address {
    return this.owned?.movedFrom ?? this.station;
  }

  /** Where it is now, and under which number. */
  get station(): Address {
    return { place: this.host.placeId, cell: this.id };
  }

  /** Its path below its place: the names from the top down to it. */
  branch(): string {
    const above: string = this.parent === undefined ? '' : this.parent.branch();
    return `${above}/${this.name ?? this.behavior.name}`;
  }

  /** True when it handles no more messages here. */
  get isOver(): boolean {
    return this.status >= Status.stopping;
  }

  /** True when it lives in another place, and what comes here goes on to it. */
  get hasMoved(): boolean {
    return this.status === Status.moved;
  }

  /** Messages that the actor has set aside. */
  get stashed(): number {
    return this.extra?.stash?.size ?? 0;
  }

  /** True when an offer need not wait. One that has moved takes none itself. */
  get hasRoom(): boolean {
    if (this.status === Status.moved) return false;
    return this.queued < this.hosted.highWater && (this.extra === undefined || this.extra.offers.size === 0);
  }

  /** Queues a message that is the receiver's own already. True while the queue is below its high water. */
  accept(envelope: Envelope, message: unknown): boolean {
    const { queued } = this;
    // One comparison for the common case: what is below its high water has room.
    if (queued + 1 >= this.hosted.highWater || this.status >= Status.stopping) {
      return this.acceptBeyond(envelope, message);
    }
    this.enqueue(envelope, message);
    return true;
  }

  /** Queues a call that is let in and begins at once: before all others, but for those that were let in before it. */
  acceptFirst(request: Request, message: unknown): void {
    if (this.isOver) {
      this.acceptBeyond(request, message);
      return;
    }
    if (this.isFull && !this.makeRoom(request, message)) return;
    const before: [Envelope, unknown][] = [];
    while (this.queued > 0 && this.peekEnvelope().request?.isAdmitted) {
      const envelope = this.peekEnvelope();
      before.push([envelope, this.shiftMessage()]);
    }
    this.putBack(request, message);
    for (const [envelope, admitted] of before.reverse()) this.putBack(envelope, admitted);
    this.host.counters.accepted += 1;
    this.wake();
  }

  /** How many messages of the operation have been let in and are about to begin. */
  admittedOf(operation: Operation): number {
    let count = 0;
    for (const envelope of this.waitingEnvelopes()) {
      if (!envelope.request?.isAdmitted) break;
      if (envelope.operation === operation) count += 1;
    }
    return count;
  }

  private get isFull(): boolean {
    return this.queued - (this.extra?.signalsQueued ?? 0) >= this.hosted.capacity;
  }

  /** At the high water, or beyond it, or at the end of its life. */
  private acceptBeyond(envelope: Envelope, message: unknown): boolean {
    if (this.status === Status.moved) return this.passOn(envelope, message);
    if (this.status >= Status.stopping) {
      this.host.counters.refused += 1;
      this.letterDies(envelope, message, 'stopped');
      return false;
    }
    if (this.isFull && !this.makeRoom(envelope, message)) return false;
    this.enqueue(envelope, message);
    return this.queued < this.hosted.highWater;
  }

  /** Sends a message on to where the actor lives now. True while there is room on the way. */
  protected abstract passOn(envelope: Envelope, message: unknown): boolean;

  /** Whether `accept` would queue the message now: for who must know before it is sent. */
  takes(envelope: Envelope, message: unknown): boolean {
    if (this.status === Status.moved) return true;
    if (this.status >= Status.stopping) return false;
    if (!this.isFull) return true;
    const { overflow, lanes } = this.behavior;
    if (this.isDraining || overflow !== 'drop-oldest') return false;
    return lanes === undefined || this.wouldDropFor(this.laneOf(envelope, message));
  }

  /** Bytes of the sender are the receiver's from here on, if its mailbox takes them; what comes next is `accept`. */
  unpack(parcel: Parcel, envelope: Envelope): unknown {
    if (this.takes(envelope, parcel.content)) return parcel.deliver();
    return this.host.deadLetters.areRead ? parcel.kept() : undefined;
  }

  protected enqueue(envelope: Envelope, message: unknown): void {
    if (this.queued === 0) {
      this.firstEnvelope = envelope;
      this.firstMessage = message;
    } else {
      this.backlog ??= this.newBacklog();
      this.backlog.push(envelope, message);
    }
    this.queued += 1;
    this.host.counters.accepted += 1;
    if (this.status === Status.idle) this.makeReady();
    else if (this.status === Status.suspended && this.hosted.interleaves) this.wake();
  }

  /** Queues what nobody sent, whatever the capacity; nothing where the definition has no handler for it. */
  acceptSignal(envelope: TellEnvelope | undefined, signal: Signal): void {
    if (this.status >= Status.stopping || envelope === undefined || !this.takesSignals) return;
    this.extension.signalsQueued += 1;
    this.enqueue(envelope, signal);
  }

  /** The head of the oldest message. There must be one. */
  protected peekEnvelope(): Envelope {
    return this.firstEnvelope ?? this.backlog!.peekFirst();
  }

  /** The heads of all messages that wait, the oldest first. */
  *waitingEnvelopes(): Generator<Envelope> {
    if (this.firstEnvelope !== undefined) yield this.firstEnvelope;
    if (this.backlog !== undefined) yield* this.backlog.firsts();
  }

  /** Removes the oldest message and gives its content; read `peekEnvelope` before. */
  protected shiftMessage(): unknown {
    this.queued -= 1;
    if (this.firstEnvelope === undefined) return this.backlog!.shiftSecond();
    const message = this.firstMessage;
    this.firstEnvelope = undefined;
    this.firstMessage = undefined;
    return message;
  }

  /** Puts a message before all others. */
  protected putBack(envelope: Envelope, message: unknown): void {
    if (this.firstEnvelope !== undefined) {
      this.backlog ??= this.newBacklog();
      this.backlog.unshift(this.firstEnvelope, this.firstMessage);
    }
    this.firstEnvelope = envelope;
    this.firstMessage = message;
    this.queued += 1;
    if (this.isSignal(envelope)) this.extension.signalsQueued += 1;
  }

  /** Puts what was set aside before all others, in the order in which it came. */
  unstash(): void {
    const stash = this.extra?.stash;
    if (stash === undefined || stash.size === 0) return;
    const all = stash.takeAll();
    for (let index = all.length - 1; index >= 0; index -= 1) {
      const { envelope, message } = all[index]!;
      this.putBack(envelope, message);
    }
    if (this.backlog instanceof LaneQueue) this.emptySlotInto(this.backlog);
    this.wake();
  }

  /** True for a signal, such as the news of another's end: nobody sent it, and it is outside the capacity. */
  isSignal(envelope: Envelope): boolean {
    return envelope.operation.index >= this.behavior.signalsFrom;
  }

  /** True while it handles what was queued and takes nothing more. */
  protected get isDraining(): boolean {
    return this.hosted.isClosed;
  }

  /** While it drains it has no use for what nobody sent. */
  protected get takesSignals(): boolean {
    return !this.isDraining;
  }

  /** Takes nothing more from now on; whoever waits for room is told at once. */
  protected closeToNew(): void {
    this.hosted = this.hosted.closed;
    this.turnAwayOffers(this.extension);
  }

  /** Has an offer, or a notice, wait for room. */
  awaitRoom(waiting: RoomWaiting): void {
    const { extension } = this;
    if (extension.offers.size >= extension.offersSweptAt) this.sweepOffers();
    extension.offers.push(waiting);
    if (this.isDraining) this.turnAwayOffers(extension);
  }

  /** True when no more offers may wait. */
  get offersFull(): boolean {
    const { extension } = this;
    const { offers } = extension;
    if (offers.size < limits.offersWaitingMax) return false;
    // A look at all of them for each that is refused would be what a flood of them wants.
    if (extension.offersTurnedAway % limits.offersSweptEach === 0) this.sweepOffers();
    const isFull = offers.size >= limits.offersWaitingMax;
    extension.offersTurnedAway = isFull ? extension.offersTurnedAway + 1 : 0;
    return isFull;
  }

  /** Lets go of those that gave up, or a busy actor would keep their messages, and refuse others for their sake. */
  private sweepOffers(): void {
    const { extension } = this;
    const { offers } = extension;
    for (let left = offers.size; left > 0; left -= 1) {
      const waiting = offers.shift()!;
      if (!waiting.settled) offers.push(waiting);
    }
    // Twice what is left, so that each is looked at a bounded number of times.
    extension.offersSweptAt = Math.max(limits.offersSweptMin, offers.size * 2);
  }

  /** Lets offers in to the place of the oldest message, which is about to be handled. */
  protected admitBehindOldest(extra: CellExtension): void {
    const oldest = this.peekEnvelope();
    // News of an end takes no room.
    if (this.isSignal(oldest)) return;
    const message = this.shiftMessage();
    this.admitOffers(extra);
    this.putBack(oldest, message);
  }

  /** Lets in the offers that there is room for, first come first served. */
  protected admitOffers(extra: CellExtension): void {
    while (extra.offers.size > 0 && this.queued < this.hosted.highWater) {
      const waiting = extra.offers.shift()!;
      if (waiting.settled) continue;
      this.host.deadlines.remove(waiting);
      waiting.admit((envelope, message) => void this.accept(envelope, message));
    }
  }

  /** Asks the dispatcher for a turn. */
  protected abstract makeReady(): void;

  /** Asks for a turn where there is something to do in it. */
  protected abstract wake(): void;

  /** What the overflow policy does with one message too many. True when there is room for it now. */
  private makeRoom(envelope: Envelope, message: unknown): boolean {
    if (this.isDraining) {
      this.host.counters.refused += 1;
      this.letterDies(envelope, message, 'draining');
      return false;
    }
    const { overflow, lanes } = this.behavior;
    if (overflow === 'drop-oldest') {
      if (lanes === undefined) {
        this.dropOldest();
        return true;
      }
      if (this.dropLeastUrgent(envelope, message)) return true;
    }
    this.host.counters.refused += 1;
    this.letterDies(envelope, message, overflow === 'reject' ? 'full' : 'dropped');
    return false;
  }

  // ── priority lanes, where the definition has them ──

  private newBacklog(): MessageQueue {
    const { lanes } = this.behavior;
    return lanes === undefined ? new PairQueue<Envelope, unknown>() : new LaneQueue(this, lanes.count);
  }

  /**
   * The last lane for a signal, so that it comes after all messages, for what a reliable producer sent, which is handled in
   * its order, and where the definition fails to say.
   */
  laneOf(envelope: Envelope, message: unknown): number {
    const { count, of } = this.behavior.lanes!;
    if (this.isSignal(envelope) || envelope.operation instanceof DeliveredOperation) return count - 1;
    try {
      return of(envelope.operation.name, message);
    } catch (error) {
      // Neither its sender's failure nor a reason to lose it.
      const { extension } = this;
      extension.laneLog ??= new FailureLog();
      const what = `laneOf for ${envelope.operation.label}`;
      extension.laneLog.add(this, error, what, 'handles the message in its last lane', false);
      return count - 1;
    }
  }

  emptySlotInto(queue: LaneQueue): void {
    const { firstEnvelope, firstMessage } = this;
    if (firstEnvelope === undefined) return;
    this.firstEnvelope = undefined;
    this.firstMessage = undefined;
    queue.unshift(firstEnvelope, firstMessage);
  }

  /** False where the newcomer is the least urgent itself. */
  private dropLeastUrgent(envelope: Envelope, message: unknown): boolean {
    this.backlog ??= this.newBacklog();
    const queue = this.backlog as LaneQueue;
    this.emptySlotInto(queue);
    const dropped = queue.takeLeastUrgent(this.laneOf(envelope, message));
    if (dropped === undefined) return false;
    this.queued -= 1;
    this.letterDies(dropped.envelope, dropped.message, 'dropped');
    return true;
  }

  /** True where the drop of an older message would make room for one of that lane. */
  private wouldDropFor(lane: number): boolean {
    this.backlog ??= this.newBacklog();
    const queue = this.backlog as LaneQueue;
    this.emptySlotInto(queue);
    return queue.hasMessageFrom(lane);
  }

  /** Signals keep their place: no policy drops what is told exactly once. */
  private dropOldest(): void {
    const signals: [Envelope, unknown][] = [];
    for (;;) {
      const oldest = this.peekEnvelope();
      const message = this.shiftMessage();
      if (!this.isSignal(oldest)) {
        this.letterDies(oldest, message, 'dropped');
        break;
      }
      this.extension.signalsQueued -= 1;
      signals.push([oldest, message]);
    }
    for (const [envelope, signal] of signals.reverse()) this.putBack(envelope, signal);
  }

  /** Everything that waits becomes a dead letter, and every sender that waits is told. */
  protected emptyQueue(reason: 'stopped' | 'failed' | 'place-lost'): void {
    this.unstash();
    while (this.queued > 0) {
      const envelope = this.peekEnvelope();
      this.letterDies(envelope, this.shiftMessage(), reason);
    }
    this.backlog = undefined;
    if (this.extra !== undefined) this.turnAwayOffers(this.extra);
  }

  private turnAwayOffers({ offers }: CellExtension): void {
    for (let offer = offers.shift(); offer !== undefined; offer = offers.shift()) {
      this.host.deadlines.remove(offer);
      offer.gone((operation) => this.notDelivered(operation));
    }
  }

  /** Whom a dead letter is sent to again. */
  protected get addressee(): Target {
    return this as unknown as Target;
  }

  /** A message that no handler gets: told to its sender where it asks, to the dead letters, and to its session. */
  protected letterDies(envelope: Envelope, message: unknown, reason: DeadLetterReason): void {
    const { operation, request } = envelope;
    if (request !== undefined && !request.settled) {
      request.fail(this.refusal(request, reason));
    }
    if (!this.isSignal(envelope)) {
      const target = this.addressee;
      this.host.deadLetters.add({
        path: this.path(),
        operation: operation.label,
        reason,
        message,
        target,
        of: operation,
      });
    } else if (reason === 'poison') {
      const { event } = message as Signal;
      this.host.deadLetters.add({ path: this.path(), operation: operation.label, reason, message: event });
    } else {
      // Nobody sent it, so nobody has lost anything.
      this.extension.signalsQueued -= 1;
      this.host.counters.handled += 1;
    }
    envelope.origin?.settled();
  }

  /** What the caller is told. */
  private refusal(request: Request, reason: DeadLetterReason): Rejected | ActorFailed | NotDelivered {
    if (reason === 'full' || reason === 'dropped') return this.full(request.operation);
    return reason === 'unhandled' ? this.unhandled(request.operation) : this.notHandled(request);
  }

  private unhandled(operation: Operation): Rejected {
    const { label } = operation;
    return new Rejected('unhandled', `${label}: ${this.path()} does not handle this in its present state`);
  }

  private full(operation: Operation): Rejected {
    return new Rejected('full', `${operation.label}: the mailbox of ${this.path()} is full; send later, or offer`);
  }

  /** A message that waits to be handed out again may have had its effect. */
  private notHandled({ begun, operation }: Request): ActorFailed | NotDelivered {
    if (!begun) return this.notDelivered(operation);
    return new ActorFailed(`${operation.label}: ${this.path()} failed while it handled it, and does so no more`);
  }

  private notDelivered(operation: Operation): NotDelivered {
    const why = this.isDraining && !this.isOver ? 'is being stopped and takes nothing more' : 'has stopped';
    return new NotDelivered('stopped', `${operation.label}: ${this.path()} ${why}; the message was not handled`);
  }
}

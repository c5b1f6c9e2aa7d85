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
import type { CellExtension } from './cell-extension.ts';
import type { DeadLetterReason } from './dead-letters.ts';
import { FailureLog } from './failure-log.ts';
import type { Host } from './host.ts';
import { LaneQueue, type MessageQueue } from './lane-queue.ts';
import type { RoomWaiting } from './offer.ts';
import type { Operation, TellEnvelope } from './operation.ts';
import { ActorFailed, NotDelivered, Rejected } from './outcomes.ts';
import { PairRing } from './pair-ring.ts';
import type { Request } from './request.ts';
import type { Signal } from './signal.ts';

export type Envelope = TellEnvelope | Request;

/** An actor's life, in order; numbers, since the hot path compares them. */
export const Status = {
  starting: 0,
  idle: 1,
  ready: 2,
  running: 3,
  suspended: 4,
  restarting: 5,
  stopping: 6,
  stopped: 7,
} as const;
export type StatusNumber = (typeof Status)[keyof typeof Status];

export abstract class Mailbox {
  readonly host: Host;
  readonly behavior: ActorBehavior;
  readonly parent: Mailbox | undefined;
  /** The actor's number on its place, never used again: the incarnation. */
  readonly id: number;
  readonly name: string | undefined;
  protected status: StatusNumber = Status.starting;
  protected firstEnvelope: Envelope | undefined = undefined;
  protected firstMessage: unknown = undefined;
  protected backlog: MessageQueue | undefined = undefined;
  /** Made at first use; see `extension`. */
  protected extra: CellExtension | undefined = undefined;

  constructor(host: Host, behavior: ActorBehavior, parent: Mailbox | undefined, id: number, name: string | undefined) {
    this.host = host;
    this.behavior = behavior;
    this.parent = parent;
    this.id = id;
    this.name = name;
  }

  /** What the actor needs only now and then. */
  abstract get extension(): CellExtension;

  path(): string {
    return `troupe://${this.host.placeId}${this.branch()}#${this.id}`;
  }

  /** Its path below its place: the names from the top down to it. */
  branch(): string {
    const above: string = this.parent === undefined ? '' : this.parent.branch();
    return `${above}/${this.name ?? this.behavior.name}`;
  }

  /** True when it takes no more messages. */
  get isOver(): boolean {
    return this.status >= Status.stopping;
  }

  /** Messages that wait, the one in the slot included. */
  get queued(): number {
    return (this.firstEnvelope === undefined ? 0 : 1) + (this.backlog === undefined ? 0 : this.backlog.size);
  }

  /** Messages that the actor has set aside. */
  get stashed(): number {
    return this.extra?.stash?.size ?? 0;
  }

  /** True when an offer need not wait. */
  get hasRoom(): boolean {
    return this.queued < this.behavior.highWater && (this.extra === undefined || this.extra.offers.size === 0);
  }

  /** Queues a message that is the receiver's own already. True while the queue is below its high water. */
  accept(envelope: Envelope, message: unknown): boolean {
    if (this.status >= Status.stopping) {
      this.host.counters.refused += 1;
      this.letterDies(envelope, message, 'stopped');
      return false;
    }
    let queued = this.queued;
    if (queued >= this.behavior.capacity && queued - (this.extra?.signalsQueued ?? 0) >= this.behavior.capacity) {
      if (!this.makeRoom(envelope, message)) return false;
      queued -= 1;
    }
    if (queued === 0) {
      this.firstEnvelope = envelope;
      this.firstMessage = message;
    } else {
      this.backlog ??= this.newBacklog();
      this.backlog.push(envelope, message);
    }
    this.host.counters.accepted += 1;
    if (this.status === Status.idle) this.makeReady();
    return queued + 1 < this.behavior.highWater;
  }

  /** Queues what nobody sent, whatever the capacity; nothing where the definition has no handler for it. */
  acceptSignal(envelope: TellEnvelope | undefined, signal: Signal): void {
    if (this.status >= Status.stopping || envelope === undefined) return;
    if (this.queued === 0) {
      this.firstEnvelope = envelope;
      this.firstMessage = signal;
    } else {
      this.backlog ??= this.newBacklog();
      this.backlog.push(envelope, signal);
    }
    this.extension.signalsQueued += 1;
    this.host.counters.accepted += 1;
    if (this.status === Status.idle) this.makeReady();
  }

  /** Puts a message before all others. */
  protected putBack(envelope: Envelope, message: unknown): void {
    if (this.firstEnvelope !== undefined) {
      this.backlog ??= this.newBacklog();
      this.backlog.unshift(this.firstEnvelope, this.firstMessage);
    }
    this.firstEnvelope = envelope;
    this.firstMessage = message;
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
    if (this.status === Status.idle) this.makeReady();
  }

  /** True for a signal, such as the news of another's end: nobody sent it, and it is outside the capacity. */
  isSignal(envelope: Envelope): boolean {
    return envelope.operation.index >= this.behavior.signalsFrom;
  }

  /** Has an offer, or a notice, wait for room. */
  awaitRoom(waiting: RoomWaiting): void {
    const { extension } = this;
    if (extension.offers.size >= extension.offersSweptAt) this.sweepOffers();
    extension.offers.push(waiting);
  }

  /** True when no more offers may wait. */
  get offersFull(): boolean {
    const { offers } = this.extension;
    if (offers.size < limits.offersWaitingMax) return false;
    this.sweepOffers();
    return offers.size >= limits.offersWaitingMax;
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

  /** Lets in the offers that there is room for, first come first served. */
  protected admitOffers(extra: CellExtension): void {
    while (extra.offers.size > 0 && this.queued < this.behavior.highWater) {
      const waiting = extra.offers.shift()!;
      if (waiting.settled) continue;
      this.host.deadlines.remove(waiting);
      waiting.admit(this.#accept);
    }
  }

  get #accept(): (envelope: Envelope, message: unknown) => void {
    return (envelope, message) => void this.accept(envelope, message);
  }

  /** Asks the dispatcher for a turn. */
  protected abstract makeReady(): void;

  /** What the overflow policy does with one message too many. True when there is room for it now. */
  private makeRoom(envelope: Envelope, message: unknown): boolean {
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
    return lanes === undefined ? new PairRing<Envelope, unknown>() : new LaneQueue(this, lanes.count);
  }

  /** The last lane for a signal, so that it comes after all messages, and where the definition fails to say. */
  laneOf(envelope: Envelope, message: unknown): number {
    const { count, of } = this.behavior.lanes!;
    if (this.isSignal(envelope)) return count - 1;
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
    this.letterDies(dropped.envelope, dropped.message, 'dropped');
    return true;
  }

  /** Signals keep their place: no policy drops what is told exactly once. */
  private dropOldest(): void {
    const oldest = this.firstEnvelope ?? this.backlog!.peekFirst();
    const message = this.firstEnvelope === undefined ? this.backlog!.shiftSecond() : this.firstMessage;
    this.firstEnvelope = undefined;
    this.firstMessage = undefined;
    if (!this.isSignal(oldest)) {
      this.letterDies(oldest, message, 'dropped');
      return;
    }
    this.extension.signalsQueued -= 1;
    this.dropOldest();
    this.putBack(oldest, message);
  }

  /** Everything that waits becomes a dead letter, and every sender that waits is told. */
  protected emptyQueue(reason: 'stopped' | 'failed'): void {
    this.unstash();
    if (this.firstEnvelope !== undefined) this.letterDies(this.firstEnvelope, this.firstMessage, reason);
    this.firstEnvelope = undefined;
    this.firstMessage = undefined;
    const { backlog } = this;
    while (backlog !== undefined && backlog.size > 0) {
      const envelope = backlog.peekFirst();
      this.letterDies(envelope, backlog.shiftSecond(), reason);
    }
    this.backlog = undefined;
    const offers = this.extra?.offers;
    for (let offer = offers?.shift(); offer !== undefined; offer = offers?.shift()) {
      this.host.deadlines.remove(offer);
      offer.gone((operation) => this.notDelivered(operation));
    }
  }

  /** A message that no handler gets: told to its sender where it asks, to the dead letters, and to its session. */
  protected letterDies(envelope: Envelope, message: unknown, reason: DeadLetterReason): void {
    const { operation, request } = envelope;
    if (request !== undefined && !request.settled) {
      request.fail(this.refusal(request, reason));
    }
    if (!this.isSignal(envelope)) {
      this.host.deadLetters.add({ path: this.path(), operation: operation.label, reason, message });
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
    return new ActorFailed(`${operation.label}: ${this.path()} failed while it handled it, and ended`);
  }

  private notDelivered(operation: Operation): NotDelivered {
    return new NotDelivered('stopped', `${operation.label}: ${this.path()} has stopped; the message was not handled`);
  }
}

/**
 * The mailbox of one actor: its queue, the bounds of it, and what becomes of messages that no handler gets.
 *
 * The first message has a slot of its own; the ring behind it is made when there is a backlog. It is the base of a cell
 * and no object beside it, so that a waiting message costs no further look-up and an idle actor stays small. For the same
 * reason its methods, and those of the classes above it, are `private` and not `#`: each class with a `#` method costs 8
 * bytes more in every instance (measured).
 */
import type { ActorBehavior } from './behavior.ts';
import type { CellExtension } from './cell-extension.ts';
import type { DeadLetterReason } from './dead-letters.ts';
import type { Host } from './host.ts';
import type { RoomWaiting } from './offer.ts';
import type { Operation, TellEnvelope } from './operation.ts';
import { ActorFailed, NotDelivered, Rejected } from './outcomes.ts';
import { PairQueue } from './pair-queue.ts';
import type { Request } from './request.ts';
import type { Watch } from './watch.ts';

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
  /** Messages that wait: one in the slot, which is filled first and emptied first, and the rest behind it. */
  queued = 0;
  protected firstEnvelope: Envelope | undefined = undefined;
  protected firstMessage: unknown = undefined;
  protected backlog: PairQueue<Envelope, unknown> | undefined = undefined;
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

  /** True when an offer need not wait. */
  get hasRoom(): boolean {
    return this.queued < this.behavior.highWater && (this.extra === undefined || this.extra.offers.size === 0);
  }

  /** Queues a message that is the receiver's own already. True while the queue is below its high water. */
  accept(envelope: Envelope, message: unknown): boolean {
    const { queued } = this;
    // One comparison for the common case: what is below its high water has room.
    if (queued + 1 >= this.behavior.highWater || this.status >= Status.stopping) {
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
    for (const envelope of this.waiting()) {
      if (!envelope.request?.isAdmitted) break;
      if (envelope.operation === operation) count += 1;
    }
    return count;
  }

  private get isFull(): boolean {
    return this.queued - (this.extra?.signalsQueued ?? 0) >= this.behavior.capacity;
  }

  /** At the high water, or beyond it, or at the end of its life. */
  private acceptBeyond(envelope: Envelope, message: unknown): boolean {
    if (this.status >= Status.stopping) {
      this.host.counters.refused += 1;
      this.letterDies(envelope, message, 'stopped');
      return false;
    }
    if (this.isFull && !this.makeRoom(envelope, message)) return false;
    this.enqueue(envelope, message);
    return this.queued < this.behavior.highWater;
  }

  private enqueue(envelope: Envelope, message: unknown): void {
    if (this.queued === 0) {
      this.firstEnvelope = envelope;
      this.firstMessage = message;
    } else {
      this.backlog ??= new PairQueue();
      this.backlog.push(envelope, message);
    }
    this.queued += 1;
    this.host.counters.accepted += 1;
    if (this.status === Status.idle) this.makeReady();
    else if (this.status === Status.suspended && this.behavior.interleaves) this.wake();
  }

  /** Queues the news of another's end, whatever the capacity. */
  acceptTerminated(watch: Watch): void {
    const { terminated } = this.behavior;
    if (this.status >= Status.stopping || terminated === undefined) return;
    this.extension.signalsQueued += 1;
    this.enqueue(terminated, watch);
  }

  /** The head of the oldest message. There must be one. */
  protected peekEnvelope(): Envelope {
    return this.firstEnvelope ?? this.backlog!.peekFirst();
  }

  /** The heads of all messages that wait, the oldest first. */
  *waiting(): Generator<Envelope> {
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
      this.backlog ??= new PairQueue();
      this.backlog.unshift(this.firstEnvelope, this.firstMessage);
    }
    this.firstEnvelope = envelope;
    this.firstMessage = message;
    this.queued += 1;
    if (this.isSignal(envelope)) this.extension.signalsQueued += 1;
  }

  /** True for the news of another's end. */
  protected isSignal(envelope: Envelope): boolean {
    return envelope.operation === this.behavior.terminated?.operation;
  }

  /** Has an offer, or a notice, wait for room. */
  awaitRoom(waiting: RoomWaiting): void {
    this.extension.offers.push(waiting);
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
    while (extra.offers.size > 0 && this.queued < this.behavior.highWater) {
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
    if (this.behavior.overflow === 'drop-oldest') {
      this.dropOldest();
      return true;
    }
    this.host.counters.refused += 1;
    this.letterDies(envelope, message, this.behavior.overflow === 'reject' ? 'full' : 'dropped');
    return false;
  }

  /** Signals keep their place: no policy drops what is told exactly once. */
  private dropOldest(): void {
    const oldest = this.peekEnvelope();
    const message = this.shiftMessage();
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
    while (this.queued > 0) {
      const envelope = this.peekEnvelope();
      this.letterDies(envelope, this.shiftMessage(), reason);
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
      const full = reason === 'full' || reason === 'dropped';
      request.fail(full && !request.begun ? this.full(operation) : this.notHandled(request));
    }
    if (!this.isSignal(envelope)) {
      this.host.deadLetters.add({ path: this.path(), operation: operation.label, reason, message });
    } else if (reason === 'poison') {
      const { event } = message as Watch;
      this.host.deadLetters.add({ path: this.path(), operation: operation.label, reason, message: event });
    } else {
      // A watch ends with its watcher: nobody has lost anything.
      this.extension.signalsQueued -= 1;
      this.host.counters.handled += 1;
    }
    envelope.origin?.settled();
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
    return new NotDelivered('stopped', `${operation.label}: ${this.path()} has stopped; the message was not handled`);
  }
}

/**
 * The stand-in of an actor that runs elsewhere: what its parent supervises, and what refs to it point to.
 *
 * Its start is a spawn elsewhere, and so is its restart. While there is nobody it could pass messages on to, they wait in
 * its mailbox; then they go first, in order, and only what comes after goes straight on, on its sender's turn, as that of
 * a router does. So nothing overtakes. The loss of the other place is its failure, `PlaceLost`, and its supervision
 * decides; an actor that ends over there ends it with the same reason, and its own end ends that actor.
 */
import type { Slice } from '../../base/environment/scheduler.ts';
import { isA } from '../../base/thrown.ts';
import { Cell } from '../cell.ts';
import { SpawnFailed } from '../errors.ts';
import type { HostedBehavior } from '../hosted-behavior.ts';
import { type Envelope, type Mailbox, Status } from '../mailbox.ts';
import type { RoomWaiting } from '../offer.ts';
import type { Operation } from '../operation.ts';
import { PlaceLost } from '../place-lost.ts';
import type { CallOptions, Stream, StreamOptions } from '../protocol.ts';
import type { Request } from '../request.ts';
import { streamChosenLate } from '../stream-reader.ts';
import type { Address, EndReason, Owner, StopOptions } from '../target.ts';
import type { ActorView } from '../tree.ts';
import type { Placed } from './placement.ts';
import type { Where } from './where.ts';

/** One actor over there, from the request for it until it has ended. */
class Life {
  placed: Placed | undefined = undefined;
  /** True once messages go to it: what becomes of it is then news to its stand-in. */
  hasBegun = false;
  end: { readonly reason: EndReason; readonly lost: PlaceLost | undefined } | undefined = undefined;
  readonly over: Promise<void>;
  tellOver: () => void = () => undefined;

  constructor() {
    this.over = new Promise((resolve) => {
      this.tellOver = resolve;
    });
  }
}

export class PlacedCell extends Cell {
  private readonly where: Where;
  /** The actor over there, once it is there. */
  private life: Life | undefined = undefined;
  /** The same while what comes goes straight on to it. */
  private straight: Placed | undefined = undefined;
  /** How it ends, once it waits for the actor over there to have ended. */
  private endsAs: 'stopped' | 'failed' = 'stopped';

  constructor(hosted: HostedBehavior, parent: Mailbox | undefined, id: number, name: string | undefined, where: Where) {
    super(hosted, parent, id, name);
    this.where = where;
  }

  /** Where its actor is; undefined while there is none. */
  get placedAt(): Address | undefined {
    return this.life?.placed?.target.address();
  }

  override get load(): number {
    return this.queued + (this.straight?.target.load ?? 0);
  }

  override view(): ActorView {
    const target = this.life?.placed?.target;
    return target === undefined ? super.view() : { ...super.view(), runsAs: target.path() };
  }

  // ── what is sent to it ──

  override receiverOf(operation: Operation, message: unknown): ReturnType<Cell['receiverOf']> {
    const target = this.straight?.target;
    if (target === undefined) return { cell: this };
    return target instanceof Cell ? target.receiverOf(operation, message) : { target };
  }

  override tell(operation: Operation, message: unknown): boolean {
    const { straight } = this;
    return straight === undefined ? super.tell(operation, message) : straight.target.tell(operation, message);
  }

  override ask(
    operation: Operation,
    message: unknown,
    options: CallOptions | undefined,
    owner: Owner,
  ): Promise<unknown> {
    const { straight } = this;
    if (straight === undefined) return super.ask(operation, message, options, owner);
    return straight.target.ask(operation, message, options, owner);
  }

  override offer(
    operation: Operation,
    message: unknown,
    options: CallOptions | undefined,
    owner: Owner,
  ): Promise<void> {
    const { straight } = this;
    if (straight === undefined) return super.offer(operation, message, options, owner);
    return straight.target.offer(operation, message, options, owner);
  }

  override stream(
    operation: Operation,
    message: unknown,
    options: StreamOptions | undefined,
    owner: Owner,
  ): Stream<unknown> {
    // It may be read again when the actor is elsewhere.
    return streamChosenLate(() => {
      const { straight } = this;
      if (straight === undefined) return super.stream(operation, message, options, owner);
      return straight.target.stream(operation, message, options, owner);
    });
  }

  override accept(envelope: Envelope, message: unknown): boolean {
    const { straight } = this;
    return straight === undefined ? super.accept(envelope, message) : straight.pass(envelope, message);
  }

  /** Whom it waits for is known where the actor runs, so that is where a call is let in. */
  override acceptFirst(request: Request, message: unknown): void {
    request.isAdmitted = false;
    this.accept(request, message);
  }

  override awaitRoom(waiting: RoomWaiting): void {
    const { straight } = this;
    if (straight === undefined) {
      super.awaitRoom(waiting);
      return;
    }
    if (straight.target instanceof Cell) straight.target.awaitRoom(waiting);
    else void straight.whenRoom().then(() => waiting.admit(() => undefined));
  }

  // ── its start, and its restart ──

  override start(args: unknown): void {
    this.keepArguments(args);
    void this.startElsewhere(args);
  }

  private async startElsewhere(args: unknown): Promise<void> {
    try {
      const life = await this.makeState(args);
      if (!this.isOver) this.begin(life);
    } catch (error) {
      if (this.isOver) return;
      if (isA(error, PlaceLost)) {
        // No failure of its start: it can be started elsewhere, as often as its budget says.
        this.status = Status.restarting;
        this.failed(error);
      } else this.failedToStart(error);
    }
  }

  override async rebuild(generation: number): Promise<void> {
    let life: unknown;
    try {
      life = await this.makeState(this.life === undefined ? this.argumentsAgain() : undefined);
    } catch (error) {
      if (!this.awaitsRestart(generation)) return;
      // Nobody starts anything any more.
      if (isA(error, SpawnFailed) && error.reason === 'shutdown') this.endInOrder('failed');
      else this.failed(error);
      return;
    }
    if (this.awaitsRestart(generation)) this.begin(life);
  }

  /** The actor over there, restarted where there is one. */
  protected override makeState(args: unknown): Promise<Life> {
    const { life } = this;
    return life === undefined ? this.place(args) : life.placed!.restart().then(() => life);
  }

  private async place(args: unknown): Promise<Life> {
    const { generation } = this;
    const life = new Life();
    const placed = await this.host.placement!.place({
      where: this.where,
      actor: this.behavior.name,
      name: this.name,
      args,
      standIn: this,
      ended: (reason, lost) => this.ended(life, reason, lost),
    });
    life.placed = placed;
    // It was ended meanwhile, or restarted once more: nobody is left who knows of this one.
    if (this.isOver || this.generation !== generation) placed.stop(false, false);
    else this.life = life;
    return life;
  }

  protected override begin(state: unknown): void {
    const life = state as Life;
    life.hasBegun = true;
    this.life = life;
    super.begin(life);
    // How it has ended may have come together with the news that it has started.
    if (life.end !== undefined) this.actorEnded(life);
    else if (this.status === Status.idle) this.afterRun();
  }

  override leaveGeneration(): number {
    this.straight = undefined;
    this.life?.placed?.takeDown();
    return super.leaveGeneration();
  }

  /** Nothing but an actor that runs can be gone on with. */
  protected override get canResume(): boolean {
    return super.canResume && this.life !== undefined;
  }

  // ── what waited goes first ──

  override run(slice: Slice): void {
    if (this.status !== Status.ready) return;
    if (this.hosted.isLast && this.endsNow()) return;
    const placed = this.life!.placed!;
    this.status = Status.running;
    let hasRoom = true;
    while (hasRoom && this.queued > 0 && this.isRunning && !this.stopAsked) {
      hasRoom = this.passFirst(placed);
      if (this.extra !== undefined && this.extra.offers.size > 0) this.admitOffers(this.extra);
      if (slice.spent(1)) break;
    }
    if (!this.isRunning) return;
    if (hasRoom || this.queued === 0 || this.stopAsked) this.afterRun();
    else this.awaitRoomThere(placed);
  }

  private passFirst(placed: Placed): boolean {
    const envelope = this.peekEnvelope();
    const message = this.shiftMessage();
    if (envelope.request?.settled) {
      this.letterDies(envelope, message, 'expired');
      return true;
    }
    // It is counted where it is accepted next.
    this.host.counters.accepted -= 1;
    return placed.pass(envelope, message);
  }

  private awaitRoomThere(placed: Placed): void {
    this.status = Status.suspended;
    void placed.whenRoom().then(() => {
      if (this.status === Status.suspended && this.life?.placed === placed) this.makeReady();
    });
  }

  protected override afterRun(): void {
    if (this.hosted.isLast && this.endsNow()) return;
    if (this.queued > 0) {
      this.makeReady();
      return;
    }
    this.status = Status.idle;
    if (!this.hosted.isLast) this.straight = this.life?.placed;
  }

  protected override wake(): void {
    if (this.status === Status.idle) this.makeReady();
  }

  // ── what becomes of the actor over there ──

  private ended(life: Life, reason: EndReason, lost: PlaceLost | undefined): void {
    life.end = { reason, lost };
    life.tellOver();
    if (life.hasBegun && this.life === life) this.actorEnded(life);
  }

  private actorEnded({ end }: Life): void {
    const { reason, lost } = end!;
    this.life = undefined;
    this.straight = undefined;
    switch (reason) {
      case 'place-lost':
        if (this.status === Status.stopping) this.end(this.endsAs, false);
        // A restart that is under way fails with it.
        else if (!this.isOver && this.status !== Status.restarting) this.failed(lost);
        return;
      case 'failed':
        if (this.status === Status.stopping) this.end(this.endsAs, false);
        else if (!this.isOver) this.endWithSiblings();
        return;
      case 'killed':
        if (this.status === Status.stopping) this.end(this.endsAs, false);
        else this.end('killed');
        return;
      case 'stopped':
      case 'unknown':
        if (this.status === Status.stopping) this.end(this.endsAs, false);
        else this.endInOrder('stopped');
        return;
      default:
        reason satisfies never;
    }
  }

  /** It could not be mended over there, and so its parent fails. */
  escalatedThere(error: unknown): void {
    if (!this.isOver) this.escalate(error);
  }

  // ── its end ──

  override askToStop(kill = false, options?: StopOptions): void {
    super.askToStop(kill, options);
    // What it waits for may take long, and what waits here would not be handled anyway.
    if (this.stopAsked && this.status === Status.suspended) this.endInOrder('stopped');
  }

  override stop(kill: boolean, options: StopOptions | undefined): Promise<void> {
    const { life } = this;
    const ended = super.stop(kill, options);
    return kill && life !== undefined ? ended.then(() => life.over) : ended;
  }

  override endIfIdle(): boolean {
    return this.life === undefined && super.endIfIdle();
  }

  protected override closeToNew(): void {
    this.straight = undefined;
    super.closeToNew();
  }

  protected override endInOrder(reason: 'stopped' | 'failed'): void {
    if (this.isOver) return;
    this.straight = undefined;
    const { life } = this;
    if (life === undefined || life.end !== undefined) {
      this.end(reason);
      return;
    }
    // From here on its end is news, if it was not before.
    life.hasBegun = true;
    this.endsAs = reason;
    this.status = Status.stopping;
    this.emptyQueue(reason);
    this.extra?.endGeneration(`${this.path()} has ${reason}`);
    life.placed!.stop(false, this.isDraining);
  }

  protected override end(reason: 'stopped' | 'failed' | 'killed', releases = true): void {
    const { life } = this;
    this.life = undefined;
    this.straight = undefined;
    life?.placed?.stop(true, false);
    super.end(reason, releases);
  }
}

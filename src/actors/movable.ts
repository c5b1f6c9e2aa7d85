/**
 * How an actor leaves for another place, and what its cell is afterwards: the way to it.
 *
 * It leaves between two messages, see `moving/departure.ts`. From then on the cell has the status `moved`: every message
 * takes the way of one that finds no room (`acceptBeyond`), and goes on over its way, so a message to an actor that
 * never moved pays nothing. The cell stays for as long as the actor lives, for refs that know it by this address, and is
 * the actor's again when it comes back: `moving/arrival.ts`.
 */
import { limits } from '../base/limits.ts';
import { BehaviorStack } from './behavior-stack.ts';
import type { Cell } from './cell.ts';
import { Consumer } from './delivery/consumer.ts';
import type { Deliveries } from './delivery/deliveries.ts';
import { MoveRefused } from './errors.ts';
import { Links } from './link.ts';
import { Machine } from './machine-state.ts';
import { type Envelope, Status } from './mailbox.ts';
import { lateProducer } from './moving/by-way.ts';
import { type Departing, Departure } from './moving/departure.ts';
import type { Adoption, Beginning, MovingSignal, Snapshot, Standing, Station } from './moving/destination.ts';
import { passOffer } from './moving/passing-on.ts';
import { movingStream, snapshotOf, timersOf, wireActor } from './moving/snapshot.ts';
import { Way } from './moving/way.ts';
import type { OfferWaiting, RoomWaiting } from './offer.ts';
import type { Operation, TellEnvelope } from './operation.ts';
import { relayAsk } from './passing/relay.ts';
import { RestartBudget } from './restart-budget.ts';
import type { Signal } from './signal.ts';
import { Stash } from './stash.ts';
import type { StreamProducer, StreamReader } from './stream-reader.ts';
import type { StreamRequest, StreamRun } from './stream-request.ts';
import type { Address, EndReason, Owner, StopOptions, Target } from './target.ts';
import type { Armed } from './timers.ts';
import { Turns } from './turns.ts';
import { type Watch, Watches } from './watch.ts';

export abstract class Movable extends Turns implements Departing {
  // ── leaving ──

  /** Has the actor move to that place. @throws MoveRefused */
  move(placeId: string, deadlineMs: number): Promise<void> {
    if (this.hasMoved) {
      return new Promise((resolve, reject) => {
        this.through(() => {
          this.target.move(placeId, deadlineMs).then(resolve, reject);
        });
      });
    }
    const refusal = this.obstacle;
    if (refusal !== undefined) return Promise.reject(refusal);
    if (placeId === this.host.placeId) return Promise.resolve();
    const destination = this.host.destination(placeId);
    if (destination === undefined) {
      return Promise.reject(
        new MoveRefused('place', `${this.path()} cannot move to ${placeId}, which is out of reach`),
      );
    }
    return new Departure(this, destination, deadlineMs).done;
  }

  /** Why it cannot leave as it is now. */
  private get obstacle(): MoveRefused | undefined {
    const path = this.path();
    if (!this.isPlain || this.parent !== undefined || this.children.size > 0) {
      const what = !this.isPlain ? 'passes on to others' : this.parent === undefined ? 'has children' : 'is a child';
      return new MoveRefused('kind', `${path} ${what}; only a plain actor without parent and children moves`);
    }
    if (this.behavior.closure) {
      return new MoveRefused(
        'closure',
        `${path} keeps its state in a closure, which cannot travel; declare it with actor(…)`,
      );
    }
    const { departure } = this.extension;
    if (this.isOver) return new MoveRefused('gone', `${path} has ended`);
    if (departure === undefined && !this.stopAsked && !this.isDraining && this.isRestartable && !this.restarts)
      return undefined;
    const what = departure === undefined ? 'starts, restarts or is about to stop' : 'moves already';
    return new MoveRefused('busy', `${path} ${what}; try again later`);
  }

  /** False for one that is more than its handlers, such as a router. */
  protected abstract get isPlain(): boolean;

  private get restarts(): boolean {
    return this.status === Status.restarting;
  }

  comeToRest(departure: Departure): void {
    this.extension.departure = departure;
    this.hosted = this.hosted.leaving;
    this.attend();
    if (this.status === Status.idle) this.makeReady();
  }

  protected override restsToLeave(): void {
    this.status = Status.moving;
    this.extra?.departure?.rests();
  }

  get openWork(): number {
    return this.extra?.openWork ?? 0;
  }

  protected override interruptDeparture(what: string): void {
    this.extra?.departure?.interrupt(what);
  }

  stay(): void {
    this.extension.departure = undefined;
    if (this.hosted.isLeaving) this.hosted = this.host.hosted(this.behavior);
    if (this.status !== Status.moving) return;
    this.status = Status.idle;
    this.afterRun();
  }

  snapshot(): Snapshot {
    return snapshotOf(this as unknown as Cell, this.state);
  }

  leave(adoption: Adoption, station: Station, hop: number): Promise<void> {
    const { host, extension } = this;
    const quiet = extension.receiveTimeout?.standing ?? null;
    const stateLeftMs = this.state instanceof Machine ? (this.state.leftMs ?? null) : null;
    this.status = Status.moved;
    this.hosted = host.hosted(this.behavior);
    extension.departure = undefined;
    extension.hop = hop;
    extension.way = new Way(station, hop, (reason) => this.endElsewhere(reason));
    for (const stream of [...extension.streams]) this.handOpenStream(adoption, stream);
    extension.streams.clear();
    extension.pulls.clear();
    for (const { envelope, message } of extension.stash?.takeAll() ?? []) this.hand(adoption, envelope, message, true);
    while (this.queued > 0) {
      const envelope = this.peekEnvelope();
      this.hand(adoption, envelope, this.shiftMessage(), false);
    }
    this.backlog = undefined;
    const beginning: Beginning = {
      timers: timersOf(extension.timers.takeAll(), this as unknown as Cell),
      watches: (extension.watches?.takeOpen() ?? []).map((ref) => wireActor(ref)),
      links: (extension.links?.takeAll() ?? []).map((target) => wireActor(target)),
      quiet,
      stateLeftMs,
    };
    const begun = adoption.begin(beginning);
    extension.way.follow();
    this.passOffersOn();
    extension.endGeneration(`${this.path()} has moved to another place`);
    extension.firstRun = host.nextRun();
    extension.signalsQueued = 0;
    extension.budget = undefined;
    extension.consumer = undefined;
    this.current?.end();
    this.current = undefined;
    this.state = undefined;
    if (this.behavior.uses.length > 0) host.resources.release(this.behavior.uses);
    host.left(this as unknown as Cell);
    return begun;
  }

  /** One message that waits, to its place in the queue over there. */
  private hand(adoption: Adoption, envelope: Envelope, message: unknown, isStashed: boolean): void {
    const { host } = this;
    const { operation, request } = envelope;
    const standing: Standing = { isStashed, retried: this.extension.retried?.get(envelope) ?? 0 };
    host.counters.moved += 1;
    try {
      if (this.isSignal(envelope)) {
        const signal = this.movingSignal(envelope, message as Signal);
        if (signal !== undefined) adoption.signal(signal);
        else {
          host.counters.moved -= 1;
          host.counters.handled += 1;
        }
      } else if (request === undefined) {
        adoption.tell(operation, message, standing);
        envelope.origin?.settled();
      } else if (request.settled) {
        host.counters.moved -= 1;
        this.letterDies(envelope, message, 'expired');
      } else if (operation.kind === 'stream') {
        const stream = request as StreamRequest;
        const token = stream.unclaimed ?? host.nextToken();
        adoption.stream(movingStream(stream, message, token, false, 0, []));
        this.claimElsewhere(stream, token);
      } else {
        relayAsk(this as unknown as Cell, request, (asked, options, owner) =>
          adoption.ask(asked, message, options, owner, standing),
        );
      }
    } catch {
      // It was valid here, and holds what its next place cannot be sent.
      host.counters.moved -= 1;
      this.letterDies(envelope, message, 'invalid');
    }
  }

  // ── arriving ──

  /** It goes by the address that it was spawned under, in another place; until it begins here, this place has a way to it. */
  goBy(identity: Address, way: Way): void {
    this.belongings.movedFrom = identity;
    // It is a way to itself only once it has arrived, and this cell has none then.
    this.extension.way = way as Way<Station>;
    this.status = Status.moved;
  }

  /** A message that waited for it where it was: it counted for the bounds there. */
  acceptHanded(envelope: Envelope, message: unknown, { isStashed, retried }: Standing): void {
    const { extension } = this;
    if (retried > 0) {
      extension.retried ??= new WeakMap();
      extension.retried.set(envelope, retried);
    }
    if (!isStashed) {
      this.enqueue(envelope, message);
      return;
    }
    extension.stash ??= new Stash();
    extension.stash.push(envelope, message);
    this.host.counters.accepted += 1;
  }

  signalHanded(envelope: TellEnvelope | undefined, signal: Signal): void {
    if (envelope === undefined) return;
    this.extension.signalsQueued += 1;
    this.enqueue(envelope, signal);
  }

  /** It takes its turns here from now on; `resume` has everything go on that goes by itself, or has waited for it. */
  beginHere(state: unknown, args: unknown, snapshot: Snapshot, resume: () => void): void {
    const { extension, behavior, host } = this;
    if (args !== undefined) this.belongings.arguments = args;
    extension.hop = snapshot.hop;
    extension.generation = snapshot.generation;
    for (const name of snapshot.behaviors) {
      const table = behavior.behaviors.get(name);
      if (table === undefined) continue;
      extension.behaviors ??= new BehaviorStack();
      extension.behaviors.push(table, name, this.path());
    }
    if (snapshot.restarts.length > 0) {
      extension.budget = new RestartBudget(behavior.supervision);
      extension.budget.resume(snapshot.restarts, host.environment.clock.monotonicMs());
    }
    extension.consumer = undefined;
    if (snapshot.deliveries !== null) {
      const cell = this as unknown as Cell;
      extension.consumer = new Consumer(cell, behavior);
      extension.consumer.own = host.dataFromWire(snapshot.deliveries, cell, cell.selfRef()) as Deliveries;
    }
    host.arrived(this as unknown as Cell);
    extension.way = undefined;
    this.begin(state);
    resume();
    // The place has ended its actors meanwhile.
    if (host.isStopping) this.askToStop();
  }

  /** Calls the handler of a stream again, with what its reader has already. */
  resumeStream(request: StreamRequest, message: unknown): void {
    this.host.counters.accepted += 1;
    this.host.counters.handled += 1;
    if (!this.isOver) this.answerStream(request, message);
  }

  /** It does not come after all: what was handed over for it is lost with its old place. */
  dropArrival(isNew: boolean): void {
    if (isNew) {
      this.status = Status.stopped;
      this.extension.way = undefined;
    }
    this.emptyQueue('place-lost');
    this.extra?.claims.cancelAll();
    if (isNew) {
      this.host.ended(this as unknown as Cell, 'place-lost');
      for (const watcher of this.extra?.watchers ?? []) watcher.terminated('place-lost');
      this.extra?.tellEnded();
    } else {
      this.host.left(this as unknown as Cell);
      this.way.stayed();
    }
  }

  // ── what of it goes over ──

  private movingSignal(envelope: Envelope, signal: Signal): MovingSignal | undefined {
    if (envelope === this.behavior.terminated) {
      const { event, ref } = signal as Watch;
      const told = event === undefined ? undefined : (signal as Watch).take();
      return told === undefined ? undefined : ['terminated', wireActor(ref), told.reason];
    }
    if (envelope === this.behavior.idle) return ['idle'];
    // That of a state that was left meanwhile counts for nothing.
    const counts = this.state instanceof Machine && this.state.awaits(signal);
    return counts ? ['timeout'] : undefined;
  }

  private handOpenStream(adoption: Adoption, stream: StreamRun): void {
    const { request, run } = stream;
    const { extension } = this;
    const token = request.unclaimed ?? this.host.nextToken();
    const seeds = [...extension.observers].filter((one) => one.run === run).map(({ seed }) => seed);
    const { sent } = stream;
    stream.close();
    run.abort(`${this.path()} has moved to another place`);
    extension.forget(run);
    extension.beside.end(run);
    try {
      adoption.stream(movingStream(request, request.message, token, true, sent, seeds));
      this.claimElsewhere(request, token);
    } catch (error) {
      request.fail(this.failureOf(request.operation.label, error));
    }
  }

  /** Its reader is sent after it. */
  private claimElsewhere(request: StreamRequest, token: string): void {
    request.onGivenUp = undefined;
    request.onGranted = undefined;
    request.moved(token, this as unknown as Cell);
    if (!request.begun) request.origin?.settled();
  }

  private passOffersOn(): void {
    const { offers } = this.extension;
    for (let waiting = offers.shift(); waiting !== undefined; waiting = offers.shift()) this.passWaiting(waiting);
  }

  // ── what the cell is afterwards ──

  /** The way to where it lives now. There is one while it has moved. */
  get way(): Way<Station> {
    return this.extension.way!;
  }

  /** How often it had moved when it was here last. */
  get hop(): number {
    return this.extra?.hop ?? 0;
  }

  /** How often it has moved, as far as is known here. */
  get wayHop(): number {
    return this.extra?.way?.hop ?? this.hop;
  }

  /** Does `send` once the way is open. */
  protected through(send: () => void): void {
    this.way.through(send);
  }

  protected override passOn(envelope: Envelope, message: unknown): boolean {
    const { way } = this;
    if (!way.isHeld) return this.sendOn(envelope, message);
    if (way.isFull) {
      this.host.counters.refused += 1;
      this.letterDies(envelope, message, 'full');
      return false;
    }
    // It may live here again by then.
    way.through(() => void this.accept(envelope, message));
    return way.waiting < this.behavior.highWater;
  }

  private sendOn(envelope: Envelope, message: unknown): boolean {
    const { operation, request } = envelope;
    const station = this.way.to;
    if (request === undefined) {
      try {
        const hasRoom = station.tell(operation, message);
        envelope.origin?.settled();
        return hasRoom;
      } catch {
        this.host.counters.refused += 1;
        this.letterDies(envelope, message, 'invalid');
        return false;
      }
    }
    if (operation.kind === 'stream') {
      const stream = request as StreamRequest;
      const token = this.host.nextToken();
      try {
        station.passStream(movingStream(stream, message, token, false, 0, []));
      } catch (error) {
        stream.fail(this.failureOf(operation.label, error));
        stream.origin?.settled();
        return false;
      }
      this.claimElsewhere(stream, token);
    } else {
      relayAsk(this as unknown as Cell, request, (asked, options, owner) =>
        station.ask(asked, message, options, owner),
      );
    }
    return true;
  }

  protected passWaiting(waiting: RoomWaiting): void {
    if (!waiting.takesRoom) {
      waiting.admit(() => undefined);
      return;
    }
    this.through(() => passOffer(waiting as OfferWaiting, this as unknown as Cell));
  }

  override awaitRoom(waiting: RoomWaiting): void {
    if (!this.hasMoved) super.awaitRoom(waiting);
    else if (waiting.takesRoom) this.passWaiting(waiting);
    else this.host.environment.clock.timer(limits.routerRoomMs, () => waiting.admit(() => undefined));
  }

  /** Goes on with a stream that is kept here for its reader, or further on. */
  attach(token: string, operation: Operation, owner: Owner, reader: StreamReader<unknown>): StreamProducer {
    // What has come along is claimed also before the actor begins.
    if (this.hasMoved && !this.extension.claims.has(token)) {
      return lateProducer(
        (attach) => this.through(attach),
        () => this.target.attach(token, operation, owner, reader),
      );
    }
    return this.extension.claims.attachHere(token, this as unknown as Cell, operation, owner, reader);
  }

  /** Where it lives now: elsewhere, or here again. */
  private get target(): Target {
    return this.hasMoved ? this.way.to : (this as unknown as Cell);
  }

  fence(): Promise<void> {
    if (!this.hasMoved) return Promise.resolve();
    return new Promise((resolve) => {
      this.through(() => {
        if (this.hasMoved) void this.way.to.fence().then(resolve);
        else resolve();
      });
    });
  }

  override stop(kill: boolean, options: StopOptions | undefined): Promise<void> {
    if (!this.hasMoved) return super.stop(kill, options);
    return new Promise((resolve, reject) => {
      this.through(() => {
        if (this.hasMoved) this.way.to.stop(kill, options).then(resolve, reject);
        else super.stop(kill, options).then(resolve, reject);
      });
    });
  }

  /** It has ended where it lived. */
  protected endElsewhere(reason: EndReason): void {
    if (!this.hasMoved) return;
    this.status = Status.stopped;
    const { extension } = this;
    extension.way = undefined;
    this.host.ended(this as unknown as Cell, reason);
    for (const watcher of extension.watchers ?? []) watcher.terminated(reason);
    extension.watchers = undefined;
    extension.tellEnded();
  }

  // ── what of it begins by itself ──

  /** Tells the actor `signal` once its state has lasted for `delayMs`. */
  stateTimer(delayMs: number, signal: Signal): Armed {
    return this.extension.timers.arm(delayMs, () => this.acceptSignal(this.behavior.stateTimeout, signal));
  }

  get watches(): Watches {
    const { extension } = this;
    extension.watches ??= new Watches(this as unknown as Cell);
    return extension.watches;
  }

  get links(): Links {
    const { extension } = this;
    extension.links ??= new Links(this as unknown as Cell);
    return extension.links;
  }
}

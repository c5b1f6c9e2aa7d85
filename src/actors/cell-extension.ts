/** What a cell needs only now and then: made at first use, so that an idle actor stays small. */
import { limits } from '../base/limits.ts';
import { Ring } from '../base/ring.ts';
import type { BehaviorStack } from './behavior-stack.ts';
import { Beside } from './beside.ts';
import type { Cell } from './cell.ts';
import type { Consumer } from './delivery/consumer.ts';
import type { FailureLog } from './failure-log.ts';
import type { Host } from './host.ts';
import type { Links } from './link.ts';
import type { Envelope } from './mailbox.ts';
import type { Departure } from './moving/departure.ts';
import type { Station } from './moving/destination.ts';
import { Claims } from './moving/detached-stream.ts';
import type { Way } from './moving/way.ts';
import type { Observer } from './observer.ts';
import type { RoomWaiting } from './offer.ts';
import { ActorFailed } from './outcomes.ts';
import type { ReceiveTimeout } from './receive-timeout.ts';
import type { RestartBudget } from './restart-budget.ts';
import type { Run } from './run.ts';
import type { Stash } from './stash.ts';
import type { StreamRun } from './stream-request.ts';
import type { Watcher } from './target.ts';
import { Timers } from './timers.ts';
import type { Watches } from './watch.ts';

export class CellExtension {
  readonly children: Set<Cell> = new Set();
  /** Runs that are open beside the exclusive one. */
  readonly beside: Beside = new Beside();
  readonly observers: Set<Observer<unknown>> = new Set();
  readonly streams: Set<StreamRun> = new Set();
  /** Streams whose reader has room, to be pumped between messages. */
  readonly pulls: Ring<StreamRun> = new Ring();
  /** What waits for room, first come first served. */
  readonly offers: Ring<RoomWaiting> = new Ring();
  /** At this size those that gave up are looked for. */
  offersSweptAt: number = limits.offersSweptMin;
  /** How many were refused since there was room for another to wait. */
  offersTurnedAway = 0;
  readonly timers: Timers;
  /** How often its state was rebuilt, or was about to be. */
  generation = 0;
  /** The number of the first run since. */
  firstRun = 0;
  budget: RestartBudget | undefined = undefined;
  /** What it has become; undefined for the base alone. Belongs to the generation. */
  behaviors: BehaviorStack | undefined = undefined;
  stash: Stash | undefined = undefined;
  /** Where it wants to know of quiet times. Belongs to the generation. */
  receiveTimeout: ReceiveTimeout | undefined = undefined;
  failureLog: FailureLog | undefined = undefined;
  /** Of its children's failures to start. */
  startFailureLog: FailureLog | undefined = undefined;
  /** For messages that the definition has no lane for. */
  laneLog: FailureLog | undefined = undefined;
  /** How often a message was handed out again after its handler had failed. */
  retried: WeakMap<Envelope, number> | undefined = undefined;
  /** Ends the wait before a restart. */
  cutBackoff: (() => void) | undefined = undefined;
  /** Those who are told when this actor has ended. */
  watchers: Set<Watcher> | undefined = undefined;
  /** What this actor watches itself. */
  watches: Watches | undefined = undefined;
  links: Links | undefined = undefined;
  /** Its move to another place, while it has not left. */
  departure: Departure | undefined = undefined;
  /** Work of this generation that it handed to `ctx.run` and that is open. */
  openWork = 0;
  /** What it remembers of reliable producers. */
  consumer: Consumer | undefined = undefined;
  /** Told when the generation ends: reliable producers that belong to it. */
  generationEnds: Set<(why: string) => void> | undefined = undefined;
  /** How often it has moved. */
  hop = 0;
  /** The way to it, while it lives in another place. */
  way: Way<Station> | undefined = undefined;
  /** Streams that moved here with it, and whose readers are still to come. */
  private claimed: Claims | undefined = undefined;
  /** Signals among the queued messages: they are outside the capacity. */
  signalsQueued = 0;
  readonly #host: Host;
  /** Runs whose signal aborts when the actor ends. */
  readonly #runs = new Set<Run>();
  /** Resolves when the actor has ended. */
  readonly ended: Promise<void>;
  #tellEnded: () => void = () => undefined;

  constructor(host: Host) {
    this.#host = host;
    this.timers = new Timers(host.environment.clock);
    this.ended = new Promise((resolve) => {
      this.#tellEnded = resolve;
    });
  }

  get claims(): Claims {
    this.claimed ??= new Claims();
    return this.claimed;
  }

  keep(run: Run): void {
    if (this.timers.ended) run.abort('the actor has ended');
    else this.#runs.add(run);
  }

  /** The run is over: what it kept open ends. */
  forget(run: Run): void {
    this.#runs.delete(run);
    if (this.observers.size === 0) return;
    // Without this a generator that waits for a change of a quiet state would wait on, for nobody.
    for (const observer of this.observers) if (observer.run === run) observer.end();
  }

  /** The streams that a further one may join, or not. */
  get streamsFull(): boolean {
    return this.streams.size >= limits.streamsPerActorMax;
  }

  endStream(stream: StreamRun): void {
    this.streams.delete(stream);
    this.forget(stream.run);
    if (stream.request.isProducing) this.beside.giveUp(stream.run);
    else this.beside.end(stream.run);
    this.receiveTimeout?.streamEnded();
  }

  notice(state: unknown): void {
    if (this.observers.size === 0) return;
    for (const observer of this.observers) observer.notice(state);
  }

  /** Ends what belongs to the actor's generation: timers, signals, observers, streams. */
  endGeneration(why: string): void {
    this.cutBackoff?.();
    this.behaviors = undefined;
    this.openWork = 0;
    this.receiveTimeout?.end();
    this.receiveTimeout = undefined;
    this.#host.counters.late += this.timers.close();
    for (const run of this.#runs) run.abort(why);
    this.#runs.clear();
    for (const observer of [...this.observers]) observer.end();
    for (const stream of this.streams) {
      stream.close();
      stream.request.fail(new ActorFailed(why));
      this.beside.end(stream.run);
    }
    this.streams.clear();
    this.pulls.clear();
    const ends = this.generationEnds;
    this.generationEnds = undefined;
    for (const end of ends ?? []) end(why);
  }

  /** The actor has ended: whatever of its code still runs gets nothing more from here. */
  tellEnded(): void {
    this.timers.end();
    this.#tellEnded();
  }
}

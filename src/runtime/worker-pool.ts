/**
 * The worker threads of one process: started when first needed, joined to each other, ended when they are not needed any
 * more, and replaced when they die.
 *
 * A thread is a child that is supervised: how it ended is told apart, all other places are told, and the next is started when
 * it is needed, after a wait that grows with the deaths before it. Threads that die before they are ready are counted, and
 * beyond the budget those who wait are refused: what stands in the way then is no chance.
 */

import { SpawnFailed } from '../actors/errors.ts';
import type { GuardianOptions } from '../actors/guardian.ts';
import type { Isolation } from '../actors/isolation.ts';
import { type PlaceLoss, placeLost } from '../actors/place-lost.ts';
import type { ThreadPlace, Where } from '../actors/placed/where.ts';
import type { Address } from '../actors/target.ts';
import type { PlaceTree } from '../actors/tree.ts';
import type { Cancel } from '../base/environment/clock.ts';
import type { Environment } from '../base/environment/environment.ts';
import type { PlaceExit, PlaceHandle } from '../base/environment/place.ts';
import { describeThrown } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import { stackOf } from '../base/thrown.ts';
import { version } from '../base/version.ts';
import type { Carrier } from '../transport/session.ts';
import type { HeldThreads } from './held-threads.ts';
import type { PhaseLeft } from './place-phases.ts';
import type { Router, StackTravel } from './router.ts';
import type { Stall } from './stall.ts';
import type { StallMs } from './stall-watch.ts';
import { ThreadActivity } from './thread-activity.ts';
import { portCarrier } from './thread-carrier.ts';
import { ThreadChoice } from './thread-choice.ts';
import { lossOf } from './thread-endings.ts';
import { Heartbeats } from './thread-heartbeat.ts';
import {
  type FromWorker,
  isPostedFrame,
  type NodeNews,
  type PostedFrame,
  type ToWorker,
  type WorkerInit,
  type WorkerPhase,
} from './thread-messages.ts';
import type { ThreadPolicy } from './thread-options.ts';
import type { ThreadSlot, Worker } from './thread-slot.ts';
import { ThreadStarts } from './thread-starts.ts';
import type { PostedLetters } from './worker-letters.ts';
import { placeAnswer } from './worker-placement.ts';
import { startFailed, startUnfinished } from './worker-start.ts';

export interface WorkerPoolOptions {
  readonly environment: Environment;
  readonly nodeId: string;
  readonly threads: ThreadPolicy;
  /** The module that workers begin with. @throws SpawnFailed where it is not there */
  readonly entry: () => URL;
  /** URL of the registry module; without one no worker can be started. */
  readonly registry: URL | undefined;
  readonly isolation: Isolation;
  readonly log: Logger;
  readonly router: Router;
  /** Passes a worker's frame on to a place of another node, over the link of that epoch. */
  readonly relay: (from: string, to: string, frame: Uint8Array, epoch: number) => void;
  /** A worker has something for a node that it knows no link to. */
  readonly onNodeWanted: (nodeId: string) => void;
  /** What there is of other nodes, for a new worker. */
  readonly nodes: () => readonly NodeNews[];
  /** The session of a worker with another place broke the protocol. */
  readonly onBroken: (at: string, placeId: string, what: string) => void;
  readonly guardian: GuardianOptions;
  readonly stacks: StackTravel;
  /** The guardian of a worker wants the system shut down. */
  readonly onEscalated: () => void;
  /** A worker posted its dead letters. */
  readonly onLetters: (placeId: string, posted: PostedLetters) => void;
  /** What the workers are at, and what held them. */
  readonly held: HeldThreads;
  readonly stallMs: StallMs;
  readonly onStall: (stall: Stall) => void;
  /** A worker has ended, and the places of this node know: tells the other nodes. */
  readonly onEnded: (placeId: string) => void;
  /** Where the actor of that address lives. */
  readonly homeOf: (address: Address) => string;
  /** An actor of a worker starts a child elsewhere: the id of the place for it. @throws SpawnFailed */
  readonly choose: (where: Where, actorName: string, from: string) => Promise<string>;
}

/** What a phase of the shutdown left on one worker. */
export interface WorkerLeft extends PhaseLeft {
  readonly placeId: string;
  readonly answered: boolean;
}

const nothingLeft: PhaseLeft = { killed: [], unclosed: [] };

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #choice: ThreadChoice;
  readonly #starts: ThreadStarts;
  readonly #heartbeats: Heartbeats;
  readonly #workers = new Map<string, Worker>();
  /** Workers that do not take actors yet. */
  readonly #starting = new Set<PlaceHandle>();
  /** Those that were ended for want of actors last. */
  readonly #retired = new Set<string>();
  #started = 0;
  #lettersWanted = false;
  #closing = false;
  #looking = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    const { environment, threads, log, router } = options;
    const underWayTo = (placeId: string): number => router.place(placeId)?.load ?? 0;
    this.#choice = new ThreadChoice({ environment, log, threads, underWayTo });
    this.#starts = new ThreadStarts({ environment, log, threads, start: (slot) => this.#start(slot) });
    this.#heartbeats = new Heartbeats(environment.clock, threads.blockedMs, () => environment.places.isInspected);
  }

  /** The workers that run. */
  get placeIds(): readonly string[] {
    return [...this.#workers.keys()];
  }

  /** Starts the threads that are always kept, without waiting for them. */
  begin(): void {
    this.#choice.warnOfCores();
    this.#keepMin();
  }

  /**
   * The place that a thread stands for now; a worker that must be started for it takes actors when this resolves.
   *
   * @throws SpawnFailed where there is none
   */
  async pick(where: ThreadPlace = { kind: 'thread' }): Promise<string> {
    if (where.with !== undefined) return this.#options.homeOf(where.with);
    const { threads, registry } = this.#options;
    this.#starts.refuseIfClosed();
    if (threads.max < 1) {
      throw new SpawnFailed('no-place', 'this system has no worker threads; give createSystem { threads }');
    }
    if (registry === undefined) {
      throw new SpawnFailed(
        'no-place',
        'worker threads need a registry module: give createSystem { registry: new URL(…) }',
      );
    }
    const slot = this.#choice.pick(where.name);
    // It may turn out to be needed after all; else another is started for it.
    while (slot.retiring !== undefined) await slot.retiring;
    const { placeId } = await this.#starts.workerOf(slot);
    // Again, as it may have had to be started: what is placed there is counted from now on.
    slot.pickedMs = this.#options.environment.clock.monotonicMs();
    return placeId;
  }

  /** True for a worker that was ended for want of actors: what was to start there can start elsewhere. */
  isRetired(placeId: string): boolean {
    return this.#retired.has(placeId);
  }

  carrierTo(placeId: string): Carrier | undefined {
    const worker = this.#workers.get(placeId);
    return worker === undefined ? undefined : portCarrier(worker.handle.port);
  }

  /** Passes a frame of another node's place on to a worker. False when it does not run. */
  deliver(placeId: string, from: string, frame: Uint8Array): boolean {
    const worker = this.#workers.get(placeId);
    this.#post(worker, { kind: 'relay', placeId: from, frame });
    return worker !== undefined;
  }

  tellAll(message: ToWorker): void {
    for (const worker of this.#workers.values()) this.#post(worker, message);
  }

  /** Whether the workers are to post their dead letters, or only count them. */
  wantLetters(wanted: boolean): void {
    this.#lettersWanted = wanted;
    this.tellAll({ kind: 'letters-wanted', wanted });
  }

  tell(placeId: string, message: ToWorker): void {
    this.#post(this.#workers.get(placeId), message);
  }

  /** Ends a worker that is of no use any more; it is replaced as if it had died. */
  kill(placeId: string, what: string): void {
    const worker = this.#workers.get(placeId);
    if (worker === undefined) return;
    worker.loss ??= { place: placeId, reason: 'exception', what };
    void worker.handle.kill();
  }

  /** What runs on each worker; one that is blocked is said to have not answered. */
  trees(): Promise<readonly PlaceTree[]> {
    return Promise.all(
      [...this.#workers.values()].map((worker) => {
        let take: (tree: PlaceTree) => void = () => undefined;
        const answer = new Promise<PlaceTree>((resolve) => {
          take = resolve;
        });
        const cancel = this.#options.environment.clock.wake(limits.treeAnswerMs, () => {
          take({ place: worker.placeId, answered: false, actors: [], omitted: 0 });
        });
        worker.treesWanted.push(take);
        this.#post(worker, { kind: 'tree' });
        return answer.finally(cancel);
      }),
    );
  }

  /** No more workers are started; those that do not take actors yet are ended. */
  async refuse(): Promise<void> {
    this.#closing = true;
    this.#starts.close();
    await Promise.all([...this.#starting].map((handle) => handle.kill()));
  }

  /**
   * Has every worker go through a phase of the shutdown. One that did not answer in the phase that stops actors is not
   * asked again: its loop is blocked.
   */
  async runPhase(phase: WorkerPhase, deadlineMs: number): Promise<readonly WorkerLeft[]> {
    const asked = [...this.#workers.values()].filter(({ isBlocked }) => !isBlocked);
    return Promise.all(asked.map((worker) => this.#runPhase(worker, phase, deadlineMs)));
  }

  /** Ends all workers. */
  async end(): Promise<void> {
    const retiring = this.#choice.all.map((slot) => slot.retiring);
    await Promise.all([...[...this.#workers.values()].map(({ handle }) => handle.kill()), ...retiring]);
  }

  #runPhase(worker: Worker, phase: WorkerPhase, deadlineMs: number): Promise<WorkerLeft> {
    const { placeId } = worker;
    return new Promise((resolve) => {
      const isLast = phase === 'stop-actors';
      // What it reports at its deadline needs a moment to get here.
      const patienceMs = isLast ? deadlineMs + limits.workerGraceMs : deadlineMs;
      const cancel = this.#options.environment.clock.wake(patienceMs, () => {
        worker.isBlocked = isLast;
        resolve({ placeId, answered: false, ...nothingLeft });
      });
      worker.phaseDone = (left, done = phase) => {
        // A worker that was late with an earlier phase is not done with this one.
        if (done !== phase) return;
        cancel();
        resolve({ placeId, answered: true, ...left });
      };
      this.#post(worker, { kind: 'phase', phase, deadlineMs });
    });
  }

  #post(worker: Worker | undefined, message: ToWorker): void {
    if (worker === undefined) return;
    const transfer = message.kind === 'relay' ? [message.frame.buffer] : message.kind === 'peer' ? [message.port] : [];
    worker.handle.port.post(message, transfer);
  }

  // ── how a worker begins ──

  async #start(slot: ThreadSlot): Promise<Worker> {
    const { environment, nodeId, isolation, guardian, stacks, registry, threads } = this.#options;
    this.#started += 1;
    const placeId = `${nodeId}/t${this.#started}`;
    const activity = new ThreadActivity();
    const init: WorkerInit = {
      placeId,
      mainPlaceId: `${nodeId}/main`,
      registry: registry!.href,
      version,
      isolation,
      guardian,
      stacks,
      activity: activity.memory,
      stallMs: this.#options.stallMs,
      beatMs: threads.beatMs,
    };
    const handle = await environment.places.start({
      entry: this.#options.entry(),
      name: `troupe ${placeId}${slot.name === undefined ? '' : ` ${slot.name}`}`,
      init,
      ...(threads.memoryMbMax === undefined ? {} : { memoryMbMax: threads.memoryMbMax }),
    });
    const worker: Worker = {
      placeId,
      handle,
      activity,
      loss: undefined,
      isOver: false,
      phaseDone: () => undefined,
      isBlocked: false,
      treesWanted: [],
      retired: () => undefined,
    };
    await this.#untilReady(worker);
    // The pool alone does not keep a finished program alive; whoever waits for an actor does.
    handle.keepAlive(false);
    this.#join(worker);
    slot.started(worker, environment.clock.monotonicMs());
    const unlisten = this.#heartbeats.listen({ activity, onBlocked: () => this.#endBlocked(slot, worker) });
    handle.onExit = (exit) => {
      unlisten();
      this.#onExit(slot, worker, exit);
    };
    this.#lookForEmpty();
    return worker;
  }

  /** @throws PlaceLost where it died on the way, SpawnFailed where it cannot load its code */
  async #untilReady(worker: Worker): Promise<void> {
    const { environment, registry } = this.#options;
    const { handle, placeId } = worker;
    let cause: unknown;
    this.#starting.add(handle);
    let cancel: Cancel = () => undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        cancel = environment.clock.wake(limits.registryLoadMs, () => reject(startUnfinished(placeId, registry!)));
        handle.onExit = (exit) => {
          worker.isOver = true;
          worker.loss ??= lossOf(placeId, exit);
          if (exit.kind === 'error') cause = exit.error;
          resolve();
        };
        handle.port.onMessage = (message) =>
          this.#onMessage(worker, message as FromWorker | PostedFrame, resolve, reject);
      });
      // It may have been ready and have died since.
      if (worker.isOver) throw placeLost(worker.loss!, cause);
      this.#starts.refuseIfClosed();
    } catch (error) {
      void handle.kill();
      throw error;
    } finally {
      cancel();
      this.#starting.delete(handle);
    }
  }

  /** Makes it known to the others, and them to it. */
  #join(worker: Worker): void {
    const { environment, nodes } = this.#options;
    const { placeId } = worker;
    for (const [other] of this.#workers) {
      const [mine, theirs] = environment.places.channel();
      this.#post(worker, { kind: 'peer', placeId: other, port: mine });
      this.tell(other, { kind: 'peer', placeId, port: theirs });
    }
    this.#workers.set(placeId, worker);
    this.#options.held.started(placeId, worker.activity);
    if (this.#lettersWanted) this.#post(worker, { kind: 'letters-wanted', wanted: true });
    for (const news of nodes()) this.#post(worker, news);
  }

  #onMessage(
    worker: Worker,
    message: FromWorker | PostedFrame,
    ready: () => void,
    failed: (error: Error) => void,
  ): void {
    // The others have been told that it is lost.
    if (worker.isOver) return;
    if (isPostedFrame(message)) {
      this.#options.router.onFrame(worker.placeId, message);
      return;
    }
    switch (message.kind) {
      case 'ready':
        ready();
        return;
      case 'failed':
        failed(startFailed(worker.placeId, message.failure));
        return;
      case 'relay':
        this.#options.relay(worker.placeId, message.placeId, message.frame, message.epoch);
        return;
      case 'broken':
        this.#options.onBroken(worker.placeId, message.placeId, message.what);
        return;
      case 'log':
        this.#options.log[message.level]({ ...message.fields, place: worker.placeId }, message.text);
        return;
      case 'node-wanted':
        this.#options.onNodeWanted(message.nodeId);
        return;
      case 'place-wanted':
        void placeAnswer(message.question, () =>
          this.#options.choose(message.where, message.actor, worker.placeId),
        ).then((answer) => this.#post(worker, answer));
        return;
      case 'escalated':
        this.#options.onEscalated();
        return;
      case 'tree':
        for (const take of worker.treesWanted.splice(0)) take(message.tree);
        return;
      case 'operations-named':
        this.#options.held.named(worker.placeId, message.first, message.labels);
        return;
      case 'stall':
        this.#options.onStall(message.stall);
        return;
      case 'letters':
        this.#options.onLetters(worker.placeId, message.posted);
        return;
      case 'phase-done':
        worker.phaseDone(message, message.phase);
        return;
      case 'retired':
        worker.retired(message.isEmpty);
        return;
      default:
        message satisfies never;
    }
  }

  // ── how a worker ends ──

  /** Its loop is held, so nothing that it is told would be heard. */
  #endBlocked(slot: ThreadSlot, worker: Worker): void {
    const { environment, threads, held } = this.#options;
    const { placeId, handle } = worker;
    if (worker.isOver || worker.loss !== undefined) return;
    const { path, operation } = held.at(placeId);
    const at = path === undefined ? '' : `, in ${operation ?? 'its code'} of ${path}`;
    const what = `no heartbeat for ${threads.blockedMs} ms${at}`;
    worker.loss = { place: placeId, reason: 'blocked', what };
    void handle.kill();
    // Code that is not JavaScript is not interrupted. No JavaScript runs there any more, so it can be counted as gone.
    environment.clock.timer(limits.threadEndMs, () => this.#onExit(slot, worker, { kind: 'exit', code: 1 }));
  }

  #onExit(slot: ThreadSlot, worker: Worker, exit: PlaceExit): void {
    if (worker.isOver) return;
    const { log, environment } = this.#options;
    const { placeId } = worker;
    const { actors } = slot;
    const loss = worker.loss ?? lossOf(placeId, exit);
    this.#forget(slot, worker);
    if (this.#closing) return;
    const stack = exit.kind === 'error' ? stackOf(exit.error) : undefined;
    log.error(
      { place: placeId, reason: loss.reason, what: loss.what, actors, ...(stack === undefined ? {} : { stack }) },
      `worker ${placeId} died (${loss.reason}: ${loss.what}); its ${actors} top-level actors are lost, and another is ` +
        'started when it is needed',
    );
    slot.died(environment.clock.monotonicMs(), environment.random.fraction());
    this.#tellEnded(loss);
    this.#keepMin();
  }

  #forget(slot: ThreadSlot, worker: Worker): void {
    worker.isOver = true;
    this.#workers.delete(worker.placeId);
    this.#options.held.ended(worker.placeId);
    slot.ended(worker);
    worker.phaseDone(nothingLeft);
    worker.retired(false);
  }

  /** The other places settle what they have with it. */
  #tellEnded(loss: PlaceLoss): void {
    const { router, onEnded } = this.#options;
    router.ended(loss);
    this.tellAll({ kind: 'place-down', loss });
    onEnded(loss.place);
  }

  // ── no more and no fewer than are needed ──

  #keepMin(): void {
    const { threads, log } = this.#options;
    for (let left = threads.min - this.#choice.running; left > 0 && !this.#closing; left -= 1) {
      this.#starts.workerOf(this.#choice.unused()).catch((error: unknown) => {
        if (this.#closing) return;
        const why = describeThrown(error);
        log.error(
          { error: why },
          `one of the ${threads.min} worker threads that are kept could not be started: ${why}`,
        );
      });
    }
  }

  /** From now on, as long as there are workers. */
  #lookForEmpty(): void {
    const { environment, threads } = this.#options;
    if (this.#looking || threads.idleMs === Number.POSITIVE_INFINITY) return;
    this.#looking = true;
    environment.clock.timer(threads.idleMs / 2, () => {
      this.#looking = false;
      if (this.#closing) return;
      const nowMs = environment.clock.monotonicMs();
      for (const slot of this.#choice.all) {
        const isEmpty = slot.emptyForMs(nowMs) >= threads.idleMs && slot.retiring === undefined;
        const mayGo = slot.name !== undefined || this.#choice.staying > threads.min;
        if (isEmpty && mayGo && this.#isUnused(slot.up!)) slot.retiring = this.#retire(slot, slot.up!);
      }
      if (this.#workers.size > 0) this.#lookForEmpty();
    });
  }

  /** True where nothing is under way to it, a spawn included. */
  #isUnused({ placeId }: Worker): boolean {
    return (this.#options.router.place(placeId)?.load ?? 0) === 0;
  }

  /**
   * Ends a worker that holds no actor. It has the last word: it may have got one meanwhile. Once it says that it has none it
   * takes none any more, has closed what it had open, and everybody has received what it sent.
   */
  async #retire(slot: ThreadSlot, worker: Worker): Promise<void> {
    const { placeId, handle } = worker;
    const { idleMs } = this.#options.threads;
    try {
      this.#retired.add(placeId);
      const isEmpty = await new Promise<boolean>((resolve) => {
        worker.retired = resolve;
        this.#post(worker, { kind: 'retire' });
      });
      if (!isEmpty || this.#closing) {
        this.#retired.delete(placeId);
        return;
      }
      for (const oldest of this.#retired) {
        if (this.#retired.size <= limits.threadsRetiredKept) break;
        this.#retired.delete(oldest);
      }
      this.#forget(slot, worker);
      this.#tellEnded({ place: placeId, reason: 'exit', what: `ended after ${idleMs} ms without an actor` });
      this.#options.log.info({ place: placeId }, `worker ${placeId} was ended after ${idleMs} ms without an actor`);
      await handle.kill();
    } finally {
      slot.retiring = undefined;
    }
  }
}

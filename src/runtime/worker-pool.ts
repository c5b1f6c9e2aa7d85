/**
 * The worker threads of one process: started when first needed, joined to each other, restarted empty when they die.
 */

import { type PlaceLost, SpawnFailed } from '../actors/errors.ts';
import type { GuardianOptions } from '../actors/guardian.ts';
import type { Isolation } from '../actors/isolation.ts';
import type { Where } from '../actors/placed/where.ts';
import type { PlaceTree } from '../actors/tree.ts';
import type { Environment } from '../base/environment/environment.ts';
import type { PlaceExit, PlaceHandle } from '../base/environment/place.ts';
import { describeThrown } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import { codeOf } from '../base/thrown.ts';
import type { Carrier } from '../transport/session.ts';
import type { PhaseLeft } from './place-phases.ts';
import type { Router, StackTravel } from './router.ts';
import { portCarrier } from './thread-carrier.ts';
import type { FromWorker, ToWorker, WorkerInit, WorkerPhase } from './thread-messages.ts';
import type { PostedLetters } from './worker-letters.ts';
import { placeAnswer } from './worker-placement.ts';

export interface WorkerPoolOptions {
  readonly environment: Environment;
  readonly nodeId: string;
  readonly size: number;
  /** URL of the registry module; without one no worker can be started. */
  readonly registry: URL | undefined;
  readonly isolation: Isolation;
  readonly log: Logger;
  readonly router: Router;
  /** Passes a worker's frame on to a place of another node, over the link of that epoch. */
  readonly relay: (from: string, to: string, frame: Uint8Array, epoch: number) => void;
  /** The epochs of the links that there are, for a new worker. */
  readonly epochs: () => readonly (readonly [nodeId: string, epoch: number])[];
  /** The session of a worker with another place broke the protocol. */
  readonly onBroken: (at: string, placeId: string, what: string) => void;
  readonly guardian: GuardianOptions;
  readonly stacks: StackTravel;
  /** The guardian of a worker wants the system shut down. */
  readonly onEscalated: () => void;
  /** A worker posted its dead letters. */
  readonly onLetters: (placeId: string, posted: PostedLetters) => void;
  /** An actor of a worker starts a child elsewhere: the id of the place for it. @throws SpawnFailed */
  readonly choose: (where: Where, actorName: string, from: string) => Promise<string>;
  /** A worker has died: tells the other nodes. */
  readonly onPlaceDown: (placeId: string) => void;
}

interface Worker {
  readonly placeId: string;
  readonly handle: PlaceHandle;
  /** Called with what the phase of the shutdown left that it was told of last. */
  phaseDone: (left: PhaseLeft, phase?: WorkerPhase) => void;
  /** True once it did not answer when its actors were to stop. */
  isBlocked: boolean;
  /** Those who wait for the listing of its actors. */
  readonly treesWanted: ((tree: PlaceTree) => void)[];
}

/** What a phase of the shutdown left on one worker. */
export interface WorkerLeft extends PhaseLeft {
  readonly placeId: string;
  readonly answered: boolean;
}

const nothingLeft: PhaseLeft = { killed: [], unclosed: [] };

/** One place in the pool, whose worker may be replaced. */
interface Slot {
  /** Resolves when the worker takes actors. */
  worker: Promise<Worker> | undefined;
  placeId: string;
  /** When it was last chosen, in picks. */
  picked: number;
}

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #slots: Slot[] = [];
  readonly #workers = new Map<string, Worker>();
  /** Workers that do not take actors yet. */
  readonly #starting = new Set<PlaceHandle>();
  #started = 0;
  #picks = 0;
  #lettersWanted = false;
  #closing = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** The workers that run. */
  get placeIds(): readonly string[] {
    return [...this.#workers.keys()];
  }

  /** The place id of the worker with the least under way; starts another while the pool is not full. */
  async pick(): Promise<string> {
    const { size, registry } = this.#options;
    this.#refuseIfClosing();
    if (size < 1) throw new SpawnFailed('no-place', 'this system has no worker threads; give createSystem { threads }');
    if (registry === undefined) {
      throw new SpawnFailed(
        'no-place',
        'worker threads need a registry module: give createSystem { registry: new URL(…) }',
      );
    }
    let slot: Slot | undefined;
    if (this.#slots.length < size) {
      slot = { worker: undefined, placeId: '', picked: 0 };
      this.#slots.push(slot);
    } else slot = this.#slots.reduce((best, one) => (this.#isBetter(one, best) ? one : best));
    this.#picks += 1;
    slot.picked = this.#picks;
    slot.worker ??= this.#start(slot, registry);
    return (await slot.worker).placeId;
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
  kill(placeId: string): void {
    void this.#workers.get(placeId)?.handle.kill();
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
    await Promise.all([...this.#workers.values()].map(({ handle }) => handle.kill()));
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

  #refuseIfClosing(): void {
    if (this.#closing) throw new SpawnFailed('shutdown', 'the system is shutting down; its worker threads end');
  }

  /** The one with less under way, else the one that was chosen longer ago: they take turns. */
  #isBetter(one: Slot, other: Slot): boolean {
    const [load, otherLoad] = [this.#loadOf(one), this.#loadOf(other)];
    return load === otherLoad ? one.picked < other.picked : load < otherLoad;
  }

  /** In whole frames: less than that is chance. */
  #loadOf(slot: Slot): number {
    const underWay = this.#workers.has(slot.placeId) ? (this.#options.router.place(slot.placeId)?.load ?? 0) : 0;
    return Math.floor(underWay / limits.frameMessagesMax);
  }

  async #start(slot: Slot, registry: URL): Promise<Worker> {
    this.#refuseIfClosing();
    const { environment, nodeId, isolation, guardian, stacks, epochs } = this.#options;
    this.#started += 1;
    const placeId = `${nodeId}/t${this.#started}`;
    slot.placeId = placeId;
    const init: WorkerInit = {
      placeId,
      mainPlaceId: `${nodeId}/main`,
      registry: registry.href,
      isolation,
      guardian,
      stacks,
    };
    const entry = new URL('./worker-main.js', import.meta.url);
    const handle = await environment.places.start({ entry, name: `troupe ${placeId}`, init });
    const worker: Worker = { placeId, handle, phaseDone: () => undefined, isBlocked: false, treesWanted: [] };
    this.#starting.add(handle);
    await new Promise<void>((resolve, reject) => {
      handle.onExit = (exit) => {
        reject(new SpawnFailed('place-lost', `worker ${placeId} ended while it started: ${exitText(exit)}`));
        this.#onExit(slot, worker, exit, registry);
      };
      handle.port.onMessage = (message) => this.#onMessage(worker, message as FromWorker | Uint8Array, resolve, reject);
    })
      .then(() => this.#refuseIfClosing())
      .catch((error: unknown) => {
        slot.worker = undefined;
        void handle.kill();
        this.#refuseIfClosing();
        throw error;
      })
      .finally(() => this.#starting.delete(handle));
    // The pool alone does not keep a finished program alive; whoever waits for an actor does.
    handle.keepAlive(false);
    for (const [other] of this.#workers) {
      const [mine, theirs] = environment.places.channel();
      this.#post(worker, { kind: 'peer', placeId: other, port: mine });
      this.tell(other, { kind: 'peer', placeId, port: theirs });
    }
    this.#workers.set(placeId, worker);
    if (this.#lettersWanted) this.#post(worker, { kind: 'letters-wanted', wanted: true });
    for (const [node, epoch] of epochs()) this.#post(worker, { kind: 'node-up', nodeId: node, epoch });
    return worker;
  }

  #onMessage(
    worker: Worker,
    message: FromWorker | Uint8Array,
    ready: () => void,
    failed: (error: Error) => void,
  ): void {
    if (message instanceof Uint8Array) {
      this.#options.router.onFrame(worker.placeId, message);
      return;
    }
    switch (message.kind) {
      case 'ready':
        ready();
        return;
      case 'failed':
        failed(new SpawnFailed('no-place', `worker ${worker.placeId} could not start: ${message.message}`, message));
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
      case 'letters':
        this.#options.onLetters(worker.placeId, message.posted);
        return;
      case 'phase-done':
        worker.phaseDone(message, message.phase);
        return;
      default:
        message satisfies never;
    }
  }

  #onExit(slot: Slot, worker: Worker, exit: PlaceExit, registry: URL): void {
    const { log, router, environment } = this.#options;
    const wasUp = this.#workers.delete(worker.placeId);
    worker.phaseDone(nothingLeft);
    if (!wasUp || this.#closing) return;
    const why = exitText(exit);
    log.error(
      { place: worker.placeId, exit: why },
      `worker ${worker.placeId} died (${why}); its actors are lost, a new worker is started`,
    );
    const reason = lossOf(exit);
    router.lost(worker.placeId, why, reason);
    this.tellAll({ kind: 'place-down', placeId: worker.placeId, why, reason });
    this.#options.onPlaceDown(worker.placeId);
    slot.worker = new Promise<void>((resolve) => {
      environment.clock.timer(limits.workerRestartMs, resolve);
    }).then(() => this.#start(slot, registry));
    slot.worker.catch((error: unknown) => {
      slot.worker = undefined;
      if (this.#closing) return;
      log.error(
        { place: worker.placeId, error: describeThrown(error) },
        `the worker after ${worker.placeId} did not start: ${describeThrown(error)}`,
      );
    });
  }
}

function lossOf(exit: PlaceExit): PlaceLost['reason'] {
  if (exit.kind === 'exit') return 'exit';
  return codeOf(exit.error) === 'ERR_WORKER_OUT_OF_MEMORY' ? 'memory' : 'exception';
}

function exitText(exit: PlaceExit): string {
  return exit.kind === 'exit' ? `exit code ${exit.code}` : describeThrown(exit.error);
}

/** A worker pool whose threads are scripted and whose time is virtual: no thread runs. */
import { ActivityAt } from '../../src/base/activity.ts';
import type { PlaceExit, PlaceHandle, Places, Port } from '../../src/base/environment/place.ts';
import { HeldThreads } from '../../src/runtime/held-threads.ts';
import type { Router } from '../../src/runtime/router.ts';
import { ThreadActivity } from '../../src/runtime/thread-activity.ts';
import type { FromWorker, ToWorker, WorkerInit } from '../../src/runtime/thread-messages.ts';
import { type ThreadOptions, threadPolicy } from '../../src/runtime/thread-options.ts';
import { WorkerPool } from '../../src/runtime/worker-pool.ts';
import { CapturedLog } from '../../src/testing/captured-log.ts';
import { TestScheduler } from '../../src/testing/test-scheduler.ts';
import type { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { virtualEnvironment } from '../../src/testing/virtual-environment.ts';

/** A thread as the pool sees it, and what a test does to it. */
export class ScriptedThread implements PlaceHandle {
  readonly name: string;
  readonly init: WorkerInit;
  readonly memoryMbMax: number | undefined;
  readonly activity: ThreadActivity;
  /** What the pool said to it. */
  readonly told: ToWorker[] = [];
  onExit: (exit: PlaceExit) => void = () => undefined;
  readonly port: Port = {
    post: (message) => void this.told.push(message as ToWorker),
    onMessage: () => undefined,
    close: () => undefined,
    drain: () => undefined,
  };
  /** The part of the time that its loop is in use. */
  use = 0;
  isAlive = true;
  /** False for one that does not end when it is killed. */
  dies = true;

  constructor(options: Parameters<Places['start']>[0]) {
    this.name = options.name;
    this.init = options.init as WorkerInit;
    this.memoryMbMax = options.memoryMbMax;
    this.activity = new ThreadActivity(this.init.activity);
  }

  get placeId(): string {
    return this.init.placeId;
  }

  utilisation(): number {
    return this.use;
  }

  keepAlive(): void {
    // Nothing keeps anything alive here.
  }

  async kill(): Promise<void> {
    if (this.dies) this.ends({ kind: 'exit', code: 1 });
  }

  ends(exit: PlaceExit): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.onExit(exit);
  }

  says(message: FromWorker): void {
    this.port.onMessage(message);
  }

  beats(actors: number): void {
    this.activity.slots[ActivityAt.beats]! += 1;
    this.activity.slots[ActivityAt.actors] = actors;
  }
}

export interface ScriptedPool {
  readonly pool: WorkerPool;
  readonly clock: VirtualClock;
  readonly log: CapturedLog;
  readonly threads: ScriptedThread[];
  /** The last one of that number, `t1` and so on. */
  readonly thread: (number: number) => ScriptedThread;
  /** Places that the others were told to have ended, each with the reason. */
  readonly ended: string[];
  /** Messages under way to each place. */
  readonly load: Map<string, number>;
  /** What a thread does once it was made: `ready` unless changed. */
  starts: (thread: ScriptedThread) => void;
  isInspected: boolean;
}

export function scriptedPool(threads: number | ThreadOptions, cores = 4): ScriptedPool {
  const environment = virtualEnvironment(1, new TestScheduler());
  const log = new CapturedLog();
  const made: ScriptedThread[] = [];
  const ended: string[] = [];
  const load = new Map<string, number>();
  const places: Places = {
    parallelism: cores,
    get isInspected() {
      return result.isInspected;
    },
    start: async (options) => {
      const thread = new ScriptedThread(options);
      made.push(thread);
      queueMicrotask(() => queueMicrotask(() => result.starts(thread)));
      return thread;
    },
    channel: () => [{}, {}],
  };
  const router = {
    place: (placeId: string) => ({ load: load.get(placeId) ?? 0 }),
    ended: ({ place, reason }) => ended.push(`${place} ${reason}`),
    onFrame: () => undefined,
  } as Pick<Router, 'ended' | 'onFrame'> & { place: unknown } as unknown as Router;
  const pool = new WorkerPool({
    environment: { ...environment, places },
    nodeId: 'n~1',
    threads: threadPolicy(threads, cores),
    entry: () => new URL('file:///worker-main.js'),
    registry: new URL('file:///actors.js'),
    isolation: 'parse',
    log,
    router,
    relay: () => undefined,
    nodes: () => [],
    onNodeWanted: () => undefined,
    onBroken: () => undefined,
    guardian: {},
    stacks: 'threads',
    onEscalated: () => undefined,
    held: new HeldThreads(environment.clock, (placeId, cell) => `troupe://${placeId}/…#${cell}`, undefined),
    stallMs: false,
    onStall: () => undefined,
    onLetters: () => undefined,
    homeOf: ({ place }) => place,
    choose: async () => {
      throw new Error('nothing is placed from a scripted thread');
    },
    onEnded: () => undefined,
  });
  const result: ScriptedPool = {
    pool,
    clock: environment.clock,
    log,
    threads: made,
    thread: (number) => made.find(({ placeId }) => placeId === `n~1/t${number}`)!,
    ended,
    load,
    starts: (thread) => thread.says({ kind: 'ready' }),
    isInspected: false,
  };
  return result;
}

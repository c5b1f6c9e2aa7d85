/**
 * Places as worker threads: the real adapter of the threads seam, and the only one who makes workers.
 *
 * A worker gets a port of its own rather than its built-in one. That one delivers before anybody listens, and under
 * `node --watch` carries messages of Node as well.
 */
import { availableParallelism } from 'node:os';
import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { isMainThread, MessageChannel, type MessagePort, Worker, workerData } from 'node:worker_threads';
import type { PlaceExit, PlaceHandle, Places, Port } from '../base/environment/place.ts';
import { describeThrown, TroupeError, UsageError } from '../base/errors.ts';
import { isInspected } from './worker-inspector.ts';
import { postOutput, WorkerOutput } from './worker-output.ts';
import { WorkerPort } from './worker-port.ts';

/** A worker thread could not be made. What fails later, within the thread, is its exit. */
export class PlaceStartFailed extends TroupeError<'PlaceStartFailed'> {
  constructor(name: string, cause: unknown) {
    const what = `The worker thread "${name}" cannot be started (${describeThrown(cause)}).`;
    const remedy = 'What it is handed must be plain data, and its memory limit a positive number of MiB.';
    super('PlaceStartFailed', `${what} ${remedy}`, { cause, retryable: false });
  }
}

interface Handover {
  readonly name: string;
  readonly init: unknown;
  readonly port: MessagePort;
  readonly output: MessagePort;
  /** Stacks are those of the sources: workers inherit the flag, and not what a program or tsx has switched on since. */
  readonly sourceMaps: boolean;
}

/** Starts worker threads. Their output goes to this process's own, their environment is a copy of ours. */
export function workerPlaces(): Places {
  const running = new Set<WorkerPlace>();
  let usedAt = performance.eventLoopUtilization();
  const drainOutputs = (): void => {
    for (const place of running) place.output.drain();
  };
  return {
    parallelism: availableParallelism(),
    get isInspected() {
      return isInspected();
    },
    use: () => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, usedAt);
      usedAt = now;
      return utilization;
    },
    start: async (options) => {
      const place = new WorkerPlace(options, (ended) => {
        running.delete(ended);
        if (running.size === 0) process.off('exit', drainOutputs);
      });
      // A process that exits writes what its threads have written; nobody else looks at their ports then.
      if (running.size === 0) process.on('exit', drainOutputs);
      running.add(place);
      return place;
    },
    channel: () => {
      const { port1, port2 } = new MessageChannel();
      return [port1, port2];
    },
  };
}

/**
 * The port that another place made with `channel()` and posted here. It does not keep this thread alive.
 * A message that cannot be read ends the thread with an error: the sequence of frames would have a hole.
 */
export function portFrom(transferable: unknown): Port {
  return new WorkerPort(transferable as MessagePort, false, failThread);
}

/**
 * What a worker thread was started with, for its entry. The thread lives until its port is closed on either side, it
 * is killed, or it fails.
 * @throws UsageError in a thread that `workerPlaces()` did not start.
 */
export function workerSide(): { readonly name: string; readonly init: unknown; readonly port: Port } {
  const given = workerData as { troupe?: Handover } | null;
  const handover = given?.troupe;
  if (isMainThread || handover === undefined) {
    throw new UsageError('This module is the entry of a worker thread of Troupe; createSystem({ threads }) starts it.');
  }
  // Code of users runs on this thread too, and what it posted there the main thread would take for ours.
  delete given!.troupe;
  postOutput(handover.output);
  if (handover.sourceMaps) process.setSourceMapsEnabled(true);
  return { name: handover.name, init: handover.init, port: new WorkerPort(handover.port, true, failThread) };
}

class WorkerPlace implements PlaceHandle {
  readonly port: WorkerPort;
  readonly output: WorkerOutput;
  readonly #worker: Worker;
  readonly #gone: Promise<void>;
  #onExit: ((exit: PlaceExit) => void) | undefined = undefined;
  /** How it ended, while nobody has been told. */
  #exit: PlaceExit | undefined = undefined;
  #failure: { readonly error: unknown } | undefined = undefined;
  #usedAt: EventLoopUtilization | undefined = undefined;

  /** @param onGone called when the thread has ended */
  constructor(options: Parameters<Places['start']>[0], onGone: (place: WorkerPlace) => void) {
    const { entry, name, init, memoryMbMax } = options;
    const { port1, port2 } = new MessageChannel();
    const written = new MessageChannel();
    const { sourceMapsEnabled } = process as { readonly sourceMapsEnabled?: boolean };
    const handover: Handover = {
      name,
      init,
      port: port2,
      output: written.port2,
      sourceMaps: sourceMapsEnabled === true,
    };
    const execArgv = flagsForWorkers(process.execArgv);
    try {
      this.#worker = new Worker(entry, {
        name,
        workerData: { troupe: handover },
        transferList: [port2, written.port2],
        ...(memoryMbMax === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: memoryMbMax } }),
        ...(execArgv === undefined ? {} : { execArgv }),
      });
    } catch (cause) {
      port1.close();
      written.port1.close();
      throw new PlaceStartFailed(name, cause);
    }
    this.output = new WorkerOutput(written.port1);
    // The worker itself keeps the process alive or does not, see `keepAlive`; its port has no say.
    this.port = new WorkerPort(port1, false, (error) => {
      this.#failure ??= { error };
      void this.kill();
    });
    // ERR_WORKER_OUT_OF_MEMORY, an uncaught exception and an entry that cannot be loaded all come this way.
    this.#worker.on('error', (error: unknown) => {
      this.#failure ??= { error };
    });
    this.#gone = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.output.close();
        onGone(this);
        this.#exit =
          this.#failure === undefined ? { kind: 'exit', code } : { kind: 'error', error: this.#failure.error };
        this.#tellExit();
        resolve();
      });
    });
  }

  set onExit(tell: (exit: PlaceExit) => void) {
    this.#onExit = tell;
    // Not at once: whoever sets it does not expect to be called while doing so.
    if (this.#exit !== undefined) queueMicrotask(() => this.#tellExit());
  }

  utilisation(): number {
    const { performance } = this.#worker;
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#usedAt);
    this.#usedAt = now;
    return utilization;
  }

  keepAlive(keep: boolean): void {
    if (keep) this.#worker.ref();
    else this.#worker.unref();
  }

  async kill(): Promise<void> {
    await this.#worker.terminate();
    await this.#gone;
  }

  #tellExit(): void {
    if (this.#exit === undefined || this.#onExit === undefined) return;
    const exit = this.#exit;
    this.#exit = undefined;
    // The worker's last words first: its end is what its owner hears last.
    this.port.drain();
    this.#onExit(exit);
  }
}

/**
 * Workers inherit the flags of this process; `undefined` says so. Naming flags is worse: Node refuses those of V8 and
 * of the whole process then, while it lets a worker inherit them.
 *
 * The exception is `node --input-type=module -e …` and the like, whose workers could not start from a file. They get
 * what preloads modules, and the conditions by which packages are resolved, and nothing else.
 */
export function flagsForWorkers(execArgv: readonly string[]): string[] | undefined {
  if (!execArgv.some((flag) => flag.startsWith('--input-type'))) return undefined;
  const kept: string[] = [];
  for (let index = 0; index < execArgv.length; index++) {
    const flag = execArgv[index]!;
    if (!/^(--import|--require|-r|--loader|--experimental-loader|--conditions|-C)(=|$)/.test(flag)) continue;
    kept.push(flag);
    if (!flag.includes('=') && index + 1 < execArgv.length) kept.push(execArgv[++index]!);
  }
  return kept;
}

function failThread(error: Error): never {
  throw error;
}

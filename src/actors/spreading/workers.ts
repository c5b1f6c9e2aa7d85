/**
 * The workers of a pool: its state, whose methods are the handlers of how it is managed.
 *
 * A worker has one job at a time and gets the next when that one was handled or became a dead letter, which the job's
 * origin is told. So none waits behind a slow one while another has nothing to do (GenStage's demand, of one).
 */
import type { Runnable } from '../../base/environment/scheduler.ts';
import { limits } from '../../base/limits.ts';
import type { Cell } from '../cell.ts';
import { logFailure } from '../failure-log.ts';
import { addressOf } from '../finding/address.ts';
import { type Origin, TellEnvelope } from '../operation.ts';
import { handTo } from '../passing/pass-on.ts';
import { Run } from '../run.ts';
import type { SendableRef } from '../schema/ref-rules.ts';
import type { Terminated } from '../watch.ts';
import { type Child, Children, type ChildrenOptions } from './children.ts';
import type { Job } from './job-queue.ts';
import type { PoolCell } from './pool-cell.ts';
import { type Managed, refuse } from './routees.ts';
import { isCount } from './router-options.ts';

export interface PoolSize {
  readonly size: number;
  /** Down to which it lets workers go by itself. */
  readonly min: number | undefined;
  /** Up to which it starts workers by itself. */
  readonly max: number | undefined;
}

/** What workers are made of. */
export type WorkersOf = Pick<ChildrenOptions, 'definition' | 'args' | 'on'>;

/** A worker, as the pool sees it. */
export interface JobTaker {
  readonly cell: Cell;
  readonly busy: boolean;
}

class Worker implements JobTaker {
  readonly child: Child;
  busy = false;
  /** One too many: it stops when its job is done. */
  retiring = false;

  constructor(child: Child) {
    this.child = child;
  }

  get cell(): Cell {
    return this.child.cell;
  }
}

/** Told when a job was dealt with; tells whoever sent it too. */
class JobOrigin implements Origin {
  readonly isExact = true;
  readonly #inner: Origin | undefined;
  readonly #workers: Workers;
  readonly #worker: Worker;
  #settled = false;

  constructor(inner: Origin | undefined, workers: Workers, worker: Worker) {
    this.#inner = inner;
    this.#workers = workers;
    this.#worker = worker;
  }

  settled(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#inner?.settled();
    this.#workers.done(this.#worker);
  }
}

export class Workers implements Runnable {
  readonly #pool: PoolCell;
  readonly #bounds: PoolSize;
  readonly #children: Children;
  readonly #workers = new Map<number, Worker>();
  /** Those with nothing to do; the one that was done last works first, so that others may be too many. */
  readonly #idle: Worker[] = [];
  /** The fewest that were idle at once since the last look. */
  #idleMin = 0;
  /** Those whose job was dealt with in this turn of the run queue. */
  readonly #done: Worker[] = [];
  /** In `hand` already: a job that is over at once asks for the next from within. */
  #handing = false;

  constructor(workers: WorkersOf, bounds: PoolSize, context: Managed) {
    this.#pool = Run.cellOf(context) as PoolCell;
    this.#bounds = bounds;
    this.#children = new Children({
      ...workers,
      started: (child) => this.#started(child),
      ended: (child) => this.#ended(child),
      retire: (child) => this.#retire(child),
    });
    this.#children.resize(bounds.size, context);
    if (bounds.min !== undefined) this.#shrinkLater(context);
    // What waited while the pool restarted.
    this.hand();
  }

  /** How many have a job. */
  get busy(): number {
    return this.#workers.size - this.#idle.length;
  }

  /** Those that take jobs. */
  get workers(): readonly JobTaker[] {
    return [...this.#workers.values()];
  }

  // ── jobs ──

  /** Gives jobs that wait to workers that have none, for as long as there are both. */
  hand(): void {
    const pool = this.#pool;
    // The workers of a pool that restarts are about to stop.
    if (this.#handing || pool.isOver || pool.awaitsRestart(pool.generation)) return;
    this.#handing = true;
    const { jobs } = pool;
    while (jobs.queued > 0) {
      const worker = this.#idle.pop() ?? this.#grow();
      if (worker === undefined) break;
      // One that has ended by itself is taken out as soon as the pool hears of it.
      if (worker.child.cell.isOver) continue;
      const job = jobs.take();
      if (job === undefined) this.#idle.push(worker);
      else this.#give(job, worker);
      jobs.admit();
    }
    this.#handing = false;
    this.#idleMin = Math.min(this.#idleMin, this.#idle.length);
  }

  #give({ envelope, message }: Job, worker: Worker): void {
    worker.busy = true;
    const origin = new JobOrigin(envelope.origin, this, worker);
    const { request } = envelope;
    if (request === undefined) handTo(worker.child.cell, new TellEnvelope(envelope.operation, origin), message);
    else {
      request.redirect(origin);
      handTo(worker.child.cell, request, message);
    }
  }

  /** The job was dealt with. What becomes of a worker whose job failed is known only after this turn. */
  done(worker: Worker): void {
    this.#done.push(worker);
    if (this.#done.length === 1) this.#pool.host.scheduler.ready(this);
  }

  run(): void {
    for (const worker of this.#done.splice(0)) {
      const { cell, number } = worker.child;
      worker.busy = false;
      if (worker.retiring) void cell.stop(false, undefined);
      else if (this.#workers.get(number) !== worker || cell.isOver) continue;
      // One that restarts takes a job only where nobody else is free.
      else if (cell.awaitsRestart(cell.generation)) this.#idle.unshift(worker);
      else this.#idle.push(worker);
    }
    this.hand();
    this.#pool.jobDone();
  }

  // ── workers ──

  /** One more worker, where jobs wait and there may be more. */
  #grow(): Worker | undefined {
    const { size } = this.#children;
    if (size >= (this.#bounds.max ?? 0)) return undefined;
    try {
      this.#children.resize(size + 1, new Run(this.#pool) as unknown as Managed);
    } catch (error) {
      // Its sender has nothing to do with it: the job waits for a worker that there is.
      logFailure(this.#pool, error, 'starting another worker', 'goes on with those it has');
    }
    return this.#idle.pop();
  }

  /** Not as a timer of the actor, which would keep a finished program alive for nothing but this. */
  #shrinkLater(context: Managed): void {
    const pool = this.#pool;
    const { generation } = pool;
    const { self } = context;
    pool.host.environment.clock.timer(limits.poolIdleMs, () => {
      if (pool.isOver || pool.generation !== generation) return;
      self.shrink();
      this.#shrinkLater(context);
    });
  }

  #started(child: Child): void {
    const worker = new Worker(child);
    this.#workers.set(child.number, worker);
    this.#idle.push(worker);
  }

  #ended(child: Child): void {
    const worker = this.#workers.get(child.number);
    this.#workers.delete(child.number);
    if (worker !== undefined) this.#takeIdle(worker);
  }

  #retire(child: Child): void {
    const worker = this.#workers.get(child.number)!;
    this.#ended(child);
    worker.retiring = true;
    if (!worker.busy) void child.cell.stop(false, undefined);
  }

  #takeIdle(worker: Worker): void {
    const at = this.#idle.indexOf(worker);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  // ── how it is managed ──

  list(): [string, number, string][] {
    return [...this.#workers.values()].map(({ child }) => addressOf(child.ref as SendableRef));
  }

  add(_routee: unknown, context: Managed): void {
    refuse(context, 'not-offered', `${this.#pool.path()} starts its workers itself; resize it`);
  }

  remove(_routee: unknown, context: Managed): boolean {
    return refuse(context, 'not-offered', `${this.#pool.path()} stops its workers itself; resize it`);
  }

  resize(size: number, context: Managed): void {
    const { min = 1, max = limits.routeesMax } = this.#bounds;
    if (!isCount(size, min, max)) {
      refuse(context, 'size', `${this.#pool.path()} can have ${min} to ${max} workers; it was given ${size}`);
    }
    this.#children.resize(size, context);
    this.hand();
  }

  replace(_nothing: unknown, context: Managed): void {
    this.#children.replace(context);
    this.hand();
  }

  /** Takes away those that had nothing to do since the last look. */
  shrink(_nothing: unknown, context: Managed): void {
    const { size } = this.#children;
    const smaller = Math.max(this.#bounds.min ?? size, size - this.#idleMin);
    if (smaller < size) this.#children.resize(smaller, context);
    this.#idleMin = this.#idle.length;
  }

  terminated(event: Terminated, context: Managed): void {
    this.#children.terminated(event, context);
    if (!this.#pool.drains || this.#pool.jobs.queued === 0) return;
    // Each worker that ends took a job with it, so there is an end to it without a pause.
    this.#children.replace(context);
    this.hand();
  }
}

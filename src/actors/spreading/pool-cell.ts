/** The cell of a pool: jobs wait in its queue until a worker has nothing to do. */

import type { Cell } from '../cell.ts';
import type { Envelope } from '../mailbox.ts';
import type { RoomWaiting } from '../offer.ts';
import type { Operation } from '../operation.ts';
import { Rejected } from '../outcomes.ts';
import { PlacedCell } from '../placed/placed-cell.ts';
import type { CallOptions } from '../protocol.ts';
import { type ChainLink, chainOf } from '../request.ts';
import type { Owner } from '../target.ts';
import { judgeCall, judgeChain } from '../wait-for.ts';
import { FrontCell } from './front-cell.ts';
import { JobQueue } from './job-queue.ts';
import type { Workers } from './workers.ts';

export class PoolCell extends FrontCell {
  /** Its own, and not its state's: jobs outlast a restart of the pool. */
  private waiting: JobQueue | undefined = undefined;

  get jobs(): JobQueue {
    this.waiting ??= new JobQueue(this, this.behavior.front!.bounds!, () => this.workers?.hand());
    return this.waiting;
  }

  private get workers(): Workers | undefined {
    return this.state as Workers | undefined;
  }

  override get load(): number {
    return this.jobs.queued + (this.workers?.busy ?? 0);
  }

  override get hasRoom(): boolean {
    return this.jobs.hasRoom;
  }

  override get offersFull(): boolean {
    return this.jobs.offersFull;
  }

  override awaitRoom(waiting: RoomWaiting): void {
    this.jobs.awaitRoom(waiting);
  }

  override ask(
    operation: Operation,
    message: unknown,
    options: CallOptions | undefined,
    owner: Owner,
  ): Promise<unknown> {
    const run = owner.openRun;
    if (run !== undefined && !this.isOwn(operation)) {
      const cycle = this.cycleThrough((worker) => judgeCall(worker, run, operation), chainOf(owner), operation);
      if (cycle !== undefined) return Promise.reject(cycle);
    }
    return super.ask(operation, message, options, owner);
  }

  override accept(envelope: Envelope, message: unknown): boolean {
    const { operation, request } = envelope;
    if (this.isOver || this.isOwn(operation)) return super.accept(envelope, message);
    const chain = request?.remoteChain;
    if (request !== undefined && chain !== undefined && chain.length > 0) {
      const cycle = this.cycleThrough((worker) => judgeChain(worker, chain, operation), chain, operation);
      if (cycle !== undefined) {
        request.fail(cycle);
        request.origin?.settled();
        return true;
      }
    }
    return this.jobs.accept(envelope, message);
  }

  override takes(envelope: Envelope, message: unknown): boolean {
    const isOwn = this.isOver || this.isOwn(envelope.operation);
    return isOwn ? super.takes(envelope, message) : this.jobs.takes(envelope, message);
  }

  /**
   * A job that every worker waits for would never be begun: then, and only then, the call closes a cycle. That a worker
   * would let the call in does not help, since it has its job, and is given no other.
   */
  private cycleThrough(
    judge: (worker: Cell) => 'admit' | 'queue',
    chain: readonly ChainLink[],
    operation: Operation,
  ): Rejected | undefined {
    const workers = this.workers?.workers ?? [];
    let cycle: Rejected | undefined;
    for (const { cell, busy } of workers) {
      try {
        const waits = cell instanceof PlacedCell ? busy && isInChain(cell, chain) : judge(cell) !== 'queue';
        if (!waits) return undefined;
        cycle ??= allWait(this, operation);
      } catch (error) {
        cycle ??= error as Rejected;
      }
    }
    return cycle;
  }

  // ── draining: the jobs that wait are still done ──

  protected override closeToNew(): void {
    super.closeToNew();
    this.jobs.drain();
  }

  /** Without the ends of its workers it would wait for what they had. */
  protected override get takesSignals(): boolean {
    return true;
  }

  /** True while what waits is done and nothing more is taken, not even what its own timers tell it. */
  get drains(): boolean {
    return this.isDraining;
  }

  protected override get isDrained(): boolean {
    return super.isDrained && this.jobs.queued === 0 && (this.workers?.busy ?? 0) === 0;
  }

  /** A job was done: it may have been the last. */
  jobDone(): void {
    if (this.isDrained) this.wake();
  }

  protected override emptyQueue(reason: 'stopped' | 'failed'): void {
    this.waiting?.close(reason);
    super.emptyQueue(reason);
  }
}

/** True where one of the calls that led to this one is made by a handler of the worker, which runs elsewhere. */
function isInChain({ placedAt }: PlacedCell, chain: readonly ChainLink[]): boolean {
  return chain.some(({ place, cell }) => place === placedAt?.place && cell === placedAt.cell);
}

function allWait(pool: Cell, operation: Operation): Rejected {
  const text = `${operation.label}: every worker of ${pool.path()} waits for this call, so none would begin it`;
  return new Rejected('cycle', `${text}. Give the pool more workers, or answer with a tell`, [pool.path()]);
}

/** The cell of a pool: jobs wait in its queue until a worker has nothing to do. */

import type { Envelope } from '../mailbox.ts';
import type { RoomWaiting } from '../offer.ts';
import type { Operation } from '../operation.ts';
import type { Rejected } from '../outcomes.ts';
import type { CallOptions } from '../protocol.ts';
import { findCycle, findInChain } from '../request.ts';
import type { Owner } from '../target.ts';
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

  override get offersWaiting(): number {
    return this.jobs.offersWaiting;
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
    if (owner.openRun !== 0 && !this.isOwn(operation)) {
      const cycle = this.cycleThrough((worker) => findCycle(worker, owner, operation));
      if (cycle !== undefined) return Promise.reject(cycle);
    }
    return super.ask(operation, message, options, owner);
  }

  override accept(envelope: Envelope, message: unknown): boolean {
    const { operation, request } = envelope;
    if (this.isOver || this.isOwn(operation)) return super.accept(envelope, message);
    const chain = request?.remoteChain;
    if (request !== undefined && chain !== undefined && chain.length > 0) {
      const cycle = this.cycleThrough((worker) => findInChain(worker, chain, operation));
      if (cycle !== undefined) {
        request.fail(cycle);
        request.origin?.settled();
        return true;
      }
    }
    return this.jobs.accept(envelope, message);
  }

  /** A job that every worker waits for would never be begun: then, and only then, the call closes a cycle. */
  private cycleThrough(find: (worker: Owner) => Rejected | undefined): Rejected | undefined {
    let cycle: Rejected | undefined;
    for (const worker of this.workers?.cells ?? []) {
      cycle = find(worker);
      if (cycle === undefined) return undefined;
    }
    return cycle;
  }

  protected override emptyQueue(reason: 'stopped' | 'failed'): void {
    this.waiting?.close(reason);
    super.emptyQueue(reason);
  }
}

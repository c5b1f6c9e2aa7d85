/**
 * The jobs of a pool that no worker has yet: a mailbox that nobody's handlers drain.
 *
 * It has the bounds, the policy and the fair waiting of any mailbox; the pool takes from it what a worker is free for.
 */
import type { ActorBehavior } from '../behavior.ts';
import type { Cell } from '../cell.ts';
import { CellExtension } from '../cell-extension.ts';
import { HostedBehavior } from '../hosted-behavior.ts';
import { type Envelope, Mailbox, Status } from '../mailbox.ts';

export interface Job {
  readonly envelope: Envelope;
  readonly message: unknown;
}

export class JobQueue extends Mailbox {
  private readonly pool: Cell;
  private readonly onJob: () => void;

  /** @param bounds A definition that has the bounds of the queue. @param onJob Called when a job has come. */
  constructor(pool: Cell, bounds: ActorBehavior, onJob: () => void) {
    super(new HostedBehavior(pool.host, bounds, 0), pool.parent, pool.id, pool.name);
    this.pool = pool;
    this.onJob = onJob;
    // It is never ready: whatever comes is news.
    this.status = Status.idle;
  }

  override get extension(): CellExtension {
    this.extra ??= new CellExtension(this.host);
    return this.extra;
  }

  protected override makeReady(): void {
    this.onJob();
  }

  /** Its jobs stay where their pool is. */
  protected override passOn(): boolean {
    throw new Error('the queue of a pool does not move');
  }

  protected override wake(): void {
    this.onJob();
  }

  /** A job that is sent again goes to the pool. */
  protected override get addressee(): Cell {
    return this.pool;
  }

  /** Takes no further jobs. */
  drain(): void {
    this.closeToNew();
  }

  /** The oldest job, which a worker's mailbox counts from now on; those that nobody waits for any more are passed over. */
  take(): Job | undefined {
    while (this.queued > 0) {
      const envelope = this.peekEnvelope();
      const message = this.shiftMessage();
      if (envelope.request?.settled !== true) {
        this.host.counters.accepted -= 1;
        return { envelope, message };
      }
      this.letterDies(envelope, message, 'expired');
    }
    return undefined;
  }

  /** Lets in those who wait for the room that was made. */
  admit(): void {
    if (this.extra !== undefined) this.admitOffers(this.extra);
  }

  /** No more jobs: those that wait become dead letters. */
  close(reason: 'stopped' | 'failed'): void {
    this.status = Status.stopped;
    this.emptyQueue(reason);
  }
}

/**
 * The jobs of a pool that no worker has yet: a mailbox that nobody's handlers drain.
 *
 * It has the bounds, the policy and the fair waiting of any mailbox; the pool takes from it what a worker is free for.
 */
import type { ActorBehavior } from '../behavior.ts';
import type { Cell } from '../cell.ts';
import { CellExtension } from '../cell-extension.ts';
import { type Envelope, Mailbox, Status } from '../mailbox.ts';

export interface Job {
  readonly envelope: Envelope;
  readonly message: unknown;
}

export class JobQueue extends Mailbox {
  private readonly onJob: () => void;

  /** @param bounds A definition that has the bounds of the queue. @param onJob Called when a job has come. */
  constructor(pool: Cell, bounds: ActorBehavior, onJob: () => void) {
    super(pool.host, bounds, pool.parent, pool.id, pool.name);
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

  /** The oldest job, which a worker's mailbox counts from now on; those that nobody waits for any more are passed over. */
  take(): Job | undefined {
    for (let job = this.oldest(); job !== undefined; job = this.oldest()) {
      if (job.envelope.request?.settled !== true) {
        this.host.counters.accepted -= 1;
        return job;
      }
      this.letterDies(job.envelope, job.message, 'expired');
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

  private oldest(): Job | undefined {
    const { firstEnvelope, firstMessage, backlog } = this;
    if (firstEnvelope !== undefined) {
      this.firstEnvelope = undefined;
      this.firstMessage = undefined;
      return { envelope: firstEnvelope, message: firstMessage };
    }
    if (backlog === undefined || backlog.size === 0) return undefined;
    const envelope = backlog.peekFirst();
    return { envelope, message: backlog.shiftSecond() };
  }
}

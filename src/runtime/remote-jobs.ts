/**
 * Messages to another place of which it must be known when they were dealt with: the jobs of a pool.
 *
 * A session counts what the other side has settled, and does not say which message it was. A reply does not say it either,
 * since its caller may have given up before the handler was done.
 */
export class OutboundJobs {
  readonly #open = new Map<number, () => void>();
  #next = 1;

  /** @param dealtWith called once: when it was handled or became a dead letter over there, or was lost with the place */
  open(dealtWith: () => void): number {
    const job = this.#next;
    this.#next += 1;
    this.#open.set(job, dealtWith);
    return job;
  }

  done(job: number): void {
    const dealtWith = this.#open.get(job);
    this.#open.delete(job);
    dealtWith?.();
  }

  lost(): void {
    for (const job of [...this.#open.keys()]) this.done(job);
  }
}

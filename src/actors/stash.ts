/**
 * The messages that an actor has set aside with `ctx.stash()`, in the order in which they came.
 *
 * They have left the queue, so they count neither for its high water nor for its capacity: an actor that waits for one
 * message must not have its senders wait for it. The stash has a bound of its own, and going back to the queue never
 * loses any of them, even where the queue is above its capacity afterwards.
 */
import type { Envelope } from './mailbox.ts';

interface Stashed {
  readonly envelope: Envelope;
  readonly message: unknown;
}

export class Stash {
  #kept: Stashed[] = [];

  get size(): number {
    return this.#kept.length;
  }

  push(envelope: Envelope, message: unknown): void {
    this.#kept.push({ envelope, message });
  }

  /** Takes out everything, the oldest first. */
  takeAll(): readonly Stashed[] {
    const all = this.#kept;
    this.#kept = [];
    return all;
  }

  /** Takes out the calls that nobody waits for any more. */
  takeSettled(): readonly Stashed[] {
    const settled = this.#kept.filter(({ envelope }) => envelope.request?.settled);
    if (settled.length > 0) this.#kept = this.#kept.filter(({ envelope }) => !envelope.request?.settled);
    return settled;
  }
}

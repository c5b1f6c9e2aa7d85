/** Large bytes that were offered to another place and are not taken yet: what its mailboxes refuse waits here, at its sender. */
import { limits } from '../base/limits.ts';

export class OfferedBytes {
  #bytes = 0;
  #waiters: (() => void)[] = [];

  /** True where the next offer of large bytes should wait. */
  get isFull(): boolean {
    return this.#bytes >= limits.outboxBytesHighWater;
  }

  whenRoom(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** @returns what to call when the offer is over. */
  add(bytes: number): () => void {
    this.#bytes += bytes;
    return () => {
      this.#bytes -= bytes;
      if (this.isFull) return;
      // Each looks again for itself, so that those who gave up take no turn.
      for (const wake of this.#waiters.splice(0)) wake();
    };
  }
}

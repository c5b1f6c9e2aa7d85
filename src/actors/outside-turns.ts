/**
 * Whose code ran outside of turns a moment ago: handlers that went on after an `await`, streams, work of `ctx.run`, starts.
 *
 * Nobody tells when such code begins, so its time cannot be taken. But it is known when it has come to its end: whoever
 * finds that the thread was held finds here who may have done it. Only the newest are kept, until somebody looks.
 */
import type { Mailbox } from './mailbox.ts';

/** An actor, and what of it may have run. */
export interface Suspect {
  /** Its path. */
  readonly path: string;
  /** The operation whose handler it was, or what else, such as `the start of hasher`. */
  readonly operation: string;
}

export class OutsideTurns {
  readonly #actors: (Mailbox | undefined)[];
  readonly #operations: string[];
  #count = 0;

  /** @param max how many are kept */
  constructor(max: number) {
    this.#actors = new Array<Mailbox | undefined>(max).fill(undefined);
    this.#operations = new Array<string>(max).fill('');
  }

  note(actor: Mailbox, operation: string): void {
    const at = this.#count % this.#actors.length;
    this.#actors[at] = actor;
    this.#operations[at] = operation;
    this.#count += 1;
  }

  /** Forgets all of them, so that what has ended is not kept for eyes alone. */
  clear(): void {
    if (this.#count === 0) return;
    this.#actors.fill(undefined);
    this.#count = 0;
  }

  /** Those since it was cleared last, the newest first, each once. */
  suspects(): readonly Suspect[] {
    const found = new Map<string, Suspect>();
    const kept = Math.min(this.#count, this.#actors.length);
    for (let back = 1; back <= kept; back += 1) {
      const at = (this.#count - back) % this.#actors.length;
      const suspect = { path: this.#actors[at]!.path(), operation: this.#operations[at]! };
      const key = `${suspect.path} ${suspect.operation}`;
      if (!found.has(key)) found.set(key, suspect);
    }
    return [...found.values()];
  }
}

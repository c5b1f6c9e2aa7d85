/**
 * A run of an actor that may have several open: of operations that interleave, of streams, and of the exclusive ones beside
 * them.
 *
 * While several runs are open, a ref that the actor keeps in its state does not tell which of them uses it. The refs of
 * this run's own message and context do: they belong to the run, so that its calls carry its chain after any `await`. One
 * that outlives its run, kept in the state, is the actor's like any other.
 */
import type { Cell } from './cell.ts';
import { OwnRefs } from './outside.ts';
import type { InternalRef } from './ref.ts';
import { Run } from './run.ts';
import type { Owner } from './target.ts';

export class InterleavedRun extends Run implements Owner {
  #refs: OwnRefs | undefined = undefined;
  readonly #cell: Cell;

  constructor(cell: Cell) {
    super(cell);
    this.#cell = cell;
  }

  override get owner(): Owner {
    return this;
  }

  get openRun(): Run | undefined {
    // A ref that was kept in the state meanwhile may be used by another run, which is known while its code is called.
    const called = this.#cell.runCalled;
    if (called !== undefined) return called;
    if (!this.isOver) return this;
    // Code that goes on after it was given up makes calls of its own, and not of whatever runs now.
    return this.isAborted || this.isStale ? undefined : this.#cell.openRun;
  }

  override get reusable(): boolean {
    return super.reusable && this.#refs === undefined;
  }

  adopt(ref: object): object {
    return this.#ownRefs().adopt(ref as InternalRef, this);
  }

  override get self(): object {
    return this.#ownRefs().self(this.#cell, this);
  }

  #ownRefs(): OwnRefs {
    if (this.#refs === undefined) {
      this.#refs = new OwnRefs();
      this.#cell.attend();
    }
    return this.#refs;
  }
}

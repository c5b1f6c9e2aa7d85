/**
 * The run of an operation that interleaves, or of a stream: open beside others of its actor.
 *
 * While several runs are open, a ref that the actor keeps in its state does not tell which of them uses it. The refs of
 * this run's own message and context do: they belong to the run, so that its calls carry its chain after any `await`.
 */
import type { Cell } from './cell.ts';
import { OwnRefs } from './outside.ts';
import type { InternalRef } from './ref.ts';
import { Run } from './run.ts';
import type { Owner } from './target.ts';

export class InterleavedRun extends Run implements Owner {
  readonly #refs = new OwnRefs();
  readonly #cell: Cell;

  constructor(cell: Cell) {
    super(cell);
    this.#cell = cell;
  }

  override get owner(): Owner {
    return this;
  }

  get openRun(): Run | undefined {
    return this.isOver ? undefined : this;
  }

  adopt(ref: object): object {
    return this.#refs.adopt(ref as InternalRef, this);
  }

  override get self(): object {
    return this.#refs.self(this.#cell, this);
  }
}

/**
 * The children of a router or a pool, kept at a number.
 *
 * A child that fails is restarted by its own supervision, in place. One that has ended for good is replaced, a while
 * later, so that one that keeps ending costs little. Children are numbered, and what takes another's place takes its
 * number. Of those that run elsewhere, the children here are the stand-ins.
 */
import { limits } from '../../base/limits.ts';
import type { Cell } from '../cell.ts';
import type { Where } from '../placed/where.ts';
import type { InternalRef } from '../ref.ts';
import { targetOf } from '../ref.ts';
import type { Terminated } from '../watch.ts';
import type { Managed } from './routees.ts';

export interface Child {
  readonly number: number;
  readonly ref: InternalRef;
  readonly cell: Cell;
}

/** What children are made of, and who is told of them. */
export interface ChildrenOptions {
  readonly definition: unknown;
  readonly args: unknown;
  /** Where they run; here unless given. */
  readonly on: Where | undefined;
  readonly started: (child: Child) => void;
  /** It has ended by itself. */
  readonly ended: (child: Child) => void;
  /** One too many: it gets nothing more, finishes what it has, and stops. */
  readonly retire: (child: Child) => void;
}

export class Children {
  readonly #options: ChildrenOptions;
  readonly #byNumber = new Map<number, Child>();
  #size = 0;

  constructor(options: ChildrenOptions) {
    this.#options = options;
  }

  /** How many there are to be. */
  get size(): number {
    return this.#size;
  }

  /** @throws SpawnFailed */
  resize(size: number, context: Managed): void {
    this.#size = size;
    this.replace(context);
    for (const child of [...this.#byNumber.values()].sort((a, b) => b.number - a.number)) {
      if (this.#byNumber.size <= size) return;
      this.#byNumber.delete(child.number);
      context.unwatch(child.ref as never);
      this.#options.retire(child);
    }
  }

  /** Starts those that are missing. @throws SpawnFailed */
  replace(context: Managed): void {
    for (let number = 1; this.#byNumber.size < this.#size; number += 1) {
      if (this.#byNumber.has(number)) continue;
      const { definition, args, on } = this.#options;
      const options = { args, ...(on === undefined ? {} : { on }) };
      const ref = context.spawn(definition as never, options as never) as unknown as InternalRef;
      const child = { number, ref, cell: targetOf(ref) as Cell };
      this.#byNumber.set(number, child);
      this.#options.started(child);
      context.watch(ref as never);
    }
  }

  terminated({ ref }: Terminated, context: Managed): void {
    const cell = targetOf(ref);
    const child = [...this.#byNumber.values()].find((one) => one.cell === cell);
    if (child === undefined) return;
    this.#byNumber.delete(child.number);
    this.#options.ended(child);
    context.after(limits.childReplaceMs, (context.self as never as { replace: never }).replace);
  }
}

/** What an actor has become, one behavior above the other; the base is at the bottom and never leaves. */
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { HandlerTable } from './handler-tables.ts';

export class BehaviorStack {
  readonly #tables: HandlerTable[] = [];

  /** The table of the present behavior; undefined for the base. */
  get top(): HandlerTable | undefined {
    return this.#tables.at(-1);
  }

  /** All of them, the first that it became first. */
  get tables(): readonly HandlerTable[] {
    return this.#tables;
  }

  /** @throws UsageError where become is called over and over without an unbecome */
  push(table: HandlerTable, name: string, path: string): void {
    if (this.#tables.length >= limits.behaviorsStackedMax) {
      throw new UsageError(
        `${path} cannot become "${name}": it has become ${this.#tables.length} behaviors without an unbecome`,
      );
    }
    this.#tables.push(table);
  }

  /** Back to what it was before. At the base it stays. */
  pop(): void {
    this.#tables.pop();
  }
}

/** What another node may do on this thread, where rules of `allow` say less than everything. */
import type { Cell } from '../actors/cell.ts';
import { rightLabelOf } from '../actors/delivery/delivered-operation.ts';
import { matches, type NodeRights } from './node-rules.ts';

export class Rights {
  readonly #given: NodeRights;
  /** What it has started here, as long as that is anywhere. */
  readonly #started = new WeakSet<Cell>();

  constructor(given: NodeRights) {
    this.#given = given;
  }

  maySpawn(name: string): boolean {
    return isAmong(this.#given.spawn, name);
  }

  /** @param label such as `counter.inc` */
  mayCall(label: string): boolean {
    const right = rightLabelOf(label);
    return right === undefined || isAmong(this.#given.operations, right);
  }

  started(cell: Cell): void {
    this.#started.add(cell);
  }

  /** Whether it may stop that actor, or link with it, which ends it too. */
  mayEnd(cell: Cell): boolean {
    return this.#started.has(cell);
  }
}

/** Undefined for a node that may do everything: nothing is looked up for it. */
export function rightsFrom(given: NodeRights): Rights | undefined {
  return given.spawn === undefined && given.operations === undefined ? undefined : new Rights(given);
}

function isAmong(patterns: readonly string[] | undefined, name: string): boolean {
  return patterns === undefined || patterns.some((pattern) => matches(pattern, name));
}

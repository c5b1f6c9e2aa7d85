/** What another node may do on this thread, where rules of `allow` say less than everything. */
import type { Cell } from '../actors/cell.ts';
import { rightLabelOf } from '../actors/delivery/delivered-operation.ts';
import { receptionName } from '../actors/finding/reception-protocol.ts';
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
    return (
      right === undefined ||
      (ofReception(right) ? this.#mayAskReception(right) : isAmong(this.#given.operations, right))
    );
  }

  /** True where it may say something to actors that speak that: then it may also find them by name, and watch them. */
  mayUse(protocol: string): boolean {
    const { operations } = this.#given;
    if (protocol === receptionName) return false;
    return operations === undefined || operations.some((pattern) => isOfSome(pattern, `${protocol}.`));
  }

  /** Whether it may be told when that actor ends. */
  mayWatch(cell: Cell): boolean {
    return this.#started.has(cell) || this.mayUse(cell.protocolName);
  }

  /**
   * What the receptionist knows is its own node's to say. Of others none but those that may do everything registers there,
   * unless a rule names that; names are found as far as `mayUse` allows.
   */
  #mayAskReception(label: string): boolean {
    const named = this.#given.operations?.filter((pattern) => pattern.startsWith(`${receptionName}.`));
    return label === namedLabel || (named !== undefined && isAmong(named, label));
  }

  started(cell: Cell): void {
    this.#started.add(cell);
  }

  /** Whether it may stop that actor, or link with it, which ends it too. */
  mayEnd(cell: Cell): boolean {
    return this.#started.has(cell);
  }
}

/** The look-up of a name. */
export const namedLabel: string = `${receptionName}.named`;

function ofReception(label: string): boolean {
  return label.startsWith(`${receptionName}.`);
}

/** True where the pattern fits some label that begins so, and goes on. */
function isOfSome(pattern: string, start: string): boolean {
  const star = pattern.indexOf('*');
  if (star === -1) return pattern.length > start.length && pattern.startsWith(start);
  // What comes behind the star is the end of a name that there may be.
  return star > start.length ? pattern.startsWith(start) : start.startsWith(pattern.slice(0, star));
}

/** Undefined for a node that may do everything: nothing is looked up for it. */
export function rightsFrom(given: NodeRights): Rights | undefined {
  return given.spawn === undefined && given.operations === undefined ? undefined : new Rights(given);
}

function isAmong(patterns: readonly string[] | undefined, name: string): boolean {
  return patterns === undefined || patterns.some((pattern) => matches(pattern, name));
}

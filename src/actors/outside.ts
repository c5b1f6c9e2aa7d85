/** Owners of refs: code outside of actors, and the cache by which an actor adopts the refs that reach it. */
import { limits } from '../base/limits.ts';
import type { Cell } from './cell.ts';
import type { Host } from './host.ts';
import { type InternalRef, publicClassOf, refFor, targetOf } from './ref.ts';
import type { Address, Owner, Target } from './target.ts';

/** Everything that is not an actor: it has no runs, so its calls begin new chains. */
export class Outside implements Owner {
  readonly openRun = undefined;
  readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  address(): Address {
    return { place: this.host.placeId, cell: 0 };
  }

  path(): string {
    return `troupe://${this.host.placeId}/`;
  }

  adopt(ref: object): object {
    return refFor(ref as InternalRef, this);
  }
}

/** The refs of one actor: its own, and those it has adopted, by target, so that a ref in a message costs one look-up. */
export class OwnRefs {
  #self: InternalRef | undefined = undefined;
  /** The first that was adopted, and the rest: many actors know but one other. */
  #first: InternalRef | undefined = undefined;
  #adopted: Map<Target, InternalRef> | undefined = undefined;

  /** The ref behind `ctx.self`. */
  self(cell: Cell, owner: Owner): InternalRef {
    this.#self ??= new cell.behavior.selfClass(cell, owner);
    return this.#self;
  }

  adopt(ref: InternalRef, owner: Owner): InternalRef {
    const target = targetOf(ref);
    const first = this.#first;
    if (first === undefined) {
      this.#first = refFor(ref, owner);
      return this.#first;
    }
    if (targetOf(first) === target && first.constructor === publicClassOf(ref)) return first;
    this.#adopted ??= new Map();
    const known = this.#adopted.get(target);
    if (known !== undefined && known.constructor === publicClassOf(ref)) return known;
    const adopted = refFor(ref, owner);
    if (this.#adopted.size >= limits.reboundRefsMax) {
      this.#adopted.clear();
      this.#first = undefined;
    }
    this.#adopted.set(target, adopted);
    return adopted;
  }
}

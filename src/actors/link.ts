/**
 * Links: two actors that share their fate, as in Erlang.
 *
 * When one of them ends by a failure, a kill, or the loss of its place, the other fails with `LinkedActorFailed`, and its
 * own supervision decides what follows. A stop ends the link without a word, and so does nothing: a link says that one
 * cannot do without the other's work, not that both end together. Each side watches the other, so a link holds across
 * threads and nodes; it belongs to both incarnations and outlives restarts.
 */
import { UsageError } from '../base/errors.ts';
import type { Cell } from './cell.ts';
import { LinkedActorFailed } from './errors.ts';
import { isRef, targetOf } from './ref.ts';
import { type EndReason, incarnationOf, isByName, type Target, type Watcher } from './target.ts';

/** One side's view of a link. */
class Link implements Watcher {
  readonly target: Target;
  readonly incarnation: string;
  readonly #links: Links;

  constructor(links: Links, target: Target, incarnation: string) {
    this.#links = links;
    this.target = target;
    this.incarnation = incarnation;
  }

  terminated(reason: EndReason): void {
    this.#links.ended(this, reason);
  }
}

/** The links of one actor. */
export class Links {
  readonly #cell: Cell;
  readonly #open = new Map<string, Link>();

  constructor(cell: Cell) {
    this.#cell = cell;
  }

  get size(): number {
    return this.#open.size;
  }

  /** @throws UsageError for what is no other actor, Rejected where it cannot be watched */
  link(ref: unknown): void {
    const target = otherThan(this.#cell, ref, 'link');
    if (this.#open.has(incarnationOf(target))) return;
    this.add(target);
    // What has ended already is answered by the watch.
    target.linkBack(this.#cell);
  }

  unlink(ref: unknown): void {
    const target = otherThan(this.#cell, ref, 'unlink');
    if (this.remove(incarnationOf(target))) target.unlinkBack(this.#cell);
  }

  /** This side of a link; the other side is told by who began it. */
  add(target: Target, again = false): void {
    const incarnation = incarnationOf(target);
    if (this.#open.has(incarnation)) return;
    const link = new Link(this, target, incarnation);
    this.#open.set(incarnation, link);
    try {
      target.watch(link, again);
    } catch (error) {
      this.#open.delete(incarnation);
      throw error;
    }
  }

  /** False where there was none. */
  remove(incarnation: string): boolean {
    const link = this.#open.get(incarnation);
    if (link === undefined) return false;
    this.#open.delete(incarnation);
    link.target.unwatch(link);
    return true;
  }

  ended(link: Link, reason: EndReason): void {
    if (this.#open.get(link.incarnation) !== link) return;
    this.#open.delete(link.incarnation);
    if (reason === 'stopped') return;
    const error = new LinkedActorFailed(link.target.path(), link.incarnation, reason);
    // Not on the stack of a handler, which may have ended the other itself.
    void Promise.resolve().then(() => this.#cell.failedBeside(error));
  }

  /** Whom it is linked to, for the place that it goes to. They are watched no more from here. */
  takeAll(): readonly Target[] {
    const targets = [...this.#open.values()].map(({ target }) => target);
    this.closeAll();
    return targets;
  }

  /** This actor has ended: the others are told by their own watches. */
  closeAll(): void {
    for (const link of this.#open.values()) link.target.unwatch(link);
    this.#open.clear();
  }
}

function otherThan(cell: Cell, ref: unknown, verb: string): Target {
  if (!isRef(ref)) throw new UsageError(`ctx.${verb} takes a ref of an actor; it was given ${typeof ref}`);
  const target = targetOf(ref);
  if (target === cell) throw new UsageError(`${cell.path()} cannot ${verb} itself`);
  if (isByName(target)) {
    const remedy = 'find the actor first, with system.find or ctx.receptionist.named';
    throw new UsageError(`ctx.${verb} takes a ref of an actor, and ${target.path()} is a name: ${remedy}`);
  }
  return target;
}

/**
 * Watching: an actor is told, once, when another has ended.
 *
 * The news travels in the user lane of the watcher's mailbox, at its place in the order, outside the capacity: so it
 * comes after the last message of the actor that ended. A watch belongs to the watcher's incarnation and outlives its
 * restarts; the watched actor's restarts do not end it. As in Erlang, a watch of what is already gone is answered at once.
 */
import { UsageError } from '../base/errors.ts';
import type { Cell } from './cell.ts';
import type { AnyRef } from './protocol.ts';
import { type InternalRef, isRef, targetOf } from './ref.ts';
import type { Signal } from './signal.ts';
import { type EndReason, incarnationOf, type Target, type Watcher } from './target.ts';

/** What `signals.terminated` gets. */
export interface Terminated {
  /** The actor that ended; compare with `sameRef`. */
  readonly ref: AnyRef;
  /**
   * `stopped`, `failed` and `killed` say how it ended, `place-lost` that its place cannot be reached any more, `unknown`
   * that it had ended before it was watched.
   */
  readonly reason: EndReason;
  /** Which life of it ended: `place#number`, the same text in every place, never used again. */
  readonly incarnation: string;
}

/** One watch, from the watcher's side; waits in its mailbox once the other has ended. */
export class Watch implements Watcher, Signal<Terminated> {
  readonly ref: InternalRef;
  readonly incarnation: string;
  readonly #watches: Watches;
  #event: Terminated | undefined = undefined;
  #taken = false;

  constructor(watches: Watches, ref: InternalRef, incarnation: string) {
    this.#watches = watches;
    this.ref = ref;
    this.incarnation = incarnation;
  }

  get target(): Target {
    return targetOf(this.ref);
  }

  terminated(reason: EndReason): void {
    if (this.#event !== undefined || !this.#watches.has(this)) return;
    this.#event = { ref: this.ref as unknown as AnyRef, reason, incarnation: this.incarnation };
    this.#watches.tell(this);
  }

  /** It was told where its actor was before, and waits in the queue again. */
  told(reason: EndReason): this {
    this.#event = { ref: this.ref as unknown as AnyRef, reason, incarnation: this.incarnation };
    return this;
  }

  /** What the dead letters show of it. */
  get event(): Terminated | undefined {
    return this.#event;
  }

  /** What the signal is called with, again where its handler failed; undefined when it was unwatched meanwhile. */
  take(): Terminated | undefined {
    this.#taken = this.#watches.close(this) || this.#taken;
    return this.#taken ? this.#event : undefined;
  }
}

/** What one actor watches. */
export class Watches {
  readonly #cell: Cell;
  readonly #open = new Map<string, Watch>();

  constructor(cell: Cell) {
    this.#cell = cell;
  }

  /** @throws UsageError where nothing would ever be told */
  watch(ref: unknown): void {
    if (!isRef(ref)) throw new UsageError(`ctx.watch takes a ref of an actor; it was given ${typeof ref}`);
    const { behavior } = this.#cell;
    if (behavior.terminated === undefined) {
      throw new UsageError(
        `actor "${behavior.name}" cannot watch: it has no \`terminated\` among its \`signals\` to be told by`,
      );
    }
    const target = targetOf(ref);
    if (target === this.#cell) throw new UsageError(`${this.#cell.path()} cannot watch itself`);
    const incarnation = incarnationOf(target);
    if (this.#open.has(incarnation)) return;
    const watch = new Watch(this, this.#cell.adopt(ref) as InternalRef, incarnation);
    this.#open.set(incarnation, watch);
    try {
      target.watch(watch);
    } catch (error) {
      this.#open.delete(incarnation);
      throw error;
    }
  }

  unwatch(ref: unknown): void {
    if (!isRef(ref)) throw new UsageError(`ctx.unwatch takes a ref of an actor; it was given ${typeof ref}`);
    const watch = this.#open.get(incarnationOf(targetOf(ref)));
    if (watch === undefined) return;
    this.close(watch);
    watch.target.unwatch(watch);
  }

  has(watch: Watch): boolean {
    return this.#open.get(watch.incarnation) === watch;
  }

  tell(watch: Watch): void {
    this.#cell.acceptSignal(this.#cell.behavior.terminated, watch);
  }

  /** False when it was closed before. */
  close(watch: Watch): boolean {
    return this.has(watch) && this.#open.delete(watch.incarnation);
  }

  /** Those that were not told yet, for the place that the watcher goes to. They are taken back here. */
  takeOpen(): readonly InternalRef[] {
    const open = [...this.#open.values()].filter(({ event }) => event === undefined);
    for (const watch of open) watch.target.unwatch(watch);
    this.#open.clear();
    return open.map(({ ref }) => ref);
  }

  /** Goes on with a watch that began where the watcher was before. */
  resume(ref: InternalRef): void {
    const watch = this.#add(ref);
    try {
      watch.target.watch(watch, true);
    } catch {
      // It can be watched no more; that is as much as is known of it.
      watch.terminated('unknown');
    }
  }

  /** The same where it had been told already: the news, for the queue. */
  resumeTold(ref: InternalRef, reason: EndReason): Watch {
    return this.#add(ref).told(reason);
  }

  #add(ref: InternalRef): Watch {
    const watch = new Watch(this, this.#cell.adopt(ref) as InternalRef, incarnationOf(targetOf(ref)));
    this.#open.set(watch.incarnation, watch);
    return watch;
  }

  /** The watcher has ended. */
  closeAll(): void {
    for (const watch of this.#open.values()) watch.target.unwatch(watch);
    this.#open.clear();
  }
}

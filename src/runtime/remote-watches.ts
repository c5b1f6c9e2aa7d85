/**
 * Watches between this place and another, in both directions.
 *
 * They are items of the session like tells, so that the news of an actor's end comes after its last message. A watch
 * holds neither the process nor a call: it waits as long as both places live.
 */
import type { Cell } from '../actors/cell.ts';
import { Rejected } from '../actors/outcomes.ts';
import type { PlaceLoss } from '../actors/place-lost.ts';
import type { EndReason, Watcher } from '../actors/target.ts';
import { limits } from '../base/limits.ts';
import { Kind } from './items.ts';

/** Lays down an item of the session. */
type Send = (kind: number, ...fields: readonly unknown[]) => void;

/** What actors of this place watch in the other. */
export class OutboundWatches {
  readonly #byNumber = new Map<number, { readonly watcher: Watcher; readonly cell: number }>();
  readonly #numbers = new Map<Watcher, number>();
  #next = 1;

  /**
   * @param again It goes on with a watch that began elsewhere.
   * @throws Rejected where there are too many
   */
  watch(watcher: Watcher, cell: number, path: string, again: boolean, send: Send): void {
    send(again ? Kind.watchAgain : Kind.watch, this.open(watcher, path, cell), cell);
  }

  /**
   * The number of a watch that the other place begins by itself.
   *
   * @param cell The actor's number, where it is known already.
   * @throws Rejected where there are too many
   */
  open(watcher: Watcher, path: string, cell = 0): number {
    if (this.#byNumber.size >= limits.watchesPerSessionMax) {
      throw new Rejected('full', `${path} cannot be watched: ${limits.watchesPerSessionMax} actors of its place are`);
    }
    const number = this.#next;
    this.#next += 1;
    this.#byNumber.set(number, { watcher, cell });
    this.#numbers.set(watcher, number);
    return number;
  }

  /** Takes back the watches of one actor over there. Returns whose they were. */
  takeOf(cell: number, send: Send): readonly Watcher[] {
    const those = [...this.#byNumber.values()].filter((one) => one.cell === cell).map(({ watcher }) => watcher);
    for (const watcher of those) this.unwatch(watcher, send);
    return those;
  }

  /** It never came to be. */
  drop(watcher: Watcher): void {
    const number = this.#numbers.get(watcher);
    if (number !== undefined) this.#forget(watcher, number);
  }

  unwatch(watcher: Watcher, send: Send): void {
    const number = this.#numbers.get(watcher);
    if (number === undefined) return;
    this.#forget(watcher, number);
    send(Kind.unwatch, number);
  }

  /** The other place says how it ended; that of an unwatched one may cross with the unwatch. @throws for no reason */
  terminated(number: number, reason: unknown): void {
    if (!isReason(reason)) throw new Error('an actor that ended for no known reason');
    this.#tell(number, reason);
  }

  /** The place is lost, and with it whatever is watched there. */
  lost(loss: PlaceLoss): void {
    for (const number of [...this.#byNumber.keys()]) this.#tell(number, 'place-lost', loss);
  }

  #tell(number: number, reason: EndReason, loss?: PlaceLoss): void {
    const watcher = this.#byNumber.get(number)?.watcher;
    if (watcher === undefined) return;
    this.#forget(watcher, number);
    watcher.terminated(reason, loss);
  }

  #forget(watcher: Watcher, number: number): void {
    this.#byNumber.delete(number);
    this.#numbers.delete(watcher);
  }
}

/** What actors of the other place watch in this one. */
export class InboundWatches {
  readonly #open = new Map<number, { readonly cell: Cell; readonly watcher: Watcher }>();

  /** True where the actor is watched from there. */
  has(cell: Cell): boolean {
    for (const one of this.#open.values()) if (one.cell === cell) return true;
    return false;
  }

  /**
   * @param ended How an actor that is gone has ended, where it is known and asked for.
   * @throws where the number is in use, or there are too many
   */
  watch(number: number, cell: Cell | undefined, ended: EndReason | undefined, send: Send): void {
    if (this.#open.has(number)) throw new Error('the number of a watch that is open');
    if (this.#open.size >= limits.watchesPerSessionMax) throw new Error('more watches than a session may hold');
    const watcher: Watcher = {
      terminated: (reason) => {
        this.#open.delete(number);
        send(Kind.terminated, number, reason);
      },
    };
    if (cell === undefined) {
      watcher.terminated(ended ?? 'unknown');
      return;
    }
    this.#open.set(number, { cell, watcher });
    cell.watch(watcher);
  }

  unwatch(number: number): void {
    const watch = this.#open.get(number);
    if (watch === undefined) return;
    this.#open.delete(number);
    watch.cell.unwatch(watch.watcher);
  }

  /** The other place is lost: nobody is left to be told. */
  close(): void {
    for (const { cell, watcher } of this.#open.values()) cell.unwatch(watcher);
    this.#open.clear();
  }
}

function isReason(value: unknown): value is EndReason {
  return (
    value === 'stopped' || value === 'failed' || value === 'killed' || value === 'unknown' || value === 'place-lost'
  );
}

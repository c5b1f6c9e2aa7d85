/**
 * `ctx.observe`: what a stream handler sees of its actor's state, evaluated after each message.
 *
 * Latest wins: a reader that is slow misses what was between, which needs no memory. With `every` values queue, and a
 * reader that falls a whole window behind ends as `Lagged`.
 */
import { limits } from '../base/limits.ts';
import { Lagged } from './outcomes.ts';
import { toSelfDescribing } from './schema/self-describing.ts';
import { StreamReader } from './stream-reader.ts';

/** What an observer had seen when its actor moved: the next one goes on from there. */
export interface ObserverSeed {
  /** What it saw last. */
  readonly last: unknown;
  /** What it has seen and its handler has not taken; the last of it is `last`. */
  readonly waiting: readonly unknown[];
}

export class Observer<T> implements AsyncIterable<T> {
  readonly #select: (state: unknown) => T;
  readonly #every: boolean;
  /** Whose it is: it ends with that run, or with its stream. */
  readonly run: unknown;
  readonly #onClose: (observer: Observer<T>) => void;
  readonly #reader = new StreamReader<T>();
  #last: T | undefined = undefined;
  #primed = false;

  constructor(select: (state: unknown) => T, every: boolean, run: unknown, onClose: (observer: Observer<T>) => void) {
    this.#select = select;
    this.#every = every;
    this.run = run;
    this.#onClose = onClose;
    this.#reader.open(() => ({
      consumed(): void {
        // What the actor's state does is not for the reader to slow down.
      },
      cancel: () => this.#onClose(this),
    }));
  }

  /** Undefined where it has seen nothing. */
  get seed(): ObserverSeed | undefined {
    return this.#primed ? { last: this.#last, waiting: this.#reader.waiting } : undefined;
  }

  /** Goes on after what another saw where the actor was before; `state` is the present one. */
  resume({ last, waiting }: ObserverSeed, state: unknown): void {
    for (const value of waiting) this.#reader.push(value as T);
    this.#primed = true;
    this.#last = last as T;
    try {
      // What is equal is made anew by its travel, and no change.
      const value = this.#select(state);
      if (isSame(value, last)) this.#last = value;
    } catch {
      // `notice` finds the same, and tells whoever reads.
    }
  }

  /** Called with the state after each message, and once at the start. */
  notice(state: unknown): void {
    let value: T;
    try {
      value = this.#select(state);
    } catch (error) {
      // It fails whoever reads it, and not the message after which it was called.
      this.end(error);
      return;
    }
    if (this.#primed && Object.is(value, this.#last)) return;
    this.#primed = true;
    this.#last = value;
    if (!this.#every && this.#reader.buffered > 0) this.#reader.dropOldest();
    if (this.#every && this.#reader.buffered >= limits.streamWindow) {
      const missed = this.#reader.buffered + 1;
      while (this.#reader.buffered > 0) this.#reader.dropOldest();
      this.end(
        new Lagged(
          missed,
          `a reader of ctx.observe({ every: true }) was ${missed} values behind; read faster or let latest win`,
        ),
      );
      return;
    }
    this.#reader.push(value);
  }

  end(...error: [thrown?: unknown]): void {
    this.#onClose(this);
    this.#reader.end(error.length === 0 ? undefined : { thrown: error[0] });
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return this.#reader;
  }
}

function isSame(value: unknown, last: unknown): boolean {
  if (Object.is(value, last)) return true;
  if (typeof value !== 'object' || typeof last !== 'object') return false;
  return JSON.stringify(toSelfDescribing(value)) === JSON.stringify(toSelfDescribing(last));
}

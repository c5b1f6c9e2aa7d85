/**
 * A named side output of a run, such as elements that came late.
 *
 * While somebody reads, the reader's pace holds back the stage behind it; while nobody does, the last elements are kept
 * and what is older is dropped, so that an output that nobody reads stops no run.
 */

import type { Stream } from '../actors/protocol.ts';
import { type StreamReader, streamOf } from '../actors/stream-reader.ts';
import { Ring } from '../base/ring.ts';
import { streamLimits } from './limits.ts';

export class SideOutput {
  readonly #readers = new Set<StreamReader<unknown>>();
  readonly #kept = new Ring<unknown>();
  #waiters: (() => void)[] = [];
  #ended: { readonly error: { readonly thrown: unknown } | undefined } | undefined = undefined;
  /** Whether what nobody has read yet is kept, and more of it waited for. */
  readonly #waits: boolean;
  /** All readers of an output that waits for them have left. */
  #left = false;
  /** Elements that nobody read. */
  dropped = 0;

  constructor({ waits }: { readonly waits: boolean }) {
    this.#waits = waits;
  }

  /** Takes a batch. Resolves when there is room for more, to false when nobody will want any. */
  async push(batch: readonly unknown[]): Promise<boolean> {
    for (const item of batch) this.#give(item);
    while (this.#isFull() && this.#ended === undefined) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
    return !this.#left;
  }

  #isFull(): boolean {
    if (this.#readers.size === 0) return this.#waits && this.#kept.size >= streamLimits.sideOutputKept;
    return [...this.#readers].some((reader) => reader.buffered >= streamLimits.outletHighWater);
  }

  end(error?: { readonly thrown: unknown }): void {
    if (this.#ended !== undefined) return;
    this.#ended = { error };
    for (const reader of this.#readers) reader.end(error);
    this.#wake();
  }

  stream(): Stream<unknown> {
    return streamOf((reader) => {
      for (let item = this.#kept.shift(); item !== undefined; item = this.#kept.shift()) reader.push(item);
      if (this.#ended === undefined) this.#readers.add(reader);
      else reader.end(this.#ended.error);
      this.#left = false;
      this.#wake();
      return {
        consumed: () => this.#wake(),
        cancel: () => {
          this.#readers.delete(reader);
          this.#left = this.#waits && this.#readers.size === 0;
          this.#wake();
        },
      };
    });
  }

  #give(item: unknown): void {
    for (const reader of this.#readers) reader.push(item);
    if (this.#readers.size > 0) return;
    if (this.#left) {
      this.dropped += 1;
      return;
    }
    this.#kept.push(item);
    if (this.#waits || this.#kept.size <= streamLimits.sideOutputKept) return;
    this.#kept.shift();
    this.dropped += 1;
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}

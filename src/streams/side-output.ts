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
  /** Elements that nobody read. */
  dropped = 0;

  /** Takes a batch. Resolves when its readers have room for more. */
  async push(batch: readonly unknown[]): Promise<void> {
    for (const item of batch) this.#give(item);
    while ([...this.#readers].some((reader) => reader.buffered >= streamLimits.outletHighWater)) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
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
      return {
        consumed: () => this.#wake(),
        cancel: () => {
          this.#readers.delete(reader);
          this.#wake();
        },
      };
    });
  }

  #give(item: unknown): void {
    for (const reader of this.#readers) reader.push(item);
    if (this.#readers.size > 0) return;
    this.#kept.push(item);
    if (this.#kept.size <= streamLimits.sideOutputKept) return;
    this.#kept.shift();
    this.dropped += 1;
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}

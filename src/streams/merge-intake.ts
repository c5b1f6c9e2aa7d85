/** Takes frames from several edges in turn, and joins their watermarks: event time has gone as far as on the slowest. */
import type { DataFrame } from './frame.ts';
import type { Inlet } from './inlet.ts';
import type { Batch, Intake } from './intake.ts';
import { WatermarkMerge } from './watermark-merge.ts';

export class MergeIntake implements Intake {
  readonly #inlets: readonly Inlet<unknown>[];
  readonly #watermarks: WatermarkMerge;
  readonly #endSeen: boolean[];
  #next = 0;
  /** Elements given so far. */
  taken = 0;
  #taken: { readonly inlet: Inlet<unknown>; readonly frame: DataFrame<unknown> } | undefined;

  /** @param groups which of the inlets come from the same segment, as `WatermarkMerge` says; all unless given. */
  constructor(inlets: readonly Inlet<unknown>[], groups: readonly number[] = inlets.map(() => 0)) {
    this.#inlets = inlets;
    this.#watermarks = new WatermarkMerge(groups);
    this.#endSeen = inlets.map(() => false);
  }

  get ended(): boolean {
    return this.#inlets.every((inlet) => inlet.ended) && this.#endSeen.every((seen) => seen);
  }

  /** @throws the failure of a segment before, once its elements were taken. */
  take(): Batch | undefined {
    for (let turn = 0; turn < this.#inlets.length; turn += 1) {
      const index = (this.#next + turn) % this.#inlets.length;
      const batch = this.#takeFrom(index);
      if (batch === undefined) continue;
      this.#next = index + 1;
      return batch;
    }
    return undefined;
  }

  release(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.inlet.consumed(taken.frame);
  }

  cancel(): void {
    for (const inlet of this.#inlets) inlet.cancel();
  }

  #takeFrom(index: number): Batch | undefined {
    const inlet = this.#inlets[index]!;
    const frame = inlet.take();
    if (frame === undefined) {
      if (inlet.failure !== undefined) throw inlet.failure;
      if (!inlet.ended || this.#endSeen[index]) return undefined;
      this.#endSeen[index] = true;
      const marks = this.#watermarks.advance(index, Infinity);
      return marks.length === 0 ? undefined : { items: [], times: undefined, marks };
    }
    this.#taken = { inlet, frame };
    this.taken += frame.items.length;
    const { items, times, watermark } = frame;
    const marks = watermark === undefined ? [] : this.#watermarks.advance(index, watermark);
    return { items, times, marks };
  }
}

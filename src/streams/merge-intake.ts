/**
 * Takes frames from several edges in turn, and joins their watermarks: event time has gone as far as on the slowest.
 *
 * Where there are several ports with event time, what is there of the port that is furthest behind goes first, so that
 * one that is ahead waits in its queue, and then in its source, rather than in the state of who joins them. Nothing is
 * waited for: where the port behind has nothing, the others go on.
 */
import type { DataFrame } from './frame.ts';
import type { Inlet } from './inlet.ts';
import type { Batch, Intake } from './intake.ts';
import { WatermarkMerge } from './watermark-merge.ts';

export class MergeIntake implements Intake {
  readonly #inlets: readonly Inlet<unknown>[];
  readonly #watermarks: WatermarkMerge;
  readonly #endSeen: boolean[];
  readonly #ports: readonly number[] | undefined;
  readonly #aligned: boolean;
  /** Of each port by itself, where there are several. */
  readonly #portMarks: readonly WatermarkMerge[];
  readonly #heldPorts = new Set<number>();
  /** Inlets that neither event time nor the end waits for. */
  readonly #aside: readonly boolean[];
  #next = 0;
  /** Elements given so far. */
  taken = 0;
  #taken: { readonly inlet: Inlet<unknown>; readonly frame: DataFrame<unknown> } | undefined;

  /**
   * @param groups which of the inlets come from the same segment, as `WatermarkMerge` says; all unless given.
   * @param ports the port of each inlet, where batches are to say which they came by.
   * @param options.aside the port that neither event time nor the end of the others waits for.
   * @param options.aligned whether a port goes first that is behind others in event time.
   */
  constructor(
    inlets: readonly Inlet<unknown>[],
    groups: readonly number[] = inlets.map(() => 0),
    ports?: readonly number[],
    { aside, aligned = false }: { readonly aside?: number | undefined; readonly aligned?: boolean } = {},
  ) {
    this.#inlets = inlets;
    this.#ports = ports;
    this.#aligned = aligned;
    const count = ports === undefined ? 0 : Math.max(...ports) + 1;
    this.#portMarks = Array.from({ length: count }, () => new WatermarkMerge(groups));
    // An inlet of another port is no input of this one, as if it had ended.
    for (const [index, port] of ports?.entries() ?? []) {
      this.#portMarks.forEach((marks, other) => {
        if (other !== port) marks.advance(index, Infinity);
      });
    }
    this.#watermarks = new WatermarkMerge(groups);
    this.#aside = inlets.map((_, index) => aside !== undefined && ports?.[index] === aside);
    this.#aside.forEach((isAside, index) => {
      if (isAside) this.#watermarks.advance(index, Infinity);
    });
    this.#endSeen = inlets.map(() => false);
  }

  get ended(): boolean {
    const over = this.#inlets.every((inlet, index) => this.#aside[index] || (inlet.ended && this.#endSeen[index]!));
    // Nobody needs what else comes by a port that is not waited for.
    if (over) this.#inlets.forEach((inlet, index) => void (this.#aside[index] && inlet.cancel()));
    return over;
  }

  /** @throws the failure of a segment before, once its elements were taken. */
  take(): Batch | undefined {
    if (this.#aligned) {
      const first = this.#furthestBehind();
      const batch = first === undefined ? undefined : this.#takeFrom(first, this.#ports![first]);
      if (batch !== undefined) {
        this.#next = first! + 1;
        return batch;
      }
    }
    for (let turn = 0; turn < this.#inlets.length; turn += 1) {
      const index = (this.#next + turn) % this.#inlets.length;
      const port = this.#ports?.[index];
      if (port !== undefined && this.#heldPorts.has(port)) continue;
      const batch = this.#takeFrom(index, port);
      if (batch === undefined) continue;
      this.#next = index + 1;
      return batch;
    }
    return undefined;
  }

  /** Whether batches of a port stay where they are. */
  hold(port: number, held: boolean): void {
    if (held) this.#heldPorts.add(port);
    else this.#heldPorts.delete(port);
  }

  release(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.inlet.consumed(taken.frame);
  }

  cancel(): void {
    for (const inlet of this.#inlets) inlet.cancel();
  }

  /** Of the inlets that have something, one whose port is the furthest behind; of several, the next in turn. */
  #furthestBehind(): number | undefined {
    let found: number | undefined;
    let foundMs = Infinity;
    for (let turn = 0; turn < this.#inlets.length; turn += 1) {
      const index = (this.#next + turn) % this.#inlets.length;
      const port = this.#ports![index]!;
      if (this.#heldPorts.has(port) || this.#inlets[index]!.waiting === 0) continue;
      const { mergedMs } = this.#portMarks[port]!;
      if (found !== undefined && mergedMs >= foundMs) continue;
      found = index;
      foundMs = mergedMs;
    }
    return found;
  }

  #takeFrom(index: number, port: number | undefined): Batch | undefined {
    const inlet = this.#inlets[index]!;
    const frame = inlet.take();
    if (frame === undefined) {
      if (inlet.failure !== undefined) throw inlet.failure;
      if (!inlet.ended || this.#endSeen[index]) return undefined;
      this.#endSeen[index] = true;
      const batch = this.#batchOf([], undefined, index, port, Infinity);
      return batch.marks.length === 0 && (batch.portMarks ?? []).length === 0 ? undefined : batch;
    }
    this.#taken = { inlet, frame };
    this.taken += frame.items.length;
    const { items, times, watermark } = frame;
    return this.#batchOf(items, times, index, port, watermark);
  }

  #batchOf(
    items: Batch['items'],
    times: Batch['times'],
    index: number,
    port: number | undefined,
    mark: number | undefined,
  ): Batch {
    const marks = mark === undefined || this.#aside[index] ? [] : this.#watermarks.advance(index, mark);
    if (port === undefined) return { items, times, marks };
    const portMarks = mark === undefined ? [] : this.#portMarks[port]!.advance(index, mark);
    return { items, times, marks, port, portMarks };
  }
}

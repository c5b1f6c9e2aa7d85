/** Side outputs of an instance, as streams of batches that its run reads, and that are granted again as these are taken. */
import { StreamReader } from '../actors/stream-reader.ts';
import type { Downstream } from './frame.ts';
import { streamLimits } from './limits.ts';
import type { Segment } from './segment.ts';

export class SideReader {
  readonly name: string;
  readonly batches: StreamReader<readonly unknown[]> = new StreamReader<readonly unknown[]>();
  readonly downstream: Downstream<unknown>;
  /** Which output of the segment it is. */
  readonly #output: number;
  readonly #counts: number[] = [];
  #batchesTaken = 0;
  #elementsTaken = 0;

  /** @param segment the segment that writes, once there is one. */
  constructor(name: string, output: number, segment: () => Segment | undefined) {
    this.name = name;
    this.#output = output;
    this.batches.open(() => ({
      consumed: (batches) => {
        for (; this.#batchesTaken < batches; this.#batchesTaken += 1) this.#elementsTaken += this.#counts.shift() ?? 0;
        this.grant(segment());
      },
      cancel: () => segment()?.cancelOutput(output),
    }));
    this.downstream = {
      data: ({ items }) => {
        if (items.length === 0) return;
        this.#counts.push(items.length);
        this.batches.push(items);
      },
      end: () => this.batches.end(),
      fail: () => this.batches.end(),
    };
  }

  grant(segment: Segment | undefined): void {
    segment?.grant(this.#output, this.#elementsTaken + streamLimits.edgeWindow, Infinity);
  }
}

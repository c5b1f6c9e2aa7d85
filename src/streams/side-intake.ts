/**
 * The run's end of a side output of an instance: an edge whose frames come as a stream.
 *
 * Credit is that of an edge and not that of the stream, which counts frames, takes 256 of them ahead, and does not know
 * what they hold. A frame counts as consumed when whoever reads the output has room for more.
 */
import { EdgeBroken } from './errors.ts';
import type { DataFrame } from './frame.ts';
import { Inlet } from './inlet.ts';
import { streamLimits } from './limits.ts';
import type { SideOutput } from './side-output.ts';
import type { StageRef } from './stage-protocol.ts';

export class SideIntake {
  readonly #name: string;
  readonly #from: StageRef;
  readonly #to: SideOutput;
  readonly #inlet: Inlet<unknown>;
  #over = false;

  /** @param output which output of `from` it is. */
  constructor(name: string, from: StageRef, output: number, to: SideOutput) {
    this.#name = name;
    this.#from = from;
    this.#to = to;
    this.#inlet = new Inlet<unknown>(streamLimits.edgeWindow, streamLimits.edgeWindowWeight, {
      grant: (upTo, weightUpTo) => {
        if (!this.#over) from.grant({ output, upTo, weightUpTo });
      },
      // Whoever leaves the stream of frames is heard of by that.
      cancel: () => undefined,
    });
  }

  /** Makes the first grant. */
  open(): void {
    this.#inlet.open();
  }

  /** Says its grant again where nothing came: it may have been lost. */
  repeat(): void {
    this.#inlet.repeat();
  }

  /** The instance has ended: nobody is left to be granted anything. What it sent before is still passed on. */
  close(): void {
    this.#over = true;
  }

  /** Passes on what comes until it ends, nobody wants the rest, or the instance is lost, which its reports say. */
  async drain(broken: (error: EdgeBroken) => void): Promise<void> {
    try {
      for await (const frame of this.#from.side({ name: this.#name }) as AsyncIterable<DataFrame<unknown>>) {
        this.#inlet.data(frame);
        if (!(await this.#to.push(frame.items))) return;
        this.#inlet.consumed(frame);
      }
    } catch (thrown) {
      if (thrown instanceof EdgeBroken) broken(thrown);
    }
  }
}

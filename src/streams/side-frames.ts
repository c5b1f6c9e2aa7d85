/** A side output of an instance, as a stream of the frames that its run has granted. `side-intake.ts` is the other end. */
import { StreamReader } from '../actors/stream-reader.ts';
import type { DataFrame, Downstream } from './frame.ts';

export class SideFrames {
  readonly name: string;
  readonly frames: StreamReader<DataFrame<unknown>> = new StreamReader<DataFrame<unknown>>();
  readonly downstream: Downstream<unknown>;

  /** @param cancel called when nobody reads any more. */
  constructor(name: string, cancel: () => void) {
    this.name = name;
    this.frames.open(() => ({ consumed: () => undefined, cancel }));
    this.downstream = {
      data: (frame) => {
        if (frame.items.length > 0) this.frames.push(frame);
      },
      end: () => this.frames.end(),
      fail: () => this.frames.end(),
    };
  }
}

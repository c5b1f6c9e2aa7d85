/** How a test lets time pass until something has come: virtual time in one thread, real time beside others. */
import { realMs, sleep } from './event-loop.ts';
import { limits } from './limits.ts';

export interface Passage {
  /** How long, in ms, a probe waits for a message, and listens for silence, unless it says otherwise. */
  readonly defaults: { readonly expectMs: number; readonly silenceMs: number };
  /** Lets everything happen until `isDone`, for at most `withinMs`; never rejects for what has not come. */
  waitFor(isDone: () => boolean, withinMs: number): Promise<void>;
  /** What a reader of a failed expectation should know of time and order: sentences, or nothing. */
  describe(): string;
}

/** Real time, for actors on worker threads and nodes. */
export class RealTime implements Passage {
  readonly defaults: Passage['defaults'] = { expectMs: limits.expectMs, silenceMs: limits.silenceMs };

  async waitFor(isDone: () => boolean, withinMs: number): Promise<void> {
    const endMs = realMs() + withinMs;
    while (!isDone() && realMs() < endMs) await sleep(1);
  }

  describe(): string {
    return '';
  }
}

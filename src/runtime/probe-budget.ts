/**
 * How many probes of one node are followed on this thread: each costs as many steps as the runs and calls that it comes to.
 *
 * A probe that is dropped does no harm for long: whoever sent it first sends another as long as its call is open, ever later, and
 * the call has a deadline. So a node that sends more than are followed finds its deadlocks later, and takes no time of others.
 */
import { type CallHere, followProbe, type Probe } from '../actors/wait-elsewhere.ts';
import type { Clock } from '../base/environment/clock.ts';
import { limits } from '../base/limits.ts';
import { TokenBucket } from '../base/token-bucket.ts';

export class ProbeBudget {
  readonly #bucket: TokenBucket;
  readonly #onDropped: () => void;

  constructor(clock: Clock, onDropped: () => void) {
    this.#bucket = new TokenBucket(clock, { perSecond: limits.probeStepsPerSecond, burst: limits.probeStepsBurst });
    this.#onDropped = onDropped;
  }

  follow(call: CallHere, probe: Probe): void {
    // What it costs is known afterwards, and paid for before the next.
    if (this.#bucket.take()) this.#bucket.charge(followProbe(call, probe));
    else this.#onDropped();
  }
}

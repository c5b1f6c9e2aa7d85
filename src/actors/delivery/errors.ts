/** Errors of reliable delivery that are not the outcome of a message; those are the ones of any ask. */
import { TroupeError } from '../../base/errors.ts';

/** A message could not be delivered reliably, and its producer does not try any longer. */
export class DeliveryFailed extends TroupeError<'DeliveryFailed'> {
  /**
   * Why it does not.
   *
   * - `ended`: the consumer has ended, and no successor of it was found. `unreachable`: it was out of reach for `giveUpMs`.
   * - `lost`: as many workers as `attempts` says were lost with it.
   * - `closed`: the producer was closed, or the actor or system that it belongs to has ended or restarted.
   * - `full`: too many messages wait already; wait for `deliveryOf(…).room()` between them.
   */
  readonly reason: 'ended' | 'unreachable' | 'lost' | 'closed' | 'full';
  /** True where its handler may have run. */
  readonly mayHaveRun: boolean;

  constructor(reason: DeliveryFailed['reason'], mayHaveRun: boolean, message: string, cause?: unknown) {
    const options = { retryable: !mayHaveRun && reason !== 'closed', ...(cause === undefined ? {} : { cause }) };
    super('DeliveryFailed', message, options);
    this.reason = reason;
    this.mayHaveRun = mayHaveRun;
  }
}

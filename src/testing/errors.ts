/** What a system under test ends a wait with, other than an expectation that was not met. */
import { TroupeError } from '../base/errors.ts';
import type { OpenCode } from './open-code.ts';

/** The actors did not come to rest: some wait for the outside, or they keep each other busy for ever. */
export class NotSettled extends TroupeError<'NotSettled'> {
  /** `open`: code waits for what is neither an actor nor virtual time. `endless`: turns without an end. */
  readonly reason: 'open' | 'endless';
  /** What waits, or whose turn it is. */
  readonly open: readonly OpenCode[];

  constructor(reason: NotSettled['reason'], message: string, open: readonly OpenCode[]) {
    super('NotSettled', message);
    this.reason = reason;
    this.open = open;
  }
}

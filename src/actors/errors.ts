/** Errors of the actor floor that are not the end of a call; those are in `outcomes.ts`. */
import { TroupeError } from '../base/errors.ts';

/** An actor did not start. Nothing of it is left. */
export class SpawnFailed extends TroupeError<'SpawnFailed'> {
  readonly reason:
    | 'unregistered'
    | 'arguments'
    | 'state'
    | 'resource'
    | 'name-taken'
    | 'name'
    | 'place-lost'
    | 'no-place'
    | 'version'
    | 'shutdown';

  constructor(reason: SpawnFailed['reason'], message: string, cause?: unknown) {
    super('SpawnFailed', message, { cause, retryable: reason === 'place-lost' });
    this.reason = reason;
  }
}

/** Thrown by `ctx.fail` to leave the handler; caught by the cell and turned into the operation's declared error. */
export class DeclaredFailureSignal {
  readonly errorCode: string;
  readonly data: unknown;

  constructor(errorCode: string, data: unknown) {
    this.errorCode = errorCode;
    this.data = data;
  }
}

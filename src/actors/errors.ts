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

/** The receptionist could not do what it was asked. */
export class LookupFailed extends TroupeError<'LookupFailed'> {
  /**
   * `protocol`: the name or key stands for actors of another protocol. `full`: there are too many entries, or the actor
   * cannot be watched for the same reason.
   */
  readonly reason: 'protocol' | 'full';

  constructor(reason: LookupFailed['reason'], message: string) {
    super('LookupFailed', message, { retryable: reason === 'full' });
    this.reason = reason;
  }
}

/** A router or pool could not be managed as asked. */
export class RoutingRefused extends TroupeError<'RoutingRefused'> {
  /**
   * `no-router`: the ref is of a plain actor. `not-offered`: this kind of router is not managed this way. `protocol`: the
   * routee speaks another protocol. `cycle`: the routee passes on to the router itself. `full`: too many routees. `size`:
   * outside the bounds of the pool.
   */
  readonly reason: 'no-router' | 'not-offered' | 'protocol' | 'cycle' | 'full' | 'size';

  constructor(reason: RoutingRefused['reason'], message: string) {
    super('RoutingRefused', message, { retryable: reason === 'full' });
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

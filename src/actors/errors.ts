/** Errors of the actor floor that are not the end of a call; those are in `outcomes.ts`. */
import { TroupeError } from '../base/errors.ts';
import type { EndReason } from './target.ts';

/** An actor did not start. Nothing of it is left. */
export class SpawnFailed extends TroupeError<'SpawnFailed'> {
  /**
   * What was missing.
   *
   * - `unregistered`: the actor is in no registry of the place. `version`: it is another definition there.
   * - `arguments`: they do not fit the schema. `state`: `state` or `signals.started` failed. `resource`: one could not
   * be opened.
   * - `name`: no name for an actor. `name-taken`: another actor of the place has it.
   * - `no-place`: no node has joined with that role. `place-lost`: the place was lost meanwhile. `shutdown`: the system
   * ends.
   */
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

/**
 * What an actor fails with whose place was lost: it ran elsewhere, and went with its thread or node. Its supervision
 * decides what follows; a restart starts it on another place.
 */
export class PlaceLost extends TroupeError<'PlaceLost'> {
  /** The id of the place: `node~incarnation/thread`. */
  readonly place: string;
  /**
   * How it was lost. `exit`: the thread exited, or ended for no known reason. `exception`: by an uncaught exception or an
   * unhandled rejection. `memory`: it ran out of memory. `blocked`: its loop was held for too long, and it was
   * terminated. `unreachable`: the link to its node was lost, or it did not answer.
   */
  readonly reason: 'exit' | 'exception' | 'memory' | 'blocked' | 'unreachable';

  constructor(place: string, reason: PlaceLost['reason'], message: string = `${place} ${lossTexts[reason]}`) {
    super('PlaceLost', message, { retryable: true });
    this.place = place;
    this.reason = reason;
  }
}

const lossTexts: { readonly [R in PlaceLost['reason']]: string } = {
  exit: 'has exited, with the actors that ran there',
  exception: 'ended by an uncaught exception, with the actors that ran there',
  memory: 'ran out of memory, and ended with the actors that ran there',
  blocked: 'was blocked for too long, and was ended with the actors that ran there',
  unreachable: 'cannot be reached any more, nor can the actors that ran there',
};

/** What an actor fails with when one that it is linked to has ended other than by a stop. */
export class LinkedActorFailed extends TroupeError<'LinkedActorFailed'> {
  /** Path of the actor that ended. */
  readonly path: string;
  /** `place#number`, as in `Terminated`. */
  readonly incarnation: string;
  /** `unknown` where it had ended before it was linked. */
  readonly reason: Exclude<EndReason, 'stopped'>;

  constructor(path: string, incarnation: string, reason: LinkedActorFailed['reason']) {
    super('LinkedActorFailed', `${path}, to which it was linked, ${endTexts[reason]}`);
    this.path = path;
    this.incarnation = incarnation;
    this.reason = reason;
  }
}

const endTexts: { readonly [R in LinkedActorFailed['reason']]: string } = {
  failed: 'has failed and ended',
  killed: 'was killed',
  'place-lost': 'was lost with its place',
  unknown: 'had ended already',
};
/**
 * An actor set more messages aside than its stash holds. It is the actor's own failure: the message follows its poison
 * policy.
 */
export class StashFull extends TroupeError<'StashFull'> {
  /** How many messages the stash holds. */
  readonly stashMax: number;

  constructor(path: string, operation: string, stashMax: number) {
    super(
      'StashFull',
      `${path} cannot set ${operation} aside: its stash holds ${stashMax} messages already. Call ctx.unstash() sooner, ` +
        'answer what cannot be handled now, or give mailbox.stash a higher bound',
    );
    this.stashMax = stashMax;
  }
}

/** Thrown to leave a handler without having handled its message; caught by the cell, which does the rest. */
export class LeaveSignal {
  /** `stash`: to be handled later; `unhandled`: refused. */
  readonly how: 'stash' | 'unhandled';

  constructor(how: 'stash' | 'unhandled') {
    this.how = how;
  }

  /** What a log shows where it was thrown out of the reach of its handler. */
  toString(): string {
    return `ctx.stash() or an unhandled operation, caught too late ("${this.how}")`;
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
  readonly #errorCode: string;
  readonly data: unknown;

  constructor(errorCode: string, data: unknown) {
    this.#errorCode = errorCode;
    this.data = data;
  }

  get errorCode(): string {
    return this.#errorCode;
  }

  /** By its private field and not by `instanceof`, at which a proxy that a handler throws may throw itself. */
  static is(thrown: unknown): thrown is DeclaredFailureSignal {
    return typeof thrown === 'object' && thrown !== null && #errorCode in thrown;
  }
}

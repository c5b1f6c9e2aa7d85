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
   * - `forbidden`: the rules of the other node do not give this one that actor.
   * - `no-place`: no node has joined with that role. `place-lost`: the place was lost meanwhile. `shutdown`: the system
   * ends.
   */
  readonly reason:
    | 'unregistered'
    | 'forbidden'
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

/** What was given as the address of an actor is none. */
export class InvalidAddress extends TroupeError<'InvalidAddress'> {
  /** `scheme`: it does not begin with `troupe://`. `node`: it names no node. `name`: it names no top-level actor. */
  readonly reason: 'scheme' | 'node' | 'name';

  constructor(reason: InvalidAddress['reason'], message: string) {
    super('InvalidAddress', message);
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

/**
 * `system.move` did not move the actor. It runs on where it was, untouched, unless the reason is `gone`.
 */
export class MoveRefused extends TroupeError<'MoveRefused'> {
  /**
   * What was in the way.
   *
   * - `busy`: it did not come to rest within the deadline, it moves already, it failed meanwhile, or it is about to stop.
   * - `closure`: its state is a closure, which cannot travel. `kind`: a router, a pool, a child, or an actor with children.
   * - `state`: its state holds what cannot travel; the text says where in it.
   * - `place`: the other place does not take it: it is gone or on another node, does not know the definition, cannot open a
   * resource of it, or has another actor of its name; `cause` says which.
   * - `gone`: it has ended, or was lost with its place.
   */
  readonly reason: 'busy' | 'closure' | 'kind' | 'state' | 'place' | 'gone';

  constructor(reason: MoveRefused['reason'], message: string, cause?: unknown) {
    const options = { retryable: reason === 'busy', ...(cause === undefined ? {} : { cause }) };
    super('MoveRefused', message, options);
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

/**
 * A place that is lost: what is known of it, as plain data between threads and as the error that its actors fail with.
 *
 * The reason tells the ways to die apart, since each asks for something else to be done. It stands on the floor of the
 * actors because whoever supervises an actor of a lost place is handed this error, like any other failure.
 */
import { TroupeError } from '../base/errors.ts';

/**
 * How a place was lost.
 *
 * - `exit`: `process.exit` in the thread, or its end for no known reason.
 * - `exception`: an uncaught exception or an unhandled rejection in the thread.
 * - `memory`: it reached the bound of its memory, `threads.memoryMbMax`.
 * - `blocked`: its event loop was held for `threads.blockedMs`, and it was ended.
 * - `unreachable`: the link to its node was lost.
 */
export type PlaceLostReason = 'exit' | 'exception' | 'memory' | 'blocked' | 'unreachable';

/** A loss as the places tell each other. */
export interface PlaceLoss {
  /** The id of the place: `node~incarnation/thread`. */
  readonly place: string;
  readonly reason: PlaceLostReason;
  /** What happened, such as `exit code 3`; for texts. */
  readonly what: string;
}

const remedies: { readonly [R in PlaceLostReason]: string } = {
  exit: 'An actor ends by ctx.stop(), not by process.exit, which ends its whole thread',
  exception: 'Catch what is thrown beside a handler, in timers and listeners, and await every promise',
  memory: 'Keep less in each actor, spread them over more threads, or raise threads.memoryMbMax',
  blocked: 'Split the work of that handler, or raise threads.blockedMs where it is meant to hold its thread that long',
  unreachable: 'Its node is joined again by itself once it can be reached',
};

/**
 * The thread or the node that an actor lived on was lost, and the actor with it. It is a failure of the actor: the
 * directive of its supervision is asked with this as `error`, and `restart` starts it again on another thread.
 */
export class PlaceLost extends TroupeError<'PlaceLost'> {
  /** The id of the place: `node~incarnation/thread`. */
  readonly place: string;
  /** How it was lost. */
  readonly reason: PlaceLostReason;

  /** @internal */
  constructor(place: string, reason: PlaceLostReason, what?: string, cause?: unknown) {
    const how = what === undefined ? reason : `${reason}: ${what}`;
    super('PlaceLost', `${place} was lost (${how}). ${remedies[reason]}.`, {
      retryable: true,
      ...(cause === undefined ? {} : { cause }),
    });
    this.place = place;
    this.reason = reason;
  }
}

/** The error that the actors of a place fail with that was lost so. */
export function placeLost({ place, reason, what }: PlaceLoss, cause?: unknown): PlaceLost {
  return new PlaceLost(place, reason, what, cause);
}

/** Verbs on refs. Functions and not methods, so that they never collide with the names of operations. */
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { AnyRef } from './protocol.ts';
import { isRef, targetOf } from './ref.ts';
import { incarnationOf, type StopOptions, type Target } from './target.ts';

/**
 * Stops an actor after its current message; what is queued behind becomes dead letters. With `drain` it first handles
 * what is queued, and refuses what comes meanwhile: asks and offers with `NotDelivered`, tells as dead letters with the
 * reason `draining`.
 *
 * @returns when the actor has ended. With `deadlineMs` it is killed then, and the promise rejects with `ActorFailed`.
 * @throws UsageError for a `deadlineMs` that is no time
 */
export function stop(ref: AnyRef, options?: StopOptions): Promise<void> {
  const stopped = target(ref, 'stop');
  const deadlineMs: unknown = options?.deadlineMs;
  // What is no number would be a deadline of 0 ms, and kill the actor at once.
  const isTime = typeof deadlineMs === 'number' && deadlineMs >= 0 && deadlineMs <= limits.askTimeoutMsMax;
  if (deadlineMs === undefined || isTime) return stopped.stop(false, options);
  throw new UsageError(
    `stop(…) of ${stopped.path()}: deadlineMs must lie between 0 and ${limits.askTimeoutMsMax}; it was given ${String(deadlineMs)}`,
  );
}

/** Ends an actor at once, even in the middle of a message whose handler waits. */
export function kill(ref: AnyRef): Promise<void> {
  return target(ref, 'kill').stop(true, undefined);
}

/** `troupe://place/name#incarnation`, and `troupe://node/name` of a name: for logs, and as the key of maps, since each owner has a ref of its own. */
export function pathOf(ref: AnyRef): string {
  return target(ref, 'pathOf').path();
}

/** True when both refs point to the same incarnation of the same actor, or to the same name. */
export function sameRef(a: AnyRef, b: AnyRef): boolean {
  return incarnationOf(target(a, 'sameRef')) === incarnationOf(target(b, 'sameRef'));
}

function target(ref: unknown, verb: string): Target {
  if (!isRef(ref)) throw new UsageError(`${verb}(…) takes a ref of an actor; it was given ${typeof ref}`);
  return targetOf(ref);
}

/** One ask to many actors: the first reply counts, and the others are cancelled. */
import { describeThrown } from '../../base/errors.ts';
import { invalidMessage } from '../isolation.ts';
import { aborted } from '../local-calls.ts';
import type { Operation } from '../operation.ts';
import { ActorFailed, Cancelled, DeclaredError, NotDelivered, OutcomeUnknown } from '../outcomes.ts';
import type { CallOptions } from '../protocol.ts';
import type { Owner } from '../target.ts';
import type { Routee } from './routee.ts';
import { toEach } from './to-each.ts';

/** So many failures are told in full, each up to so long. */
const textsMax = 8;
const textCharactersMax = 400;

/** @param path The router's, for texts. */
export function askFirst(
  routees: readonly Routee[],
  operation: Operation,
  message: unknown,
  options: CallOptions | undefined,
  owner: Owner,
  path: string,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const signal = options?.signal;
    if (signal?.aborted) throw aborted(operation, signal);
    try {
      operation.input.parse(message);
    } catch (error) {
      throw invalidMessage(error, `${operation.label} to ${path}`);
    }
    const losers = new AbortController();
    const abort = (): void => losers.abort(signal?.reason);
    const detach = (): void => signal?.removeEventListener('abort', abort);
    signal?.addEventListener('abort', abort, { once: true });
    const failures: Error[] = [];
    const given = { ...options, signal: losers.signal };
    for (const asked of toEach(routees, owner.host, (target) => target.ask(operation, message, given, owner))) {
      asked.then(
        (reply) => {
          detach();
          resolve(reply);
          losers.abort(new Cancelled(true, `${operation.label}: another routee was first`));
        },
        (error: Error) => {
          failures.push(error);
          if (failures.length < routees.length) return;
          detach();
          reject(summed(failures, operation, path));
        },
      );
    }
  });
}

/** One failure for all of them, which says no more than is true of each: whether it is safe to send again, above all. */
export function summed(failures: readonly Error[], operation: Operation, path: string): Error {
  const [first] = failures;
  const codes = new Set(failures.map((failure) => (failure as { code?: string }).code));
  // Their texts too, since the errors themselves do not cross to another place.
  const each = failures.slice(0, textsMax).map((failure) => describeThrown(failure, textCharactersMax));
  const cause = new AggregateError(failures, `${failures.length} routees failed: ${each.join('; ')}`);
  const text = `${operation.label}: all ${failures.length} routees of ${path} failed; the first said: ${first?.message}`;
  if (codes.size > 1) return new ActorFailed(text, cause);
  if (first instanceof DeclaredError) return first;
  if (first instanceof NotDelivered) return withCause(new NotDelivered(first.reason, text), cause);
  if (first instanceof OutcomeUnknown) return withCause(new OutcomeUnknown(first.reason, text), cause);
  if (first instanceof Cancelled) {
    return new Cancelled(
      failures.some((failure) => failure instanceof Cancelled && failure.delivered),
      text,
      cause,
    );
  }
  return new ActorFailed(text, cause);
}

function withCause(error: Error, cause: unknown): Error {
  error.cause = cause;
  return error;
}

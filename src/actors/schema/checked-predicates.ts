/**
 * Refinements, made safe to call: one that turns out async is a typed error, and its promise is looked after.
 *
 * zod drops the promise of an async refinement that it met in a synchronous parse, so its rejection would end the
 * process; and it takes a thenable that is no Promise for "yes".
 */
import { InvalidValue } from './errors.ts';
import type { Predicate, ZodCheck } from './zod-node.ts';

/** The same predicate, which throws `InvalidValue` when it answers with a promise. */
export function synchronous(predicate: Predicate): Predicate {
  return (value) => answer(predicate(value));
}

/** The same check; those that run no code of the user's are given back as they are. */
export function synchronousCheck(check: ZodCheck): ZodCheck {
  const { def, constr, check: run } = check._zod;
  if (def.check !== 'custom') return check;
  if (def.fn !== undefined) return new constr({ ...def, fn: synchronous(def.fn) });
  return { _zod: { ...check._zod, check: (payload) => answer(run(payload)) } };
}

export function answer<T>(result: T): T {
  if (typeof result !== 'object' || result === null || !('then' in result) || typeof result.then !== 'function')
    return result;
  Promise.resolve(result).catch(ignored);
  throw new InvalidValue(
    'its schema is asynchronous; messages are checked synchronously, so ask in the handler instead',
  );
}

/** The sender has been told that the schema is asynchronous; what the promise comes to changes nothing. */
function ignored(): void {
  return;
}

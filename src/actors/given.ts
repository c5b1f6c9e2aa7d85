/**
 * What definitions are given, looked at once: JavaScript has no compiler to say that an option is spelt wrong, and an
 * option that is passed over in silence is found in production.
 */
import { UsageError } from '../base/errors.ts';

type Given = Readonly<Record<string, unknown>>;

/** An object that holds nothing but what is known. @throws UsageError */
export function checkKeys(given: unknown, known: readonly string[], what: string): void {
  if (!isObject(given)) throw new UsageError(`${what} must be an object; it was given ${kindOf(given)}`);
  for (const key of Object.keys(given)) {
    if (!known.includes(key)) throw new UsageError(`${what} has no "${key}"; it may have ${known.join(', ')}`);
  }
}

/** @throws UsageError */
export function checkFunction(given: unknown, what: string): void {
  if (typeof given !== 'function') throw new UsageError(`${what} must be a function; it was given ${kindOf(given)}`);
}

const signalNames: readonly string[] = ['started', 'stopping', 'terminated', 'idle'];

/** @throws UsageError for a hook that is never called, or is none */
export function checkSignals(given: unknown, actorName: string): void {
  checkKeys(given, signalNames, `${actorName}: signals`);
  for (const [name, hook] of Object.entries(given as Given)) {
    if (hook !== undefined) checkFunction(hook, `${actorName}: signals.${name}`);
  }
}

/** @throws UsageError for what no place could open */
export function checkResources(given: unknown, actorName: string): void {
  const isOne = (one: unknown): boolean => isObject(one) && one.kind === 'resource';
  if (Array.isArray(given) && given.every(isOne)) return;
  throw new UsageError(`${actorName}: uses must be an array of what resource(…) returned`);
}

/** What ends a call, if the caller gave any. @throws UsageError */
export function checkSignal(given: unknown, label: string): void {
  if (typeof (given as Partial<AbortSignal> | null | undefined)?.addEventListener === 'function') return;
  throw new UsageError(`${label}: signal must be an AbortSignal; it was given ${kindOf(given)}`);
}

export function isObject(given: unknown): given is Given {
  return typeof given === 'object' && given !== null;
}

/** How a text names what it was given. */
export function kindOf(given: unknown): string {
  return given === null ? 'null' : typeof given;
}

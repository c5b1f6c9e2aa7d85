/**
 * What user code may throw, read without trusting it.
 *
 * A handler may throw anything: no error at all, a proxy that throws at every look, an error whose message is 10 MB, a
 * getter, or no text. Each look is guarded here, each text is cut, and nothing of the thrown value is called. Whoever
 * handles what was thrown looks at it through this file.
 */
import { limits } from './limits.ts';

/** In place of a text that there is none of, or that cannot be read. */
const undescribed = 'its text cannot be described';

/** What can be said of a thrown value: plain texts, each cut. */
export interface ThrownFacts {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
  readonly stack: string | undefined;
  /** As it is; undefined where there is none. */
  readonly cause: unknown;
}

/** `instanceof`, for values that may throw at it. */
export function isA<T>(value: unknown, kind: abstract new (...args: never[]) => T): value is T {
  try {
    return value instanceof kind;
  } catch {
    return false;
  }
}

/** A property of anything; undefined where it cannot be read. */
export function propertyOf(value: unknown, key: string): unknown {
  try {
    return (value as Readonly<Record<string, unknown>> | null | undefined)?.[key];
  } catch {
    return undefined;
  }
}

/** Its `code`, if that is a text, as system errors and ours have it. */
export function codeOf(thrown: unknown): string | undefined {
  const code = propertyOf(thrown, 'code');
  return typeof code === 'string' ? cut(code, limits.nameCharactersMax) : undefined;
}

/** Its stack, if it has one that is a text. */
export function stackOf(thrown: unknown, charactersMax: number = limits.errorTextCharactersMax): string | undefined {
  const stack = isObject(thrown) ? propertyOf(thrown, 'stack') : undefined;
  return typeof stack === 'string' ? cut(stack, charactersMax) : undefined;
}

export function factsOf(thrown: unknown, charactersMax: number = limits.thrownCharactersMax): ThrownFacts {
  if (!isObject(thrown)) {
    const message = cut(`thrown value: ${primitiveText(thrown, charactersMax)}`, charactersMax);
    return { name: 'Thrown', message, code: undefined, stack: undefined, cause: undefined };
  }
  const name = propertyOf(thrown, 'name');
  const message = propertyOf(thrown, 'message');
  return {
    name: typeof name === 'string' && name !== '' ? cut(name, limits.nameCharactersMax) : 'Error',
    message: isObject(message) ? undescribed : primitiveText(message ?? undescribed, charactersMax),
    code: codeOf(thrown),
    stack: stackOf(thrown),
    cause: propertyOf(thrown, 'cause'),
  };
}

export function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

function primitiveText(value: unknown, charactersMax: number): string {
  return typeof value === 'string' ? cut(value, charactersMax) : cut(String(value), charactersMax);
}

export function cut(text: string, charactersMax: number): string {
  return text.length > charactersMax ? `${text.slice(0, charactersMax)}…` : text;
}

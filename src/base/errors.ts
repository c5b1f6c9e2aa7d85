/** The base of every error that Troupe throws or settles with, and the text for what anybody else throws. */
import { limits } from './limits.ts';
import { cut, factsOf, isA, isObject, propertyOf } from './thrown.ts';

/**
 * An error of Troupe.
 *
 * It says what happened, to whom, and what to do about it, and carries a `code` that stays the same from version
 * to version. Each folder declares its own errors on top of this class; nothing compares by `instanceof` across
 * package copies, only by `code`.
 */
export class TroupeError<Code extends string = string> extends Error {
  /** Stable, for programs; the message is for people and may change. */
  readonly code: Code;
  /** True where the same call may succeed later without any change. */
  readonly retryable: boolean;

  constructor(code: Code, message: string, options: { readonly retryable?: boolean; readonly cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = code;
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** A mistake in the program that calls Troupe: a wrong definition, option or use. Not for catching. */
export class UsageError extends TroupeError<'UsageError'> {
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super('UsageError', message, options);
  }
}

/** A short description of anything that was thrown; never throws itself, never longer than `charactersMax` and a mark. */
export function describeThrown(thrown: unknown, charactersMax: number = limits.thrownCharactersMax): string {
  const { name, message } = factsOf(thrown, charactersMax);
  if (!isObject(thrown)) return message;
  // Errors of other realms are no instances of ours, but have a message.
  if (!isA(thrown, Error) && typeof propertyOf(thrown, 'message') !== 'string') {
    return 'thrown value: no error, and it cannot be described';
  }
  return cut(`${name}: ${message}`, charactersMax);
}

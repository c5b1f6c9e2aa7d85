/**
 * The causes of a failure on the wire: what was thrown, its cause, and so on, as texts; never a foreign object.
 *
 * Flat, four fields a cause: name, text, code or null, stack or null. Few causes, and their texts share one bound, so that
 * no failure is large, whatever was thrown.
 */
import { TroupeError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { factsOf } from '../base/thrown.ts';

const fieldsOfCause = 4;

/** What a failure in another place was caused by, as far as texts can say. */
export class RemoteError extends TroupeError<'RemoteError'> {
  /** Its name over there, such as `RangeError`. */
  readonly remoteName: string;
  /** Its `code` over there, if it had one. */
  readonly remoteCode: string | undefined;
  /** Its stack over there; undefined where stacks do not travel. */
  readonly remoteStack: string | undefined;

  constructor(
    message: string,
    facts: { readonly name: string; readonly code: string | undefined; readonly stack: string | undefined },
    cause?: unknown,
  ) {
    super('RemoteError', message, cause === undefined ? {} : { cause });
    this.remoteName = facts.name;
    this.remoteCode = facts.code;
    this.remoteStack = facts.stack;
    // It is what is shown as the stack, and would be shown twice.
    Object.defineProperty(this, 'remoteStack', { enumerable: false });
    // Where it was read says nothing to anybody.
    this.stack = facts.stack ?? `RemoteError: ${message}`;
  }
}

/** @param stacks whether the other place is told where it was thrown */
export function causesToWire(thrown: unknown, stacks: boolean): readonly (string | null)[] {
  const wire: (string | null)[] = [];
  const seen = new Set<unknown>();
  let left: number = limits.errorTextCharactersMax;
  let cause = thrown;
  // A cyclic chain ends where it comes back; one of getters that make new causes for ever, at its bound.
  while (cause !== undefined && !seen.has(cause) && seen.size < limits.causesMax && left > 0) {
    seen.add(cause);
    const facts = factsOf(cause, Math.min(left, limits.thrownCharactersMax));
    left -= facts.message.length;
    const stack = stacks && facts.stack !== undefined && left > 0 ? facts.stack.slice(0, left) : null;
    left -= stack?.length ?? 0;
    wire.push(facts.name, facts.message, facts.code ?? null, stack);
    cause = facts.cause;
  }
  return wire;
}

/** The causes, the outermost as an error with the others below it; undefined where there are none to be read. */
export function causesFromWire(wire: unknown): RemoteError | undefined {
  if (!Array.isArray(wire)) return undefined;
  const count = Math.min(Math.floor(wire.length / fieldsOfCause), limits.causesMax);
  let cause: RemoteError | undefined;
  for (let at = (count - 1) * fieldsOfCause; at >= 0; at -= fieldsOfCause) {
    const [name, message, code, stack] = wire.slice(at, at + fieldsOfCause).map(text);
    const facts = { name: name ?? 'Error', code, stack };
    cause = new RemoteError(`${facts.name}: ${message ?? 'without a text'}`, facts, cause);
  }
  return cause;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value.slice(0, limits.errorTextCharactersMax) : undefined;
}

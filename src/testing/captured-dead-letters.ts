/** Dead letters as a test looks at them: every one so far, and what is expected of them. */
import { isDeepStrictEqual } from 'node:util';
import type { DeadLetter, DeadLetterReason, DeadLetters } from '../actors/dead-letters.ts';
import { shown, shownList, unmet } from './assertion.ts';
import { limits } from './limits.ts';

/** Which dead letters are meant: those that have all of what is named. */
export interface DeadLetterFilter {
  /** Such as `counter.inc`. */
  readonly operation?: string;
  /** Why it was not handled. */
  readonly reason?: DeadLetterReason;
  /** The path of the actor that the message was for: `pathOf(ref)`. */
  readonly path?: string;
  /** Deeply equal to the message. */
  readonly message?: unknown;
}

/** The dead letters of a system under test. Settle first: one that is still to come is not seen. */
export class CapturedDeadLetters {
  /** Every dead letter, in order; the first 65,536. */
  readonly all: DeadLetter[] = [];

  /** @internal `testSystem` makes it. */
  constructor(deadLetters: DeadLetters) {
    deadLetters.readers.each((letter) => {
      if (this.all.length < limits.keptMax) this.all.push(letter);
    });
  }

  /** Those that are meant by `filter`. */
  matching(filter: DeadLetterFilter): readonly DeadLetter[] {
    return this.all.filter(
      ({ operation, reason, path, message }) =>
        (filter.operation === undefined || filter.operation === operation) &&
        (filter.reason === undefined || filter.reason === reason) &&
        (filter.path === undefined || filter.path === path) &&
        (!('message' in filter) || isDeepStrictEqual(filter.message, message)),
    );
  }

  /**
   * Expects that exactly one is meant by `filter`, as in `deadLetters.expectOne({ operation: 'counter.inc', reason: 'stopped' })`.
   *
   * @returns that one.
   * @throws AssertionError with all dead letters, when it is none or several
   */
  expectOne(filter: DeadLetterFilter): DeadLetter {
    const found = this.matching(filter);
    const [letter] = found;
    if (found.length === 1 && letter !== undefined) return letter;
    throw this.#unmet(`one dead letter ${described(filter)}`, found.length, [filter], this.expectOne);
  }

  /** Expects that none is meant by `filter`; none at all unless given. @throws AssertionError with all of them */
  expectNone(filter: DeadLetterFilter = {}): void {
    const found = this.matching(filter);
    if (found.length > 0) throw this.#unmet(`no dead letter ${described(filter)}`, found.length, [], this.expectNone);
  }

  #unmet(what: string, count: number, expected: unknown, from: Function): Error {
    const all = this.all.map(
      ({ operation, path, reason, message }) => `${operation} for ${path} (${reason}): ${shown(message)}`,
    );
    const text = all.length === 0 ? 'there is none at all' : `there are:${shownList(all)}`;
    return unmet(`expected ${what}, but there were ${count}; ${text}`, this.all, expected, from);
  }
}

function described(filter: DeadLetterFilter): string {
  const parts = Object.entries(filter).map(([name, value]) => `${name} ${shown(value)}`);
  return parts.length === 0 ? 'at all' : `with ${parts.join(', ')}`;
}

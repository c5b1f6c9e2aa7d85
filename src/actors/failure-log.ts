/** What people are told of failures: the first of an actor with its stack, then at most one in a while. */
import { describeThrown } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { stackOf } from '../base/thrown.ts';
import type { Host } from './host.ts';

/** Who failed. */
export interface Failing {
  readonly host: Host;
  path(): string;
}

/** Logs that `actor` failed in `what`, and what follows from it. */
export function logFailure(actor: Failing, error: unknown, what: string, so: string, unlogged = 0): void {
  const more = unlogged === 0 ? '' : `; ${unlogged} failures before it were not logged`;
  actor.host.log.error(
    { path: actor.path(), operation: what, error: describeThrown(error), stack: stackOf(error) },
    `actor ${actor.path()} failed in ${what} and ${so}: ${describeThrown(error)}${more}`,
  );
}

/** The failures of one actor that goes on after them: it may fail a thousand times a second. */
export class FailureLog {
  #loggedAtMs = Number.NEGATIVE_INFINITY;
  #unlogged = 0;

  /** @param isLast true where the actor ends with it: then it is always logged */
  add(actor: Failing, error: unknown, what: string, so: string, isLast: boolean): void {
    const nowMs = actor.host.environment.clock.monotonicMs();
    if (!isLast && nowMs - this.#loggedAtMs < limits.failureLogMs) {
      this.#unlogged += 1;
      return;
    }
    logFailure(actor, error, what, so, this.#unlogged);
    this.#loggedAtMs = nowMs;
    this.#unlogged = 0;
  }
}

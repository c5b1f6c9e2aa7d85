/**
 * The guardian of a place: what stands above its top-level actors.
 *
 * It is no actor, since there is nothing above it to restart it: it says how top-level actors hang together, and what
 * follows when one of them escalates a failure that nobody above can take.
 */
import { describeThrown } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Strategy } from './supervise.ts';

/** What stands above the top-level actors of each place. As the user guardian of Akka, but no actor. */
export interface GuardianOptions {
  /**
   * How the top-level actors of a place hang together; `one-for-one` unless given. Actors of the runtime itself, such as
   * the stages of flows, are among them.
   */
  strategy?: Strategy;
  /**
   * What follows when a top-level actor escalates: `stop` ends that actor and nothing else; `shutdown` shuts the whole
   * system down in order, and has the process end with exit code 1 unless its code is set. `stop` unless given.
   */
  escalated?: 'stop' | 'shutdown';
}

export class Guardian {
  readonly strategy: Strategy;
  /** How the log puts what follows when a top-level actor escalates. */
  readonly consequence: string;
  readonly #shutdown: ((path: string, why: string) => void) | undefined;
  readonly #log: Logger;

  /** @param shutdown shuts the system down that the place is part of */
  constructor(options: GuardianOptions, log: Logger, shutdown: (path: string, why: string) => void) {
    this.strategy = options.strategy ?? 'one-for-one';
    this.#shutdown = options.escalated === 'shutdown' ? shutdown : undefined;
    this.#log = log;
    this.consequence =
      this.#shutdown === undefined ? 'stops, with nobody above to escalate to' : 'ends, and the system shuts down';
  }

  /** A top-level actor could not be mended where it is. */
  escalated(path: string, error: unknown): void {
    if (this.#shutdown === undefined) return;
    const why = describeThrown(error);
    this.#log.error({ path, error: why }, `the system shuts down, since ${path} escalated its failure: ${why}`);
    this.#shutdown(path, why);
  }
}

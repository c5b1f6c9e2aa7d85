/** Joins again what was joined before, at intervals that grow, until it succeeds or the system joins nobody any more. */
import type { Cancel } from '../base/environment/clock.ts';
import type { Environment } from '../base/environment/environment.ts';
import { describeThrown } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';

export interface RedialOptions {
  readonly environment: Environment;
  readonly log: Logger;
  readonly dial: (address: string) => Promise<void>;
  /** True while something waits for the node at that address. */
  readonly isAwaited: (address: string) => boolean;
}

export class Redial {
  readonly #options: RedialOptions;
  readonly #waits = new Set<Cancel>();
  #closed = false;

  constructor(options: RedialOptions) {
    this.#options = options;
  }

  /** @param isWanted asked before each attempt; always, unless given */
  again(address: string, isWanted: () => boolean = always, delayMs: number = limits.rejoinMsMin): void {
    const { environment, log, dial, isAwaited } = this.#options;
    if (this.#closed) return;
    const jitter = 0.5 + environment.random.fraction();
    // A node that has nothing else to do waits for the others.
    const cancel = environment.clock.wake(delayMs * jitter, () => {
      this.#waits.delete(cancel);
      if (!isWanted()) return;
      dial(address).then(
        () => log.info({ address }, `joined ${address} again`),
        (error: unknown) => {
          if (this.#closed) return;
          log.warn(
            { event: 'join-failed', address, error: describeThrown(error) },
            `cannot join ${address} again yet: ${describeThrown(error)}`,
          );
          const mostMs = isAwaited(address) ? limits.rejoinMsAway : limits.rejoinMsMax;
          this.again(address, isWanted, Math.min(delayMs * 2, mostMs));
        },
      );
    });
    this.#waits.add(cancel);
  }

  close(): void {
    this.#closed = true;
    for (const cancel of this.#waits) cancel();
  }
}

const always = (): boolean => true;

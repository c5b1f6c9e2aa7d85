/**
 * The shared secret of a node while it runs: read again and again, since secrets are replaced without a restart.
 *
 * What cannot be read, or is too short, changes nothing: the secret before stays in use, and the owner is told once.
 */
import type { Cancel, Clock } from '../base/environment/clock.ts';
import { describeThrown } from '../base/errors.ts';
import { SecretFailed } from './errors.ts';
import { transportLimits } from './limits.ts';
import type { Secret } from './secret.ts';

/** Gives the secret as it is now. Bounded by whoever makes it; a read that hangs keeps what was before. */
export type ReadSecret = () => Promise<Secret>;

export class KeptSecret {
  readonly #read: ReadSecret;
  readonly #onProblem: (error: SecretFailed) => void;
  #current: Secret;
  #onReplaced: () => void = () => undefined;
  /** What the last read said that failed. */
  #problem: string | undefined = undefined;
  #reading: Promise<boolean> | undefined = undefined;
  #cancel: Cancel | undefined = undefined;

  private constructor(first: Secret, read: ReadSecret, onProblem: (error: SecretFailed) => void) {
    this.#current = first;
    this.#read = read;
    this.#onProblem = onProblem;
  }

  /** @param onProblem told when it cannot be read later on; once for each text. @throws SecretFailed */
  static async read(read: ReadSecret, onProblem: (error: SecretFailed) => void): Promise<KeptSecret> {
    try {
      return new KeptSecret(await read(), read, onProblem);
    } catch (thrown) {
      throw asSecretFailed(thrown);
    }
  }

  /** What links that are opened now are proved by. */
  get current(): Secret {
    return this.#current;
  }

  /** Looks every 5 s whether it was replaced, until `close`. */
  begin(clock: Clock, onReplaced: () => void): void {
    this.#onReplaced = onReplaced;
    const look = (): void => {
      this.#cancel = clock.timer(transportLimits.secretRefreshMs, () => {
        // Not after the read, which may hang.
        look();
        void this.refresh();
      });
    };
    look();
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#onReplaced = () => undefined;
  }

  /** Reads it now. True where it is another from now on. */
  refresh(): Promise<boolean> {
    // Two reads at once could end in the wrong order.
    this.#reading ??= this.#readAgain().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readAgain(): Promise<boolean> {
    let next: Secret;
    try {
      next = await this.#read();
    } catch (thrown) {
      const error = asSecretFailed(thrown);
      if (error.message !== this.#problem) this.#onProblem(error);
      this.#problem = error.message;
      return false;
    }
    this.#problem = undefined;
    if (next.equals(this.#current)) return false;
    this.#current = next;
    this.#onReplaced();
    return true;
  }
}

function asSecretFailed(thrown: unknown): SecretFailed {
  if (thrown instanceof SecretFailed) return thrown;
  return new SecretFailed('unreadable', `the secret cannot be read: ${describeThrown(thrown)}`, thrown);
}

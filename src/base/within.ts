/** Waiting for something no longer than a while. */
import type { Cancel, Clock } from './environment/clock.ts';

/** Resolves with true when `work` has ended, whether it resolved or was rejected, and with false after `ms`. */
export function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel: Cancel = clock.wake(ms, () => resolve(false));
    const ended = (): void => {
      cancel();
      resolve(true);
    };
    work.then(ended, ended);
  });
}

import type { SourceContext } from './source.ts';

/** Waits by the clock of the environment; ends early, and does not reject, when `signal` aborts. */
export function pause(delayMs: number, { clock, signal }: Pick<SourceContext, 'clock' | 'signal'>): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.wake(delayMs, done);
    signal.addEventListener('abort', done, { once: true });
  });
}

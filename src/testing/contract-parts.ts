/** What the checks of sources and of sinks have in common. */
import { realClock } from '../base/platform/real-clock.ts';

/** The promise, or a rejection with `late` when it has not settled in `withinMs` of real time. */
export function settledWithin<R>(promise: Promise<R>, withinMs: number, late: () => Error): Promise<R> {
  return new Promise((resolve, reject) => {
    const cancel = realClock().wake(withinMs, () => reject(late()));
    promise.then(resolve, reject).finally(cancel);
  });
}

/** Time, chance and turns with nothing but what browsers and Node both have. */
import type { Cancel, Clock } from '../environment/clock.ts';
import type { Runnable, Scheduler, Slice } from '../environment/scheduler.ts';

/** What a timer can hold; a longer delay would fire at once. */
const timerMsMax = 2 ** 31 - 1;

export function lightClock(): Clock {
  const timer = (delayMs: number, fire: () => void): Cancel => {
    const handle = setTimeout(fire, Math.min(Math.ceil(Math.max(0, delayMs)), timerMsMax));
    return () => clearTimeout(handle);
  };
  return { now: () => Date.now(), monotonicMs: () => performance.now(), timer, wake: timer };
}

export function lightFraction(): number {
  return Math.random();
}

const slice: Slice = { stride: 1, isClose: false, spent: () => false };

/** Each turn comes once the code that runs now is through: what it says leaves together. */
export function lightScheduler(): Scheduler {
  return {
    ready(runnable: Runnable): void {
      queueMicrotask(() => runnable.run(slice));
    },
  };
}

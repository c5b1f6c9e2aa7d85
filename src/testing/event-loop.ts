/**
 * The machine's own event loop, for the kit alone: virtual time stands still, but promises and files do not.
 *
 * The functions are taken when this module is loaded, so that a runner's fake timers do not stop the kit as well.
 */
const { setImmediate: onNextPass, setTimeout: onTimeout, queueMicrotask: onMicrotask } = globalThis;
const now = performance.now.bind(performance);

/** Lets everything run that is ready now: all promise reactions, and one pass of the event loop. */
export function pass(): Promise<void> {
  return new Promise((resolve) => onNextPass(resolve));
}

/** Calls `run` after the promise reactions that are due before it. */
export function soon(run: () => void): void {
  onMicrotask(run);
}

/** Calls `run` in the next pass of the event loop, after sockets, files and timers. */
export function afterPass(run: () => void): void {
  onNextPass(run);
}

/** Resolves after `ms` of real time. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => onTimeout(resolve, ms));
}

/** Real milliseconds from an arbitrary start. */
export function realMs(): number {
  return now();
}

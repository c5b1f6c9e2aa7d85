/**
 * SIGINT and SIGTERM: the first asks for an orderly end, a second ends the process at once, for people who do not want
 * to wait. Used by systems that were told to listen for them, and by `troupe node`.
 */

export type StopSignal = 'SIGINT' | 'SIGTERM';

/** Exit codes of a process that a signal ended, as shells have them: 128 and the signal's number. */
const exitCodes: { readonly [S in StopSignal]: number } = { SIGINT: 130, SIGTERM: 143 };

/** Calls `stop` at the first signal. @returns a function that stops listening: the signals mean again what they did. */
export function onStopSignal(stop: (signal: StopSignal) => void): () => void {
  let told = false;
  const onSignal = (signal: StopSignal): void => {
    if (told) process.exit(exitCodes[signal]);
    told = true;
    stop(signal);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return () => {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  };
}

/** How a process ends that was told to stop: 0 where nothing was left, 1 where something was, unless its code is set. */
export function setExitCode(clean: boolean): void {
  process.exitCode ??= clean ? 0 : 1;
}

/** What keeps this process alive, each as Node names it: `Timeout`, `TCPServerWrap`. */
export function activeResources(): readonly string[] {
  return process.getActiveResourcesInfo();
}

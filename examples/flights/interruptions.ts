/** Ctrl-C and its relatives. */

/** The most that stopping may take; whoever pressed Ctrl-C should have their terminal back within 2 s. */
const stopWithinMs = 1_900;

/**
 * `signal` aborts at the first SIGINT, SIGTERM or SIGHUP. If this process is still there 1.9 s later, or when a second
 * one comes, it calls `lastResort`, and exits.
 */
export function interruptions(lastResort: () => void): AbortSignal {
  const interrupted = new AbortController();
  const exit = (): never => {
    lastResort();
    process.exit(130);
  };
  const onSignal = (): void => {
    if (interrupted.signal.aborted) exit();
    interrupted.abort();
    setTimeout(exit, stopWithinMs).unref();
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal);
  return interrupted.signal;
}

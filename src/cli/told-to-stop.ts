/** When a command that runs until it is told to stop is told so. */
import { onStopSignal } from '../runtime/stop-signals.ts';

/** Resolves at the first SIGINT or SIGTERM, and with `stdin` also when standard input ends. */
export function untilToldToStop(options: { stdin: boolean }): Promise<void> {
  return new Promise((stop) => {
    onStopSignal(() => stop());
    if (!options.stdin) return;
    // Read, and not only watched: the end is noticed by whoever reads.
    process.stdin.resume();
    for (const event of ['end', 'close', 'error']) process.stdin.once(event, () => stop());
  });
}

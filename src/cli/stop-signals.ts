/** When a command that runs until it is told to stop is told so. */

/**
 * Resolves at the first SIGINT or SIGTERM, and with `stdin` also when standard input ends. A second signal ends the
 * process at once, for people who do not want to wait.
 */
export function untilToldToStop(options: { stdin: boolean }): Promise<void> {
  return new Promise((stop) => {
    let told = false;
    const onSignal = (): void => {
      if (told) process.exit(130);
      told = true;
      stop();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
    if (!options.stdin) return;
    // Read, and not only watched: the end is noticed by whoever reads.
    process.stdin.resume();
    for (const event of ['end', 'close', 'error']) process.stdin.once(event, () => stop());
  });
}

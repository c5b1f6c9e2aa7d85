// npm run example:iot
/**
 * Temperatures of devices whose clocks are wrong and whose networks come and go, over WebSocket.
 *
 * Exits with 0 when every reading is accounted for, 1 when something failed, 2 for options that make no sense, 130 when
 * it was interrupted.
 */
import { UsageError } from 'troupe';
import { describeFailure } from './failure.ts';
import { monitor } from './monitor.ts';
import { help, readOptions } from './options.ts';

/** Whoever pressed Ctrl-C should have their terminal back within 2 s, whatever hangs. */
const stopWithinMs = 1_900;

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    if (interrupted.signal.aborted) process.exit(130);
    interrupted.abort();
    setTimeout(() => process.exit(130), stopWithinMs).unref();
  });
}
try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) process.stdout.write(help);
  else await monitor(options, interrupted.signal);
} catch (error) {
  const { aborted } = interrupted.signal;
  process.stderr.write(`${aborted ? 'interrupted: the devices and the flow have stopped' : describeFailure(error)}\n`);
  process.exitCode = aborted ? 130 : error instanceof UsageError ? 2 : 1;
}
// What still held the process open would only keep the terminal waiting.
process.exit();

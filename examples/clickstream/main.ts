// npm run example:clickstream
/**
 * Sessions of the visitors of a web site, from the access logs of its servers.
 *
 * Exits with 0 when the output is complete, 1 when something failed, 2 for options that make no sense, 130 when it was
 * interrupted. `node scripts/clickstream-oracle.mjs` compares the output with what DuckDB makes of the same logs.
 */
import { UsageError } from 'troupe';
import { describeFailure } from './failure.ts';
import { help, readOptions } from './options.ts';
import { sessionize } from './sessionize.ts';

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
  else await sessionize(options, interrupted.signal);
} catch (error) {
  const { aborted } = interrupted.signal;
  process.stderr.write(`${aborted ? 'interrupted: the output is not complete' : describeFailure(error)}\n`);
  process.exitCode = aborted ? 130 : error instanceof UsageError ? 2 : 1;
}
// What still held the process open would only keep the terminal waiting.
process.exit();

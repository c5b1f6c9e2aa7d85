// npm run example:scrape
/**
 * A polite crawler of a web that is not always there.
 *
 * Exits with 0 when every URL is accounted for and no host saw more than it allows, 1 otherwise or when something failed,
 * 2 for options that make no sense, 130 when it was interrupted.
 */
import { UsageError } from 'troupe';
import { crawl } from './crawl.ts';
import { describeFailure } from './failure.ts';
import { help, readOptions } from './options.ts';

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => (interrupted.signal.aborted ? process.exit(130) : interrupted.abort()));
}
try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) process.stdout.write(help);
  else await crawl(options, interrupted.signal);
} catch (error) {
  const text = interrupted.signal.aborted ? 'interrupted: all threads have stopped' : describeFailure(error);
  process.stderr.write(`${text}\n`);
  process.exitCode = interrupted.signal.aborted ? 130 : error instanceof UsageError ? 2 : 1;
}

// npm start, or npm start -- --help
/**
 * `npm start`: three million flights through actors on threads and on a second node.
 *
 * Exits with 0 when the output is complete, 1 when something failed, 2 for options that make no sense, 130 when it was
 * interrupted.
 */
import { UsageError } from 'troupe';
import { describeFailure } from '../program/failure.ts';
import { interruptions } from './interruptions.ts';
import { runJob } from './job.ts';
import type { NodeProcess } from './node-process.ts';
import { help, readOptions } from './options.ts';

let second: NodeProcess | undefined;
const interrupted = interruptions(() => second?.kill());
try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(help);
  } else {
    await runJob(options, interrupted, (node) => {
      second = node;
    });
  }
} catch (error) {
  if (!interrupted.aborted) {
    process.stderr.write(`${describeFailure(error)}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
if (interrupted.aborted) {
  process.stderr.write('interrupted: all processes and threads have stopped, and the output is not complete\n');
  process.exitCode = 130;
}
// Nothing is left to do: what still held the process open would only keep the terminal waiting.
process.exit();

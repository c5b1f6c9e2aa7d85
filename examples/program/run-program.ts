/** A program from its command line to its exit code. */
import { UsageError } from 'troupe';
import { describeFailure } from './failure.ts';

/** Whoever pressed Ctrl-C should have their terminal back within 2 s, whatever hangs. */
const stopWithinMs = 1_900;

export interface Program<O extends { readonly help: boolean }> {
  readonly help: string;
  readonly readOptions: (argv: readonly string[]) => O;
  /** Rejects when `signal` aborts, once it has stopped what it started. */
  readonly run: (options: O, signal: AbortSignal) => Promise<void>;
  /** What is said when it was interrupted. */
  readonly interrupted: string;
}

/** Exits with 0, with 1 when something failed, 2 for options that make no sense, 130 when it was interrupted. */
export async function runProgram<O extends { readonly help: boolean }>(program: Program<O>): Promise<never> {
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (interrupted.signal.aborted) process.exit(130);
      interrupted.abort();
      setTimeout(() => process.exit(130), stopWithinMs).unref();
    });
  }
  try {
    const options = program.readOptions(process.argv.slice(2));
    if (options.help) process.stdout.write(program.help);
    else await program.run(options, interrupted.signal);
  } catch (error) {
    const { aborted } = interrupted.signal;
    process.stderr.write(`${aborted ? `interrupted: ${program.interrupted}` : describeFailure(error)}\n`);
    process.exitCode = aborted ? 130 : error instanceof UsageError ? 2 : 1;
  }
  // What still held the process open would only keep the terminal waiting.
  return process.exit();
}

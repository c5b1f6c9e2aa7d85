#!/usr/bin/env node
/**
 * The `troupe` program: finds the command that the first argument names, and runs it.
 *
 * Errors go to standard error as `code: text`. It exits with 0 when the command did what it was asked, with 1 when that
 * failed, and with 2 when it was asked in a way that makes no sense.
 */
import { describeThrown, TroupeError, UsageError } from '../base/errors.ts';
import { version } from '../base/version.ts';
import { runContract } from './contract-command.ts';
import { runDoctor } from './doctor-command.ts';
import { runNode } from './node-command.ts';

const help = `usage: troupe <command> [options]

  node      start a process that others can place actors and flows on
  contract  write down what the protocols are, and check later that no change breaks them
  doctor    try what a program with threads needs, and say what stands in the way

  troupe <command> --help tells its options; troupe --version tells the version.
`;

async function run(argv: readonly string[]): Promise<void> {
  const [command, ...rest] = argv;
  switch (command) {
    case 'contract':
      return runContract(rest);
    case 'node':
      return runNode(rest);
    case 'doctor':
      return runDoctor(rest);
    case undefined:
      throw new UsageError(`no command was given\n\n${help}`);
    case '--help':
    case '-h':
    case 'help':
      process.stdout.write(help);
      return;
    case '--version':
      process.stdout.write(`${version}\n`);
      return;
    default:
      throw new UsageError(`there is no command "${command}"; troupe --help lists them`);
  }
}

try {
  await run(process.argv.slice(2));
} catch (error) {
  const text =
    error instanceof TroupeError ? `${error.code}: ${error.message}` : `Unexpected: ${describeThrown(error)}`;
  // Standard input may still be read, and would keep the process alive.
  process.stderr.write(`${text}\n`, () => process.exit(error instanceof UsageError ? 2 : 1));
}

/** `troupe doctor`: tries for real what a program with threads needs, and says what stands in the way and the ways out. */
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { UsageError } from '../base/errors.ts';
import { version } from '../base/version.ts';
import { type Checked, isFine, jsonOf, linesOf, type Screen, verdictOf } from './doctor-report.ts';
import { surroundings } from './doctor-surroundings.ts';
import { threads } from './doctor-threads.ts';
import { wholeNumber } from './whole-number.ts';

const help = `usage: troupe doctor [--registry <module>] [options]

  --registry <module>     the module whose default export is registry(…), .js or .ts: it is loaded on the main thread and on
                          a worker thread, as a program would; code at its top level runs
  --timeout-ms <n>        how long each of the two may take; 10000 unless given
  --json                  print one line of JSON
  --help                  print this

  Exits with 0 when nothing stands in the way, with 1 when something does. Run it as your program is run: with the same
  Node, and where that is started with --import tsx, as NODE_OPTIONS='--import tsx' npx troupe doctor.
`;

const timeoutMsUnlessGiven = 10_000;

/** @returns when all is printed; never where the process has to be ended. @throws UsageError */
export async function runDoctor(argv: readonly string[]): Promise<void> {
  const given = parse(argv);
  if (given.help) {
    process.stdout.write(help);
    return;
  }
  const timeoutMs =
    given['timeout-ms'] === undefined ? timeoutMsUnlessGiven : wholeNumber('--timeout-ms', given['timeout-ms']);
  if (timeoutMs === 0) throw new UsageError('--timeout-ms must be at least 1');
  const url = given.registry === undefined ? undefined : pathToFileURL(resolve(given.registry));
  const from = given.registry === undefined ? join(process.cwd(), 'actors.js') : resolve(given.registry);
  const screen: Screen = {
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
    colours: showsColours(),
  };
  const print = (text: string): void => {
    if (!given.json) process.stdout.write(text);
  };
  const checks: Checked[] = [];
  const add = (found: readonly Checked[]): void => {
    for (const one of found) print(`${linesOf(one, screen)}\n`);
    checks.push(...found);
  };
  print(`troupe ${version} looks at ${given.registry ?? process.cwd()}\n\n`);
  add(surroundings(from));
  const giveBack = given.json ? keepFromStandardOutput() : () => undefined;
  add(await threads(url, timeoutMs));
  giveBack();
  print(`\n${verdictOf(checks, screen)}\n`);
  if (given.json) process.stdout.write(`${jsonOf(version, checks)}\n`);
  // The registry may have left something open, or still be loading. An empty write is done when all before it are.
  await new Promise((done) => process.stdout.write('', done));
  process.exit(isFine(checks) ? 0 : 1);
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        registry: { type: 'string' },
        'timeout-ms': { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message} (troupe doctor --help lists the options)`, { cause: error });
  }
}

function showsColours(): boolean {
  const { NO_COLOR, FORCE_COLOR } = process.env;
  if (NO_COLOR) return false;
  return FORCE_COLOR === undefined ? process.stdout.isTTY === true : FORCE_COLOR !== '0';
}

/** What the registry prints while it loads goes to standard error: standard output is the JSON alone. */
function keepFromStandardOutput(): () => void {
  const { write } = process.stdout;
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof write;
  return () => {
    process.stdout.write = write;
  };
}

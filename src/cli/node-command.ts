/** `troupe node`: a process that runs what others place on it, until it is told to stop. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { describeThrown, UsageError } from '../base/errors.ts';
import type { ActorSystem } from '../runtime/actor-system.ts';
import { createSystem } from '../runtime/create-system.ts';
import type { NodeRule } from '../runtime/node-rules.ts';
import type { LogLevel } from '../runtime/pino-logger.ts';
import { mtls, secret } from '../runtime/security.ts';
import { setExitCode } from '../runtime/stop-signals.ts';
import type { SystemOptions } from '../runtime/system-options.ts';
import { untilToldToStop } from './told-to-stop.ts';
import { wholeNumber } from './whole-number.ts';

const help = `usage: troupe node --registry <module> --listen <address> [options]

  --registry <module>     the module whose default export is registry(…), .js or .ts
  --listen <address>      where other nodes can join, as ws://127.0.0.1:7001; port 0 takes a free one
  --announce <address>    where nodes that hear of this one from others dial it; what --listen gave unless given, but for
                          addresses of all interfaces, such as ws://0.0.0.0:7001
  --join <address>        a node to join; may be given several times
  --secret-file <file>    how nodes know each other; needed to listen beyond this machine
  --next-secret-file <file>
                          the secret that replaces it, accepted beside it where the file is there
  --tls-ca <file>         or by certificates (mutual TLS): the authority, this node's certificate, its key; the
  --tls-cert <file>       addresses are wss:// then
  --tls-key <file>
  --allow-file <file>     which nodes may join and what they may do, a JSON array of the rules that createSystem takes as
                          allow
  --role <role>           what others place actors by: node({ role }); may be given several times
  --threads <n>           worker threads at most; one for each core but one unless given. They run what this node's own
                          code spawns there: actors placed from another node run on its main thread for now
  --resume-ms <ms>        how long what is under way to a node waits for its link when that was cut; 20000 unless given
  --name <name>           how the node is called in paths and logs
  --log-level <level>     error, warn, info, debug or silent; warn unless given
  --exit-with-stdin       stop when standard input ends, so that no node outlives the program that started it
  --help                  print this

  Prints "listening on <address>" when others can join. Stops on SIGINT and SIGTERM: what runs on it gets 1.5 s to end.
`;

/** What actors get to stop in; a node must be gone within 2 s of being told. */
const stopWithinMs = 1_500;

/** @returns once the node has stopped. @throws UsageError and what `createSystem` throws. */
export async function runNode(argv: readonly string[]): Promise<void> {
  const given = parse(argv);
  if (given.help) {
    process.stdout.write(help);
    return;
  }
  // Watched for from here on, so that a parent that dies while this starts is noticed too.
  const toldToStop = untilToldToStop({ stdin: given['exit-with-stdin'] });
  const system = await createSystem(optionsOf(given));
  announce(system, given.join ?? []);
  await toldToStop;
  const { clean } = await system.shutdown({ deadlineMs: stopWithinMs });
  setExitCode(clean);
  // A handle that user code left open must not keep a node alive that was told to stop.
  process.exit();
}

type Given = ReturnType<typeof parse>;

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        registry: { type: 'string' },
        listen: { type: 'string' },
        announce: { type: 'string' },
        join: { type: 'string', multiple: true },
        'secret-file': { type: 'string' },
        'next-secret-file': { type: 'string' },
        'allow-file': { type: 'string' },
        'tls-ca': { type: 'string' },
        'tls-cert': { type: 'string' },
        'tls-key': { type: 'string' },
        role: { type: 'string', multiple: true },
        threads: { type: 'string' },
        'resume-ms': { type: 'string' },
        name: { type: 'string' },
        'log-level': { type: 'string' },
        'exit-with-stdin': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message} (troupe node --help lists the options)`, { cause: error });
  }
}

function optionsOf(given: Given): SystemOptions {
  if (given.registry === undefined) throw new UsageError('troupe node needs --registry <module>, as ./dist/actors.js');
  if (given.listen === undefined && given.join === undefined) {
    throw new UsageError('troupe node needs --listen <address>, as ws://127.0.0.1:7001, or --join <address>');
  }
  return {
    registry: pathToFileURL(resolve(given.registry)),
    ...(given.listen !== undefined && { listen: given.listen }),
    ...(given.announce !== undefined && { announce: given.announce }),
    ...(given.join !== undefined && { join: given.join }),
    ...authOf(given),
    ...(given['allow-file'] !== undefined && { allow: rulesIn(given['allow-file']) }),
    ...(given.role !== undefined && { roles: given.role }),
    ...(given.threads !== undefined && { threads: wholeNumber('--threads', given.threads) }),
    ...(given['resume-ms'] !== undefined && { resumeMs: wholeNumber('--resume-ms', given['resume-ms']) }),
    ...(given.name !== undefined && { name: given.name }),
    ...(given['log-level'] !== undefined && { logLevel: given['log-level'] as LogLevel }),
  };
}

function authOf(given: Given): Pick<SystemOptions, 'auth'> {
  const { 'secret-file': file, 'next-secret-file': next, 'tls-ca': ca, 'tls-cert': cert, 'tls-key': key } = given;
  if (ca === undefined && cert === undefined && key === undefined) {
    if (file !== undefined) return { auth: secret({ file, ...(next !== undefined && { next }) }) };
    if (next !== undefined) throw new UsageError('troupe node needs --secret-file beside --next-secret-file');
    return {};
  }
  if (file !== undefined || next !== undefined) {
    throw new UsageError('troupe node takes --secret-file or the --tls options, not both');
  }
  if (ca === undefined || cert === undefined || key === undefined) {
    throw new UsageError('troupe node needs --tls-ca, --tls-cert and --tls-key together');
  }
  return { auth: mtls({ ca, cert, key }) };
}

/** Whether they are rules is checked with the other options. */
function rulesIn(file: string): readonly NodeRule[] {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as readonly NodeRule[];
  } catch (cause) {
    const text = `the rules in --allow-file ${file} cannot be read: ${describeThrown(cause)}; it must be a JSON array`;
    throw new UsageError(text, { cause });
  }
}

function announce(system: ActorSystem, joined: readonly string[]): void {
  if (system.address !== undefined) process.stdout.write(`listening on ${system.address}\n`);
  for (const address of joined) process.stdout.write(`joined ${address}\n`);
}

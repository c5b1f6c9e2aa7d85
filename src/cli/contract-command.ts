/** `troupe contract`: writes what a registry's protocols are, and says later whether a change of them breaks anything. */
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import * as z from 'zod';
import { type Contract, changesBetween, contractOf } from '../actors/contract/contract.ts';
import { type Registry, RegistryIndex } from '../actors/registry.ts';
import { describeThrown, TroupeError, UsageError } from '../base/errors.ts';
import { loadRegistryModule } from '../runtime/load-registry.ts';

const lockFile = 'troupe.contract.json';
const lockVersion = 1;

const help = `usage: troupe contract check --registry <module> [--lock <file>]
       troupe contract write --registry <module> [--lock <file>]

  write                   writes what the protocols of the registry are to the lock file; commit it
  check                   compares with it, and exits with 1 where nodes with the code before and after would misunderstand
                          each other: for your CI
  --registry <module>     the module whose default export is registry(…), .js or .ts
  --lock <file>           ${lockFile} unless given
  --help                  print this
`;

/** What `check` found. */
export class ContractBroken extends TroupeError<'ContractBroken'> {
  constructor(message: string) {
    super('ContractBroken', message);
  }
}

/** There is no lock file, or it cannot be read. */
export class LockFailed extends TroupeError<'LockFailed'> {
  constructor(message: string, cause?: unknown) {
    super('LockFailed', message, { cause });
  }
}

const lockSchema = z.looseObject({
  troupeContract: z.literal(lockVersion),
  protocols: z.record(
    z.string(),
    z.record(z.string(), z.looseObject({ kind: z.enum(['tell', 'ask', 'stream']), input: z.unknown() })),
  ),
});

/** @throws UsageError, RegistryLoadFailed, LockFailed, ContractBroken */
export async function runContract(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parse(argv);
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const [action, ...more] = positionals;
  if ((action !== 'check' && action !== 'write') || more.length > 0) {
    throw new UsageError('troupe contract takes check or write (troupe contract --help)');
  }
  if (values.registry === undefined) throw new UsageError('troupe contract needs --registry <module>, as ./actors.ts');
  const registry = await loadRegistryModule(pathToFileURL(resolve(values.registry)));
  const contract = contractOf(new RegistryIndex(registry.value as Registry).protocols);
  if (action === 'write') await write(values.lock, contract);
  else await check(values.lock, contract);
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        registry: { type: 'string' },
        lock: { type: 'string', default: lockFile },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message} (troupe contract --help lists the options)`, { cause: error });
  }
}

async function write(path: string, protocols: Contract): Promise<void> {
  try {
    await writeFile(path, `${JSON.stringify({ troupeContract: lockVersion, protocols }, undefined, 2)}\n`);
  } catch (cause) {
    throw new LockFailed(`${path} cannot be written: ${describeThrown(cause)}`, cause);
  }
  process.stdout.write(`${count(Object.keys(protocols).length, 'protocol')} written to ${path}; commit it\n`);
}

async function check(path: string, after: Contract): Promise<void> {
  const changes = changesBetween(await readLock(path), after);
  for (const { where, effect, what } of changes) process.stdout.write(`${effect.padEnd(10)}  ${where}: ${what}\n`);
  const broken = changes.filter(({ effect }) => effect === 'breaking').length;
  if (broken > 0) {
    throw new ContractBroken(
      `${count(broken, 'breaking change')}. Keep the operation as it was and add another beside it, or, where no node with the ` +
        'code before will run beside one with the code after, accept it: troupe contract write',
    );
  }
  const { length } = changes;
  process.stdout.write(
    length === 0
      ? `${count(Object.keys(after).length, 'protocol')} as in ${path}\n`
      : `${count(length, 'compatible change')}; troupe contract write takes them into ${path}\n`,
  );
}

async function readLock(path: string): Promise<Contract> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new LockFailed(`there is no ${path}; make it with: troupe contract write`, cause);
    }
    throw new LockFailed(`${path} cannot be read: ${describeThrown(cause)}`, cause);
  }
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (cause) {
    throw new LockFailed(`${path} is no JSON (${describeThrown(cause)}); take it from version control again`, cause);
  }
  const lock = lockSchema.safeParse(given);
  if (lock.success) return lock.data.protocols as unknown as Contract;
  throw new LockFailed(`${path} is no contract of this version: ${z.prettifyError(lock.error)}`);
}

function count(of: number, what: string): string {
  return `${of} ${what}${of === 1 ? '' : 's'}`;
}

import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const modules = fileURLToPath(new URL('../../node_modules', import.meta.url));
const self = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'troupe-contract-'));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  await symlink(modules, join(folder, 'node_modules'));
  await writeRegistry('inc: tell(z.object({ by: z.int() })), get: ask({ output: z.int() })');
});
afterEach(() => rm(folder, { recursive: true }));

/** A registry with one actor that speaks these operations. */
async function writeRegistry(operations: string): Promise<void> {
  await writeFile(
    join(folder, 'actors.js'),
    `import { actor, ask, protocol, registry, stream, tell } from '${new URL('dist/index.js', `file://${self}/`).href}';
import * as z from 'zod';
export const Counter = protocol('counter', { ${operations} });
const handlers = Object.fromEntries(Object.keys(Counter.ops).map((name) => [name, async function* () {}]));
export default registry(actor(Counter, { args: z.object({}), state: () => ({}) }, handlers));
`,
  );
}

function contract(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'contract', ...args], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, stdout, stderr };
}
const registry = ['--registry', 'actors.js'];

describe('troupe contract', () => {
  it('writes a lock file that people can read, and finds nothing afterwards', async () => {
    expect(contract('write', ...registry)).toMatchObject({ status: 0, stdout: expect.stringContaining('1 protocol') });
    expect(JSON.parse(await readFile(join(folder, 'troupe.contract.json'), 'utf8'))).toEqual({
      troupeContract: 1,
      protocols: {
        counter: {
          get: { kind: 'ask', input: 'void', output: 'number:safeint' },
          inc: { kind: 'tell', input: { object: { by: 'number:safeint' } } },
        },
      },
    });
    expect(contract('check', ...registry)).toEqual({
      status: 0,
      stdout: '1 protocol as in troupe.contract.json\n',
      stderr: '',
    });
  });

  it('finds nothing in fields that stand in another order', async () => {
    await writeRegistry('op: tell(z.object({ a: z.int(), b: z.string() }))');
    contract('write', ...registry);
    await writeRegistry('op: tell(z.object({ b: z.string(), a: z.int() }))');
    expect(contract('check', ...registry)).toMatchObject({ status: 0, stdout: expect.stringContaining('as in') });
  });

  it('lets an optional field and a new operation pass, and says so', async () => {
    contract('write', ...registry);
    await writeRegistry(
      'inc: tell(z.object({ by: z.int(), why: z.string().optional() })), get: ask({ output: z.int() }), reset: tell()',
    );
    const { status, stdout } = contract('check', ...registry);
    expect(status).toBe(0);
    expect(stdout).toMatch(/compatible {2}counter\.inc: has changed/);
    expect(stdout).toMatch(/compatible {2}counter\.reset: is new/);
    expect(stdout).toMatch(/2 compatible changes/);
  });

  it.each([
    [
      'a new field that must be there',
      'inc: tell(z.object({ by: z.int(), why: z.string() })), get: ask({ output: z.int() })',
      'input.why is not sent, and must be there by the code after',
    ],
    [
      'a field that became optional',
      'inc: tell(z.object({ by: z.int().optional() })), get: ask({ output: z.int() })',
      'input.by may be absent, and must be there by the code before',
    ],
    [
      'another type of a reply',
      'inc: tell(z.object({ by: z.int() })), get: ask({ output: z.string() })',
      'output string where number:safeint is taken by the code before',
    ],
    ['an operation that is gone', 'get: ask({ output: z.int() })', 'counter.inc: is gone'],
    [
      'another kind',
      'inc: tell(z.object({ by: z.int() })), get: stream({ output: z.int() })',
      'was an ask and is a stream',
    ],
    [
      'a new error',
      'inc: tell(z.object({ by: z.int() })), get: ask({ output: z.int(), errors: { gone: z.object({}) } })',
      'error gone is new',
    ],
  ])('exits with 1 for %s', async (_what, operations, text) => {
    contract('write', ...registry);
    await writeRegistry(operations);
    const { status, stdout, stderr } = contract('check', ...registry);
    expect(status).toBe(1);
    expect(stdout).toContain('breaking');
    expect(stdout).toContain(text);
    expect(stderr).toMatch(/^ContractBroken: \d breaking changes?\./);
  });

  it.each<[string, readonly string[], number, RegExp]>([
    ['no action', [], 2, /check or write/],
    ['two actions', ['check', 'write', ...registry], 2, /check or write/],
    ['no registry', ['check'], 2, /--registry/],
    ['an unknown option', ['check', '--fix'], 2, /--fix/],
    ['a registry that is not there', ['check', '--registry', 'none.js'], 1, /RegistryLoadFailed.*none\.js/],
    ['no lock file', ['check', ...registry], 1, /LockFailed: there is no troupe\.contract\.json; make it with/],
    ['a lock file of something else', ['check', ...registry, '--lock', 'package.json'], 1, /LockFailed.*no contract/],
    ['a lock file that is no JSON', ['check', ...registry, '--lock', 'actors.js'], 1, /LockFailed.*no JSON/],
    [
      'a lock file in no folder',
      ['write', ...registry, '--lock', 'none/lock.json'],
      1,
      /LockFailed.*cannot be written/,
    ],
  ])('refuses %s', (_what, args, status, text) => {
    const done = contract(...args);
    expect(done.status).toBe(status);
    expect(done.stderr).toMatch(text);
  });
});

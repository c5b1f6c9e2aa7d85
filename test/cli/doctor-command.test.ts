import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { linkedProject, needed } from '../loading/linked-project.ts';
import type { Finished, Project } from '../package/project.ts';

interface Told {
  readonly troupe: string;
  readonly ok: boolean;
  readonly checks: readonly {
    readonly check: string;
    readonly level: string;
    readonly text: string;
    readonly waysOut: readonly string[];
    readonly code?: string;
    readonly reason?: string;
  }[];
}

const strips = Boolean((process.features as { readonly typescript?: unknown }).typescript);
const definitions = `
import { actor, ask, protocol, registry, resource } from 'troupe';
import * as z from 'zod';
const Greeter = protocol('greeter', { greet: ask({ output: z.string() }) });
const db = resource('db', { open: () => 1 });
export const greeter = actor(Greeter, { args: z.object({}), state: () => ({}), uses: [db] }, { greet: () => 'Hello' });
`;

/** Each test is a program or two: the machine may be busy. */
vi.setConfig({ testTimeout: 120_000 });

let project: Project;
beforeAll(async () => {
  project = await linkedProject(needed);
  await project.write({
    'package.json': '{ "type": "module" }',
    'actors.js': `${definitions}\nsetInterval(() => 1, 1_000);\nconsole.log('noise');\nexport default registry(greeter, db);`,
    'typed.ts': `${definitions}\nconst all: unknown = registry(greeter, db);\nexport default all;`,
    'enum.ts': 'export enum Color { Red }\nexport default Color;',
    'none.js': `${definitions}\nexport const all = registry(greeter, db);`,
    'itself.js': `${definitions}\nexport default greeter;`,
    'promise.js': `${definitions}\nexport default Promise.resolve(registry(greeter));`,
    'empty.js': `${definitions}\nexport default registry();`,
    'other.js': `${definitions}\nexport default { ...registry(greeter), version: '0.0.1' };`,
    'never.js': `${definitions}\nawait new Promise(() => undefined);\nexport default registry(greeter);`,
    'never-there.js': `import { isMainThread } from 'node:worker_threads';${definitions}\nif (!isMainThread) await new Promise(() => undefined);\nexport default registry(greeter);`,
    'held-there.js': `import { isMainThread } from 'node:worker_threads';${definitions}\nwhile (!isMainThread);\nexport default registry(greeter);`,
    'exits-there.js': `import { isMainThread } from 'node:worker_threads';${definitions}\nif (!isMainThread) process.exit(7);\nexport default registry(greeter);`,
    'throws-there.js': `import { isMainThread } from 'node:worker_threads';${definitions}\nif (!isMainThread) throw new Error('only there');\nexport default registry(greeter);`,
    'throws.js': "import './none.js';\nthrow new TypeError('boom');",
    'syntax.js': 'export default (',
    'twice.js': `${definitions}\nexport default registry(greeter, { ...greeter });`,
  });
}, 60_000);
afterAll(() => project?.[Symbol.asyncDispose]());

const doctor = (...args: readonly string[]): Promise<Finished> =>
  project.run(process.execPath, 'node_modules/troupe/dist/cli/main.js', 'doctor', ...args);

async function told(...args: readonly string[]): Promise<{ code: number; told: Told; stderr: string }> {
  const { code, stdout, stderr } = await doctor('--json', ...args);
  expect(stdout.split('\n')).toHaveLength(2);
  return { code, told: JSON.parse(stdout) as Told, stderr };
}

describe('troupe doctor', () => {
  it('loads a registry on both threads, has a probe answer, and exits with 0, whatever the registry left open', async () => {
    const { code, stdout } = await doctor('--registry', './actors.js');
    expect(stdout).toMatch(/✓ main thread {3}loads the registry as JavaScript in [\d.]+ ms: 1 actor, 1 resource\n/);
    expect(stdout).toMatch(/✓ worker thread starts in [\d.]+ ms, loads the registry as JavaScript; a probe answered/);
    expect(stdout).toMatch(/✓ node +v\d+\./);
    expect(stdout).toMatch(/✓ zod +4\./);
    expect(stdout).toMatch(/\nNothing stands in the way\.\n$/);
    expect(code).toBe(0);
  });

  it('prints one line of JSON for machines, and what the registry prints on standard error', async () => {
    const { code, told: all, stderr } = await told('--registry', './actors.js');
    expect(code).toBe(0);
    expect(all).toMatchObject({ troupe: expect.stringMatching(/^\d+\.\d+\.\d+$/), ok: true });
    expect(all.checks.map(({ check }) => check)).toEqual([
      'node',
      'troupe',
      'cores',
      'memory',
      'typescript',
      'zod',
      'rxjs',
      'main thread',
      'worker thread',
    ]);
    expect(all.checks.every(({ level, waysOut }) => level === 'ok' || waysOut.length > 0)).toBe(true);
    expect(stderr.match(/noise/g)).toHaveLength(2);
  });

  it('tries threads without a registry too', async () => {
    const { code, told: all } = await told();
    expect(code).toBe(0);
    expect(all.checks.slice(-2)).toMatchObject([
      { check: 'main thread', level: 'skipped' },
      { check: 'worker thread', level: 'ok' },
    ]);
  });

  const broken: readonly (readonly [file: string, reason: string, text: RegExp, wayOut: RegExp])[] = [
    ['nowhere.js', 'not-found', /nowhere\.js .*no such file/, /^check the URL/],
    ['none.js', 'no-default-export', /no default export \(it exports all, greeter\)/, /export default registry/],
    ['itself.js', 'not-a-registry', /is the actor itself/, /export default registry\(…\)/],
    ['promise.js', 'not-a-registry', /is a promise/, /export default await/],
    ['other.js', 'version', /made by troupe 0\.0\.1/, /npm ls troupe/],
    ['throws.js', 'threw', /TypeError: boom at .*throws\.js:2/, /^correct it there/],
    ['twice.js', 'threw', /two definitions of actor greeter/, /^correct it there/],
    ['syntax.js', 'syntax', /SyntaxError: Unexpected end of input/, /^correct .*node --check/],
  ];
  it.each(broken)('says of %s, with exit code 1, that it is %s', async (file, reason, text, wayOut) => {
    const { code, told: all } = await told('--registry', file);
    const main = all.checks.find(({ check }) => check === 'main thread');
    expect(main).toMatchObject({ level: 'problem', code: 'RegistryLoadFailed', reason });
    expect(main?.text).toMatch(text);
    expect(main?.waysOut.join('\n')).toMatch(wayOut);
    expect(all.checks.at(-1)).toMatchObject({ check: 'worker thread', level: 'skipped' });
    expect({ code, ok: all.ok }).toEqual({ code: 1, ok: false });
  });

  const brokenThere: readonly (readonly [file: string, expected: object])[] = [
    ['never-there.js', { code: 'RegistryLoadFailed', reason: 'unfinished' }],
    ['held-there.js', { code: 'RegistryLoadFailed', reason: 'unfinished' }],
    [
      'throws-there.js',
      { code: 'RegistryLoadFailed', reason: 'threw', text: expect.stringContaining('only there at') },
    ],
    ['exits-there.js', { code: 'SpawnFailed', text: expect.stringContaining('exit code 7') }],
  ];
  it.each(brokenThere)('finds what stands in the way of a worker thread only: %s', async (file, expected) => {
    const { code, told: all } = await told(
      '--registry',
      file,
      '--timeout-ms',
      /throws|exits/.test(file) ? '20000' : '4000',
    );
    expect(all.checks.at(-2)).toMatchObject({ check: 'main thread', level: 'ok' });
    expect(all.checks.at(-1)).toMatchObject({ check: 'worker thread', level: 'problem', ...expected });
    expect(code).toBe(1);
  });

  it('ends after --timeout-ms where a module never finishes loading', async () => {
    const { code, stdout } = await doctor('--registry', 'never.js', '--timeout-ms', '300');
    expect(stdout).toMatch(
      /✗ main thread +does not load \S+never\.js: it has not finished loading on the main thread after 300/,
    );
    expect(stdout).toMatch(/\n1 problem\n$/);
    expect(code).toBe(1);
  });

  it('warns of an empty registry, and exits with 0', async () => {
    const { code, told: all } = await told('--registry', 'empty.js');
    expect(all.checks.at(-2)).toMatchObject({ level: 'warning', text: expect.stringContaining('nothing is in it') });
    expect(code).toBe(0);
  });

  it('names the loaders that TypeScript needs where there are none, or what they cannot load', async () => {
    const plain = await told('--registry', 'typed.ts');
    const enums = await told('--registry', 'enum.ts');
    if (strips) {
      expect(plain.told.checks.at(-1)).toMatchObject({ level: 'ok', text: expect.stringContaining('type stripping') });
      expect(enums.told.checks.at(-2)).toMatchObject({ level: 'problem', reason: 'typescript-syntax' });
    } else {
      expect(plain.told.checks.at(-2)).toMatchObject({ level: 'problem', reason: 'no-typescript-loader' });
      expect(plain.told.checks.find(({ check }) => check === 'typescript')).toMatchObject({ level: 'problem' });
    }
  });

  it('finds a second copy of zod, and one that is too old', async () => {
    const app = join(project.folder, 'app');
    await mkdir(join(app, 'node_modules', 'zod'), { recursive: true });
    await symlink(join(project.folder, 'node_modules', 'troupe'), join(app, 'node_modules', 'troupe'));
    const zodOf = async (version: string): Promise<Told['checks'][number] | undefined> => {
      await project.write({
        'app/actors.js': 'export default 1',
        'app/node_modules/zod/package.json': JSON.stringify({ name: 'zod', version, main: 'index.js' }),
      });
      const { told: all } = await told('--registry', 'app/actors.js');
      return all.checks.find(({ check }) => check === 'zod');
    };
    expect(await zodOf('4.9.9')).toMatchObject({
      level: 'warning',
      text: expect.stringMatching(/^two copies: 4\.9\.9 in .*app/),
    });
    expect(await zodOf('3.25.0')).toMatchObject({
      level: 'problem',
      text: expect.stringContaining('^4.6.0 is needed'),
      waysOut: ['npm install zod@^4.6.0'],
    });
    await rm(app, { recursive: true });
  });

  it('shows colours where they are wanted', async () => {
    const { stdout } = await project.run(
      'env',
      'FORCE_COLOR=1',
      'NO_COLOR=',
      process.execPath,
      'node_modules/troupe/dist/cli/main.js',
      'doctor',
      '--registry',
      'none.js',
    );
    expect(stdout).toContain('\u001b[31m✗\u001b[39m');
  });

  it.each([
    [['--bogus'], /^UsageError: Unknown option '--bogus'.*troupe doctor --help/],
    [['--timeout-ms', 'soon'], /^UsageError: --timeout-ms takes a whole number; it was given "soon"/],
    [['--timeout-ms', '0'], /^UsageError: --timeout-ms must be at least 1/],
    [['actors.js'], /^UsageError: Unexpected argument 'actors\.js'/],
  ])('refuses %j with exit code 2', async (args, text) => {
    const { code, stdout, stderr } = await doctor(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(text);
  });

  it('prints its help with exit code 0', async () => {
    expect(await doctor('--help')).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('usage: troupe doctor'),
    });
  });
});

import { execFile } from 'node:child_process';
import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RegistryLoadFailed } from '../../src/runtime/load-failed.ts';
import { loadRegistryModule } from '../../src/runtime/load-registry.ts';
import { builtRuntime, folderWith } from './fixtures/built-runtime.ts';

interface Told {
  readonly how?: string;
  readonly value?: unknown;
  readonly loadedFrom?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly hasCause?: boolean;
}

const repository = fileURLToPath(new URL('../../', import.meta.url));
const main = fileURLToPath(new URL('./fixtures/load-in-threads.js', import.meta.url));
const tsx = join(repository, 'node_modules', 'tsx');
const strips = Boolean((process.features as { readonly typescript?: unknown }).typescript);
const bySelf = strips ? 'type-stripping' : 'tsx';

const texts = {
  'package.json': '{ "type": "module" }',
  'plain.ts': "import { n } from './dep.ts'; const m: number = n; export default { n: m }",
  'dep.ts': 'export const n: number = 41; export interface Shape { a: number }',
  'enum.ts': 'enum Color { Red, Green } export default { n: Color.Green }',
  'enum-below.ts': "import e from './enum.ts'; import m from './middle.ts'; export default { n: e.n + m.n }",
  'middle.ts': "import e from './enum.ts'; export default { n: e.n as number }",
  'ending-below.ts': "import e from './ending.ts'; export default { n: e.n as number }",
  'ending.ts': "import { n } from './dep.js'; export default { n: n as number }",
  'parameter.ts': 'export default { n: 1 };\nclass A {\n  constructor(private n: number) {}\n}',
  'namespace.ts': 'export default { n: 1 };\nexport namespace N { export const n = 1 }',
  'dependent.ts': "import n from 'package/actors.ts'; export default n as unknown",
  'type-import.ts': "import { Shape } from './dep.ts'; const s: Shape = { a: 1 }; export default { n: s.a }",
  'built.js': 'export default { n: 7 }',
  'both.ts': 'export default { n: 1 as number }',
  'both.js': 'export default { n: 2 }',
  'module.mts': 'export default { n: 3 as number }',
  'commonjs/package.json': '{ "type": "commonjs" }',
  'commonjs/actors.ts': "import { n } from './dep.ts'; export default { n: n as number }",
  'commonjs/dep.ts': 'export const n: number = 5',
  'node_modules/package/actors.ts': 'export default { n: 9 as number }',
  'sp ace ünï %41/reg #1.ts': 'export default { n: 4 as number }',
  'sp ace ünï %41/reg.ts': 'export default { n: 4 as number }',
  'folder.ts/empty': '',
  'syntax.ts': 'export default { a: 1 ',
  'syntax-below.ts': "import './syntax.ts'; export default {}",
  'json.ts': "const n: number = JSON.parse('{bad'); export default n",
  'throws.ts': "const n: number = 1; throw new Error('boom')",
  'throws-undefined.ts': 'const n: number = 1; throw undefined',
  'missing.ts': "import './nowhere.ts'; export default 1 as number",
  'no-package.ts': "import 'no-such-package'; export default 1 as number",
  'no-export.ts': "import { nope } from './dep.ts'; export default nope as number",
  'no-default.ts': 'export const a: number = 1',
  'empty.ts': 'export {}',
};

let built: string;
let folder: string;
beforeAll(async () => {
  built = await builtRuntime();
  folder = await folderWith(texts);
});
afterAll(async () => {
  await rm(built, { recursive: true });
  await rm(folder, { recursive: true });
});

/** Loads files of `folder` in a new process, and answers what it told of each. */
async function loadIn(
  thread: 'main' | 'worker',
  files: readonly string[],
  { flags = [] as readonly string[], cwd = repository } = {},
): Promise<Record<string, Told>> {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const paths = files.map((file) => join(folder, file));
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, main, built, thread, ...paths], {
    cwd,
    env,
  });
  const told = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Told);
  return Object.fromEntries(files.map((file, index) => [file, told[index]!]));
}

const loaders = [
  ['plain node', []],
  ['node --import tsx', ['--import', pathToFileURL(join(tsx, 'dist/loader.mjs')).href]],
] as const;

describe.each(loaders)('a process started by %s', (name, flags) => {
  const inherits = name !== 'plain node';
  test('loads TypeScript in its main thread', async () => {
    const { 'plain.ts': told } = await loadIn('main', ['plain.ts'], { flags });
    expect(told).toMatchObject({ how: inherits ? 'inherited-loader' : bySelf, value: { n: 41 } });
  });

  test('loads in its workers whatever tsx can load, and answers how', async () => {
    const expected: Record<string, [how: string, n: number]> = {
      'plain.ts': [bySelf, 41],
      'enum.ts': ['tsx', 1],
      'enum-below.ts': ['tsx', 2],
      'ending-below.ts': ['tsx', 41],
      'type-import.ts': ['tsx', 1],
      'module.mts': [bySelf, 3],
      'commonjs/actors.ts': ['tsx', 5],
      'node_modules/package/actors.ts': ['tsx', 9],
      'sp ace ünï %41/reg #1.ts': [bySelf, 4],
      'built.js': ['javascript', 7],
      'both.js': ['javascript', 2],
    };
    const told = await loadIn('worker', Object.keys(expected), { flags });
    for (const [file, [how, n]] of Object.entries(expected)) {
      // From Node 22 on, workers inherit the loader that `--import` gave to the main thread.
      const inherited = inherits && strips && how !== 'javascript';
      expect({ file, ...told[file] }).toMatchObject({ file, how: inherited ? 'inherited-loader' : how, value: { n } });
    }
  });

  test('tells in its workers why a module cannot be loaded, and keeps the cause', async () => {
    const expected: Record<string, [reason: string, message: RegExp]> = {
      'syntax.ts': ['syntax', /syntax\.ts.*Correct/s],
      'syntax-below.ts': ['syntax', /Correct/],
      'no-export.ts': ['syntax', /named 'nope'.*import type/],
      'json.ts': ['threw', /JSON/],
      'throws.ts': ['threw', /boom/],
      'throws-undefined.ts': ['threw', /undefined/],
      'missing.ts': ['not-found', /nowhere\.ts.*Correct the import/],
      'no-package.ts': ['not-found', /no-such-package.*install the package/],
    };
    const told = await loadIn('worker', Object.keys(expected), { flags });
    for (const [file, [reason, message]] of Object.entries(expected)) {
      expect({ file, ...told[file] }).toMatchObject({ file, reason, hasCause: true });
      expect(told[file]?.message).toMatch(message);
    }
  });
});

describe('where no tsx is to be found', () => {
  test('loads what the thread can load by itself, and else names the three ways out', async () => {
    const told = await loadIn('worker', ['plain.ts', 'enum.ts', 'built.js'], { cwd: folder });
    if (strips) expect(told['plain.ts']).toMatchObject({ how: 'type-stripping', value: { n: 41 } });
    else expect(told['plain.ts']).toMatchObject({ reason: 'no-typescript-loader' });
    expect(told['enum.ts']).toMatchObject({ hasCause: true });
    if (!strips) expect(told['enum.ts']?.message).toMatch(/Compile it to JavaScript .*, or install tsx .*Node 22\.18/);
    expect(told['built.js']).toMatchObject({ how: 'javascript' });
  });

  test.runIf(strips)(
    'names what type stripping cannot erase, where it stands, and what to write in its place',
    async () => {
      const expected: Record<string, RegExp> = {
        'enum.ts': /\(enum at .*\/enum\.ts:1\).* Write a constant object.*, or install tsx .*, or compile it/,
        'enum-below.ts': /\(enum at .*\/enum\.ts:1\)/,
        'parameter.ts': /\(parameter property at .*\/parameter\.ts:3\).* Declare the field and assign it/,
        'namespace.ts': /\(namespace declaration at .*\/namespace\.ts:2\).* Make a module of the namespace/,
      };
      const told = await loadIn('worker', Object.keys(expected), { cwd: folder });
      for (const [file, message] of Object.entries(expected)) {
        expect({ file, ...told[file] }).toMatchObject({ file, reason: 'typescript-syntax', hasCause: true });
        expect(told[file]?.message).toMatch(message);
      }
    },
  );

  test('says of TypeScript inside node_modules which file it is', async () => {
    const file = 'node_modules/package/actors.ts';
    const told = await loadIn('worker', [file, 'dependent.ts'], { cwd: folder });
    for (const one of [told[file], told['dependent.ts']]) {
      if (!strips) expect(one).toMatchObject({ reason: 'no-typescript-loader' });
      else {
        expect(one).toMatchObject({ reason: 'typescript-in-node-modules' });
        expect(one?.message).toMatch(
          /node_modules\/package\/actors\.ts is TypeScript inside node_modules.* Use a build/,
        );
      }
    }
  });

  test.runIf(strips)('says that a package.json makes CommonJS of it', async () => {
    const told = await loadIn('worker', ['commonjs/actors.ts'], { cwd: folder });
    expect(told['commonjs/actors.ts']).toMatchObject({ reason: 'syntax' });
    expect(told['commonjs/actors.ts']?.message).toContain('Write "type": "module" in the nearest package.json');
  });
});

test('finds the tsx that is installed beside the registry, from any working directory', async () => {
  const link = join(folder, 'node_modules', 'tsx');
  await mkdir(join(folder, 'node_modules'), { recursive: true });
  await symlink(tsx, link);
  try {
    const told = await loadIn('worker', ['enum.ts'], { cwd: built });
    expect(told['enum.ts']).toMatchObject({ how: 'tsx', value: { n: 1 } });
  } finally {
    await rm(link);
  }
});

describe('under vitest', () => {
  const load = (file: string) => loadRegistryModule(pathToFileURL(join(folder, file)));
  const failure = (url: URL): Promise<RegistryLoadFailed> =>
    loadRegistryModule(url).then(
      () => expect.unreachable(),
      (error: RegistryLoadFailed) => error,
    );

  test('leaves TypeScript of any kind to vitest', async () => {
    for (const [file, n] of [
      ['enum.ts', 1],
      ['ending-below.ts', 41],
      ['sp ace ünï %41/reg.ts', 4],
    ] as const) {
      expect(await load(file)).toMatchObject({ how: 'inherited-loader', value: { n } });
    }
  });

  test('falls back to the sibling with the other ending, and only then', async () => {
    expect((await load('built.ts')).loadedFrom.href).toBe(pathToFileURL(join(folder, 'built.js')).href);
    expect((await load('plain.js')).loadedFrom.href).toBe(pathToFileURL(join(folder, 'plain.ts')).href);
    expect((await load('module.mjs')).value).toEqual({ n: 3 });
    expect((await load('both.ts')).value).toEqual({ n: 1 });
    expect((await load('both.js')).value).toEqual({ n: 2 });
  });

  test.each([
    ['nowhere.ts', 'not-found'],
    ['folder.ts', 'unreadable'],
    ['no-default.ts', 'no-default-export'],
    ['empty.ts', 'no-default-export'],
    ['syntax.ts', 'syntax'],
    ['json.ts', 'threw'],
    ['throws.ts', 'threw'],
    ['missing.ts', 'not-found'],
  ])('refuses %s as %s and names the file', async (file, reason) => {
    const error = await failure(pathToFileURL(join(folder, file)));
    expect(error).toMatchObject({ code: 'RegistryLoadFailed', reason, retryable: false });
    expect(error.message).toContain(join(folder, file));
  });

  test.each([
    'https://user:password@example.com/actors.js',
    'data:text/javascript,export default 1',
    'node:fs',
    'file:///a%2Fb.ts',
  ])('refuses the URL %s without fetching it, and repeats no secret of it', async (href) => {
    const error = await failure(new URL(href));
    expect(error).toMatchObject({ code: 'RegistryLoadFailed', reason: 'not-file-url' });
    expect(error.message).not.toContain('password');
  });
});

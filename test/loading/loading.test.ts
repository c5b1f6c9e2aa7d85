/**
 * Every way to load code into threads, each in a project of its own kind: an actor of TypeScript answers from a worker
 * thread, and the stack of its failure names the lines of the sources, on both sides.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Finished, Project } from '../package/project.ts';
import { linkedProject, needed } from './linked-project.ts';

const strips = Boolean((process.features as { readonly typescript?: unknown }).typescript);

const actors = `import { isMainThread } from 'node:worker_threads';
import { actor, ask, protocol, registry } from 'troupe';
import * as z from 'zod';

export const Greeter = protocol('greeter', {
  greet: ask({ input: z.object({ name: z.string() }), output: z.string(), errors: { rude: z.object({ why: z.string() }) } }),
  fails: ask({ output: z.string() }),
});
interface Greeting { readonly text: string }
export const greeter = actor(Greeter, { args: z.object({}), state: (): Greeting => ({ text: 'Hello' }) }, {
  greet: (state, { name }, context) => {
    if (name === '') return context.fail('rude', { why: 'no name' });
    return \`\${state.text}, \${name}, from \${isMainThread ? 'the main thread' : 'a worker thread'}\`;
  },
  fails: () => {
    throw new RangeError('on purpose');
  },
});
export default registry(greeter);
`;

const greets = `import { createSystem, thread } from 'troupe';
import { greeter } from './actors.ts';

interface Stacks { readonly stack: string; readonly cause: { readonly stack: string } }
export async function greets(registry: URL): Promise<readonly string[]> {
  const system = await createSystem({ registry, threads: 1, logLevel: 'silent' });
  const ref = await system.spawn(greeter, { on: thread() });
  const lines = [await ref.greet({ name: 'Ada' })];
  const outcome = await ref.greet.outcome({ name: '' });
  if (!outcome.ok && outcome.error.code === 'rude') lines.push('rude: ' + outcome.error.data.why);
  try {
    await ref.fails();
  } catch (error) {
    const { stack, cause } = error as Stacks;
    const place = (text: string): string => /(?:actors|greets)\\.[cm]?ts:\\d+/.exec(text)?.[0] ?? text;
    lines.push('thrown at ' + place(cause.stack) + ', awaited at ' + place(stack));
  }
  await system.shutdown();
  return lines;
}
`;
const main = `import { greets } from './greets.ts';

console.log((await greets(new URL('./actors.ts', import.meta.url))).join('\\n'));
`;
const printed = `Hello, Ada, from a worker thread
rude: no name
thrown at actors.ts:16, awaited at greets.ts:12
`;

const firstLine = 'Hello, Ada, from a worker thread\n';

const tsconfig = {
  compilerOptions: {
    target: 'es2023',
    module: 'nodenext',
    strict: true,
    sourceMap: true,
    // test/package has types checked, here it is about what comes out: nothing else is read.
    types: [],
    noCheck: true,
    lib: ['es5'],
    noResolve: true,
    rewriteRelativeImportExtensions: true,
    rootDir: '.',
    outDir: 'built',
  },
  files: ['main.ts', 'greets.ts', 'actors.ts', 'common.cts', 'greets-of.cts', 'actors-of.cts'],
};

/** The same from CommonJS, which has no `import.meta.url`. */
const common = `import path = require('node:path');
import url = require('node:url');
import greets = require('./greets-of.cjs');

const registry = url.pathToFileURL(path.join(__dirname, 'actors-of.cjs'));
void greets.greets(registry).then((lines) => console.log(lines[0]));
`;

const vitestFile = `import { expect, test } from 'vitest';
import { greets } from './greets.ts';

test('greets', async () => {
  expect(await greets(new URL('./actors.ts', import.meta.url))).toEqual(${JSON.stringify(printed.trim().split('\n'))});
}, 60_000);
`;

/** 20 actors of one worker fail one after the other, and the last of them ends the thread. */
const logged = `import { actor, createSystem, protocol, registry, tell, thread } from 'troupe';
import * as z from 'zod';

const Failing = protocol('failing', { fail: tell(z.object({ n: z.int() })), exit: tell() });
const failing = actor(Failing, { args: z.object({}), state: () => ({}) }, {
  fail: (_state, { n }) => {
    console.log('console ' + n);
    throw new Error('failure ' + n);
  },
  exit: () => {
    console.log('console last');
    process.exit(3);
  },
});
export default registry(failing);

export async function main() {
  const system = await createSystem({ registry: new URL('./logged.mjs', import.meta.url), threads: 1 });
  const refs = [];
  for (let n = 0; n < 20; n++) refs.push(await system.spawn(failing, { on: thread() }));
  refs.forEach((ref, n) => ref.fail({ n }));
  refs[19].exit();
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await system.shutdown();
}
`;

/** A registry that never finishes loading on a worker, with a limit of 0.5 s in place of the one of 60 s. */
const unfinished = `import { isMainThread } from 'node:worker_threads';
import { actor, protocol, registry, tell } from 'troupe';
import * as z from 'zod';

const Nothing = protocol('nothing', { nothing: tell() });
export const nothing = actor(Nothing, { args: z.object({}), state: () => ({}) }, { nothing: () => undefined });
if (!isMainThread) await new Promise(() => undefined);
export default registry(nothing);
`;
const impatient = `import { createSystem, thread } from 'troupe';
import { nothing } from './unfinished.mjs';

const real = globalThis.setTimeout;
globalThis.setTimeout = (fire, ms, ...rest) => real(fire, ms === 60_000 ? 500 : ms, ...rest);
const system = await createSystem({ registry: new URL('./unfinished.mjs', import.meta.url), threads: 1, logLevel: 'silent' });
const { code, reason, message, cause } = await system.spawn(nothing, { on: thread() }).catch((error) => error);
console.log(JSON.stringify({ code, reason, message, cause: { code: cause.code, reason: cause.reason } }));
await system.shutdown();
`;

/** Four bundles: the package left out, all of it in, the same in shared chunks, and one that forgot the entry of workers. */
const esbuildScript = `import { build } from 'esbuild';
const entries = { main: 'main.ts', actors: 'actors.ts' };
// ws and pino are CommonJS, and ask for built-in modules by require.
const banner = { js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);" };
const all = { bundle: true, platform: 'node', format: 'esm', sourcemap: true, logLevel: 'warning' };
const withWorker = { ...entries, 'worker-main': 'troupe/worker' };
await Promise.all([
  build({ ...all, entryPoints: entries, external: ['troupe'], outdir: 'esbuild-external' }),
  build({ ...all, entryPoints: withWorker, banner, outdir: 'esbuild-whole' }),
  build({ ...all, entryPoints: withWorker, banner, minify: true, outExtension: { '.js': '.mjs' }, outdir: 'esbuild-mjs' }),
  build({ ...all, entryPoints: withWorker, banner, splitting: true, outdir: 'esbuild-chunks' }),
  build({ ...all, entryPoints: entries, banner, outdir: 'esbuild-lost' }),
  build({ ...all, entryPoints: { main: 'main.ts' }, external: ['troupe'], outdir: 'esbuild-alone' }),
]);
`;

const viteScript = `import { build } from 'vite';
const entries = { main: 'main.ts', actors: 'actors.ts' };
const all = (outDir, more, build_) => build({
  configFile: false, logLevel: 'warn', ...more, build: { outDir, emptyOutDir: true, minify: false, sourcemap: true, target: 'node20', ...build_ },
});
await all('vite-ssr', {}, { ssr: true, rollupOptions: { input: entries } });
await all('vite-whole', { ssr: { noExternal: true } }, { ssr: true, rollupOptions: { input: { ...entries, 'worker-main': 'troupe/worker' } } });
const external = ['troupe', 'zod', /^node:/];
await all('vite-lib', {}, { lib: { formats: ['es'], entry: entries }, rollupOptions: { external } });
await all('vite-lib-ignored', {}, { lib: { formats: ['es'], entry: { main: 'ignored.ts', actors: 'actors.ts' } }, rollupOptions: { external } });
`;

let project: Project;
beforeAll(async () => {
  project = await linkedProject([...needed, 'esbuild', 'tsx', 'typescript', 'vite', 'vitest']);
  await mkdir(join(project.folder, 'commonjs'));
  await project.write({
    'package.json': '{ "name": "my-app", "type": "module" }',
    'tsconfig.json': JSON.stringify(tsconfig),
    'actors.ts': actors,
    'greets.ts': greets,
    'main.ts': main,
    'actors-of.cts': actors,
    'greets-of.cts': greets.replace('./actors.ts', './actors-of.cjs'),
    'common.cts': common,
    'ignored.ts': main.replace("'./actors.ts', import", "/* @vite-ignore */ './actors.ts', import"),
    'greets.test.ts': vitestFile,
    'bundle-esbuild.mjs': esbuildScript,
    'bundle-vite.mjs': viteScript,
    'logged.mjs': logged,
    'logs.mjs': "import { main } from './logged.mjs'; await main();",
    'unfinished.mjs': unfinished,
    'impatient.mjs': impatient,
    'commonjs/package.json': '{ "type": "commonjs" }',
    'commonjs/actors.mjs': withoutTypes(actors),
    'commonjs/greets.mjs': withoutTypes(greets).replaceAll('./actors.ts', './actors.mjs'),
    'commonjs/main.mjs': withoutTypes(main).replaceAll('.ts', '.mjs'),
  });
}, 60_000);
afterAll(() => project?.[Symbol.asyncDispose]());

/** As tsc leaves it, but for the lines of its own. */
function withoutTypes(source: string): string {
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
  });
  return outputText;
}

const node = (...args: readonly string[]): Promise<Finished> => project.run(process.execPath, ...args);
const module = (name: string): string => `node_modules/${name}`;

/** Each test is a program or two: the machine may be busy. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

describe('an actor of a worker thread is loaded, with its sources in the stacks,', () => {
  it('from what tsc has built', async () => {
    expect(await node(module('typescript/bin/tsc'))).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await node('--enable-source-maps', 'built/main.js')).toEqual({ code: 0, stdout: printed, stderr: '' });
  });

  it('from CommonJS that tsc has built', async () => {
    const { code, stdout } = await node('built/common.cjs');
    expect({ code, stdout }).toEqual({ code: 0, stdout: firstLine });
  });

  it('from .mjs beside a package.json that says commonjs', async () => {
    const { code, stdout } = await node('commonjs/main.mjs');
    expect(code).toBe(0);
    expect(stdout.split('\n').slice(0, 2)).toEqual(printed.split('\n').slice(0, 2));
  });

  it('by tsx, as npx tsx starts it, and by node --import tsx', async () => {
    const [byCommand, byFlag] = await Promise.all([
      node(module('tsx/dist/cli.mjs'), 'main.ts'),
      node('--import', 'tsx', 'main.ts'),
    ]);
    expect(byCommand).toEqual({ code: 0, stdout: printed, stderr: '' });
    expect(byFlag).toEqual({ code: 0, stdout: printed, stderr: '' });
  });

  // On Node 20 a CommonJS module that tsx compiles cannot require any ECMAScript package.
  it.runIf(strips)('from CommonJS, by tsx', async () => {
    expect(await node(module('tsx/dist/cli.mjs'), 'common.cts')).toMatchObject({ code: 0, stdout: firstLine });
  });

  it.runIf(strips)("by Node's own type stripping", async () => {
    expect(await node('--disable-warning=ExperimentalWarning', 'main.ts')).toEqual({
      code: 0,
      stdout: printed,
      stderr: '',
    });
  });

  it.each(['threads', 'forks'])('by vitest, inside of its pool of %s', async (pool) => {
    const { code, stdout, stderr } = await node(module('vitest/vitest.mjs'), 'run', '--pool', pool);
    expect(stripVTControlCharacters(`${stdout}${stderr}`)).toMatch(/Tests +1 passed/);
    expect(code).toBe(0);
  });
});

describe('a worker thread', () => {
  it('that logs, writes and exits is heard to its last line, in order, before the news of its end', async () => {
    const { stdout, stderr } = await node('logs.mjs');
    const failures = Array.from({ length: 20 }, (_, n) => `failure ${n}`);
    const logs = stderr
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { msg: string }).msg);
    const told = logs.map(
      (text) => /(failure \d+)$/.exec(text)?.[1] ?? (text.startsWith('worker ') ? 'its end' : undefined),
    );
    expect(told.filter((one) => one !== undefined)).toEqual([...failures, 'its end']);
    const written = Array.from({ length: 20 }, (_, n) => `console ${n}\n`);
    expect(stdout).toBe(`${written.join('')}console last\n`);
  });

  it('that does not finish loading in time is ended, and the spawn says so', async () => {
    const { code, stdout, stderr } = await node('impatient.mjs');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      code: 'SpawnFailed',
      reason: 'no-place',
      message: expect.stringMatching(
        /t1 could not start\..*unfinished\.mjs.*on a worker thread.* Await that in a resource/,
      ),
      cause: { code: 'RegistryLoadFailed', reason: 'unfinished' },
    });
  });
});

describe('a bundle of esbuild', () => {
  beforeAll(async () => {
    await mustBuild('bundle-esbuild.mjs');
  }, 60_000);

  it.each([
    ['leaves the package out', 'esbuild-external/main.js'],
    ['holds everything, with troupe/worker as an entry', 'esbuild-whole/main.js'],
    ['holds everything in chunks that its entries share', 'esbuild-chunks/main.js'],
  ])('that %s starts its actors on threads', async (_what, file) => {
    expect(await node('--enable-source-maps', file)).toEqual({ code: 0, stdout: printed, stderr: '' });
  });

  it('that is minified, with entries called .mjs, starts its actors on threads', async () => {
    const { code, stdout } = await node('esbuild-mjs/main.mjs');
    expect(stdout.split('\n').slice(0, 2)).toEqual(printed.split('\n').slice(0, 2));
    expect(code).toBe(0);
  });

  it('that lost the entry of the workers says so, and the two ways to have it', async () => {
    const { code, stdout, stderr } = await node('esbuild-lost/main.js');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /SpawnFailed: No worker thread can be started: worker-main\.js is not beside .*esbuild-lost\/main\.js/,
    );
    expect(stderr).toMatch(
      /Leave the package out of the bundle: external: \['troupe'\].*, or name it as an entry .*'troupe\/worker'/,
    );
    expect(stderr).toContain("code: 'WorkerEntryMissing'");
  });

  it('that lost the registry says so, and that it must be an entry', async () => {
    const { code, stderr } = await node('esbuild-alone/main.js');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /RegistryLoadFailed: .*esbuild-alone\/actors\.ts .*there is no such file.* name the module as an entry of its own/,
    );
  });
});

describe('a build of Vite', () => {
  beforeAll(async () => {
    await mustBuild('bundle-vite.mjs');
  }, 60_000);

  it.each([
    ['for Node, with build.ssr', 'vite-ssr/main.js'],
    ['for Node that holds everything, with troupe/worker as an entry', 'vite-whole/main.js'],
    ['as a library, with @vite-ignore at the URL', 'vite-lib-ignored/main.js'],
  ])('%s starts its actors on threads', async (_what, file) => {
    expect(await node('--enable-source-maps', file)).toEqual({ code: 0, stdout: printed, stderr: '' });
  });

  it('as a library that made an asset of the registry says so, and the two ways around it', async () => {
    const { code, stderr } = await node('vite-lib/main.js');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /RegistryLoadFailed: .*a bundler put the text of the module where its URL stood.*build\.ssr.*@vite-ignore/,
    );
    expect(stderr).toContain("reason: 'not-file-url'");
  });
});

async function mustBuild(script: string): Promise<void> {
  const { code, stderr } = await node(script);
  if (code !== 0) throw new Error(`${script} ended with ${code}:\n${stderr}`);
}

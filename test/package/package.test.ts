import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshProject, type Project } from './project.ts';

/** Uses every entry point, and types that a wrong declaration file would lose. */
const typescript = `
import { actor, ask, createSystem, protocol, registry, type Ref } from 'troupe';
import { count, flow, fromIterable, forEach, type Source } from 'troupe/streams';
import * as z from 'zod';

const Greeter = protocol('greeter', { greet: ask({ input: z.object({ name: z.string() }), output: z.string() }) });
const greeter = actor(Greeter, { args: z.object({}), state: () => ({}) }, { greet: (_state, { name }) => \`Hello, \${name}\` });
const system = await createSystem({ registry: registry(greeter), threads: 0 });
const ref: Ref<typeof Greeter> = await system.spawn(greeter);
const text: string = await ref.greet({ name: 'Ada' });
// @ts-expect-error the payload has another shape
const outcome = await ref.greet.outcome({ name: 1 });
const source: Source<number> = fromIterable([1, 2, 3]);
console.log(text, outcome.ok, typeof count, typeof flow, typeof forEach, source.name);
await system.shutdown();
`;

const javascript = `
import { actor, ask, createSystem, protocol, registry } from 'troupe';
import * as streams from 'troupe/streams';
import * as z from 'zod';

const Greeter = protocol('greeter', { greet: ask({ input: z.object({ name: z.string() }), output: z.string() }) });
const greeter = actor(Greeter, { args: z.object({}), state: () => ({}) }, { greet: (_state, { name }) => 'Hello, ' + name });
const system = await createSystem({ registry: registry(greeter), threads: 0 });
const ref = await system.spawn(greeter);
console.log(await ref.greet({ name: 'Ada' }), typeof streams.flow);
await system.shutdown();
`;

/** A user's own test in TypeScript, with a fake that the compiler checks. */
const testInTypeScript = `
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actor, protocol, refOf, registry, resource, tell } from 'troupe';
import { testSystem } from 'troupe/testing';
import * as z from 'zod';

const Ear = protocol('ear', { hear: tell(z.object({ word: z.string() })) });
const Mouth = protocol('mouth', { say: tell(z.object({ to: refOf(Ear), afterMs: z.int() })) });
const voice = resource('voice', { open: () => ({ word: (): string => 'real' }) });
const mouth = actor(
  Mouth,
  { args: z.object({}), state: () => ({ to: [] as { hear(message: { word: string }): boolean }[] }), internal: { now: tell() }, uses: [voice] },
  {
    say: (state, { to, afterMs }, context) => { state.to.push(to); context.after(afterMs, context.self.now); },
    now: (state, _message, context) => { for (const ear of state.to.splice(0)) ear.hear({ word: context.use(voice).word() }); },
  },
);

test('says a word after an hour', async () => {
  await using system = await testSystem({ registry: registry(mouth, voice), resources: { voice: { word: () => 'fake' } } });
  // @ts-expect-error a fake that lacks a method of the resource
  await (await testSystem({ registry: registry(mouth, voice), resources: { voice: {} } })).shutdown();
  const ear = system.probe(Ear);
  (await system.spawn(mouth)).say({ to: ear.ref, afterMs: 3_600_000 });
  await ear.expectNothing();
  const { word }: { word: string } = await ear.expect('hear', { withinMs: 3_600_000 });
  assert.equal(word, 'fake');
});
`;

/** The same kit in JavaScript, for all three places. */
const registryInJavaScript = `
import { actor, ask, protocol, registry } from 'troupe';
import * as z from 'zod';

const Greeter = protocol('greeter', { greet: ask({ input: z.object({ name: z.string() }), output: z.string() }) });
export const greeter = actor(Greeter, { args: z.object({}), state: () => ({}) }, { greet: (_state, { name }) => 'Hello, ' + name });
export default registry(greeter);
`;

const testInJavaScript = `
import assert from 'node:assert/strict';
import test from 'node:test';
import { everywhere } from 'troupe/testing';
import { greeter } from './actors.mjs';

for (const place of everywhere({ registry: new URL('./actors.mjs', import.meta.url) })) {
  test('greets ' + place.name, async (context) => {
    const system = await place.open();
    context.after(() => system.shutdown());
    const ref = await system.spawn(greeter);
    assert.equal(await ref.greet({ name: 'Ada' }), 'Hello, Ada');
  });
}
`;

const tsconfig = {
  compilerOptions: {
    target: 'es2023',
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    types: ['node'],
  },
  files: ['main.mts'],
};

describe('the packed package', () => {
  describe('in an empty JavaScript project', () => {
    let project: Project;
    beforeAll(async () => {
      project = await freshProject();
    }, 120_000);
    afterAll(() => project?.[Symbol.asyncDispose]());

    it('runs from an ES module beside a package.json that says commonjs', async () => {
      await project.write({ 'main.mjs': javascript });
      expect(await project.run('node', 'main.mjs')).toEqual({ code: 0, stdout: 'Hello, Ada function\n', stderr: '' });
    });

    it('brings the test kit: one test of node:test passes on this thread, on a worker and on another node', async () => {
      await project.write({ 'actors.mjs': registryInJavaScript, 'greeter.test.mjs': testInJavaScript });
      const { code, stdout } = await project.run('node', '--test', '--test-reporter=tap', 'greeter.test.mjs');
      expect(stdout).toMatch(/^# pass 3$/m);
      expect(code).toBe(0);
    });

    it('brings the troupe command', async () => {
      const help = await project.run('npx', '--no-install', 'troupe', 'node', '--help');
      expect(help.stdout).toContain('usage: troupe node --registry <module>');
      const version = await project.run('npx', '--no-install', 'troupe', '--version');
      expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    });

    it('names the packages that the parquet source needs, when they are not installed', async () => {
      const { code, stderr } = await project.run(
        'node',
        '--input-type=module',
        '-e',
        `import 'troupe/streams/parquet'`,
      );
      expect(code).toBe(1);
      expect(stderr).toContain("Cannot find package 'hyparquet'");
    });
  });

  describe('in an empty TypeScript project', () => {
    let project: Project;
    beforeAll(async () => {
      project = await freshProject(
        'typescript@6.0.3',
        '@types/node@20',
        'hyparquet@1.31.5',
        'hyparquet-compressors@1.1.2',
      );
    }, 120_000);
    afterAll(() => project?.[Symbol.asyncDispose]());

    it('compiles strictly, with the types of the libraries checked too, and runs', async () => {
      await project.write({ 'main.mts': typescript, 'tsconfig.json': JSON.stringify(tsconfig) });
      expect(await project.run('npx', '--no-install', 'tsc')).toMatchObject({ code: 0, stdout: '' });
      const ran = await project.run('node', 'main.mjs');
      expect(ran).toMatchObject({ code: 0, stdout: 'Hello, Ada false function function function iterable\n' });
    });

    it('checks the fakes of a test against the registry, and the test passes', async () => {
      const config = { ...tsconfig, files: ['mouth.test.mts'] };
      await project.write({ 'mouth.test.mts': testInTypeScript, 'tsconfig.json': JSON.stringify(config) });
      expect(await project.run('npx', '--no-install', 'tsc')).toMatchObject({ code: 0, stdout: '' });
      const { code, stdout } = await project.run('node', '--test', '--test-reporter=tap', 'mouth.test.mjs');
      expect(stdout).toMatch(/^# pass 1$/m);
      expect(code).toBe(0);
    });

    it('gives the parquet source its own entry point', async () => {
      const { stdout } = await project.run(
        'node',
        '--input-type=module',
        '-e',
        `import { parquet } from 'troupe/streams/parquet'; console.log(typeof parquet)`,
      );
      expect(stdout).toBe('function\n');
    });
  });
});

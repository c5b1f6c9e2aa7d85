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

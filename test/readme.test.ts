import { access, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshProject, type Project } from './package/project.ts';

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');

/** The files that the README prints, each a code block that begins with its name, and what it says they print. */
const files = Object.fromEntries(
  [...readme.matchAll(/```js\n(\/\/ (\S+\.mjs)\n[\s\S]*?)```/g)].map(([, text, name]) => [name!, text!]),
);
const output = /\$ node main\.mjs\n([\s\S]*?)```/.exec(readme)?.[1];

describe('the README', () => {
  describe('its example', () => {
    let project: Project;
    beforeAll(async () => {
      project = await freshProject('typescript@6.0.3', '@types/node@20');
    }, 120_000);
    afterAll(() => project?.[Symbol.asyncDispose]());

    it('is 20 lines of code or so in two files', () => {
      expect(Object.keys(files)).toEqual(['actors.mjs', 'main.mjs']);
      const lines = Object.values(files).flatMap((text) =>
        text.split('\n').filter((line) => line !== '' && !line.startsWith('//')),
      );
      expect(lines.length).toBeLessThanOrEqual(22);
    });

    it('prints what it says in a folder fresh from npm init -y, as JavaScript', async () => {
      const { type } = JSON.parse(await readFile(`${project.folder}/package.json`, 'utf8')) as { type?: string };
      expect([undefined, 'commonjs']).toContain(type);
      await project.write(files);
      expect(await project.run('node', 'main.mjs')).toEqual({ code: 0, stdout: output, stderr: '' });
    });

    it('is TypeScript as it stands: named .mts it compiles strictly, and prints the same', async () => {
      await project.write(
        Object.fromEntries(Object.entries(files).map(([name, text]) => [name.replace('.mjs', '.mts'), text])),
      );
      const compiled = await project.run(
        'npx',
        '--no-install',
        'tsc',
        '--strict',
        '--module',
        'nodenext',
        '--target',
        'es2023',
        '--types',
        'node',
        'main.mts',
      );
      expect(compiled).toMatchObject({ code: 0, stdout: '' });
      expect(await project.run('node', 'main.mjs')).toMatchObject({ code: 0, stdout: output });
    });
  });

  it('shows nothing in TypeScript that does not stand in its Monte Carlo example', async () => {
    const example = await readFile(new URL('../examples/monte-carlo/estimate.ts', import.meta.url), 'utf8');
    const snippets = [...readme.matchAll(/```ts\n([\s\S]*?)\n```/g)].map(([, code]) => code!);
    expect(snippets.length).toBeGreaterThan(0);
    for (const snippet of snippets) expect(example).toContain(snippet);
  });

  it('links to files that exist', async () => {
    const links = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path]) => path!);
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) await access(new URL(`../${link}`, import.meta.url));
  });

  it('names only commands that package.json or the repository has', async () => {
    const { scripts } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as {
      scripts: Record<string, string>;
    };
    for (const [, name] of readme.matchAll(/npm run ([a-z:-]+)/g)) expect(Object.keys(scripts)).toContain(name);
    for (const [, script] of readme.matchAll(/node (scripts\/[\w-]+\.mjs)/g))
      await access(new URL(`../${script}`, import.meta.url));
  });
});

describe('ARCHITECTURE.md', () => {
  it('names only files and folders that exist', async () => {
    const text = await readFile(new URL('../ARCHITECTURE.md', import.meta.url), 'utf8');
    const sources = [...text.matchAll(/`((?:actors|base|cli|runtime|streams|testing|transport)\/[\w./-]*)`/g)].map(
      ([, path]) => path!,
    );
    const others = [...text.matchAll(/`((?:docs|test)\/[\w./-]+)`/g)].map(([, path]) => path!);
    expect(sources.length).toBeGreaterThan(40);
    for (const path of sources) await access(new URL(`../src/${path}`, import.meta.url));
    for (const path of others) await access(new URL(`../${path}`, import.meta.url));
  });
});

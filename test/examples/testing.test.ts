/** The example of the test kit runs, and the guide shows what is in it. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const text = (path: string): Promise<string> => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');

describe('the example of the test kit', () => {
  it('passes its 6 tests by the command of its first line', async () => {
    const [first] = (await text('examples/testing/reminders.test.ts')).split('\n');
    const file = /^\/\/ npm run build && node --test (\S+)$/.exec(first!)?.[1];
    // A runner inside of a runner would speak to the outer one.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NODE_TEST|VITEST)/.test(name)));
    const cwd = fileURLToPath(new URL('../../', import.meta.url));
    const options = { env, cwd, timeout: 25_000 };
    const ran = await promisify(execFile)(process.execPath, ['--test', '--test-reporter=tap', file!], options);
    expect(ran.stdout).toMatch(/^# pass 6$/m);
    expect(ran.stdout).toMatch(/^# fail 0$/m);
  });

  it('is at most 60 lines, and every snippet of docs/guide/test.md stands in it', async () => {
    const example = await text('examples/testing/reminders.test.ts');
    expect(example.trimEnd().split('\n').length).toBeLessThanOrEqual(60);
    // One that begins with the name of its file is run as it stands, with the other pages of the guide.
    const snippets = [...(await text('docs/guide/test.md')).matchAll(/```ts\n(?!\/\/ \S+\.ts\n)([\s\S]*?)```/g)].map(
      ([, code]) => code!,
    );
    expect(snippets.length).toBeGreaterThanOrEqual(6);
    for (const snippet of snippets) expect(example).toContain(snippet);
  });
});

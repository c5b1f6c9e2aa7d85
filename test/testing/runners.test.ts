/** The kit under `node:test`: it needs no runner of its own, and a failure reads well there. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

interface Finished {
  readonly code: number;
  readonly output: string;
}

function run(...args: readonly string[]): Promise<Finished> {
  // A runner inside of a runner would speak to the outer one.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NODE_TEST|VITEST)/.test(name)));
  return new Promise((resolve) => {
    execFile(process.execPath, [...args], { env, timeout: 25_000 }, (error, stdout, stderr) => {
      resolve({
        code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
        output: stdout + stderr,
      });
    });
  });
}

const file = (name: string): string => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));

describe('under node:test', () => {
  it('a suite in TypeScript passes, with virtual time and at all 3 places', async () => {
    const { code, output } = await run('--import', 'tsx', '--test', '--test-reporter=tap', file('by-node-test.ts'));
    expect(output).toMatch(/^# pass 4$/m);
    expect(output).toMatch(/^# fail 0$/m);
    expect(code).toBe(0);
  });

  it('a suite in JavaScript tells its 1 failure as an AssertionError that names what came, its values and the seed', async () => {
    const { code, output } = await run('--test', '--test-reporter=tap', file('by-node-test.mjs'));
    expect(code).toBe(1);
    expect(output).toMatch(/^# pass 1$/m);
    expect(output).toMatch(/^# fail 1$/m);
    expect(output).toContain("expected ear.bye, but ear.hear { word: 'hello' } came instead");
    expect(output).toContain('turns are in the order of seed 3');
    expect(output).toContain("code: 'ERR_ASSERTION'");
    expect(output).toMatch(/expected: '?ear\.bye/);
    expect(output).toMatch(/actual:\s+operation: 'ear\.hear'/);
    expect(output).toContain('by-node-test.mjs:27');
  });
});

import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const registry = fileURLToPath(new URL('./fixtures/actors.mjs', import.meta.url));
const children: Child[] = [];
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'troupe-cli-'));
  await writeFile(join(folder, 'secret'), 's'.repeat(48), { mode: 0o600 });
  await writeFile(join(folder, 'short'), 'short', { mode: 0o600 });
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs it to its end. */
function troupe(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, stdout, stderr };
}

/** Starts a node and waits until it says that it listens. */
async function startNode(...more: readonly string[]): Promise<{ child: Child; address: string }> {
  const args = ['node', '--registry', registry, '--listen', 'ws://127.0.0.1:0', ...more];
  const child = spawn(process.execPath, [program, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  children.push(child);
  const [text] = (await once(child.stdout, 'data')) as [Buffer];
  const address = /^listening on (ws:\/\/127\.0\.0\.1:\d+)\/?\n$/.exec(text.toString())?.[1];
  if (address === undefined) throw new Error(`it printed ${text}`);
  return { child, address };
}

async function exitCodeOf(child: Child): Promise<number | null> {
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}

describe('troupe node', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('says where it listens, and stops with exit code 0 on %s', async (signal) => {
    const { child } = await startNode(
      '--secret-file',
      join(folder, 'secret'),
      '--role',
      'workers',
      '--role',
      'gpu',
      '--name',
      'n1',
      '--threads',
      '1',
    );
    child.kill(signal);
    expect(await exitCodeOf(child)).toBe(0);
  });

  it('ends with its standard input when it is told to, so that it does not outlive its parent', async () => {
    const { child } = await startNode('--exit-with-stdin');
    child.stdin.end();
    expect(await exitCodeOf(child)).toBe(0);
  });

  it('stays when its standard input ends and it was not told to end with it', async () => {
    const { child } = await startNode();
    child.stdin.end();
    const first = await Promise.race([
      once(child, 'exit'),
      new Promise((resolve) => setTimeout(resolve, 500, 'still there')),
    ]);
    expect(first).toBe('still there');
  });

  it('prints ListenFailed and exits with 1 when its port is in use', async () => {
    const { address } = await startNode();
    const { status, stdout, stderr } = troupe('node', '--registry', registry, '--listen', address);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^ListenFailed: .*in use/);
  });

  it('also exits with 1 when its port is in use and its standard input stays open', async () => {
    const { address } = await startNode();
    const child = spawn(
      process.execPath,
      [program, 'node', '--registry', registry, '--listen', address, '--exit-with-stdin'],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    children.push(child);
    expect(await exitCodeOf(child)).toBe(1);
  });

  const bad: readonly (readonly [what: string, status: number, text: RegExp, args: readonly string[]])[] = [
    ['no registry', 2, /^UsageError: troupe node needs --registry/, ['--listen', 'ws://127.0.0.1:0']],
    ['neither address', 2, /^UsageError: troupe node needs --listen/, ['--registry', registry]],
    ['an unknown option', 2, /^UsageError: Unknown option '--bogus'/, ['--bogus']],
    [
      'threads that are no number',
      2,
      /^UsageError: --threads takes a whole number; it was given "two"/,
      ['--registry', registry, '--listen', 'ws://127.0.0.1:0', '--threads', 'two'],
    ],
    [
      'a window that is no number',
      2,
      /^UsageError: --resume-ms takes a whole number; it was given "soon"/,
      ['--registry', registry, '--listen', 'ws://127.0.0.1:0', '--resume-ms', 'soon'],
    ],
    [
      'a log level that does not exist',
      2,
      /^UsageError: [\s\S]*logLevel/,
      ['--registry', registry, '--listen', 'ws://127.0.0.1:0', '--log-level', 'loud'],
    ],
    [
      'an address for everybody without a secret',
      2,
      /^UsageError: .*can be reached from other machines/,
      ['--registry', registry, '--listen', 'ws://0.0.0.0:0'],
    ],
    [
      'a registry that does not exist',
      1,
      /^RegistryLoadFailed: .*there is no such file/,
      ['--registry', '/nowhere/actors.js', '--listen', 'ws://127.0.0.1:0'],
    ],
    [
      'a secret file that does not exist',
      1,
      /^SecretFailed: .*\/nowhere\/secret/,
      ['--registry', registry, '--listen', 'ws://127.0.0.1:0', '--secret-file', '/nowhere/secret'],
    ],
    [
      'a next secret without a first',
      2,
      /^UsageError: .*--secret-file beside --next-secret-file/,
      ['--registry', registry, '--listen', 'ws://127.0.0.1:0', '--next-secret-file', '/nowhere/secret'],
    ],
    [
      'rules that are no JSON',
      2,
      /^UsageError: the rules in --allow-file .* cannot be read/,
      ['--registry', registry, '--listen', 'ws://127.0.0.1:0', '--allow-file', registry],
    ],
    [
      'rules in a file that does not exist',
      2,
      /^UsageError: the rules in --allow-file \/nowhere\/allow.json cannot be read/,
      ['--registry', registry, '--listen', 'ws://127.0.0.1:0', '--allow-file', '/nowhere/allow.json'],
    ],
  ];
  it.each(bad)('refuses %s with exit code %i and a text that begins with the code', (_what, status, text, args) => {
    const result = troupe('node', ...args);
    expect(result).toMatchObject({ status, stdout: '' });
    expect(result.stderr).toMatch(text);
    expect(result.stderr).not.toContain('    at ');
  });

  it('refuses a secret of 5 bytes', () => {
    const { status, stderr } = troupe(
      'node',
      '--registry',
      registry,
      '--listen',
      'ws://127.0.0.1:0',
      '--secret-file',
      join(folder, 'short'),
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(/^SecretFailed: .*has 5 bytes/);
  });

  it('exits with 1 when nobody listens where it is to join', () => {
    const { status, stderr } = troupe('node', '--registry', registry, '--join', 'ws://127.0.0.1:1');
    expect(status).toBe(1);
    expect(stderr).toMatch(/^DialFailed: /);
  });
});

describe('troupe', () => {
  it('prints its help and its version with exit code 0', () => {
    expect(troupe('--help')).toMatchObject({
      status: 0,
      stderr: '',
      stdout: expect.stringContaining('usage: troupe <command>'),
    });
    expect(troupe('--version')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    expect(troupe('node', '--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('--exit-with-stdin') });
  });

  it('refuses no command, and one that does not exist, with exit code 2', () => {
    expect(troupe()).toMatchObject({ status: 2, stdout: '' });
    expect(troupe('nope').stderr).toBe('UsageError: there is no command "nope"; troupe --help lists them\n');
  });
});

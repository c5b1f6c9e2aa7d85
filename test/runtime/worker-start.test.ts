import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { version } from '../../src/base/version.ts';
import { RegistryLoadFailed } from '../../src/runtime/load-failed.ts';
import { loadRegistry } from '../../src/runtime/preflight.ts';
import { workerEntry } from '../../src/runtime/worker-entry.ts';
import { startFailed, startFailureOf } from '../../src/runtime/worker-start.ts';
import { folderWith } from './fixtures/built-runtime.ts';

let folder: string;
beforeAll(async () => {
  folder = await folderWith({
    'flat/worker-main.js': '',
    'mjs/worker-main.mjs': '',
    'chunks/worker-main.js': '',
    'chunks/assets/start.js': '',
  });
  await mkdir(join(folder, 'lost', 'assets'), { recursive: true });
});
afterAll(() => rm(folder, { recursive: true }));

describe('the entry of a worker', () => {
  test.each([
    ['flat/main.js', 'flat/worker-main.js'],
    ['mjs/main.mjs', 'mjs/worker-main.mjs'],
    ['chunks/assets/start.js', 'chunks/worker-main.js'],
  ])('of %s is %s', (from, entry) => {
    const url = (path: string): string => pathToFileURL(join(folder, path)).href;
    expect(workerEntry(url(from)).href).toBe(url(entry));
  });

  test.each(['lost/assets/start.js', ''])('is missed beside "%s", with the two ways to have it', (from) => {
    const url = from === '' ? '' : pathToFileURL(join(folder, from)).href;
    const find = (): URL => workerEntry(url);
    expect(find).toThrow(expect.objectContaining({ code: 'WorkerEntryMissing', retryable: false }));
    expect(find).toThrow(from === '' ? /without import\.meta\.url/ : /lost\/assets\/start\.js/);
    expect(find).toThrow(/external: \['troupe'\].*, or name it as an entry of the bundle.*'troupe\/worker'/);
  });
});

describe('a worker that could not start', () => {
  test('has what it found arrive as the cause of the spawn, with the ways out and what was thrown', () => {
    const thrown = new TypeError('boom');
    const finding = {
      reason: 'threw',
      what: 'it threw (TypeError: boom)',
      waysOut: ['correct it there', 'remove it'],
    } as const;
    const error = startFailed(
      'n~1/t1',
      structuredClone(startFailureOf(new RegistryLoadFailed('/a.js', finding, thrown), true)),
    );
    expect(error).toMatchObject({ code: 'SpawnFailed', reason: 'no-place', retryable: false });
    expect(error.message).toBe(
      'worker n~1/t1 could not start. The registry module cannot be loaded from /a.js: it threw (TypeError: boom). Correct it there, or remove it.',
    );
    const cause = error.cause as RegistryLoadFailed;
    expect(cause).toMatchObject({
      code: 'RegistryLoadFailed',
      reason: 'threw',
      file: '/a.js',
      waysOut: finding.waysOut,
    });
    expect(cause.cause).toMatchObject({ code: 'RemoteError', remoteName: 'TypeError', remoteStack: thrown.stack });
    const quiet = startFailed('n~1/t1', startFailureOf(new RegistryLoadFailed('/a.js', finding, thrown), false));
    expect((quiet.cause as Error).cause).toMatchObject({ remoteName: 'TypeError', remoteStack: undefined });
  });

  test('tells any other failure by its text, with its cause', () => {
    const error = startFailed('n~1/t1', startFailureOf(new RangeError('no index'), true));
    expect(error.message).toBe('worker n~1/t1 could not start: RangeError: no index');
    expect(error.cause).toMatchObject({ code: 'RemoteError', remoteName: 'RangeError' });
  });

  test('refuses to serve a main thread of another version, before it loads anything', async () => {
    await expect(loadRegistry(new URL('file:///nowhere.js'), '9.9.9')).rejects.toMatchObject({
      code: 'RegistryLoadFailed',
      reason: 'version',
    });
    await expect(loadRegistry(new URL('file:///nowhere.js'), version)).rejects.toMatchObject({ reason: 'not-found' });
  });

  test('has the version of package.json', () => {
    expect(version).toBe(packageJson.version);
  });
});

import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format, inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SecretFailed } from '../../src/transport/errors.ts';
import { Secret, secretFromFile } from '../../src/transport/secret.ts';
import { bytesOf } from './support.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'troupe-secret-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: string, mode = 0o600): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  await chmod(path, mode);
  return path;
}

const message = bytesOf('a transcript');

describe('secret', () => {
  it('reads 32 bytes from a file, and takes no line end for a part of them', async () => {
    const text = 'k'.repeat(32);
    const [plain, withLineEnd] = [await file('a', text), await file('b', `${text}\r\n`)];
    const signed = (await secretFromFile(plain)).sign(message);
    expect((await secretFromFile(withLineEnd)).verify(message, signed)).toBe(true);
    expect(new Secret(Buffer.from('x'.repeat(32))).verify(message, signed)).toBe(false);
  });

  it('accepts the proofs of its successor when that has a file too', async () => {
    const [old, next] = [await file('old', 'o'.repeat(40)), await file('next', 'n'.repeat(40))];
    const both = await secretFromFile(old, next);
    expect(both.verify(message, (await secretFromFile(next)).sign(message))).toBe(true);
    expect(both.verify(message, (await secretFromFile(old)).sign(message))).toBe(true);
  });

  it('says of a missing file, and of 31 bytes, what to do', async () => {
    const missing = await secretFromFile(join(folder, 'none')).catch((error: unknown) => error);
    expect(missing).toBeInstanceOf(SecretFailed);
    expect(missing).toMatchObject({ reason: 'missing', message: expect.stringContaining('openssl rand -hex 32') });
    const short = await secretFromFile(await file('short', `${'k'.repeat(31)}\n`)).catch((error: unknown) => error);
    expect(short).toMatchObject({ reason: 'too-short', message: expect.stringMatching(/31 bytes/) });
    expect((short as Error).message).not.toContain('kkk');
    expect(await secretFromFile(folder).catch((error: unknown) => error)).toMatchObject({ reason: 'unreadable' });
  });

  it('warns once of a file that everybody can read', async () => {
    const shared = await file('shared', 'k'.repeat(32), 0o644);
    expect((await secretFromFile(shared)).warnings).toEqual([expect.stringContaining(`chmod 600 ${shared}`)]);
    expect((await secretFromFile(await file('own', 'k'.repeat(32)))).warnings).toEqual([]);
  });

  it('shows no byte of itself, however it is printed', () => {
    const secret = new Secret(Buffer.from('canary'.repeat(8)));
    const printed = [
      String(secret),
      JSON.stringify({ secret }),
      inspect(secret, { showHidden: true, depth: 9 }),
      format(secret),
    ];
    for (const text of printed) {
      expect(text).toContain('[secret]');
      expect(text).not.toMatch(/canary|63616e617279/);
    }
    expect(Object.keys(secret)).toEqual(['warnings']);
  });

  it('refuses proofs of the wrong length', () => {
    const secret = new Secret(Buffer.from('k'.repeat(32)));
    const macs = secret.sign(message);
    expect(secret.verify(message, macs)).toBe(true);
    expect(secret.verify(message, macs.subarray(0, 31))).toBe(false);
    expect(secret.verify(message, new Uint8Array(0))).toBe(false);
  });
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readAuthentication, secret } from '../../src/runtime/security.ts';
import { CapturedLog } from '../../src/testing/captured-log.ts';

it('a secret file that is gone is a warning, one that holds no secret an error, and the secret stays', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-secret-'));
  const file = join(folder, 'secret');
  await writeFile(file, 'ab'.repeat(32), { mode: 0o600 });
  const log = new CapturedLog();
  const { secret: kept } = await readAuthentication(secret({ file }), log);
  const first = kept!.current;
  const levels = () => log.lines.filter(({ fields }) => fields.event === 'secret-kept').map(({ level }) => level);
  await writeFile(file, 'short');
  await kept!.refresh();
  expect(levels()).toEqual(['error']);
  await rm(folder, { recursive: true });
  await kept!.refresh();
  expect([levels(), kept!.current]).toEqual([['error', 'warn'], first]);
});

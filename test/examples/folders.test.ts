/** What programs make folders with. */
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder, makeFolderOf } from '../../examples/program/folders.ts';

describe('the folder of an output', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'folders-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('is made with those above it, though several do so at once, and is left as it is where it is there', async () => {
    const file = join(folder, 'a', 'b', 'c', 'out.jsonl');
    await Promise.all(Array.from({ length: 10 }, () => makeFolderOf(file)));
    await makeFolderOf(file);
    expect((await stat(join(folder, 'a', 'b', 'c'))).isDirectory()).toBe(true);
    await makeFolderOf('out.jsonl');
  });

  it('cannot be made below a file, nor where the system has no place for it: a typed error, and no endless wait', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    for (const output of [join(file, 'out.jsonl'), join(file, 'a', 'out.jsonl'), '/proc/is/no/place.jsonl'])
      await expect(makeFolderOf(output)).rejects.toMatchObject({ code: 'OutputFailed' });
    await expect(makeFolder(file)).rejects.toMatchObject({ code: 'EEXIST' });
  });
});

/** Folders for what a program writes. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { TroupeError } from 'troupe';

/** Makes the folder of a file, and those above it. @throws TroupeError `OutputFailed` */
export async function makeFolderOf(file: string): Promise<void> {
  try {
    await makeFolder(dirname(resolve(file)));
  } catch (cause) {
    const what = `the folder of ${file} cannot be made: ${(cause as Error).message}`;
    throw new TroupeError('OutputFailed', `${what}; name another file with --out`, { cause });
  }
}

/**
 * Makes a folder, and those above it. One by one: `recursive` of Node never ends where a folder is there that says of what is
 * to be made in it that it is missing itself, as /proc does.
 */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (thrown) {
    if (await isFolder(folder)) return;
    const above = dirname(folder);
    if ((thrown as { code?: string }).code !== 'ENOENT' || (await isFolder(above))) throw thrown;
    await makeFolder(above);
    await makeFolder(folder);
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}

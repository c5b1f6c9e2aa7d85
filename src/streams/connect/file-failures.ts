/** What the operating system says of a file, as errors of sources and sinks. */
import { type FileHandle, open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describeThrown, UsageError } from '../../base/errors.ts';
import { SinkFailed, SourceFailed } from '../errors.ts';

/** @throws UsageError where `file` is no path. */
export function checkPath(what: string, file: unknown): void {
  if (typeof file === 'string' && file !== '' && !file.includes('\0')) return;
  throw new UsageError(`${what} takes a path; it was given ${JSON.stringify(file) ?? String(file)}`);
}

/** @throws SourceFailed `missing` or `unreadable` */
export async function openForReading(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'r');
  } catch (thrown) {
    throw readFailure(file, thrown);
  }
}

export function readFailure(file: string, thrown: unknown): SourceFailed {
  if ((thrown as { code?: string }).code === 'ENOENT') {
    return new SourceFailed('missing', `there is no file '${resolve(file)}'; check the path`, thrown);
  }
  const text = `'${file}' cannot be read: ${describeThrown(thrown)}`;
  return new SourceFailed('unreadable', `${text}. It must be a file that this process may read`, thrown);
}

/** @throws SinkFailed */
export async function openForWriting(file: string): Promise<FileHandle> {
  return onDisk(file, () => open(file, 'w'));
}

/** Does work on a file. @throws SinkFailed for what the operating system says */
export async function onDisk<R>(file: string, work: () => Promise<R>): Promise<R> {
  try {
    return await work();
  } catch (thrown) {
    throw writeFailure(file, thrown);
  }
}

/** Syncs and closes a file that was written. @throws SinkFailed */
export async function syncAndClose(file: string, handle: FileHandle): Promise<void> {
  await onDisk(file, async () => {
    try {
      await handle.sync();
    } catch (thrown) {
      // A pipe or a terminal has nothing to sync.
      if ((thrown as { code?: string }).code !== 'EINVAL') throw thrown;
    } finally {
      await handle.close();
    }
  });
}

function writeFailure(file: string, thrown: unknown): SinkFailed {
  const { code } = thrown as { code?: string };
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new SinkFailed('folder-missing', `the folder of '${file}' does not exist; create it first`, thrown);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'EISDIR':
      return new SinkFailed(
        'forbidden',
        `'${file}' cannot be written (${code}); name a file in a folder that this process may write to`,
        thrown,
      );
    default:
      return new SinkFailed(
        'disk',
        `writing '${file}' failed: ${describeThrown(thrown)}. Look at the free space and the disk, and run it again`,
        thrown,
      );
  }
}

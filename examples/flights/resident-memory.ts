/** The memory of processes that is really in use: their resident sets, summed. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** In bytes; a process that has ended counts nothing. */
export async function residentBytesOf(processIds: readonly number[]): Promise<number> {
  const each = await Promise.all(
    processIds.map((id) => (id === process.pid ? process.memoryUsage.rss() : residentBytes(id))),
  );
  return each.reduce((sum, bytes) => sum + bytes, 0);
}

async function residentBytes(processId: number): Promise<number> {
  try {
    const status = await readFile(`/proc/${processId}/status`, 'utf8');
    return 1_024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
  } catch {
    return askPs(processId);
  }
}

/** Where there is no /proc, as on macOS. */
async function askPs(processId: number): Promise<number> {
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(processId)]);
    return 1_024 * Number(stdout.trim());
  } catch {
    return 0;
  }
}

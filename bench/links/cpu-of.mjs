/** The CPU time of other processes, which Node does not tell: Linux does, in `/proc`. */
import { readFileSync } from 'node:fs';

/** What Linux counts in, on every architecture that Node runs on. */
const nsOfTick = 1e7;

/** @returns ns of CPU that the processes `pids` have used, or NaN where the machine does not say. */
export function cpuNsOf(pids) {
  try {
    return pids.reduce((sum, pid) => sum + ticksOf(pid), 0) * nsOfTick;
  } catch {
    return Number.NaN;
  }
}

/** The 14th and 15th field; the second, the name, may have spaces. */
function ticksOf(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
